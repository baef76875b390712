"""The first use of a model and its end: what waits for them is seen then, and honest models stay quiet.

Models are made as cloudpickle makes them: classes and functions whose code is in the file. Payloads are inert.
"""

import ast
import pickle
import sys
from collections.abc import Callable

import msgspec
import pytest

from modelairlock.isolation.jail import loading, used
from modelairlock.isolation.jail.job import text
from modelairlock.records.jail import JailResult, Outcome
from tests.isolation.jail.world import INTERPRETER, LIMITS, MODES, WHO, calls, load

pytestmark = [pytest.mark.jail, pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")]

_MADE = "[scope := {'__name__': '__main__'}, exec(%r, scope), scope['model']][-1]"


class Brought:
    """Unpickles as the `model` that `source` makes."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return eval, (_MADE % self.source,)


def use(source: str, **options: object) -> JailResult:
    return load(
        pickle.dumps(Brought(source)), job=lambda fd: used(loading("pickle.load", fd, INTERPRETER)), detonate=True,
        **options,
    )  # fmt: skip


def note(result: JailResult) -> str:
    return next(phase.note for phase in result.phases if phase.name == "inference")


RUN = "__import__('os').system('true')"
AT_USE = {
    "predict": f"class M:\n    n_features_in_ = 3\n    def predict(self, X): {RUN}\nmodel = M()",
    "transform": f"class M:\n    def transform(self, X): {RUN}\nmodel = M()",
    "generate": f"class M:\n    def generate(self, X, n): {RUN}\nmodel = M()",
    "called": f"class M:\n    def __call__(self, X): {RUN}\nmodel = M()",
    "nested": f"class M:\n    def predict(self, X): {RUN}\nmodel = {{'a': [1, (M(), 2)]}}",
    "function": f"def model(a, b, c=1): {RUN}",
    "partial": f"import functools\ndef f(a, b): {RUN}\nmodel = functools.partial(f, 1)",
    "lambda": f"model = [lambda x: {RUN}]",
    "of its own": f"class M: pass\nmodel = M()\nmodel.predict = lambda x: {RUN}",
    "attribute": f"class M:\n    predict = abs\n    @property\n    def n_features_in_(self): {RUN}\nmodel = M()",
    "behind errors": f"class M:\n    def predict(self, X): 1 / 0\n    def transform(self, X): {RUN}\nmodel = M()",
    "of many kinds": "class NpzFile:\n    __module__ = 'numpy'\n    files = ()\n"
    f"    def predict(self, X): {RUN}\nmodel = NpzFile()",
    "late": f"class M:\n    def predict(self, X): raise SystemExit\n    def score(self, X, y): {RUN}\nmodel = M()",
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", AT_USE)
def test_what_waits_for_the_first_use_is_seen_then(name: str, mode: str) -> None:
    result = use(AT_USE[name], mode=mode)
    assert "execve" in calls(result), (result.detail, note(result))
    assert {event.phase for event in result.events} == {"inference"}
    assert result.outcome is Outcome.COMPLETED_WITH_VIOLATIONS


DELETES = f"class D:\n    def __del__(self): {RUN}\n"
AT_END = {
    "deleted": f"{DELETES}model = D()",
    "in a circle": f"{DELETES}model = D()\nmodel.self = model",
    "kept elsewhere": f"{DELETES}import builtins\nbuiltins.kept = [D()]\nmodel = 1",
    "weakref": f"import weakref\nclass M: pass\nmodel = M()\nweakref.finalize(model, lambda: {RUN})",
    "weakref to another": f"import weakref\nweakref.finalize(weakref, lambda: {RUN})\nmodel = 1",
    "atexit": f"import atexit\natexit.register(lambda: {RUN})\nmodel = 1",
    "timer": f"import threading\nthreading.Timer(0.4, lambda: {RUN}).start()\nmodel = 1",
    "thread of its own": "import threading, time\nclass T(threading.Thread):\n    def join(self): raise SystemExit\n"
    f"    def run(self):\n        time.sleep(0.3)\n        {RUN}\nT().start()\nmodel = 1",
    "timer after a timer": "import threading\n"
    f"def more(): threading.Timer(0.2, lambda: {RUN}).start()\nthreading.Timer(0.2, more).start()\nmodel = 1",
    "daemon": "import threading\n"
    f"made = threading.Timer(0.3, lambda: {RUN})\nmade.daemon = True\nmade.start()\nmodel = 1",
    "bare thread": "import _thread, time\n"
    f"_thread.start_new_thread(lambda: (time.sleep(0.3), {RUN}), ())\nmodel = 1",
    "threads": f"import threading\nthreading._register_atexit(lambda: {RUN})\nmodel = 1",
}  # fmt: skip


@pytest.mark.parametrize("name", AT_END)
def test_what_waits_for_the_end_is_seen_then(name: str) -> None:
    result = use(AT_END[name])
    assert "execve" in calls(result), (result.detail, result.output)
    assert {event.phase for event in result.events} == {"unload"}
    assert [phase.name for phase in result.phases] == ["import", "load", "inference", "unload"]


def test_a_thread_that_never_ends_keeps_nobody() -> None:
    """Python would not wait for it, and an honest library may have one: a moment, and no more."""
    result = use("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\nmodel = 1")
    assert result.outcome is Outcome.COMPLETED, result.detail
    assert 0.5 < result.phases[-1].seconds < 5


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("model = {'weights': [1.0, 2.0]}", "no input could be inferred"),
        ("model = None", "no input could be inferred: it is no model that modelairlock knows how to use (NoneType)"),
        ("class M:\n    def predict(self, X): return X\nmodel = M()", "M (sklearn) was used (predict)"),
        ("class M:\n    def predict(self, X): return X.shape\nmodel = M()", "raised AttributeError"),
        ("class M:\n    def predict(self, X): raise SystemExit(3)\nmodel = M()", "raised SystemExit: 3"),
        ("class M:\n    def predict(self, X): raise MemoryError\nmodel = M()", "raised MemoryError"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nclass M:\n    def predict(self, X): raise E\nmodel = M()",
         "raised an error that cannot be told"),
        ("class M:\n    @property\n    def predict(self): 1 / 0\nmodel = M()", "no input could be inferred"),
        # It takes the names of files: a made-up text must not be one.
        ("class V:\n    analyzer = 'word'\n    vocabulary_ = {}\n    input = 'filename'\n"
         "    def transform(self, names): [open(one) for one in names]\nmodel = V()", "no input could be inferred"),
        ("class P:\n    def predict(self, path): open(path)\nmodel = P()", "raised TypeError"),
        ("import shutil\nmodel = [shutil.rmtree, print, dict, shutil.Error()]",
         "no input could be inferred"),
        ("model = []\nmodel.append(model)", "no input could be inferred"),
        ("class M:\n    def predict(self, X): return 1\nmodel = [M() for _ in range(99)]", "came back; M ("),
        ("class E(Exception):\n    def __str__(self): return '\\udc80\\x1b[31m'\n"
         "class M:\n    def predict(self, X): raise E\nmodel = M()", r"raised E: \\udc80\x1b[31m"),
        # More than anybody waits for, and circles.
        ("model = [[[[[i] * 300] * 300] * 300] for i in range(300)]\nmodel.append(model)", "no input could be"),
    ],
)  # fmt: skip
def test_an_honest_use_is_quiet_and_what_it_raised_is_told(source: str, words: str) -> None:
    result = use(source)
    assert (result.outcome, result.events) == (Outcome.COMPLETED, ()), result.detail
    assert words in note(result)


def test_a_load_that_raised_is_not_used() -> None:
    result = use("model = 1 / 0")
    assert result.outcome is Outcome.LOADER_ERROR
    assert note(result) == "nothing was loaded, so nothing was used"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("__import__('time').sleep(60)", Outcome.LIMIT_WALL),
        ("exec('while True: pass')", Outcome.LIMIT_CPU),
        ("kept = [bytearray(1 << 20) for _ in iter(int, 1)]", Outcome.LIMIT_MEMORY),
        ("__import__('os')._exit(0)", Outcome.PROTOCOL_VIOLATION),
        ("__import__('ctypes').string_at(0)", Outcome.BLOCKED_CRASH),
    ],
)
def test_a_use_that_does_not_come_back_is_no_quiet_one(body: str, outcome: Outcome) -> None:
    limits = msgspec.structs.replace(LIMITS, wall_seconds=2.0 if outcome is Outcome.LIMIT_WALL else 30.0, cpu_seconds=1)
    result = use(f"class M:\n    def predict(self, X): {body}\nmodel = M()", limits=limits)
    if outcome is Outcome.LIMIT_MEMORY:
        # It may be told no by malloc before the sum is seen.
        assert result.outcome is outcome or "raised MemoryError" in note(result)
    else:
        assert result.outcome is outcome, result.detail
        assert result.phases[-1].name == "inference"


def test_what_was_asked_of_the_environment_and_imported_is_claimed() -> None:
    source = (
        "class M:\n    def predict(self, X):\n        import os, xml.dom.minidom\n"
        "        os.environ.get('AWS_SECRET_ACCESS_KEY'); 'HF_TOKEN' in os.environ; dict(os.environ)\nmodel = M()"
    )
    result = use(source)
    said = {(claim.phase, claim.event, claim.arguments[:1]) for claim in result.claims}
    for name in ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "(all names)"):
        assert ("inference", "os.environ.read", (name,)) in said
    assert ("inference", "import", ("xml.dom.minidom",)) in said
    assert not [one for one in said if one[1] == "import" and one[2] in {("os",), ("ctypes",)}]
    assert result.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("who", WHO)
def test_its_own_map_of_memory_may_be_read_and_nobody_elses(who: str) -> None:
    """Numerical libraries look there which of them are loaded."""
    for mode in MODES:
        allowed = use("model = len(open('/proc/self/maps').read()) > 100 or 1 / 0", mode=mode, who=who)
        assert (allowed.outcome, allowed.events) == (Outcome.COMPLETED, ())
        denied = use(
            "import os\nfor path in ('/proc/1/maps', '/proc/self/mem', '/proc/self/environ'):\n"
            "    try: open(path)\n    except OSError: pass\n"
            "try: os.open('/proc/self/maps', os.O_RDWR)\nexcept OSError: pass\nmodel = 1",
            mode=mode, who=who,
        )  # fmt: skip
        assert [event.arguments[0] for event in denied.events] == [
            "/proc/1/maps", "/proc/self/mem", "/proc/self/environ", "/proc/self/maps",
        ]  # fmt: skip


def test_a_loader_may_have_any_name_of_ours() -> None:
    job = loading("pickle.load", 0, INTERPRETER)
    theirs = "".join(f"def {name}(*_): 1 / 0\n" for name in ("_models", "_used", "uses_of", "_row", "_told"))
    made = used(msgspec.structs.replace(job, code=f"{job.code}\n{theirs}"))
    source = "class M:\n    def predict(self, X): return 1\nmodel = M()"
    result = load(pickle.dumps(Brought(source)), job=lambda fd: msgspec.structs.replace(made, inputs=(fd,)))
    assert "came back" in note(result), result.detail


@pytest.mark.parametrize(
    "names",
    [
        ("synthetic.py", "first_use.py", "honest.py"),
        ("loaders.py", "of_transformers.py", "serving.py", "asked.py"),
        ("loaders.py", "of_transformers.py", "giving.py"),
    ],
    ids="+".join,
)
def test_no_text_of_ours_hides_a_name_of_another(names: tuple[str, ...]) -> None:
    """They share one scope in there."""
    seen: dict[str, str] = {}
    for name in names:
        for node in ast.parse(text(name)).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
            for target in targets:
                found = getattr(target, "name", getattr(target, "id", ""))
                if found and found not in {"TYPE_CHECKING", "PHASES"}:
                    assert found not in seen, f"{found} is in {seen[found]} and in {name}: rename one"
                    seen[found] = name
