"""Which Python loads a model: the one of an environment, named by its folder or itself."""

import os
import sys


def interpreter_of(environment: str | None) -> str:
    """The python of `environment`; without one, that of the active environment; without that, our own."""
    if environment and not os.path.isdir(environment):
        return environment
    folder = environment or os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    return os.path.join(folder, "bin", "python") if folder else sys.executable
