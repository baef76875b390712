"""Run a loader where it can reach nothing, and tell what it tried.

`run` is the one function; what it takes is a `Job`, and what it gives back is a record of `records/jail.py`. The jail
runs an interpreter of the user's own environment, in which modelairlock is not installed: `worker.py` and `loaders.py`
go there as text.
"""

from modelairlock.isolation.jail.folder import Folder, FolderFile
from modelairlock.isolation.jail.job import LIBRARIES, LOADERS, Job, honest, loading, used
from modelairlock.isolation.jail.probe import probe
from modelairlock.isolation.jail.run import run

__all__ = ["LIBRARIES", "LOADERS", "Folder", "FolderFile", "Job", "honest", "loading", "probe", "run", "used"]
