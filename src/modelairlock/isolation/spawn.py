"""Start the interpreter that becomes a template, before anything is known of the scan.

It imports the readers meanwhile, which takes as long as importing the rest of the caller, and takes its orders (how
much memory, which layers) when they are given. Nothing here may import more than an interpreter has loaded anyway:
it runs before all else.
"""

import _socket
import os
import sys

from modelairlock.isolation.process import Process, start

#: the descriptor that leads to the caller, in the worker
CONTROL = 3
#: nothing that is imported becomes garbage, so there is no use in looking for some until all is there; and what it may
#: have inherited is closed before anything else is
BOOTSTRAP = (
    "import gc, os, sys; gc.disable(); os.chdir('/'); os.closerange(4, 1 << 20); sys.path += sys.argv[4:];"
    " from modelairlock.isolation.template import main; main(sys.argv[1:4])"
)
#: what some interpreters need to find their own shared library
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Spawned:
    """An interpreter that imports `function` and then waits for orders; it ends when `control` is closed.

    `control` and `errors` (what the interpreter writes to its standard error) are descriptors; whoever gives orders
    closes them.
    """

    def __init__(self, function: str, process: Process, control: int, errors: int) -> None:
        self.function = function
        self.process = process
        self.control = control
        self.errors = errors
        self.taken = False

    def dismiss(self) -> None:
        """End it if nobody gave it orders."""
        if self.taken:
            return
        self.taken = True
        os.close(self.control)
        os.close(self.errors)
        self.process.kill()
        self.process.wait()


def spawn(function: str) -> Spawned:
    """Start an interpreter for `function`, a ``module:function``. Raises OSError.

    The caller is never forked: it may hold threads, secrets and gigabytes. What starts is a new interpreter with an
    empty environment, no inherited descriptor but one socket, and its own session.
    """
    ours, theirs = _socket.socketpair()  # what `socket` wraps; importing that takes as long as starting the interpreter
    errors, written = os.pipe()
    try:
        arguments = (str(CONTROL), str(os.getpid()), function)
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", BOOTSTRAP, *arguments, *_import_path()]
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        process = start(command, environment, {2: written, CONTROL: theirs.fileno()})
    except BaseException:
        ours.close()
        os.close(errors)
        raise
    finally:
        theirs.close()
        os.close(written)
    return Spawned(function, process, ours.detach(), errors)


def _import_path() -> list[str]:
    """Where the worker looks for modules, after its own standard library: never the current directory as such."""
    home = os.path.realpath(__file__)
    for _ in range(3):
        home = os.path.dirname(home)
    return list(dict.fromkeys([home, *(entry for entry in sys.path if os.path.isabs(entry))]))
