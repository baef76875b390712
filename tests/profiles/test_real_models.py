"""What real models need, against the profiles: it is recorded in ``tests/data``, so nothing is fetched.

A name that is `unvouched` there stays a gap on purpose. When this fails after a change to the profiles, some real model
has stopped being CLEAR: look at it before changing the record.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tools.models import PACKAGES

from modelairlock.profiles import Profiles
from tests.real_models import every_real_model

RECORD: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "real_model_globals.json").read_text(encoding="utf-8")
)["models"]
BUNDLED = Profiles.bundled()


@pytest.mark.parametrize("model", RECORD)
def test_what_a_real_model_needs_is_vouched_or_recorded_as_a_gap(model: str) -> None:
    needs, unvouched = RECORD[model]["needs"], RECORD[model].get("unvouched", {})
    for name, uses in needs.items():
        module, _, qualname = name.partition(":")
        missing = [use for use in uses if BUNDLED.vouches(module, qualname, use) is None]
        assert missing == unvouched.get(name, []), f"{model} needs {name}"
        assert BUNDLED.harm(module, qualname) is None, f"{model} needs {name}"


def test_the_record_names_packages_of_the_table() -> None:
    assert set(RECORD) <= {package.folder for package in PACKAGES}
    assert len(RECORD) >= 10


@pytest.mark.models
def test_fetched_models_are_files_with_bytes() -> None:
    files = every_real_model()
    if not files:
        pytest.skip("run `python -m tools.models` first")
    assert all(path.stat().st_size for path in files)
