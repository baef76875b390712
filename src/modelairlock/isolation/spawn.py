"""Start the interpreter that becomes a template, before anything is known of the scan.

It imports the readers meanwhile, which takes as long as importing the rest of the caller, and takes its orders (how
much memory, which layers) when they are given. Nothing here may import more than an interpreter has loaded anyway:
it runs before all else.
"""

import os
import socket
import subprocess
import sys

#: nothing that is imported becomes garbage, so there is no use in looking for some until all is there
BOOTSTRAP = (
    "import gc, sys; gc.disable(); sys.path += sys.argv[4:];"
    " from modelairlock.isolation.template import main; main(sys.argv[1:4])"
)
#: what some interpreters need to find their own shared library
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Spawned:
    """An interpreter that imports `function` and then waits for orders; it ends when `control` is closed."""

    def __init__(self, function: str, process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        self.function = function
        self.process = process
        self.control = control
        self.taken = False

    def order(self, memory_bytes: int, layers: "tuple[str, ...]") -> None:
        """Tell it what to become; whoever gives orders also ends it. Raises OSError."""
        self.taken = True
        self.control.sendall(f"{memory_bytes} {','.join(layers) or '-'}\n".encode())

    def dismiss(self) -> None:
        """End it if nobody gave it orders."""
        if self.taken:
            return
        self.taken = True
        self.control.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


def spawn(function: str) -> Spawned:
    """Start an interpreter for `function`, a ``module:function``. Raises OSError.

    The caller is never forked: it may hold threads, secrets and gigabytes. What starts is a new interpreter with an
    empty environment, no inherited descriptor but one socket, and its own session.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        arguments = (str(theirs.fileno()), str(os.getpid()), function)
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", BOOTSTRAP, *arguments, *_import_path()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
    return Spawned(function, process, ours)


def _import_path() -> list[str]:
    """Where the worker looks for modules, after its own standard library: never the current directory as such."""
    home = os.path.realpath(__file__)
    for _ in range(3):
        home = os.path.dirname(home)
    return list(dict.fromkeys([home, *(entry for entry in sys.path if os.path.isabs(entry))]))
