"""Which uses in Python source are worth telling a person, of all that the deny-list knows.

What a newcomer would get wrong: the deny-list speaks of what an unpickler calls, and in source the same names are
everyday: ``open``, ``getattr``, ``functools.partial``, `asyncio`. So this closed list says which of them mean something
where a *program* calls them. It decides nothing: source that is not on it is not vouched for either.
"""

from modelairlock.records.facts import SourceUse, Value
from modelairlock.records.profile import Harm
from modelairlock.records.rule import Profiles

#: everything that is called in these modules: they have no other purpose
_MODULES = frozenset(
    (
        "commands", "fabric", "ftplib", "gdown", "httpx", "invoke", "marshal", "paramiko", "pexpect", "pip", "plumbum",
        "popen2", "pty", "requests", "runpy", "sh", "smtplib", "subprocess", "telnetlib", "webbrowser", "wget",
    )
)  # fmt: skip
_OS = frozenset(
    (
        "execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe", "fork", "forkpty", "popen",
        "posix_spawn", "posix_spawnp", "spawnl", "spawnle", "spawnlp", "spawnlpe", "spawnv", "spawnve", "spawnvp",
        "spawnvpe", "startfile", "system",
    )
)  # fmt: skip
_NAMES = frozenset(
    (
        "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "builtins.eval", "builtins.exec",
        "ctypes.CDLL", "ctypes.PyDLL", "ctypes.WinDLL", "ctypes.cdll.LoadLibrary", "http.client.HTTPConnection",
        "http.client.HTTPSConnection", "socket.create_connection", "socket.create_server", "socket.socket",
        "shutil.rmtree", "torch.classes.load_library", "torch.ops.load_library", "torch.utils.cpp_extension.load",
        "torch.utils.cpp_extension.load_inline", "types.CodeType", "types.FunctionType", "urllib.request.urlopen",
        "urllib.request.urlretrieve", "urllib2.urlopen", "urllib.urlopen", "urllib.urlretrieve", "aiohttp.request",
        "aiohttp.ClientSession", "urllib3.PoolManager", "urllib3.request", "code.interact",
        "ssl.get_server_certificate",
    )
)  # fmt: skip
#: what gives a thing whose name no reader can know, where that is called at once: ``getattr(os, name)("id")``
_COMPUTED = frozenset(("builtins.__import__()", "importlib.import_module()", "builtins.getattr()"))
#: modules of which a computed name is worth telling; everybody looks up activations in `torch.nn` by name
_REACHING = frozenset(
    ("builtins", "commands", "ctypes", "importlib", "nt", "os", "posix", "pty", "shutil", "subprocess")
)
#: functions whose result is text that nobody could read before: what is run of it was meant to be hidden
_UNPACKS = frozenset(
    (
        "base64.a85decode", "base64.b16decode", "base64.b32decode", "base64.b64decode", "base64.b85decode",
        "base64.decodebytes", "base64.standard_b64decode", "base64.urlsafe_b64decode", "binascii.a2b_base64",
        "binascii.unhexlify", "builtins.bytes.fromhex", "bytes.fromhex", "bz2.decompress", "codecs.decode",
        "gzip.decompress", "lzma.decompress", "marshal.loads", "zlib.decompress",
    )
)  # fmt: skip
#: what of those modules does nothing outside
_HARMLESS = frozenset(
    (
        "marshal.dump", "marshal.dumps", "requests.utils.default_headers", "requests.utils.default_user_agent",
        "subprocess.CompletedProcess", "subprocess.STARTUPINFO", "subprocess.TimeoutExpired", "subprocess.list2cmdline",
    )
)  # fmt: skip
_RUNS_TEXT = ("builtins.eval", "builtins.exec")


def worth_telling(use: SourceUse) -> bool:
    """Whether this call in source does what a model's code has no ordinary reason to do when it is imported."""
    if use.kind != "call":
        return False
    top, _, rest = use.name.partition(".")
    if top == "pip" and not rest.endswith("main"):  # its own files call each other; installing is asked of main
        return False
    if top in _MODULES or use.name in _NAMES:
        return use.name not in _HARMLESS and not rest.startswith("__")
    if top in ("os", "posix", "nt"):
        return rest in _OS
    return use.name in _COMPUTED and _reaches(use)


def harm_of(use: SourceUse, profiles: Profiles) -> Harm | None:
    """What the deny-list says of a call in source, if it is worth telling."""
    module, _, qualname = use.name.removesuffix("()").partition(".")
    return profiles.harm(module, qualname) if worth_telling(use) else None


def hides_what_it_runs(use: SourceUse) -> bool:
    """Whether source runs text that it first decodes or unpacks: ``exec(base64.b64decode(...))``."""
    return use.kind == "call" and use.name in _RUNS_TEXT and any(map(_unpacks, use.arguments))


def _unpacks(value: Value) -> bool:
    if value.kind != "call" or not value.parts:
        return False
    made_by = value.parts[0]
    return f"{made_by.module}.{made_by.text}".lstrip(".") in _UNPACKS or any(map(_unpacks, value.parts[1:]))


def _reaches(use: SourceUse) -> bool:
    """Whether what is looked up by a computed name is looked up in a module that reaches far, or in any module."""
    if use.name != "builtins.getattr()":
        return True
    owner = use.arguments[0] if use.arguments else Value(kind="unknown")
    return owner.kind == "global" and f"{owner.module}.{owner.text}".lstrip(".").partition(".")[0] in _REACHING
