"""Output as the user sees it, kept in files.

``UPDATE_GOLDEN=1 pytest tests/outputs`` writes them anew. Read the difference before you commit it: it is what people
will see.
"""

import os
from pathlib import Path

FOLDER = Path(__file__).parent


def same_as(name: str, text: str) -> None:
    """Fail unless `text` is what the golden file `name` holds."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"UPDATE_GOLDEN=1 pytest writes {path.name}; then read it"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; if that is meant, UPDATE_GOLDEN=1 pytest"
