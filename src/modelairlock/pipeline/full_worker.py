"""The worker with every library that a format may parse with, for the few files that need one.

Loading them takes as long as loading everything else, so this worker only starts once the ordinary one has handed a
file back for want of them. Nothing can be imported behind the wall, not even lazily: what a library would import at its
first use must be used here, once.
"""

import importlib

from modelairlock.pipeline.worker import read
from modelairlock.reading import LIBRARIES

__all__ = ["read"]

for _name in LIBRARIES:
    importlib.import_module(_name)
