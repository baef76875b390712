"""What the object graph of a SavedModel hands to functions that save, restore or read files."""

import time

import pytest

from modelairlock.formats.saved_model import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import tensorflow_builder as t
from tests.reading_help import read
from tests.rules.judging import judged

NAME = "__inference_f_1"
KEY = "/home/user/.ssh/authorized_keys"
SAVE = ("names:output:0", "slices:output:0", "payload:output:0")
BODY = (t.const("names", "x"), t.const("slices", ""), t.const("payload", "ssh-rsa INERT"))
RESOURCE = t.saved_object(t.RESOURCE_OBJECT, children={"_create_resource": 1, "_initialize": 1})
CONSTANT = t.saved_object(t.CONSTANT, t.field(1, "where"))
ASSET = t.saved_object(t.ASSET, t.number(1, 0))
VARIABLE = t.saved_object(t.VARIABLE, t.number(1, t.STRING))


def model(
    objects: bytes, operator: str = "SaveV2", inputs: tuple[str, ...] = ("p", *SAVE), nodes: tuple[bytes, ...] = (),
    arguments: tuple[str, ...] = ("p",),
) -> bytes:  # fmt: skip
    """A function that uses an operator, a constant that nothing in the graph uses, and objects."""
    one = t.function(NAME, arguments, *BODY, t.node("w", operator, *inputs))
    assets = (("asset:0", "vocab.txt"),)
    return t.plain(*(nodes or (t.const("where", KEY),)), functions=[one], assets=assets, more=objects)


def bound(*objects: bytes, function: bytes = t.function_object(NAME), numbers: tuple[int, ...] = (2,)) -> bytes:
    return t.object_graph(RESOURCE, function, *objects, bound={NAME: numbers})


def verdict(data: bytes) -> Verdict:
    return judged(data, "saved_model.pb").verdict


@pytest.mark.parametrize(
    ("operator", "inputs", "severity"),
    [
        ("SaveV2", ("p", *SAVE), Severity.HIGH),
        ("Save", ("p", "names:output:0", "payload:output:0"), Severity.HIGH),
        ("MergeV2Checkpoints", ("p", "p"), Severity.HIGH),
        ("RestoreV2", ("p", "names:output:0", "slices:output:0"), Severity.MEDIUM),
        ("InitializeTableFromTextFileV2", ("table", "p"), Severity.MEDIUM),
    ],
)
def test_a_bound_constant_names_the_file(operator: str, inputs: tuple[str, ...], severity: Severity) -> None:
    """Nothing in the graph calls the function: the loader does, with the constant in the place of its argument."""
    [finding] = judged(model(bound(CONSTANT), operator, inputs), "saved_model.pb").findings
    assert finding.severity is severity
    assert f"fed by '{KEY}' ({operator} in function {NAME} in the object graph)" in finding.message


def test_it_reaches_functions_that_the_function_calls() -> None:
    inner = t.function("g", ["q"], *BODY, t.node("w", "SaveV2", "q", *SAVE))
    outer = t.function(NAME, ["p"], t.call("c", "g", "p"))
    data = t.plain(t.const("where", KEY), functions=[inner, outer], more=bound(CONSTANT))
    [finding] = judged(data, "saved_model.pb").findings
    assert f"'{KEY}'" in finding.message


def test_what_is_bound_fills_the_last_arguments() -> None:
    """Savers of honest models are handed a name by whoever calls them, and variables and constants behind it."""
    root = t.saved_object(4, children={"save": 1})
    objects = t.object_graph(root, t.function_object(NAME), CONSTANT, VARIABLE, bound={NAME: (3, 2)})
    for arguments, expected in ((("p", "v", "c"), Verdict.CLEAR), (("o", "v", "p"), Verdict.FLAGGED)):
        assert verdict(model(objects, arguments=arguments)) is expected


@pytest.mark.parametrize("blanks", ["", " ", "\n\t\r "])
def test_a_configuration_behind_blanks(blanks: str) -> None:
    """Keras before 2.5 kept it among the objects, and reads it with Python's own JSON."""
    layer = t.saved_object(4, t.field(1, "_tf_keras_layer") + t.field(3, blanks + '{"class_name": "Lambda"}'))
    [member] = read(FORMAT, t.plain(t.placeholder("x"), more=t.object_graph(layer))).members
    assert member.role == "keras-config"


def test_an_asset_is_there_to_be_read() -> None:
    assert verdict(model(bound(ASSET), "InitializeTableFromTextFileV2", ("table", "p"))) is Verdict.CLEAR
    [finding] = judged(model(bound(ASSET)), "saved_model.pb").findings
    assert finding.severity is Severity.HIGH


@pytest.mark.parametrize("listed", [t.const("asset", "model"), t.placeholder("asset")], ids=["constant", "placeholder"])
def test_a_saver_that_is_fed_with_an_asset_in_the_graph(listed: bytes) -> None:
    save = t.node("s", "SaveV2", "asset", "n", "s")
    subject = judged(t.plain(listed, save, assets=[("asset:0", "vocab.txt")]), "saved_model.pb")
    assert [finding.severity for finding in subject.findings] == [Severity.HIGH]


@pytest.mark.parametrize(
    "objects",
    [
        bound(VARIABLE),
        bound(CONSTANT, numbers=(3,)),
        bound(t.saved_object(t.RESOURCE_OBJECT)),
        bound(t.saved_object(t.CONSTANT, t.field(1, "nowhere"))),
        bound(t.saved_object(t.CONSTANT, t.field(1, "asset"))),
        bound(t.saved_object(t.CONSTANT)),
        bound(CONSTANT + t.field(t.ASSET, b"")),
        bound(ASSET + t.field(t.CONSTANT, b"")),
        bound(ASSET + t.field(13, "tf.TrackableConstant")),
        bound(CONSTANT + t.field(13, "Custom>Mine")),
        bound(CONSTANT, numbers=(2, 2)),
    ],
    ids=[
        "variable", "no-object", "resource", "no-node", "no-constant", "no-name", "asset-too", "constant-too",
        "registered-asset", "registered-constant", "too-many",
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_a_gap(objects: bytes) -> None:
    data = model(objects, nodes=(t.const("where", KEY), t.placeholder("asset")))
    subject = judged(data, "saved_model.pb")
    assert subject.verdict is Verdict.INCOMPLETE
    assert [gap.because for gap in subject.coverage.gaps] == [Because.UNVOUCHED]


def test_numbers_that_do_not_end_are_a_gap() -> None:
    entry = t.field(2, t.field(1, NAME) + t.field(2, t.field(2, b"\xff")))
    objects = t.field(7, t.field(1, RESOURCE) + entry)
    assert verdict(model(objects)) is Verdict.INCOMPLETE


def test_two_nodes_of_one_name() -> None:
    """`tf.saved_model.load` imports no node, so it refuses none, and takes the last of a name, whatever it is."""
    value = t.field(8, t.tensor(t.STRING, t.field(8, "/tmp/cache")))
    twice = (t.const("where", ""), t.node("where", "NoOp", value=value))
    data = model(bound(CONSTANT), "CacheDatasetV2", ("d", "p", "c"), nodes=twice)
    facts = [fact for fact in read(FORMAT, data).facts if isinstance(fact, Operator) and fact.name == "CacheDatasetV2"]
    assert {fact.given for fact in facts} <= {"caller", "computed"}
    assert verdict(data) is Verdict.INCOMPLETE


# --- what calls with arguments of its own ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["defaults", "kwonlydefaults"])
def test_a_default_value_names_the_file(key: str) -> None:
    function = t.function_object(NAME, t.field(13, KEY), key)
    [finding] = judged(model(bound(function=function, numbers=())), "saved_model.pb").findings
    assert finding.severity is Severity.HIGH
    assert f"fed by '{KEY}'" in finding.message


def test_default_values_that_are_tensors_are_not_followed() -> None:
    tensor = t.field(55, t.tensor(t.STRING, t.field(8, KEY)))
    function = t.function_object(NAME, tensor)
    assert verdict(model(bound(function=function, numbers=()))) is Verdict.INCOMPLETE


def test_a_default_value_that_looks_like_a_list_of_names() -> None:
    inner = t.field(54, t.field(1, "T") + t.field(2, t.field(1, "args") + t.field(2, t.field(13, KEY))))
    assert verdict(model(bound(function=t.function_object(NAME, inner), numbers=()))) is Verdict.FLAGGED


def test_names_of_arguments_are_no_default_values() -> None:
    """Savers for training on a device are methods of the model, and their callers say where to."""
    objects = t.object_graph(
        t.saved_object(4, children={"save": 1}), t.function_object(NAME, t.field(1, b"")), VARIABLE, bound={NAME: (2,)}
    )
    assert verdict(model(objects, arguments=("p", "v"))) is Verdict.CLEAR


@pytest.mark.parametrize(
    "first",
    [
        t.saved_object(4, children={"_lookup_dependency": 1}),
        t.saved_object(4, b"", t.field(11, t.field(1, "t") + t.field(2, t.number(2, 5) + t.number(3, 1)))),
        t.saved_object(4, b"", t.field(1, t.number(1, 2**32 + 1) + t.field(2, "_restore_from_tensors"))),
    ],
    ids=["method", "restores", "more-than-32-bits"],
)
def test_what_tensorflow_calls_by_itself(first: bytes) -> None:
    """While it restores objects, with names and values out of the checkpoint beside the model."""
    objects = t.object_graph(first, t.function_object(NAME), bound={NAME: ()})
    assert verdict(model(objects)) is Verdict.INCOMPLETE
    assert verdict(model(t.object_graph(first, t.function_object(NAME)))) is Verdict.INCOMPLETE


def test_default_values_nested_too_deep() -> None:
    value = b""
    for _ in range(3000):
        value = t.field(52, t.field(1, value))
    function = t.function_object(NAME, value)
    gaps = read(FORMAT, model(bound(function=function, numbers=()))).gaps
    assert gaps[0].because is Because.OVER_LIMIT


@pytest.mark.slow
def test_many_functions_that_bind_many_variables_are_quick() -> None:
    """Each function of a large Keras model binds all of its variables."""
    variables = [VARIABLE] * 3000
    entries = {f"f{at}": tuple(range(3000)) for at in range(300)}
    functions = [t.function(name, [f"a{at}" for at in range(3000)]) for name in list(entries)[:20]]
    data = t.plain(t.placeholder("x"), functions=functions, more=t.object_graph(*variables, bound=entries))
    started = time.process_time()
    assert read(FORMAT, data).gaps == []
    assert time.process_time() - started < 5
