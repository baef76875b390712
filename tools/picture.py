"""Draws ``docs/scan.svg``: the real command in a real pseudo-terminal, as the README shows it.

Run after `make demo` has laid out its files: ``python -m tools.picture``. What a newcomer would get wrong: nothing here
is typed by hand; when the report changes, run it again and look at the picture before you commit it.
"""

import io
import os
import pty
import re
import subprocess
import sys

from rich.console import Console
from rich.text import Text

from tools.demo import FOLDER, ROOT, airlock

COLUMNS = 100
PICTURE = ROOT / "docs" / "scan.svg"


def in_terminal(command: list[str]) -> str:
    """What `command` prints on a terminal of `COLUMNS` columns, with its colours."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    said = io.BytesIO()
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        said.write(piece)
    os.close(ours)
    process.wait()
    return said.getvalue().decode().replace("\r\n", "\n")


def main() -> int:
    """Draw the picture."""
    if not (ROOT / FOLDER).is_dir():
        print("run `make demo` first: it lays out the files that are scanned", file=sys.stderr)
        return 1
    report = in_terminal(airlock("scan", str(FOLDER)))
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text("$ airlock scan models", style="bold"))
    console.print(Text.from_ansi(report.replace(f"{FOLDER}/", "models/").replace(f"{FOLDER}", "models")))
    drawn = console.export_svg(title="airlock", unique_id="airlock")
    # A picture in a README must not fetch anything: without its web font it takes the reader's own monospace one.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}: look at it before you commit it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
