"""Once the full worker is imported, no template makes its reader import anything more."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = """
import sys
from modelairlock.pipeline import full_worker
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource
from tests.build import templates as t

odd = {"go": t.GO, "name": r"{{ '\\N{EM DASH}\\q' }}", "cut": "{% if", "no name": r"{{ '\\N{X}' }}"}
odd["deep"] = "{{" + "(" * 999
before = set(sys.modules)
for family in (t.HONEST, t.ESCAPES, t.BOMBS, t.UNKNOWN, odd):
    for template in family.values():
        read_tree(BytesSource(template.encode()), "x.jinja", "x.jinja", DEFAULT_LIMITS, strict=True)
print(sorted(set(sys.modules) - before))
"""


def test_nothing_is_left_to_import() -> None:
    code = f"import sys; sys.path[:0] = {[str(ROOT / 'src'), str(ROOT)]!r}\n{CODE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
