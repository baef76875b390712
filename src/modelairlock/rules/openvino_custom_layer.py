"""An OpenVINO model needs layers that OpenVINO does not have by itself

## Why it matters

A layer of one of OpenVINO's own operation sets computes numbers from numbers. One of another set (``extension`` above
all) is whatever a shared library registers under that name: whoever loads the model has to call ``Core.add_extension``
with that library first, and so runs its code. Models of tokenizers are honest examples: they need openvino_tokenizers.

## What to do

Find out which library the layers belong to and whether you trust it, and keep the decision with the file's
digest, which the report states.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: every operation of opset1 to opset17 in OpenVINO 2026.4 (its tables of operation sets): mathematics, control flow,
#: shapes and states of the model itself by specification; none names a file. OpenVINO compares without regard to case
_OPERATIONS = frozenset(
    """
    Abs Acos Acosh AdaptiveAvgPool AdaptiveMaxPool Add Asin Asinh Assign Atan Atanh AvgPool BGRtoNV12
    BatchNormInference BatchToSpace BinaryConvolution BitwiseAnd BitwiseLeftShift BitwiseNot BitwiseOr
    BitwiseRightShift BitwiseXor Broadcast Bucketize CTCGreedyDecoder CTCGreedyDecoderSeqLen CTCLoss Ceiling
    Clamp Col2Im Concat Const Constant Convert ConvertLike ConvertPromoteTypes Convolution
    ConvolutionBackpropData Cos Cosh CumSum DFT DeformableConvolution DeformablePSROIPooling DepthToSpace
    DetectionOutput Divide Einsum Elu EmbeddingBagOffsets EmbeddingBagOffsetsSum EmbeddingBagPacked
    EmbeddingBagPackedSum EmbeddingSegmentsSum Equal Erf ErfInv Exp ExperimentalDetectronDetectionOutput
    ExperimentalDetectronGenerateProposalsSingleImage ExperimentalDetectronPriorGridGenerator
    ExperimentalDetectronROIFeatureExtractor ExperimentalDetectronTopKROIs ExtractImagePatches Eye FakeConvert
    FakeQuantize Floor FloorMod GRN GRUCell GRUSequence Gather GatherElements GatherND GatherTree Gelu
    GenerateProposals Greater GreaterEqual GridSample GroupConvolution GroupConvolutionBackpropData
    GroupNormalization GroupedMatMul HSigmoid HSwish HardSigmoid I420toBGR I420toRGB IDFT IRDFT ISTFT Identity
    If Interpolate Inverse IsFinite IsInf IsNaN LRN LSTMCell LSTMSequence Less LessEqual Log LogSoftmax
    LogicalAnd LogicalNot LogicalOr LogicalXor Loop MVN MatMul MatrixNms MaxPool Maximum Minimum Mish Mod
    MulticlassNms Multinomial Multiply NMSRotated NV12toBGR NV12toRGB Negative NonMaxSuppression NonZero
    NormalizeL2 NotEqual OneHot PRelu PSROIPooling Pad Parameter Power PriorBox PriorBoxClustered Proposal RDFT
    RGBtoNV12 RNNCell RNNSequence ROIAlign ROIAlignRotated ROIPooling RandomUniform Range ReadValue ReduceL1
    ReduceL2 ReduceLogicalAnd ReduceLogicalOr ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum RegionYolo
    Relu ReorgYolo Reshape Result Reverse ReverseSequence Roll Round STFT ScaledDotProductAttention
    ScatterElementsUpdate ScatterNDUpdate ScatterUpdate SearchSorted SegmentMax Select Selu ShapeOf
    ShuffleChannels Sigmoid Sign Sin Sinh Slice SliceScatter SoftPlus SoftSign Softmax SpaceToBatch SpaceToDepth
    SparseFillEmptyRows Split Sqrt SquaredDifference Squeeze StridedSlice StringTensorPack StringTensorUnpack
    Subtract Swish Tan Tanh TensorIterator Tile TopK Transpose Unique Unsqueeze VariadicSplit Xor
    """.lower().split()
)
_SETS = frozenset(f"opset{number}" for number in range(1, 18))
_ABOUT = {
    "extension": "from a library that Core.add_extension loads",
    "": "a layer without a version, as before 2020",
    "util": "an operation of OpenVINO's own inside",
    "ie_internal_opset": "an operation of OpenVINO's own inside",
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    told: set[tuple[str, str]] = set()
    for fact in reading.facts:
        if not isinstance(fact, Operator) or fact.dialect != "openvino" or (fact.domain, fact.name) in told:
            continue
        if fact.domain in _SETS and fact.name.lower() in _OPERATIONS:
            continue
        told.add((fact.domain, fact.name))
        about = _ABOUT.get(fact.domain, "a set of operations that is unknown here")
        if fact.domain in _SETS:
            about = "an operation that OpenVINO 2026.4 does not list"
        with_strings = f", with {', '.join(fact.strings)}" if fact.strings else ""
        detail = shown(f"{fact.domain}::{fact.name} ({about}){with_strings}", 300)
        yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="openvino-custom-layer",
    summary="An OpenVINO model needs layers that OpenVINO does not have by itself.",
    check=_check,
    looks_at=(Operator,),
    severity=Severity.MEDIUM,
    help="Find out which library the layer comes from and whether you trust it.",
    cwe=("CWE-829", "CWE-114"),
    atlas=("AML.T0011.001",),
)
