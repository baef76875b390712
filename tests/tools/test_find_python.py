"""The search for a Python believes no name on PATH, and says what to install where there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent.parent / "tools" / "find_python.sh"
SHIM = "#!/bin/sh\necho 'not found in any version' >&2\nexit 127\n"
OLD = f'#!/bin/sh\ncase "$2" in *version_info*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
# what Debian's python3 is without python3-venv
BARE = f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
NOT_ROOT = "#!/bin/sh\necho 1000\n"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script")


def search(folder: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run the script where `programs` come first on PATH, and `candidates` are all it looks for."""
    candidates = [name.replace("_", ".") for name in programs if name.startswith("python")]
    for name, text in programs.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        path.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHON": " ".join(candidates)}
    return subprocess.run(["sh", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_shims_and_old_ones_are_passed_by(tmp_path: Path) -> None:
    real = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    found = search(tmp_path, python3_14=SHIM, python3_13=OLD, python3_12=BARE, python3_11=real)
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable), found.stderr


def test_none_is_an_error_that_says_how_to_name_one(tmp_path: Path) -> None:
    found = search(tmp_path, python3_14=SHIM, python3_13=OLD)
    assert found.returncode == 1
    assert "make setup PYTHON=" in found.stderr


def test_one_that_makes_no_environments_is_an_error_that_names_the_package(tmp_path: Path) -> None:
    found = search(tmp_path, python3_12=BARE, id=NOT_ROOT)
    assert found.returncode == 1
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in found.stderr


def test_root_on_debian_gets_the_package_installed(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    mended = BARE.replace("exit 1", f"test -e {installed} || exit 1", 1)
    apt_get = f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncase "$*" in *install*) touch {installed} ;; esac\n'
    found = search(tmp_path, python3_12=mended, id="#!/bin/sh\necho 0\n", **{"apt-get": apt_get})
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable), found.stderr
    assert f"python3.{sys.version_info.minor}-venv" in (tmp_path / "calls").read_text()
