"""What a TensorFlow graph reaches beyond numbers."""

import pytest

from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.graph_reaches_out import RULE as CHECK
from tests.build import tensorflow_builder as t
from tests.rules.judging import SPAN, checked, finding_of, findings, gap_of, judged, unvouched

RULE = "graph-reaches-out"


def operator(name: str, *strings: str, given: str = "constant", where: str = "f") -> Operator:
    return Operator(span=SPAN, name=name, dialect="tensorflow", where=where, strings=strings, given=given)


def messages(data: bytes) -> list[str]:
    return [finding.message for finding in findings(judged(data, "saved_model.pb"), RULE)]


WRITES = (t.const("p", "/tmp/x"), t.const("c", "payload"), t.node("w", "WriteFile", "p", "c"))
INNER = (t.const("p", "/tmp/x"), t.const("c", "payload"), t.node("w", "WriteFile", "p:output:0", "c:output:0"))


def test_a_write_in_the_graph() -> None:
    [message] = messages(t.plain(*WRITES))
    assert message == (
        "its graph writes a file, fed by '/tmp/x', 'payload' (WriteFile in w): "
        "when the model is called, or loaded if an initialiser leads there"
    )


def test_a_write_in_the_library_only() -> None:
    [message] = messages(t.plain(t.placeholder("x"), functions=[t.function("__inference__initializer_1", [], *INNER)]))
    assert "'/tmp/x', 'payload' (WriteFile in function __inference__initializer_1)" in message


def test_a_write_in_a_graph_in_a_string_of_a_dataset_in_a_function() -> None:
    hidden = t.graph(t.placeholder("x"), functions=[t.function("g", [], *INNER)])
    outer = t.function("f", [], t.const("g", hidden), t.node("d", "DatasetFromGraph", "g:output:0"))
    subject = judged(t.plain(t.call("c", "f"), functions=[outer]), "saved_model.pb")
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.HIGH
    assert finding.where.startswith("saved_model.pb!g.pb@")
    assert [detail.partition(" in ")[0] for detail in unvouched(subject)] == ["DatasetFromGraph"]


def test_order_does_not_matter() -> None:
    assert messages(t.plain(*reversed(WRITES))) == messages(t.plain(*WRITES))


@pytest.mark.parametrize(
    "nodes",
    [
        (t.const("a", "/tmp"), t.const("b", "/x"), t.node("p", "StringJoin", "a", "b")),
        (t.const("a", "/tmp/x"), t.node("p", "Identity", "a", T=t.type_(t.STRING))),
        (t.const("a", "/tmp/x"), t.node("p", "PlaceholderWithDefault", "a", dtype=t.type_(t.STRING))),
        (t.const("a", "/tmp/x"), t.node("p", "Select", "c", "a", "a", T=t.type_(t.STRING))),
        (t.const("a", "/tmp/x"), t.node("p", "ShardedFilename", "a", "n", "m")),
    ],
)
def test_saving_under_a_name_that_the_file_gives(nodes: tuple[bytes, ...]) -> None:
    [message] = messages(t.plain(*nodes, t.node("s", "SaveV2", "p", "names", "slices")))
    assert "writes a checkpoint, fed by '/tmp" in message


def test_the_saver_of_a_model_is_no_news() -> None:
    subject = judged(t.honest(), "saved_model.pb")
    assert subject.verdict is Verdict.CLEAR
    assert not subject.findings


@pytest.mark.parametrize(
    ("nodes", "functions"),
    [
        ((t.const("p", "/etc/x"), t.call("c", "__inference__traced_save_1", "p")), ()),
        ((t.const("p", "/etc/x"), t.node("c", "__inference__traced_save_1", "p")), ()),
        (
            (t.const("p", "/etc/x"), t.call("c", "outer", "p")),
            (t.function("outer", ["z"], t.call("i", "__inference__traced_save_1", "z")),),
        ),
        (
            (),
            (t.function("outer", [], t.const("p", "/etc/x"), t.call("i", "__inference__traced_save_1", "p:output:0")),),
        ),
    ],
    ids=["called", "as-operator", "through-another", "from-a-function"],
)
def test_the_saver_called_with_a_constant(nodes: tuple[bytes, ...], functions: tuple[bytes, ...]) -> None:
    told = messages(t.plain(*nodes, functions=[t.saver(), *functions]))
    assert len(told) == 2
    assert all("'/etc/x', '.part', '_temp/part'" in message for message in told)


@pytest.mark.parametrize(
    "nodes",
    [
        (t.node("m", "MapDataset", "d", f=t.function_named("__inference__traced_save_1")),),
        (t.node("p", "DecodeBase64", "x"), t.call("c", "__inference__traced_save_1", "p")),
        (t.call("c", "__inference__traced_save_1"),),
    ],
    ids=["other-call", "computed", "nothing"],
)
def test_the_saver_called_with_what_is_not_known(nodes: tuple[bytes, ...]) -> None:
    subject = judged(t.plain(*nodes, functions=[t.saver()]), "saved_model.pb")
    assert subject.verdict is Verdict.INCOMPLETE
    assert len(unvouched(subject)) == 2


def test_two_nodes_of_one_name_are_not_trusted() -> None:
    twice = (t.const("p", "/etc/x"), t.placeholder("p"), t.node("s", "SaveV2", "p", "n", "s"))
    assert judged(t.plain(*twice), "saved_model.pb").verdict is Verdict.INCOMPLETE


def test_what_is_put_behind_or_before_the_callers_name_counts() -> None:
    for part in ("/../../etc/x", "/etc/x", ".bashrc"):
        nodes = (t.placeholder("p"), t.const("c", part), t.node("j", "StringJoin", "p", "c"))
        [message] = messages(t.plain(*nodes, t.node("s", "SaveV2", "j", "n", "s")))
        assert f"'{part}', where its caller says" in message


def test_strings_that_are_not_all_known_are_not_trusted() -> None:
    long = (t.placeholder("p"), t.const("c", *["model"] * 9), t.node("j", "StringJoin", "p", "c"))
    subject = judged(t.plain(*long, t.node("s", "SaveV2", "j", "n", "s")), "saved_model.pb")
    assert len(unvouched(subject)) == 1


def variable(*assigned: bytes) -> tuple[bytes, ...]:
    return (
        t.placeholder("asset"), t.const("other", "/etc/passwd"),
        t.node("v", "VarHandleOp", dtype=t.type_(t.STRING)), *assigned,
        t.node("r", "ReadVariableOp", "v", dtype=t.type_(t.STRING)),
    )  # fmt: skip


def put(name: str) -> bytes:
    return t.node(f"put_{name}", "AssignVariableOp", "v", name, dtype=t.type_(t.STRING))


def test_a_table_filled_through_a_variable() -> None:
    """TensorFlow keeps the path of an asset in a variable; what else is put into it counts."""
    fill = t.node("i", "InitializeTableFromTextFileV2", "table", "r")
    assert judged(t.plain(*variable(put("asset")), fill), "saved_model.pb").verdict is Verdict.CLEAR
    subject = judged(t.plain(*variable(put("asset"), put("other")), fill), "saved_model.pb")
    assert [finding.severity for finding in subject.findings] == [Severity.MEDIUM]
    shared = t.plain(*variable(put("asset")), t.call("c", "f", "v"), fill)
    assert judged(shared, "saved_model.pb").verdict is Verdict.INCOMPLETE
    assert judged(t.plain(*variable(), fill), "saved_model.pb").verdict is Verdict.INCOMPLETE
    save = t.node("s", "SaveV2", "r", "n", "s")
    assert judged(t.plain(*variable(put("asset")), save), "saved_model.pb").verdict is Verdict.INCOMPLETE


_TEXT = t.type_(t.STRING)
_PUTS = t.function("f", ["a", "b"], t.node("evil", "AssignVariableOp", "a", "b", dtype=_TEXT))
_THROUGH = t.node("h", "Identity", "v", T=t.type_(t.RESOURCE))


@pytest.mark.parametrize(
    ("nodes", "functions"),
    [
        ((t.node("evil", "AssignVariableOp", "v", "other", dtype=b"\x30\x87\x00"),), ()),
        (
            (
                t.node("w", "VarHandleOp", dtype=_TEXT, shared_name=t.text("v")),
                t.node("evil", "AssignVariableOp", "w", "other", dtype=_TEXT),
            ),
            (),
        ),
        ((_THROUGH, t.node("evil", "AssignVariableOp", "h", "other", dtype=_TEXT)), ()),
        ((t.node("evil", "ResourceScatterUpdate", "v", "at", "other", dtype=_TEXT),), ()),
        ((_THROUGH, t.call("c", "f", "h", "other")), (_PUTS,)),
        ((_THROUGH, t.call("c", "g", "h", "other")), (t.function("g", ["x", "y"], t.call("i", "f", "x", "y")), _PUTS)),
        ((t.node("c", "MapDataset", "d", "h", "other", f=t.function_named("f")),), (_PUTS,)),
    ],
    ids=["overlong-type", "other-handle", "handed-on", "scattered", "function", "functions", "dataset"],
)
def test_a_variable_has_many_names(nodes: tuple[bytes, ...], functions: tuple[bytes, ...]) -> None:
    """What is put into it under another name is seen, or the variable is not trusted."""
    fill = t.node("i", "InitializeTableFromTextFileV2", "table", "r")
    subject = judged(t.plain(*variable(put("asset")), *nodes, fill, functions=functions), "saved_model.pb")
    assert subject.verdict is not Verdict.CLEAR


def test_a_function_that_restores_a_variable_of_its_own() -> None:
    """Models restore their variables of strings by a function; the path of an asset is in none of those."""
    mine = t.node("mine", "VarHandleOp", dtype=_TEXT, shared_name=t.text("mine"))
    fill = t.node("i", "InitializeTableFromTextFileV2", "table", "r")
    data = t.plain(*variable(put("asset")), mine, t.call("c", "f", "mine", "x"), fill, functions=[_PUTS])
    assert judged(data, "saved_model.pb").verdict is Verdict.CLEAR


@pytest.mark.slow
def test_a_variable_among_too_many_nodes() -> None:
    many = [t.const(f"n{at}", "x") for at in range(50_001)]
    late = t.node("evil", "AssignVariableOp", "v", "other", dtype=_TEXT)
    fill = t.node("i", "InitializeTableFromTextFileV2", "table", "r")
    subject = judged(t.plain(*variable(put("asset")), *many, late, fill), "saved_model.pb")
    assert subject.verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize(
    "nodes",
    [
        (t.placeholder("p"), t.const("c", "/../../../etc/passwd"), t.node("j", "StringJoin", "p", "c")),
        (t.const("c", "/etc/passwd"), t.node("j", "PlaceholderWithDefault", "c", dtype=_TEXT)),
    ],
    ids=["joined", "default"],
)
def test_a_table_from_a_file_that_the_graph_names(nodes: tuple[bytes, ...]) -> None:
    fill = t.node("i", "InitializeTableFromTextFileV2", "table", "j")
    assert [finding.severity for finding in judged(t.plain(*nodes, fill), "m.pb").findings] == [Severity.MEDIUM]


def test_the_first_savers_keep_their_default_name_as_a_constant() -> None:
    """TensorFlow before 1.9; it is fed over when they run, and whoever runs them unfed gets a file called model."""
    sharded = t.const("part", "_temp_0123456789abcdef0123456789abcdef/part")
    save = (t.node("j", "StringJoin", "p", "part"), t.node("s", "SaveV2", "j", "n", "s"))
    restore = t.node("r", "RestoreV2", "p", "n", "s")
    assert not judged(t.plain(t.const("p", "model"), sharded, *save, restore), "saved_model.pb").findings
    for name in ("", "/model", "model2"):
        assert judged(t.plain(t.const("p", name), sharded, *save), "saved_model.pb").verdict is Verdict.FLAGGED


@pytest.mark.parametrize(
    ("node", "severity", "words"),
    [
        (t.node("n", "ReadFile", "p"), Severity.MEDIUM, "reads a whole file, fed by '/tmp/x'"),
        (t.node("n", "MatchingFiles", "p"), Severity.MEDIUM, "lists files of a folder"),
        (t.node("n", "TextLineDataset", "p", "q", "r"), Severity.MEDIUM, "reads records from files"),
        (t.node("n", "RestoreV2", "p", "q", "r"), Severity.MEDIUM, "reads a checkpoint"),
        (t.node("n", "InitializeTableFromTextFileV2", "t", "p"), Severity.MEDIUM, "reads a text file into a table"),
        (t.node("n", "CacheDatasetV2", "d", "p", "c"), Severity.HIGH, "writes a cache of a dataset"),
        (t.node("n", "SaveDataset", "d", "p"), Severity.HIGH, "writes a dataset to a folder, fed by '/tmp/x'"),
        (t.node("n", "CreateSummaryFileWriter", "w", "p"), Severity.HIGH, "writes an event file"),
        (t.node("n", "PrintV2", "p", output_stream=t.text("file:///x")), Severity.HIGH, "appends to a file"),
        (t.node("n", "DebugIdentityV2", "p", debug_urls=t.texts("grpc://x")), Severity.HIGH, "fed by 'grpc://x'"),
        (t.node("n", "RegisterDataset", "d", "p"), Severity.HIGH, "talks to a data service"),
        (t.node("n", "RpcServer", "p"), Severity.HIGH, "over the network"),
        (t.node("n", "PyFunc", token=t.text("pyfunc_0")), Severity.MEDIUM, "calls a Python function"),
        (t.node("n", "EagerPyFunc", token=t.text("pyfunc_0")), Severity.MEDIUM, "fed by 'pyfunc_0'"),
        (t.node("n", "Abort", error_msg=t.text("bye")), Severity.MEDIUM, "kills the process"),
        (t.node("n", "DecodeProtoV2", descriptor_source=t.text("/x")), Severity.MEDIUM, "reads a file of descriptors"),
        (t.node("n", "FixedUnigramCandidateSampler", vocab_file=t.text("/x")), Severity.MEDIUM, "reads a vocabulary"),
        (t.node("n", "ImmutableConst", memory_region_name=t.text("/x")), Severity.MEDIUM, "maps a file into memory"),
    ],
)
def test_each_kind(node: bytes, severity: Severity, words: str) -> None:
    [finding] = findings(judged(t.plain(t.const("p", "/tmp/x"), node), "saved_model.pb"), RULE)
    assert finding.severity is severity
    assert words in finding.message


@pytest.mark.parametrize(
    "nodes",
    [
        (t.node("n", "PrintV2", "p", output_stream=t.text("stderr")),),
        (t.const("q", "file: read"), t.node("n", "PrintV2", "q", output_stream=t.text("stderr"))),
        (t.node("n", "DebugIdentityV2", "p"),),
        (t.node("n", "DecodeProtoV2", descriptor_source=t.text("local://")),),
        (t.node("n", "FixedUnigramCandidateSampler", vocab_file=t.text("")),),
        (t.const("q", ""), t.node("n", "CacheDatasetV2", "d", "q", "c")),
        (t.node("n", "RestoreV2", "given", "q", "r"),),
    ],
)
def test_harmless_uses(nodes: tuple[bytes, ...]) -> None:
    data = t.plain(t.const("p", "text"), t.placeholder("given"), *nodes)
    assert judged(data, "saved_model.pb").verdict is Verdict.CLEAR


def test_the_last_of_many_attributes_counts() -> None:
    node = t.node("n", "PrintV2", "p") + b"".join(
        t.field(5, t.field(1, "output_stream") + t.field(2, t.text(f"log{at}"))) for at in range(20)
    )
    last = t.field(5, t.field(1, "output_stream") + t.field(2, t.text("file:///x")))
    assert messages(t.plain(t.const("p", "x"), node + last))
    assert messages(
        t.plain(
            t.const("p", "x"),
            node + t.field(5, t.field(1, "output_stream") + t.field(2, t.text("file:///" + "x" * 5000))),
        )
    )


def test_hit_by_hand() -> None:
    finding = finding_of(CHECK, operator("WriteFile", "/tmp/\x1b[2Jx"))
    assert finding.severity is Severity.HIGH
    assert "\x1b" not in finding.message
    assert gap_of(CHECK, operator("SaveV2", given="computed")).endswith(
        "its file name is computed, and was not followed"
    )


def test_places_are_counted() -> None:
    [finding] = checked(CHECK, *(operator("ReadFile", "/x", where=f"f{at}") for at in range(3)))
    assert "(ReadFile in f0 and 2 other places)" in finding.message


def test_so_many_are_told() -> None:
    told = checked(CHECK, *(operator("ReadFile", f"/x{at}") for at in range(80)))
    assert len(told) == 51


def test_miss_by_hand() -> None:
    others = (Operator(span=SPAN, name="ReadFile", dialect="onnx"), operator("MatMul"), operator("Foo"))
    assert not checked(CHECK, *others)
