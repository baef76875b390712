"""HDF5 files: legacy Keras models, Keras weights, pandas and PyTables stores, MATLAB files, any other.

What a newcomer would get wrong: the format holds arrays and names and runs nothing, and yet a file of it may make its
reader open other files, load plug-ins and ask for a petabyte of memory; and Keras and PyTables take some of its texts
for programs. Those texts are members; other formats read them.
"""

from collections.abc import Iterator

from modelairlock.encodings.hdf5 import begins, hdf5_facts
from modelairlock.reading import Cursor, Format
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every object that can be reached, and what cannot."""
    yield from hdf5_facts(cursor)


FORMAT = Format(
    name="hdf5",
    summary="HDF5: legacy Keras models (.h5), Keras weights (.weights.h5), pandas and PyTables stores, and any other.",
    claims=begins,
    read=read,
    extensions=(".h5", ".hdf5", ".hdf"),
    loaders=(
        "keras.models.load_model and load_weights (Keras 2.x, 3.0–3.15; tf_keras)",
        "h5py.File (libhdf5 1.8–2.0)",
        "pandas.read_hdf",
        "tables.open_file (PyTables 3.x)",
    ),
    passes_over=(
        "Elements of datasets that are numbers, and compressed elements: loaders take them as arrays. Bytes, texts and"
        " rows of PyTables objects are looked at, of a dataset of bytes in many chunks the first 64. Bytes that no"
        " object refers to (libhdf5 leaves them when it moves or deletes something) are searched for the beginning of a"
        " known format, and passed over if none claims them: nothing that opens an HDF5 file gets there."
    ),
    blind_spots=(
        "What the numbers do: a model that behaves badly on purpose looks like any other.",
        "Of compressed bytes only the first chunk of a dataset is unpacked, and only from deflate (gzip).",
        "Objects that are in no group and that only a reference among the elements names.",
        "Mistakes in libhdf5 itself that a damaged file can reach.",
        "Of files with a table of shared messages, a cache image or a split driver some part is not read: a gap.",
        "A user block of 4 MiB or more before the file, where the file is compressed in an archive.",
    ),
    references=(
        "https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html",
        "CVE-2026-1669",
        "CVE-2026-0897",
        "CVE-2025-9905",
        "https://github.com/keras-team/keras/pull/22975",
        "https://github.com/PyTables/PyTables/blob/master/tables/attributeset.py",
    ),
)
