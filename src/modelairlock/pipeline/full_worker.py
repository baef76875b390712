"""The worker with every library that a format may parse with, for the few files that need one.

Loading them takes as long as loading everything else, so this worker only starts once the ordinary one has handed a
file back for want of them. Nothing can be imported behind the wall, not even lazily: what a library would import at its
first use must be used here, once.
"""

import importlib

from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.tree import read_tree
from modelairlock.pipeline.worker import read
from modelairlock.reading import LIBRARIES, BytesSource

__all__ = ["read"]

for _name in LIBRARIES:
    importlib.import_module(_name)
#: files that make their readers import what these import late: one that parses, with a character by its name (which
#: takes `unicodedata`) and a number, one that does not, and one of Go
_FIRST = (
    b"{% for a in b recursive %}{{ '\\N{EM DASH}\\ ' ~ 1.5|string }}{% endfor %}",
    b"{% if",
    b"{{ range .X }}{{ .Y }}{{ end }}",
)

for _data in _FIRST:
    read_tree(BytesSource(_data), "x.jinja", "x.jinja", DEFAULT_LIMITS)
