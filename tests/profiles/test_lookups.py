"""Looking names up: what hits, what misses, what a Python 2 name or a dotted name turns into."""

from pathlib import Path

import pytest

from modelairlock.profiles import Profiles, canonical
from modelairlock.records.facts import Call, Value
from modelairlock.records.span import Span
from modelairlock.records.uses import NameUse

BUNDLED = Profiles.bundled()

VOUCHED = [
    ("collections", "OrderedDict", "call"),
    ("collections", "OrderedDict", "items"),
    ("__builtin__", "set", "call"),
    ("copy_reg", "_reconstructor", "call"),
    ("_codecs", "encode", "call"),
    ("numpy.core.multiarray", "_reconstruct", "call"),
    ("numpy._core.multiarray", "_reconstruct", "build"),
    ("numpy", "dtype", "build"),
    ("torch._utils", "_rebuild_tensor_v2", "call"),
    ("torch", "FloatStorage", "import"),
    ("torch.nn.modules.linear", "Linear", "build"),
    ("sklearn.ensemble._forest", "RandomForestClassifier", "new"),
    ("sklearn.ensemble.forest", "RandomForestClassifier", "new"),
    ("sklearn.tree._tree", "Tree", "call"),
    ("joblib.numpy_pickle", "NumpyArrayWrapper", "build"),
    ("scipy.sparse._csr", "csr_matrix", "build"),
    ("pandas.core.internals.managers", "BlockManager", "call"),
    ("xgboost.core", "Booster", "build"),
    ("lightgbm.basic", "Booster", "build"),
]

NOT_VOUCHED = [
    ("builtins", "getattr", "import"),
    ("builtins", "eval", "import"),
    ("builtins", "str", "items"),
    ("collections", "OrderedDict.fromkeys", "call"),
    ("torch.nn.modules.linear", "Linear", "call"),
    ("torch", "Tensor", "items"),
    ("torch._utils", "_rebuild_wrapper_subclass", "call"),
    ("torch.storage", "_load_from_bytes", "call"),
    ("numpy", "memmap", "new"),
    ("numpy", "ndarray", "new"),
    ("numpy", "load", "import"),
    ("scipy.spatial._ckdtree", "cKDTree", "build"),
    ("functools", "partialmethod", "call"),
    # its items are its attributes, so BUILD would call an item named `__setstate__`
    ("scipy.optimize._optimize", "OptimizeResult", "build"),
    ("omegaconf.nodes", "EnumNode", "build"),
    ("sklearn.callback._scoring_monitor", "ScoringMonitor", "build"),
    ("sklearn.metrics._dist_metrics", "PyFuncDistance64", "new"),
    ("os", "system", "import"),
    ("nobody_has_looked", "Thing", "import"),
    ("", "", "import"),
    ("../../etc/passwd", "x", "import"),
    ("harmful", "x", "import"),
    ("harmful:x", "\x00", "call"),
]


@pytest.mark.parametrize(("module", "qualname", "use"), VOUCHED)
def test_vouched(module: str, qualname: str, use: str) -> None:
    vouch = BUNDLED.vouches(module, qualname, use)
    assert vouch is not None
    assert use in vouch.uses
    assert vouch.why
    assert BUNDLED.knows_library(module)


@pytest.mark.parametrize(("module", "qualname", "use"), NOT_VOUCHED)
def test_not_vouched(module: str, qualname: str, use: str) -> None:
    assert BUNDLED.vouches(module, qualname, use) is None


#: Research, loading-flaws.md 2.10 and 3.1 (P1, P2, P12, P13, P18), and the families that picklescan and fickling know.
GADGETS = [
    "os:system",
    "posix:system",
    "nt:system",
    "os:popen",
    "os:execv",
    "os:spawnl",
    "os:posix_spawn",
    "os:fork",
    "os:remove",
    "os:environ",
    "os:anything_new",
    "subprocess:Popen",
    "subprocess:run",
    "subprocess:check_output",
    "commands:getoutput",
    "popen2:popen3",
    "pty:spawn",
    "platform:popen",
    "builtins:eval",
    "builtins:exec",
    "builtins:compile",
    "builtins:__import__",
    "builtins:open",
    "builtins:getattr",
    "builtins:setattr",
    "builtins:delattr",
    "builtins:globals",
    "builtins:vars",
    "builtins:breakpoint",
    "builtins:input",
    "builtins:map",
    "builtins:filter",
    "__builtin__:eval",
    "__builtin__:apply",
    "__builtin__:execfile",
    "__builtin__:file",
    "__builtin__:getattr",
    "__builtin__:reduce",
    "pkgutil:resolve_name",
    "pydoc:locate",
    "pydoc:pipepager",
    "uuid:_get_command_stdout",
    "_osx_support:_read_output",
    "_aix_support:_read_cmd_output",
    "_pyrepl.pager:pipe_pager",
    "imaplib:IMAP4_stream",
    "distutils.file_util:write_file",
    "asyncio.unix_events:_UnixSubprocessTransport._start",
    "ensurepip:_run_pip",
    "pip:main",
    "pip._internal.cli.main:main",
    "doctest:debug_script",
    "cProfile:run",
    "profile:run",
    "profile:Profile.run",
    "cProfile:runctx",
    "timeit:timeit",
    "timeit:Timer",
    "code:InteractiveInterpreter",
    "code:InteractiveInterpreter.runcode",
    "code:interact",
    "codeop:compile_command",
    "trace:Trace.run",
    "trace:Trace",
    "bdb:Bdb",
    "bdb:Bdb.run",
    "pdb:run",
    "pdb:Pdb",
    "runpy:run_path",
    "runpy:_run_code",
    "importlib:import_module",
    "importlib.util:spec_from_file_location",
    "imp:load_source",
    "_frozen_importlib:_gcd_import",
    "zipimport:zipimporter",
    "idlelib.pyshell:ModifiedInterpreter.runcode",
    "idlelib.run:Executive.runcode",
    "idlelib.autocomplete:AutoComplete.fetch_completions",
    "idlelib.calltip:get_entity",
    "idlelib.debugobj:ObjectTreeItem.SetText",
    "lib2to3.pgen2.pgen:ParserGenerator.make_label",
    "lib2to3.pgen2.grammar:Grammar.loads",
    "lib2to3.pgen2.grammar:Grammar.load",
    "test.support.script_helper:assert_python_ok",
    "numpy.f2py.crackfortran:getlincoef",
    "numpy.f2py.crackfortran:_eval_length",
    "numpy.f2py.crackfortran:param_eval",
    "numpy.f2py.crackfortran:myeval",
    "numpy.f2py:compile",
    "numpy.distutils.exec_command:exec_command",
    "numpy.testing._private.utils:runstring",
    "numpy.lib.npyio:load",
    "numpy:load",
    "numpy:memmap",
    "numpy.ctypeslib:load_library",
    "torch.utils.collect_env:run",
    "torch.utils._config_module:ConfigModule.load_config",
    "torch.jit.unsupported_tensor_ops:execWrapper",
    "torch.utils.bottleneck.__main__:run_autograd_prof",
    "torch.utils.bottleneck.__main__:run_cprofile",
    "torch.utils.data.datapipes.utils.decoder:basichandlers",
    "torch.fx.experimental.symbolic_shapes:ShapeEnv.evaluate_guards_expression",
    "torch.fx.graph_module:reduce_graph_module",
    "torch._dynamo.guards:GuardBuilder.get",
    "torch._inductor.codecache:compile_file",
    "torch.hub:load",
    "torch:load",
    "torch.serialization:load",
    "torch.storage:_load_from_bytes",
    "torch.package:PackageImporter",
    "torch.utils.cpp_extension:load_inline",
    "torch.distributed.rpc:rpc_sync",
    "torch.distributed.nn.api.remote_module:RemoteModule",
    "pickle:loads",
    "_pickle:loads",
    "cPickle:loads",
    "marshal:loads",
    "dill:loads",
    "dill._dill:_create_code",
    "cloudpickle:loads",
    "cloudpickle.cloudpickle:_make_function",
    "joblib:load",
    "joblib.numpy_pickle:load",
    "pandas:read_pickle",
    "pandas.io.pickle:read_pickle",
    "shelve:open",
    "sqlite3:connect",
    "yaml:unsafe_load",
    "jsonpickle:decode",
    "operator:attrgetter",
    "operator:methodcaller",
    "operator:itemgetter",
    "operator:call",
    "_operator:attrgetter",
    "_operator:methodcaller",
    # not functools:partial: scikit-learn's own estimators hold one, so what it is made of is looked at instead
    "functools:reduce",
    "functools:partialmethod",
    "types:CodeType",
    "types:FunctionType",
    "types:MethodType",
    "ctypes:CDLL",
    "ctypes.util:_findLib_gcc",
    "_ctypes:dlopen",
    "cffi:FFI",
    "multiprocessing.util:spawnv_passfds",
    "multiprocessing:Process",
    "concurrent.futures:ProcessPoolExecutor",
    "socket:socket",
    "socket:create_connection",
    "ssl:SSLSocket",
    "http.client:HTTPSConnection",
    "httplib:HTTPConnection",
    "urllib:urlopen",
    "urllib2:urlopen",
    "urllib.request:urlretrieve",
    "requests:get",
    "requests.api:get",
    "aiohttp:ClientSession",
    "aiohttp.client:ClientSession",
    "ftplib:FTP",
    "smtplib:SMTP",
    "telnetlib:Telnet",
    "webbrowser:open",
    "shutil:rmtree",
    "tempfile:mkstemp",
    "pathlib:Path.write_text",
    "pathlib:PosixPath.unlink",
    "io:open",
    "io:FileIO",
    "_io:FileIO",
    "_io:open",
    "codecs:open",
    "logging:FileHandler",
    "logging.config:dictConfig",
    "sys:exit",
    "sys:settrace",
    "signal:raise_signal",
    "gc:get_objects",
    "inspect:getmembers",
    "weakref:finalize",
    "atexit:register",
    "threading:Thread",
    "_thread:start_new_thread",
    "picklescan.scanner:scan_pickle_bytes",
    "modelscan.modelscan:ModelScan",
    "fickling.hook:run_hook",
    "fickling:anything",
    "modelaudit.core:scan",
    "modelairlock.profiles:Profiles",
    "_interpreters:run_string",
    "_xxsubinterpreters:run_string",
    "readline:read_init_file",
    "curses:initscr",
    "tkinter:Tcl",
    "turtle:Turtle",
    "antigravity:x",
    "this:s",
    "venv:create",
    "setuptools:setup",
    "distutils.core:run_setup",
    "huggingface_hub:hf_hub_download",
    "transformers:pipeline",
    "onnx:load",
    "keras.models:load_model",
    "pathlib:os.system",
    "shutil:os.system",
    "torch:serialization.os.system",
    "collections:_sys.modules",
    "logging:os.system",
    "tarfile:builtins.eval",
    "scipy.stats._continuous_distns:norm_gen",
    "itertools:count",
]


@pytest.mark.parametrize("name", GADGETS)
def test_every_published_gadget_is_known_to_do_harm(name: str) -> None:
    module, _, qualname = name.partition(":")
    harm = BUNDLED.harm(module, qualname)
    assert harm is not None, f"add {name} to harmful.toml"
    assert harm.effect
    for use in ("import", "call", "new", "build", "items"):
        assert BUNDLED.vouches(module, qualname, use) is None


def test_the_most_specific_pattern_wins(tmp_path: Path) -> None:
    (tmp_path / "harmful.toml").write_text(
        "".join(
            f'[[harmful]]\neffect="{name}"\ncategory="code"\nseverity="high"\nnames=["{name}"]\n'
            for name in ("a.*:*", "a.b.*:*", "a.b:*", "a.b:c")
        )
    )
    (tmp_path / "python.toml").write_text('[library]\nname="python"\ndistribution="cpython"\nversions="1"\n')
    profiles = Profiles(tmp_path)
    found = {
        name: profiles.harm(*name.split(":"))
        for name in ("a.b:c", "a.b:d", "a.b.x:c", "a:c", "a.z:c", "b:c", "a.b:c.d")
    }
    assert {name: harm and harm.name for name, harm in found.items()} == {
        "a.b:c": "a.b:c", "a.b:d": "a.b:*", "a.b.x:c": "a.b.*:*", "a:c": "a.*:*", "a.z:c": "a.*:*", "b:c": None,
        "a.b:c.d": "a.b:c",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "protocol", "becomes"),
    [
        (("__builtin__", "xrange"), 2, ("builtins", "range")),
        (("__builtin__", "eval"), 0, ("builtins", "eval")),
        (("__builtin__", "eval"), 3, ("__builtin__", "eval")),
        (("UserDict", "UserDict"), 1, ("collections", "UserDict")),
        (("cPickle", "loads"), 2, ("pickle", "loads")),
        (("commands", "getoutput"), 2, ("subprocess", "getoutput")),
        (("os", "system"), 2, ("os", "system")),
    ],
)
def test_names_of_python_2_become_what_the_unpickler_makes_of_them(asked, protocol, becomes) -> None:
    assert canonical(*asked, protocol) == becomes


@pytest.mark.parametrize(
    "module", ["os", "posix", "__builtin__", "cPickle", "imp", "distutils.core", "test.support", "_pyrepl"]
)
def test_the_standard_library_of_any_python(module: str) -> None:
    assert BUNDLED.is_standard_library(module)
    assert BUNDLED.knows_library(module)


@pytest.mark.parametrize("module", ["numpy", "torch.nn", "sklearn", "nobody", "", ".", "__main__"])
def test_not_the_standard_library(module: str) -> None:
    assert not BUNDLED.is_standard_library(module)


def test_unknown_libraries_are_unknown() -> None:
    assert not BUNDLED.knows_library("nobody_has_looked.deep")
    assert not BUNDLED.knows_library("harmful")
    assert BUNDLED.knows_library("sklearn.anything")


def test_hostile_names_cost_no_time() -> None:
    for qualname in ("." * 100_000, "a." * 50_000 + "b", "x" * 1_000_000):
        assert BUNDLED.vouches("os", qualname, "call") is None
        BUNDLED.harm("a." * 50_000, qualname)


def test_a_file_is_parsed_only_when_one_of_its_names_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = Path.read_text

    def watched(self: Path, *args: str, **kwargs: str) -> str:
        read.append(self.stem)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", watched)
    fresh = Profiles(BUNDLED._files["numpy"].parent)
    fresh.vouches("numpy", "dtype", "call")
    fresh.vouches("numpy", "ndarray", "build")
    assert read.count("numpy") == 1
    assert "torch" not in read
    assert "harmful" not in read


def test_the_digest_covers_every_file(tmp_path: Path) -> None:
    for path in BUNDLED._files.values():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert Profiles(tmp_path).digest == BUNDLED.digest
    (tmp_path / "numpy.toml").write_bytes(BUNDLED._files["numpy"].read_bytes() + b"\n")
    assert Profiles(tmp_path).digest != BUNDLED.digest
    assert len(BUNDLED.digest) == 64


def test_fits_asks_the_profiles_themselves() -> None:
    vouch = BUNDLED.vouches("copyreg", "_reconstructor", "call")
    assert vouch is not None
    estimator = Value(kind="global", module="sklearn.svm._classes", text="SVC")
    base = Value(kind="global", module="builtins", text="object")
    nothing = Value(kind="none")
    popen = Value(kind="global", module="subprocess", text="Popen")
    for arguments, fits in (((estimator, base, nothing), True), ((popen, base, nothing), False)):
        made = Value(kind="global", module="copyreg", text="_reconstructor")
        fact = Call(span=Span(0, 1), callable=made, how="reduce", arguments=arguments)
        assert BUNDLED.fits(vouch, NameUse("copyreg", "_reconstructor", "call", fact, arguments)) is fits


#: carried by honest files, vouched for or not: to call one harmful would be a false alarm
HONEST = """
pathlib:PosixPath argparse:Namespace logging:Logger enum:Enum collections:namedtuple zoneinfo:ZoneInfo
torch.utils.data.dataset:Subset torch.optim.adam:Adam torch.distributed.tensor:DTensor torch.utils._pytree:TreeSpec
torch.distributed.checkpoint.metadata:Metadata pytorch_lightning.callbacks.model_checkpoint:ModelCheckpoint
omegaconf.dictconfig:DictConfig transformers.training_args:TrainingArguments datasets.features.features:Value
PIL.Image:Image spacy.vocab:Vocab sklearn.datasets.base:Bunch catboost.core:CatBoostClassifier tokenizers:Tokenizer
keras.src.models.sequential:Sequential urllib.parse:ParseResult joblib.memory:Memory weakref:WeakValueDictionary
"""


@pytest.mark.parametrize("name", HONEST.split())
def test_no_false_alarm(name: str) -> None:
    module, _, qualname = name.partition(":")
    assert BUNDLED.harm(module, qualname) is None
