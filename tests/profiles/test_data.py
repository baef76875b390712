"""The data files: strict schema, a reason for every entry, nothing twice, nothing both vouched and harmful."""

import _compat_pickle
import shutil
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import modelairlock.profiles as profiles_room
from modelairlock.profiles import CONSTRAINTS, Profiles

FOLDER = Path(profiles_room.__file__).parent
FILES = sorted(FOLDER.glob("*.toml"))
LIBRARIES = [path for path in FILES if path.stem != "harmful"]
BUNDLED = Profiles.bundled()


def load(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.stem)
def test_every_vouch_has_a_reason_a_use_and_a_known_constraint(path: Path) -> None:
    data = load(path)
    assert data["library"]["name"] == path.stem
    assert data["library"]["distribution"]
    assert data["library"]["versions"]
    for group in data["vouched"]:
        assert len(group["why"].split()) >= 2, group
        assert group["why"].endswith("."), f"end the reason with a full stop: {group['why']}"
        assert group["uses"], group
        assert group["names"], group
        assert group.get("arguments", "") in {"", *CONSTRAINTS}, group
        if group.get("arguments"):
            stated = {"import", "build"} if group["arguments"].endswith("-state") else {"import", "call", "new"}
            assert set(group["uses"]) <= stated, "a call has arguments to constrain, a build has a target and a state"


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.stem)
def test_a_profile_speaks_of_its_own_library_only(path: Path) -> None:
    for group in load(path)["vouched"]:
        for name in group["names"]:
            module, colon, qualname = name.partition(":")
            assert all((colon, module, qualname)), f"write {name!r} as module:qualname"
            assert "*" not in name, f"a vouch is for one exact name: {name}"
            if path.stem == "python":
                assert BUNDLED.is_standard_library(module), name
            else:
                assert module.partition(".")[0] == path.stem, name


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.stem)
def test_no_name_is_vouched_twice_for_one_use(path: Path) -> None:
    seen: dict[tuple[str, str], str] = {}
    for group in load(path)["vouched"]:
        for name in group["names"]:
            for use in group["uses"]:
                earlier = seen.setdefault((name, use), group["why"])
                # `import` may be said again by the group that states another use under another constraint
                assert earlier is group["why"] or use == "import", f"{name} is vouched twice for {use}"


def test_no_harmful_pattern_is_stated_twice() -> None:
    seen: set[str] = set()
    for group in load(FOLDER / "harmful.toml")["harmful"]:
        assert all(group[key] for key in ("effect", "names", "cwe", "atlas")), group
        for name in group["names"]:
            assert name not in seen, f"{name} is in harmful.toml twice"
            seen.add(name)


def test_harmful_ids_and_patterns_have_their_form() -> None:
    for name, harm in BUNDLED.harms().items():
        module, colon, qualname = name.partition(":")
        assert all((colon, module, qualname)), f"write {name!r} as module:qualname, module:* or module.*:*"
        assert "*" not in qualname or qualname == "*", name
        assert "*" not in module.removesuffix(".*"), name
        assert all(item.startswith("CWE-") and item[4:].isdigit() for item in harm.cwe), name
        assert all(item.startswith("AML.T") for item in harm.atlas), name


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.stem)
def test_nothing_is_both_vouched_and_harmful(path: Path) -> None:
    for module, qualname, use in BUNDLED.entries(path.stem):
        harm = BUNDLED.harm(module, qualname)
        assert harm is None, f"{module}:{qualname} is vouched for {use}, and harmful by {harm.name if harm else ''}"


def test_no_name_of_python_2_is_harmful_that_stands_for_a_vouched_one() -> None:
    """`runs_harmful_code` does not look up what is harmful about a name that is vouched for."""
    old = [(module, name) for module, name in _compat_pickle.NAME_MAPPING]
    for module, today in _compat_pickle.IMPORT_MAPPING.items():
        old += [(module, name) for path in LIBRARIES for place, name, _ in BUNDLED.entries(path.stem) if place == today]
    vouched = [name for name in old if any(BUNDLED.vouches(*name, use) for use in ("call", "new", "build", "import"))]
    assert len(vouched) > 20
    assert [name for name in vouched if BUNDLED.harm(*name)] == []


def test_every_entry_is_found_by_its_own_name() -> None:
    for path in LIBRARIES:
        for (module, qualname, use), vouch in BUNDLED.entries(path.stem).items():
            assert BUNDLED.vouches(module, qualname, use) == vouch, f"{module}:{qualname}"


@pytest.mark.parametrize(
    "text",
    [
        '[library]\nname="x"\ndistribution="x"\nversions="1"\n[[vouched]]\nwhy="a"\nuses=["run"]\nnames=["x:y"]\n',
        '[library]\nname="x"\ndistribution="x"\nversions="1"\n[[vouched]]\nuses=["call"]\nnames=["x:y"]\n',
        '[library]\nname="x"\ndistribution="x"\nversions="1"\n[[vouched]]\nwhy="a"\nuses=["call"]\nnames=["x:y"]\nok=1\n',
        "[[vouched]]\n",
    ],
)
def test_data_that_does_not_fit_the_schema_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    shutil.copy(FOLDER / "python.toml", tmp_path)
    with pytest.raises(msgspec.ValidationError):
        Profiles(tmp_path).vouches("x", "y", "call")
