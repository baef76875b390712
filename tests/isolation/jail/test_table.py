"""Rules about the table of loaders: each failure says what to add. CONTRIBUTING.md has the recipe, "Add a loader"."""

from pathlib import Path

import pytest

import modelairlock
from modelairlock.catalog import names
from modelairlock.cli.commands import detonate as command
from modelairlock.isolation.jail import LOADERS, job, values
from modelairlock.isolation.jail.served import METHODS, SERVED
from modelairlock.pipeline import convert_load, openers, usual

ROOT = Path(__file__).resolve().parents[3]
GUIDES = ROOT / "docs" / "guide"


def rows(guide: str) -> str:
    """The first cells of all tables of a guide."""
    lines = (GUIDES / guide).read_text("utf-8").splitlines()
    return " ".join(line.split("|")[1] for line in lines if line.startswith("| `"))


@pytest.mark.parametrize("loader", LOADERS)
def test_every_loader_is_told_of(loader: str) -> None:
    [option] = [one for one in command.command.params if one.name == "loader"]
    assert loader in option.help, f"name {loader} in the help of --loader, cli/commands/detonate.py"
    assert f"`{loader}`" in rows("detonation.md"), f"add a row for {loader} to docs/guide/detonation.md"


@pytest.mark.parametrize("loader", SERVED)
def test_every_loader_whose_models_are_asked_is_told_of(loader: str) -> None:
    """One that makes nothing to ask is named in `_NOT_ASKED`, in isolation/jail/served.py."""
    assert f"`{loader}`" in rows("isolated-models.md"), f"add a row for {loader} to docs/guide/isolated-models.md"
    told = modelairlock.load_isolated.__doc__ or ""
    assert f"``{loader}``" in told, f"name {loader} in the docstring of modelairlock.load_isolated"


@pytest.mark.parametrize("loader", LOADERS)
def test_every_loader_is_tried_in_the_jail(loader: str) -> None:
    sources = [path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    assert any(f'"{loader}"' in source for source in sources), (
        f"load an honest model and one that is damaged or hostile with {loader}, in test_loaders.py"
    )


def test_tables_by_loader_name_loaders_that_there_are() -> None:
    asked: dict = {}
    exec(compile(job.text("asked.py"), "asked.py", "exec"), asked)
    tables = {
        "job._FURTHER": job._FURTHER, "job._VARIABLES": job._VARIABLES, "asked.ASKED": asked["ASKED"],
        "usual._HONEST": usual._HONEST, "openers._BY_FORMAT": openers._BY_FORMAT.values(),
        "openers._BY_NAME": openers._BY_NAME.values(), "convert_load._NO_TENSORS": convert_load._NO_TENSORS,
    }  # fmt: skip
    wrong = [f"{table}: {one}" for table, found in tables.items() for one in found if one not in LOADERS]
    assert not wrong, f"no loader of isolation/jail/job.py is called that: {wrong}"
    formats = [one for one in openers._BY_FORMAT if one not in names("modelairlock.formats")]
    assert not formats, f"no format is called that, so nothing leads to its loader: {formats}"


def test_both_sides_of_a_served_model_know_the_same_methods_and_limits() -> None:
    """`serving.py` cannot import them in the jail, and says them again."""
    there: dict = {}
    exec(compile(job.text("serving.py"), "serving.py", "exec"), there)
    assert there["METHODS"] == METHODS
    limits = [there[name] for name in ("_MOST_ARRAYS", "_MOST_VALUES", "_MOST_DEPTH", "_MOST_KEY", "_ALIGN")]
    assert limits == [values.MAX_ARRAYS, values.MAX_VALUES, values.MAX_DEPTH, values.MAX_KEY, values._ALIGN]


def test_auto_leads_to_every_loader() -> None:
    led_to = {*openers._BY_FORMAT.values(), *openers._BY_NAME.values(), "joblib.load", openers.FOLDERS}
    missing = [one for one in LOADERS if one not in led_to]
    assert not missing, f"say in pipeline/openers.py what leads to {missing}: _BY_FORMAT, or _BY_NAME for want of one"
