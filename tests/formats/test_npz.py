"""numpy writes them; the zip reader reads them."""

import io
import zipfile

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.formats import npy, npz
from modelairlock.formats import zip as zip_format
from tests.build.npy_builder import npy as npy_file
from tests.build.npy_builder import npz as npz_file
from tests.build.npy_builder import object_npy
from tests.formats.everyday_help import claims, complete, cuts, read

KNOWN = (npy.FORMAT, npz.FORMAT, zip_format.FORMAT)


def test_reads_what_numpy_writes() -> None:
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, a=np.zeros((3, 4)), b=np.arange(5), **{"weights/c": np.ones(2, "<f2")})
        reading = read(file.getvalue(), *KNOWN, name="a.npz")
        assert reading.formats == ("npz",)
        assert [member.formats for member in reading.members] == [("npy",)] * 3
        assert complete(reading)


def test_objects_inside_are_members_of_members() -> None:
    reading = read(npz_file(("a.npy", npy_file()), ("b.npy", object_npy(b"N."))), *KNOWN)
    assert [member.name for member in reading.members[1].members] == ["objects.pkl"]


def test_a_member_that_is_no_array_is_read_for_what_it_is() -> None:
    reading = read(npz_file(("a.npy", npy_file()), ("b", b"who knows")), *KNOWN, name="a.npz")
    assert reading.formats == ("npz",)
    assert not complete(reading)


def test_claims_a_zip_of_arrays_and_no_other() -> None:
    arrays = npz_file(("a.npy", npy_file()))
    mixed = npz_file(("a.npy", npy_file()), ("data.pkl", b"N."))
    others = npz_file(("data.pkl", b"N."))
    assert claims(npz.FORMAT, arrays, "model.bin")
    assert not claims(npz.FORMAT, mixed, "model.bin")
    assert claims(npz.FORMAT, mixed, "model.npz")
    assert not claims(npz.FORMAT, others, "model.npz")
    assert not claims(npz.FORMAT, b"", "model.npz")
    assert not claims(npz.FORMAT, npy_file(), "model.npz")


def test_cut_anywhere_is_never_complete() -> None:
    for cut in cuts(npz_file(("a.npy", npy_file()))):
        assert not complete(read(cut, *KNOWN, name="a.npz"))


@given(st.binary(max_size=80), st.integers(0, 10_000), st.integers(0, 255))
def test_any_bytes_end_well(tail: bytes, at: int, value: int) -> None:
    spoiled = bytearray(npz_file(("a.npy", npy_file())))
    spoiled[at % len(spoiled)] = value
    read(bytes(spoiled) + tail, *KNOWN, name="a.npz")


def test_a_python_zip_of_arrays() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy_file())
    assert complete(read(file.getvalue(), *KNOWN))
