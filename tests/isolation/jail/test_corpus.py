"""The red-team corpus, loaded in earnest by the loaders of the table: whatever executes is seen from outside.

`test_corpus_executes` proves that each of these runs its payload where there is no jail.
"""

import importlib.util
import os
import sys
import uuid
from pathlib import Path

import pytest

from modelairlock.isolation.jail import LOADERS, loading
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JailLimits
from tests.build.corpus import SAMPLES
from tests.build.sample import Sample
from tests.isolation.jail.world import load

pytestmark = [pytest.mark.jail, pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")]

LIBRARIES = {"numpy", "joblib", "pandas", "torch"}
EXECUTING = [sample for sample in SAMPLES if sample.executes and sample.loader in LOADERS]
#: what each needs is imported only when the model asks for it, as it would be
PLAIN = [sample for sample in EXECUTING if sample.loader == "pickle.load" and sample.needs not in LIBRARIES]


def check(sample: Sample) -> None:
    for library in {sample.needs, sample.loader.partition(".")[0]} - {"", "pickle"}:
        if importlib.util.find_spec(library.partition(".")[0]) is None:
            pytest.skip(f"{library} is not installed")
    if sys.version_info[:3] >= sample.fixed_in:
        pytest.skip(f"closed in Python {sample.fixed_in}")
    canary = f"canary-{uuid.uuid4().hex}"
    result = load(
        sample.build(f"touch {canary}"),
        job=lambda fd: loading(sample.loader, fd, libraries={sample.needs}),
        limits=JailLimits(wall_seconds=20),
        detonate=True,
    )
    assert result.level is Level.STRICT, result.layers
    assert result.events, (result.outcome, result.detail, result.output)
    assert not any(Path(folder, canary).exists() for folder in ("/", "/tmp", os.getcwd()))


@pytest.mark.parametrize("sample", PLAIN, ids=lambda sample: sample.name)
def test_the_standard_library(sample: Sample) -> None:
    check(sample)


@pytest.mark.frameworks
@pytest.mark.parametrize("sample", [one for one in EXECUTING if one not in PLAIN], ids=lambda sample: sample.name)
def test_the_frameworks(sample: Sample) -> None:
    check(sample)
