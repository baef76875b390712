"""Gadgets: callables that end in a command, by way of names that deny-lists forget (rows P1, P2, P3, P13, P18, P21).

Each is one expression in `GADGETS`; most are called by REDUCE, because what differs here is the name. How a call can be
hidden is the matter of `corpus_pickle`.
"""

from collections.abc import Callable

from tests.build import pickle_builder as p
from tests.build.sample import CANARY, Sample, marshalled, python, shell, written

Gadget = Callable[[str], p.Code]


def _namespace(**attributes: object) -> p.Code:
    made = p.call_newobj(p.global_("argparse", "Namespace"))
    return p.build(made, attributes) if attributes else made


def _attribute(target: p.Code, *names: str) -> p.Code:
    for part in names:
        target = p.call(p.global_("builtins", "getattr"), target, part)
    return target


def _module(name: str = "os") -> p.Code:
    return p.call(p.global_("importlib", "import_module"), name)


def _text(module: str, name: str, *before: object, after: tuple[object, ...] = ()) -> Gadget:
    """Called with the shell command between `before` and `after`."""
    return lambda c: p.call(p.name(module, name), *before, c, *after)


def _code(module: str, name: str, *before: object, after: tuple[object, ...] = ()) -> Gadget:
    """Called with Python source in the command's place."""
    return lambda c: p.call(p.name(module, name), *before, python(c), *after)


def _vector(module: str, name: str, *before: object, after: tuple[object, ...] = ()) -> Gadget:
    return lambda c: p.call(p.name(module, name), *before, shell(c), *after)


def _path(module: str, name: str, *after: object) -> Gadget:
    return lambda c: p.call(p.name(module, name), written(c), *after)


def _defaultdict(c: str) -> p.Code:
    factory = p.call(p.global_("functools", "partial"), p.global_("os", "system"), c)
    return p.call(p.global_("operator", "getitem"), p.call(p.global_("collections", "defaultdict"), factory), "missing")


def _function(c: str) -> p.Code:
    code = p.call(p.global_("marshal", "loads"), marshalled(c))
    return p.call(p.call(p.global_("types", "FunctionType"), code, {"__builtins__": p.global_("builtins", "__dict__")}))


def _reduced(c: str) -> p.Code:
    found = p.call(p.global_("functools", "reduce"), p.global_("builtins", "getattr"), [_module(), "system"])
    return p.call(found, c)


def _exec_wrapper(module: str, name: str) -> Gadget:
    return lambda c: p.call(p.name(module, name), python(c), {}, {})


_STANDARD: dict[str, Gadget] = {
    "os.system": _text("os", "system"),
    "posix.system": _text("posix", "system"),
    "os.popen": _text("os", "popen"),
    "os.posix_spawn": lambda c: p.call(p.global_("os", "posix_spawn"), "/bin/sh", shell(c), {}),
    "os.spawnv": _vector("os", "spawnv", 0, "/bin/sh"),
    "os.execv": _vector("os", "execv", "/bin/sh"),
    "subprocess.Popen": _vector("subprocess", "Popen"),
    "subprocess.call": _vector("subprocess", "call"),
    "subprocess.run": _vector("subprocess", "run"),
    "subprocess.check_output": _vector("subprocess", "check_output"),
    "subprocess.getoutput": _text("subprocess", "getoutput"),
    "builtins.exec": _code("builtins", "exec"),
    "builtins.eval": _code("builtins", "eval"),
    "pty.spawn": _vector("pty", "spawn"),
    "pydoc.pipepager": _text("pydoc", "pipepager", ""),
    "uuid._get_command_stdout": lambda c: p.call(p.global_("uuid", "_get_command_stdout"), "sh", "-c", c),
    "imaplib.IMAP4_stream": _text("imaplib", "IMAP4_stream"),
    "distutils.spawn": _vector("distutils.spawn", "spawn"),
    "distutils.file_util.write_file": _path("distutils.file_util", "write_file", []),
    "doctest.debug_script": _code("doctest", "debug_script", after=(True,)),
    "cProfile.run": _code("cProfile", "run"),
    "profile.run": _code("profile", "run"),
    "timeit.timeit": _code("timeit", "timeit", "pass"),
    "runpy._run_code": _code("runpy", "_run_code", after=({},)),
    "code.InteractiveInterpreter.runcode": lambda c: p.call(
        p.stack_global("code", "InteractiveInterpreter.runcode"), _namespace(locals={}), python(c)
    ),
    "trace.Trace.run": lambda c: p.call(
        p.stack_global("trace", "Trace.run"), p.call(p.global_("trace", "Trace")), python(c)
    ),
    "bdb.Bdb.run": lambda c: p.call(p.stack_global("bdb", "Bdb.run"), p.call(p.global_("bdb", "Bdb")), python(c)),
    "dataclasses._create_fn": lambda c: p.call(
        p.global_("dataclasses", "_create_fn"), "f", ["x=" + python(c)], ["pass"]
    ),
    "ensurepip._run_pip": lambda c: p.call(
        p.global_("ensurepip", "_run_pip"), ["--version"], f"[]; {python(c)}; x = []"
    ),
    "multiprocessing.util.spawnv_passfds": lambda c: p.call(
        p.global_("multiprocessing.util", "spawnv_passfds"), b"/bin/sh", shell(c), []
    ),
    "_osx_support._read_output": _text("_osx_support", "_read_output"),
    "mailcap.findmatch": lambda c: p.call(
        p.global_("mailcap", "findmatch"), {"a/b": [{"test": c, "view": ""}]}, "a/b"
    ),
    "script_helper.assert_python_ok": _code("test.support.script_helper", "assert_python_ok", "-c"),
    "lib2to3.ParserGenerator.make_label": lambda c: p.call(
        p.stack_global("lib2to3.pgen2.pgen", "ParserGenerator.make_label"),
        p.Code(b"N"), _namespace(labels=[]), f"'' or str({python(c)})",
    ),
    "idlelib.get_entity": _code("idlelib.calltip", "get_entity"),
    "logging.FileHandler": _path("logging", "FileHandler"),
    "_io.FileIO": _path("_io", "FileIO", "w"),
    "_pyio.open": _path("_pyio", "open", "w"),
    "builtins.open": _path("builtins", "open", "w"),
}  # fmt: skip

#: P13: nothing named here runs a command; together they do
_CHAINS: dict[str, Gadget] = {
    "pkgutil.resolve_name": lambda c: p.call(p.call(p.global_("pkgutil", "resolve_name"), "os:system"), c),
    "pydoc.locate": lambda c: p.call(p.call(p.global_("pydoc", "locate"), "os.system"), c),
    "logging.config.resolve": lambda c: p.call(
        p.call(
            p.stack_global("logging.config", "BaseConfigurator.resolve"),
            p.call(p.global_("logging.config", "BaseConfigurator"), {}),
            "os.system",
        ),
        c,
    ),
    "getattr": lambda c: p.call(_attribute(_module(), "system"), c),
    "attrgetter": lambda c: p.call(p.call(p.call(p.global_("operator", "attrgetter"), "system"), _module()), c),
    "methodcaller": lambda c: p.call(p.call(p.global_("operator", "methodcaller"), "system", c), _module()),
    "partial": lambda c: p.call(p.call(p.global_("functools", "partial"), p.global_("os", "system"), c)),
    "reduce": _reduced,
    "map": lambda c: p.call(
        p.global_("builtins", "list"), p.call(p.global_("builtins", "map"), p.global_("os", "system"), [c])
    ),
    "filter": lambda c: p.call(
        p.global_("builtins", "list"), p.call(p.global_("builtins", "filter"), p.global_("os", "system"), [c])
    ),
    "defaultdict": _defaultdict,
    "marshal-function": _function,
    "sys.modules": lambda c: p.call(
        _attribute(p.call(p.stack_global("collections", "_sys.modules.get"), "os"), "system"), c
    ),
    "__import__": lambda c: p.call(_attribute(p.call(p.global_("builtins", "__import__"), "os"), "system"), c),
    "pickle._getattribute": lambda c: p.call(
        p.call(
            p.call(p.global_("operator", "itemgetter"), 0),
            p.call(p.global_("pickle", "_getattribute"), _module(), "system"),
        ),
        c,
    ),
}

#: P2 and P3: the dangerous name stands behind a dot, or in a submodule that a list of modules does not hold
_DOTTED: dict[str, tuple[str, Gadget]] = {
    "pathlib": ("P2", lambda c: p.call(p.stack_global("pathlib", "os.system"), c)),
    "logging-deep": ("P2", lambda c: p.call(p.stack_global("logging", "os.path.os.path.os.system"), c)),
    "copy-of-listed": ("P2", lambda c: p.call(p.stack_global("tempfile", "_os.popen"), c)),
    "global-opcode": ("P2", lambda c: p.call(p.global_("shutil", "os.system"), c)),
    "unix_events": (
        "P3",
        lambda c: p.call(
            p.stack_global("asyncio.unix_events", "_UnixSubprocessTransport._start"),
            _namespace(), c, True, None, None, None, 0,
        ),
    ),
    "xml-submodule": ("P3", lambda c: p.call(p.stack_global("xml.sax.saxutils", "os.system"), c)),
    "os.path": ("P3", lambda c: p.call(p.stack_global("os.path", "os.system"), c)),
}  # fmt: skip

#: P21: the same in the libraries that models bring along; the second part is the module that has to be there
_LIBRARIES: dict[str, tuple[str, Gadget]] = {
    "numpy.getlincoef": ("numpy", lambda c: p.call(p.global_("numpy.f2py.crackfortran", "getlincoef"), python(c), {})),
    "numpy.myeval": ("numpy", _code("numpy.f2py.crackfortran", "myeval")),
    "numpy.runstring": ("numpy", _code("numpy.testing._private.utils", "runstring", after=({},))),
    "torch.collect_env.run": ("torch", _text("torch.utils.collect_env", "run")),
    "torch.execWrapper": ("torch", _exec_wrapper("torch.jit.unsupported_tensor_ops", "execWrapper")),
    "torch._exec_with_source": ("torch", _code("torch.fx.graph_module", "_exec_with_source", after=({},))),
    "torch.evaluate_guards": (
        "torch",
        lambda c: p.call(
            p.stack_global("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression"),
            None, python(c), [],
        ),
    ),
}  # fmt: skip

#: what cannot or must not run here, and has to be held all the same
_NEVER_RUN: dict[str, tuple[str, Gadget]] = {
    "nt.system": ("P1", _text("nt", "system")),
    "_aix_support._read_cmd_output": ("P1", _text("_aix_support", "_read_cmd_output")),
    "unittest.mock._importer": ("P13", _text("unittest.mock", "_importer")),
    "urllib.urlopen": ("P1", lambda c: p.call(p.global_("urllib.request", "urlopen"), "http://modelairlock.invalid/")),
    "ctypes.CDLL": ("P1", lambda c: p.call(p.global_("ctypes", "CDLL"), "libmodelairlock_never.so")),
    "webbrowser.open": ("P1", lambda c: p.call(p.global_("webbrowser", "open"), "about:blank")),
    "socket.create_connection": (
        "P1", lambda c: p.call(p.global_("socket", "create_connection"), ("modelairlock.invalid", 9)),
    ),
    "pipe_pager": ("P1", _text("_pyrepl.pager", "pipe_pager", "")),
    "import-only": ("P1", lambda c: p.global_("modelairlock_canary_never", "x")),
    "pip.main": ("P1", lambda c: p.call(p.global_("pip", "main"), ["--version"])),
    "_posixsubprocess": ("P1", lambda c: p.global_("_posixsubprocess", "fork_exec")),
    "unknown-library": ("P1", lambda c: p.call(p.global_("modelairlock_unheard_of", "load"), c)),
    "cloudpickle": ("P13", lambda c: p.call(p.global_("cloudpickle.cloudpickle", "_make_function"), marshalled(c))),
    "dill": ("P13", lambda c: p.call(p.global_("dill._dill", "_create_function"), marshalled(c), {})),
    "patch-picklescan": ("P18", lambda c: p.build(p.global_("picklescan.scanner", "ScanResult"), (None, {"x": 1}))),
    "patch-modelscan": ("P18", lambda c: p.build(p.global_("modelscan.modelscan", "ModelScan"), (None, {"x": 1}))),
    "patch-fickling": ("P18", lambda c: p.build(p.global_("fickling", "is_likely_safe"), {"x": 1})),
    "patch-modelairlock": ("P18", lambda c: p.build(p.global_("modelairlock", "scan"), {"x": 1})),
    "patch-builtins": ("P18", lambda c: p.call(p.global_("builtins", "setattr"), p.global_("builtins", "set"), "x", 1)),
}  # fmt: skip

_PLAIN = {"os.system", "posix.system", "builtins.exec", "builtins.eval", "subprocess.Popen"}
_MODULES = {"script_helper.assert_python_ok": "test.support.script_helper", "idlelib.get_entity": "tkinter"}


def _file(gadget: Gadget, protocol: int = 4) -> Callable[..., bytes]:
    return lambda c=CANARY: p.whole(gadget(c), protocol)


def _needs(name: str) -> str:
    """The module that a standard gadget lives in: versions of Python come and go."""
    return _MODULES.get(name, "lib2to3" if name.startswith("lib2to3") else name.rsplit(".", 1)[0].split(".")[0])


def _samples() -> list[Sample]:
    def runs(name: str, technique: str, gadget: Gadget, needs: str = "", loader: str = "pickle.load") -> Sample:
        return Sample(
            f"gadget-{name}", "gadgets", technique, f"{name}.pkl", _file(gadget), True, loader, "flagged", needs=needs
        )

    made = [runs(name, "P1", gadget, _needs(name)) for name, gadget in _STANDARD.items()]
    made += [runs(f"chain-{name}", "P13", gadget) for name, gadget in _CHAINS.items()]
    made += [runs(f"dotted-{name}", row, gadget) for name, (row, gadget) in _DOTTED.items()]
    made += [runs(name, "P21", gadget, needs) for name, (needs, gadget) in _LIBRARIES.items()]
    made += [
        Sample(f"gadget-{name}", "gadgets", row, f"{name}.pkl", _file(gadget), note="not run here")
        for name, (row, gadget) in _NEVER_RUN.items()
    ]
    return made


SAMPLES = tuple(_samples())
