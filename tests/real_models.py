"""Hands tests the real models that ``python -m tools.models`` has fetched; it fetches nothing itself.

What a newcomer would get wrong: a model that is not there skips the test that wants it, so mark such tests with
``@pytest.mark.models`` and fetch before you trust a green run.
"""

from pathlib import Path

import pytest
from tools.models import PACKAGES, Package, model_files, models_folder


def fetched() -> list[Package]:
    """The packages whose models are on this machine."""
    return [package for package in PACKAGES if model_files(package)]


def real_models(name: str) -> list[Path]:
    """The model files of one package; skips the test when they were not fetched. KeyError for an unknown name."""
    package = {package.name: package for package in PACKAGES}[name]
    files = model_files(package)
    if not files:
        pytest.skip(f"run `python -m tools.models {name}` first: nothing in {models_folder() / package.folder}")
    return files


def every_real_model() -> list[Path]:
    """All model files on this machine, for a test to be parametrized with; may be empty."""
    return [path for package in fetched() for path in model_files(package)]
