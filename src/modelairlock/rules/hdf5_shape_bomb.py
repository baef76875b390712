"""An HDF5 file declares far more than it stores

## Why it matters

A dataset may have any shape while nothing of it is written: what is not stored is read as the fill value. Reading it
takes memory for the *declared* shape, so a file of some kilobytes can ask for a petabyte, and the program that loads it
is killed, or takes its machine along. `keras.models.load_model` and `load_weights` read every weight whole: Keras 2.x
and 3.0 to 3.14 except 3.12.3 and later 3.12 (CVE-2026-0897 for the file editor, fixed in 3.12.1 and 3.13.2; the loaders
followed), and tf_keras before August 2026. Those since then refuse a dataset above 4 GiB that is more than a thousand
times what is stored. Here the floor is 1 GiB, for not every machine has four to spare, and all datasets together may
not pass the same bounds by being many.

Data sets that are meant to grow, or that hold little in a large space, look the same and are honest.

## What to do

Do not load it as a model. Open it with h5py and look at the shapes without reading: `print(f["name"].shape)`.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for _, facts, more in by_kind(reading.facts, ("hdf5-shape-bomb",)):
        says = f"{shown(facts[0].detail, 200)}{more}: loading it takes memory for all of it"
        yield RULE.finding(reading, says, *facts)


RULE = Rule(
    name="hdf5-shape-bomb",
    summary="An HDF5 file declares far more than it stores.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.MEDIUM,
    help="Do not load it as a model; look at its shapes with h5py, which reads nothing until it is asked to.",
    cwe=("CWE-789", "CWE-409"),
    atlas=("AML.T0029",),
)
