"""The lists of TensorFlow's operators: sorted out by one reason each, and real."""

import pytest

from modelairlock.records.tensorflow import EFFECTS, PLAIN

#: registered by others or not any more
_ELSEWHERE = {"NumpyFunction"}


def test_no_operator_is_both() -> None:
    assert not PLAIN & EFFECTS.keys()


def test_what_reaches_out_is_not_called_plain() -> None:
    reaching = {
        "ReadFile", "WriteFile", "MatchingFiles", "SaveV2", "RestoreV2", "MergeV2Checkpoints", "PyFunc", "EagerPyFunc",
        "PyFuncStateless", "NumpyFunction", "PrintV2", "DebugIdentity", "DebugIdentityV2", "DataServiceDatasetV4",
        "RegisterDataset", "RpcServer", "TextLineDataset", "SqlDataset", "DatasetFromGraph", "CacheDatasetV2",
        "SaveDataset", "LoadDataset", "SnapshotDatasetV2", "ImmutableConst", "Skipgram", "DecodeProtoV2", "Abort",
        "CreateSummaryFileWriter", "DumpTensor", "RemoteCall", "FixedUnigramCandidateSampler",
    }  # fmt: skip
    assert reaching <= EFFECTS.keys()


def test_programs_of_other_kinds_are_on_no_list() -> None:
    for name in ("XlaCallModule", "XlaCustomCall", "XlaCustomCallV2", "TPUCompile", "MlirPassthroughOp", "Send"):
        assert name not in PLAIN
        assert name not in EFFECTS


@pytest.mark.frameworks
def test_tensorflow_registers_them() -> None:
    pytest.importorskip("tensorflow")
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    listed = op_def_pb2.OpList()
    listed.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    operators = {one.name: one for one in listed.op}
    assert not (PLAIN | EFFECTS.keys()) - operators.keys() - _ELSEWHERE
    for name, effect in EFFECTS.items():
        if name in operators:
            assert all(at < len(operators[name].input_arg) for at in effect.inputs), name
            assert set(effect.attributes) <= {attr.name for attr in operators[name].attr}, name
