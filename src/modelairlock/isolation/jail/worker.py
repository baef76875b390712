"""What runs in the jail, as text, in the user's own interpreter: standard library only, and nothing of modelairlock.

It locks itself in step by step and tells the parent after each. Once a model has been opened, nothing it says is worth
more than the model: the parent decides by what it saw itself. Python from 3.8 on must be able to run it, and it imports
as little as it can, since every run waits for that.
"""

from __future__ import annotations

import _socket
import ctypes
import os
import resource
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONTROL = 3
_MESSAGE = 1 << 20
_CLAIM_CHARACTERS = 160
_NOTE = 2000
ESCAPES = {**{number: f"\\u{number:04x}" for number in range(32)}, 34: '\\"', 92: "\\\\"}
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(number: int, *arguments: Any) -> int:
    """A raw system call. Raises OSError."""
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    given += [ctypes.c_long(0)] * (6 - len(given))
    result = int(libc.syscall(ctypes.c_long(number), *given))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def quoted(value: Any) -> str:
    """Strings, numbers and lists of such as JSON."""
    if isinstance(value, int):
        return str(int(value))
    if not isinstance(value, str):
        return "[" + ",".join(map(quoted, value)) + "]"
    return '"' + value.translate(ESCAPES) + '"'


def tell(**fields: Any) -> None:
    """One message to the parent."""
    text = ",".join(f"{quoted(name)}:{quoted(value)}" for name, value in fields.items())
    os.write(CONTROL, ("{" + text + "}").encode("utf-8", "backslashreplace"))


def told() -> Any:
    """The parent's next message, an expression; without one there is nothing to live for."""
    data = os.read(CONTROL, _MESSAGE)
    if not data:
        os._exit(0)
    return eval(data, {"__builtins__": {}})  # noqa: S307 - it comes from the parent, and before the model does


def layer(name: str, orders: Any, put_up: Any) -> None:
    """Put a layer up if it is wanted, and say how it went."""
    if name not in orders["layers"]:
        return
    try:
        state, reason = "enforced", put_up(orders) or ""
    except OSError as error:
        state, reason = "unavailable", str(error)
    tell(kind="layer", name=name, state=state, reason=reason)


def limit(pairs: Any) -> None:
    for name, value in pairs:
        which = getattr(resource, "RLIMIT_" + name, None)
        if which is not None:
            _, hard = resource.getrlimit(which)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (value, value))


def shed_privileges(orders: Any) -> None:
    """Nothing is held, and nothing can be gained any more; root has been given up before this started."""
    libc.prctl(38, 1, 0, 0, 0)
    call(orders["calls"]["capset"], struct.pack("=Ii", 0x20080522, 0), bytes(24))


def landlock(orders: Any) -> str:
    """Only reading, only the runtime. Before any import: it binds this thread and those it starts."""
    create, add, restrict = (
        orders["calls"]["landlock_" + name] for name in ("create_ruleset", "add_rule", "restrict_self")
    )
    version = call(create, None, 0, 1)
    rights = [known(create, field) for field in range(3)]
    ruleset = call(create, struct.pack("=QQQ", *rights), 24, 0)
    for path in orders["readable"]:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        allowed = 12 if os.path.isdir(path) else 4
        call(add, ruleset, 1, struct.pack("=QI", allowed & rights[0], fd), 0)
        os.close(fd)
    libc.prctl(38, 1, 0, 0, 0)
    if len(os.listdir("/proc/self/task")) != 1:
        raise OSError(0, "there was a second thread already")
    call(restrict, ruleset, 0)
    os.close(ruleset)
    return f"ABI {version}"


def known(create: int, field: int) -> int:
    """The rights the running kernel knows, asked bit by bit."""
    bits = 0
    for bit in range(64):
        fields = [0, 0, 0]
        fields[field] = 1 << bit
        try:
            os.close(call(create, struct.pack("=QQQ", *fields), 24, 0))
        except OSError:
            break
        bits |= 1 << bit
    return bits


def early_limits() -> None:
    # CORE is 1: a pattern that pipes cores to a program ignores 0, and the kernel refuses at 1 (core(5)).
    limit([("CORE", 1), ("FSIZE", 0), ("MEMLOCK", 0), ("MSGQUEUE", 0)])


def volunteer() -> None:
    """If the host runs out of memory, this should go before the one that watches it."""
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, b"1000")
        os.close(fd)
    except OSError:
        pass  # nothing rests on it


def late_limits(orders: Any) -> str:
    """Memory and time count from here."""
    size = int(os.pread(statm, 200, 0).split()[0]) * resource.getpagesize()
    os.close(statm)
    used = resource.getrusage(resource.RUSAGE_SELF)
    early_limits()
    limit(
        [
            ("AS", size + orders["memory"]),
            ("DATA", size + orders["memory"]),
            ("NOFILE", orders["files"]),
            ("CPU", int(used.ru_utime + used.ru_stime) + orders["cpu"] + 2),
        ]
    )
    return f"{orders['memory'] >> 20} MiB beyond the imports"


def listen(orders: Any) -> None:
    """Put the filter on every thread, and hand the listener to the parent."""
    steps = ctypes.create_string_buffer(bytes.fromhex(orders["filter"]))
    header = struct.pack("=HxxxxxxQ", (len(steps) - 1) // 8, ctypes.addressof(steps))
    libc.prctl(38, 1, 0, 0, 0)
    number, flags = orders["calls"]["seccomp"], orders["flags"]
    listener = call(number, 1, flags, header)
    control.sendmsg([b'{"kind":"listener"}'], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", listener))])
    os.close(listener)


def fork(clone: int) -> None:
    """By a raw call: libraries have their threads end before a fork of libc's, whether it then works or not."""
    pid = call(clone, 17)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def canaries(secret: str, clone: int) -> None:
    """Try what must not work, in the order in which the parent waits for it.

    What is to be created has a file for its folder, so that it is made nowhere, whatever layers are missing.
    """
    attempts = [
        ("write", lambda: os.open("/dev/null", os.O_WRONLY)),
        ("secret", lambda: os.open(secret, os.O_RDONLY)),
        ("create", lambda: os.open(secret + "/canary", os.O_WRONLY | os.O_CREAT, 0o600)),
        ("socket", lambda: _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)),
        ("fork", lambda: fork(clone)),
        ("kill", lambda: os.kill(os.getpid(), 0)),
    ]
    results = []
    attempt: Any
    for name, attempt in attempts:
        try:
            opened = attempt()
            results.append([name, 0])
            if type(opened) is int:
                os.close(opened)
        except OSError as error:
            results.append([name, error.errno])
    tell(kind="tried", results=results)


def claim(event: str, arguments: Any) -> None:
    """Audit events, as the explanation they are; only what is text already, so that no foreign code runs for it."""
    if not watching or event.partition(".")[0] in {"object", "sys", "marshal", "gc", "code", "builtins", "cpython"}:
        return
    first = arguments[0] if arguments and type(arguments[0]) is str else ""
    if event == "import" and first.partition(".")[0] in imported:
        return  # more of what the environment itself has imported
    if event in {"open", "os.listdir"} and first.startswith(runtime) and arguments[1:2] in {("r",), ()}:
        return  # reading the environment, which it may
    shown = [str(one)[:_CLAIM_CHARACTERS] for one in arguments[:4] if type(one) in {str, int}]
    try:  # noqa: SIM105 - that would be an import
        tell(kind="claim", event=event[:_CLAIM_CHARACTERS], arguments=shown)
    except OSError:
        pass


def run_phase(phases: Any, name: str, state: Any, inputs: Any, argument: str) -> None:
    """One phase; how it went is told, whatever it raised."""
    error = note = ""
    try:
        said = phases[name](state, inputs, argument)
        note = said[:_NOTE] if type(said) is str else ""
    except BaseException as problem:
        try:
            error = f"{type(problem).__name__}: {str(problem)[:400]}"
        except BaseException:
            error = "an error that cannot be told"
    watching.clear()
    tell(kind="done", phase=name, error=error, note=note)


def take(count: int) -> Any:
    """The descriptors of the inputs, which come with the word to go."""
    data, ancillary, _, _ = control.recvmsg(_MESSAGE, _socket.CMSG_SPACE(4 * count) if count else 0)
    inputs: Any = []
    for level, kind, payload in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            inputs += struct.unpack(f"{len(payload) // 4}i", payload[: len(payload) // 4 * 4])
    if not data:
        os._exit(0)
    return inputs


def live() -> None:
    """From the first word to the last phase."""
    global runtime
    tell(kind="hello")
    orders = told()
    scope: Any = {"__name__": "jailed"}
    exec(compile(orders["code"], "<phases>", "exec"), scope)  # noqa: S102
    phases: Any = scope["PHASES"]
    names: Any = orders["phases"]
    state: Any = {}
    volunteer()
    layer("privileges", orders, shed_privileges)
    if "limits" in orders["layers"]:
        early_limits()
    layer("landlock", orders, landlock)
    import site

    site.main()
    # libffi looks how the machine is guarded when C gets a function of Python's first: that is not the model's doing.
    ctypes.CFUNCTYPE(ctypes.c_int)(int)
    sys.path += orders["import_from"]
    run_phase(phases, names[0], state, [], orders["argument"])
    runtime += tuple(path + "/" for path in orders["readable"])
    imported.update(name.partition(".")[0] for name in sys.modules)
    layer("limits", orders, late_limits)
    sys.addaudithook(claim)
    layer("seccomp", orders, listen)
    tell(kind="locked")
    canaries(told()["secret"], orders["calls"]["clone"])
    inputs = take(orders["inputs"])
    for name in names[1:]:
        watching.append(1)
        run_phase(phases, name, state, inputs, orders["argument"])
        if not os.read(CONTROL, _MESSAGE):
            break
    os._exit(0)


watching: Any = []
#: what was imported before the model was there
imported: Any = set()
#: where the environment lies; `import` looks for much in there that is not of interest
runtime: Any = ()
# If the parent dies, so does this: outside of a namespace nobody else would see to it.
libc.prctl(1, 9, 0, 0, 0)
os.dup2(int(sys.argv[1]), CONTROL, False)
os.closerange(CONTROL + 1, 4096)
control: Any = _socket.socket(fileno=CONTROL)
# Landlock closes the way to it.
statm = os.open("/proc/self/statm", os.O_RDONLY)
live()
