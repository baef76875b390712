"""A TFLite model reaches files, the network or Python when it runs

## Why it matters

A Flex operator is a kernel of TensorFlow inside a TFLite model. ``tf.lite.Interpreter`` of the full tensorflow package
runs it without being asked, and so does any program that links the Flex delegate; ``ai_edge_litert`` and TFLite Micro
have none of them and refuse. What the kernel is fed with, the model says: a file of the author's choosing is written or
read when the model is run (``invoke``).

A model may also keep its numbers in other files (external buffers, since LiteRT 2.0). A path that leads out of the
model's folder has the loader map whatever lies there.

## What to do

Do not run it with the full tensorflow package outside a jail. Ask for a model without these operators, or convert the
original again.
"""

import re
from collections.abc import Iterator

from modelairlock.records.facts import Operator, Reference
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_HIGH, _MEDIUM = Severity.HIGH, Severity.MEDIUM
_WRITES, _READS = (_HIGH, "writes files"), (_MEDIUM, "reads files")
_NETWORK, _PYTHON = (_HIGH, "talks to the network"), (_MEDIUM, "calls Python functions of the process")
#: kernels of TensorFlow that do more than compute
_EFFECTS = {
    **dict.fromkeys(
        (
            "WriteFile", "Save", "SaveSlices", "SaveV2", "MergeV2Checkpoints", "SaveDataset", "SaveDatasetV2",
            "SnapshotDataset", "SnapshotDatasetV2", "CreateSummaryFileWriter", "WriteSummary", "WriteGraphSummary",
            "CacheDataset", "CacheDatasetV2", "DatasetToTFRecord", "DebugIdentity", "DebugIdentityV2",
            "DebugIdentityV3",
        ),
        _WRITES,
    ),
    **dict.fromkeys(
        (
            "ReadFile", "MatchingFiles", "MatchingFilesDataset", "Restore", "RestoreSlice", "RestoreV2",
            "TextLineReader", "TextLineReaderV2", "WholeFileReader", "WholeFileReaderV2", "TFRecordReader",
            "TFRecordReaderV2", "FixedLengthRecordReader", "FixedLengthRecordReaderV2", "LMDBReader",
            "TextLineDataset", "TFRecordDataset", "TFRecordDatasetV2", "FixedLengthRecordDataset",
            "FixedLengthRecordDatasetV2", "CSVDataset", "CSVDatasetV2", "SqlDataset", "LMDBDataset", "LoadDataset",
            "InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "GenerateVocabRemapping",
            "LoadAndRemapMatrix", "ImmutableConst", "DecodeProtoV2", "EncodeProto",
        ),
        _READS,
    ),
    **dict.fromkeys(
        (
            "DataServiceDataset", "DataServiceDatasetV2", "DataServiceDatasetV3", "DataServiceDatasetV4",
            "RegisterDataset", "RegisterDatasetV2", "BigQueryReader", "RpcCall", "RpcClient", "RpcServer",
            "RpcServerStart", "RpcServerRegister", "GRPC", "Rpc", "TryRpc",
        ),
        _NETWORK,
    ),
    **dict.fromkeys(("PyFunc", "PyFuncStateless", "EagerPyFunc"), _PYTHON),
}  # fmt: skip
_LEAVES = re.compile(r"^(?:[/\\~]|[A-Za-z]:|[A-Za-z][\w+.-]*://)|(?:^|[/\\])\.\.(?:[/\\]|$)|[\x00-\x1f]")


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if "tflite" not in reading.formats:
        return
    for fact in reading.facts:
        if isinstance(fact, Operator) and fact.dialect == "tensorflow" and fact.name in _EFFECTS:
            severity, effect = _EFFECTS[fact.name]
            times = f", {fact.count:,} times" if fact.count > 1 else ""
            message = (
                f"its Flex operator {fact.name} (in {shown(fact.where, 80)}{times}) {effect} when the full tensorflow "
                "package, or another program with the Flex delegate, runs the model"
            )
            yield RULE.finding(reading, message, fact, severity=severity)
        elif isinstance(fact, Reference) and fact.kind == "external-data" and _LEAVES.search(fact.target):
            message = (
                f"it would map the numbers of tensors from {shown(repr(fact.target), 200)}, out of the model's folder"
            )
            yield RULE.finding(reading, message, fact)


RULE = Rule(
    name="tflite-reaches-out",
    summary="A TFLite model reaches files, the network or Python when it runs.",
    check=_check,
    looks_at=(Operator, Reference),
    severity=Severity.HIGH,
    help="Do not run it with the full tensorflow package outside a jail; ask for a model without these operators.",
    cwe=("CWE-73", "CWE-22", "CWE-829"),
    atlas=("AML.T0011.000",),
)
