"""An ONNX model needs operators that its loader does not have by itself

## Why it matters

The operators of ONNX and those built into onnxruntime compute numbers from numbers: none of them opens a file, a
connection or a library. An operator of any other set is whatever somebody registers under that name: a shared library
given to ``SessionOptions.register_custom_ops_library``, a plugin of TensorRT, a Python function. A model that needs one
makes its user load that code; what the code then does with the model's strings and numbers is its own affair. A few
such operators are known to run Python, to call any operator of PyTorch by its name or to talk to the network.

An operator that the file itself defines as a function is none of these: its nodes are judged like all others.

## What to do

Find out which library the operators belong to and whether you trust it, and keep the decision with the file's
digest, which the report states. Or ask for an export that needs none.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Operator, Setting
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: every operator of onnx 1.23 in any version of its opsets (`onnx.defs.get_all_schemas_with_history`): mathematics,
#: control flow and shapes by specification; ImageDecoder decodes bytes it is given, and no operator names a file
_ONNX = _names("""
    Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool
    BatchNormalization Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast
    CastLike CausalConvWithState Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant
    ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumProd CumSum DFT DeformConv DepthToSpace
    DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor
    GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
    GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity
    If ImageDecoder InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual
    LinearAttention Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool
    MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg
    NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement
    OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN
    RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2
    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
    RegexFullMatch Relu Reshape Resize ReverseSequence RoiAlign RotaryEmbedding Round STFT Scan Scatter
    ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert
    SequenceLength SequenceMap Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss
    Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat StringNormalizer StringSplit
    Sub Sum SwiGLU Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu Unique
    Unsqueeze Upsample Where Xor
""")
#: onnxruntime 1.32 has these beside them in the same set: experiments of ONNX before 1.5, copies between devices, and
#: schemas for plugins that TensorRT itself ships
_ONNX_EXTRA = _names("""
    Affine Crop DisentangledAttention_TRT DynamicSlice EfficientNMS_TRT GRUUnit GivenTensorFill ImageScaler
    MemcpyFromHost MemcpyToHost MultilevelCropAndResize_TRT ParametricSoftplus PyramidROIAlign_TRT Scale
    ScaledTanh SimplifiedLayerNormalization
""")
#: classical models: trees, vectors, strings to numbers. Their strings are categories and labels
_ML = _names("""
    ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder
    LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble
    TreeEnsembleClassifier TreeEnsembleRegressor ZipMap
""")
#: an optimizer's steps, and attention: mathematics, by specification
_PREVIEW = _names("FlexAttention Adagrad Adam Gradient Momentum")
#: onnxruntime 1.32's own (`get_all_operator_schema`), without those that hold programs for accelerators (EPContext,
#: Snpe): fused, quantized and packed forms of the above, attention, sampling of tokens
_MICROSOFT = _names("""
    Attention AttnLSTM BeamSearch BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu BifurcationDetector
    BitmaskBiasDropout BitmaskDropout BranchwiseRMSNorm CDist CausalConvWithState ComplexMul ComplexMulConj
    ConvStateReplay ConvTransposeWithDynamicPads CropAndResize DecoderAttention DecoderMaskedMultiHeadAttention
    DecoderMaskedSelfAttention DequantizeBFP DequantizeLinear DequantizeWithOrder DynamicQuantizeLSTM
    DynamicQuantizeMatMul DynamicSparseAttention DynamicTimeWarping EmbedLayerNormalization EngramGate
    ExpandDims FastGelu FusedConv FusedGemm FusedMatMul FusedMatMulActivation GatedAdd GatedDeltaNet
    GatedDeltaNetStateReplay GatedRMSNorm GatedRelativePositionBias GatherBlockQuantized GatherND GatherPacked
    Gelu GemmFastGelu GemmFloat8 GemmaRotaryEmbedding GreedySearch GridSample GroupNorm GroupQueryAttention
    HyperConnectionLowRankMix HyperConnectionPostMix HyperConnectionPreMix Inverse Irfft IsAllFinite
    LinearAttention LinearAttentionGate LongformerAttention MRotaryEmbedding Mamba2Verify
    MatMulBlockQuantizedFp4Weight MatMulBlockQuantizedFp8Weight MatMulBnb4 MatMulFpQ4 MatMulInteger16
    MatMulIntegerToFloat MatMulNBits MatMulNBitsMlp MatMulNBitsQLoRA MatMulNBitsQkv MatMulPacked MaxpoolWithMask
    MoE MoEGroupRouter MoEPacked MulInteger MultiHeadAttention MurmurHash3 NGramHashMapping NGramRepeatBlock
    NhwcConv NhwcFusedConv NhwcMaxPool PackedAttention PackedMultiHeadAttention PackedSparseAttentionIndexer
    PackedSparseAttentionIndexerMerge Pad PagedAttention QAttention QEmbedLayerNormalization QGemm QLinearAdd
    QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul
    QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere QMoE QOrderedAttention QOrderedGelu
    QOrderedLayerNormalization QOrderedLongformerAttention QOrderedMatMul QuantizeBFP QuantizeLinear
    QuantizeWithOrder QuickGelu RMSNormRotary Range ReduceSumInteger RelativePositionBias RemovePadding
    RestorePadding Rfft RotaryEmbedding RouterGateUpProj SampleOp Sampling ScaledSiLU SkipGroupNorm
    SkipLayerNormalization SkipSimplifiedLayerNormalization SparseAttention SparseAttentionIndexer
    SparsePagedAttention SparseToDenseMatMul SpeculativePrefixCommit SwiGLU Tokenizer TorchEmbedding
    TransposeMatMul Trilu UnfoldTensor Unique VarlenCausalConvWithState VarlenNGramHashMapping WhisperBeamSearch
    WordConvEmbedding
""")
#: those of onnxruntime-training (its training_op_defs.cc, and all of them in the library of 1.19.2): gradients,
#: losses, optimizers, compressed activations. PythonOp, ATen and TritonOp, which call out of it, are below
_TRAINING = _names("""
    AdamOptimizer AdamWOptimizer BatchNormInternal BatchNormalizationGrad BiasFastGeluGrad_dX
    BiasGeluGrad_dX BiasSoftmaxDropout BitmaskDropoutGrad BroadcastGradientArgs ConcatTraining ConvGrad
    ConvTransposeGrad DivGrad DropoutGrad FakeQuant FakeQuantGrad FastGeluGrad GRUGrad GRUTraining
    GatherElementsGrad GatherGrad GatherNDGrad GeluGrad GistBinarizeDecoder GistBinarizeEncoder
    GistPack16Decoder GistPack16Encoder GistPack1Decoder GistPack1Encoder GistPack8Decoder GistPack8Encoder
    GistPackMsfp15Decoder GistPackMsfp15Encoder Group InPlaceAccumulator InPlaceAccumulatorV2
    InvertibleLayerNormalizationGrad IsFinite LSTMGrad LSTMTraining LambOptimizer LayerNormalizationGrad
    LeakyReluGrad LogSoftmaxGrad LogSoftmaxGrad_13 MixedPrecisionScale NegativeLogLikelihoodLoss
    NegativeLogLikelihoodLossInternal NegativeLogLikelihoodLossInternal2 PadAndUnflatten PassThrough
    QuickGeluGrad ReduceAllL2 ReduceSumTraining ReluGrad ResizeGrad SGDOptimizer SGDOptimizerV2 Scale ScaledSum
    ShrunkenGather SigmoidGrad SimplifiedLayerNormalizationGrad SinGrad SliceGrad SoftmaxCrossEntropy
    SoftmaxCrossEntropyGrad SoftmaxCrossEntropyLossGrad SoftmaxCrossEntropyLossInternal
    SoftmaxCrossEntropyLossInternalGrad SoftmaxDropoutGrad SoftmaxGrad SoftmaxGrad_13 SparseSoftmaxCrossEntropy
    SparseSoftmaxCrossEntropyGrad SplitTraining TanhGrad View ZeroGradient
""")
#: convolutions in another layout: onnxruntime writes them when it saves what it optimized
_NCHWC = _names("AveragePool Conv GlobalAveragePool GlobalMaxPool MaxPool ReorderInput ReorderOutput Upsample")
_NHWC = _names("""
    AveragePool BatchNormalization Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalLpPool GlobalMaxPool
    GridSample InstanceNormalization LRN LpPool MaxPool MaxUnpool QLinearAveragePool QLinearConv
    QLinearConvTranspose Resize SpaceToDepth
""")

_KNOWN: dict[str, tuple[frozenset[str], ...]] = {
    "": (_ONNX, _ONNX_EXTRA),
    "ai.onnx": (_ONNX, _ONNX_EXTRA),
    "ai.onnx.ml": (_ML,),
    "ai.onnx.preview": (_PREVIEW,),
    "ai.onnx.preview.training": (_PREVIEW,),
    "ai.onnx.training": (_PREVIEW,),
    "com.microsoft": (_MICROSOFT, _TRAINING),
    "com.microsoft.nchwc": (_NCHWC,),
    "com.ms.internal.nhwc": (_NHWC,),
}

_PYTHON = "calls Python functions that the loading process has registered (onnxruntime-extensions)"
_AZURE = "sends its inputs to the address in model_uri when it is run (onnxruntime-extensions)"
#: what these do, and nothing that a model needs to be run
_HARM: dict[tuple[str, str], str] = {
    ("com.microsoft", "PythonOp"): "calls a Python function by its name (onnxruntime-training)",
    ("com.microsoft", "PythonOpGrad"): "calls a Python function by its name (onnxruntime-training)",
    ("com.microsoft", "TritonOp"): "has Python make and run a kernel by its name or text (onnxruntime-training)",
    ("ai.onnx.contrib", "PyOp"): _PYTHON,
    ("ai.onnx.contrib", "PyCustomOp"): _PYTHON,
    ("com.microsoft.extensions", "AzureAudioToText"): _AZURE,
    ("com.microsoft.extensions", "AzureTextToText"): _AZURE,
    ("com.microsoft.extensions", "AzureTritonInvoker"): _AZURE,
    ("com.microsoft.extensions", "OpenAIAudioToText"): _AZURE,
}
#: operators of PyTorch that reach files, as they are named by an ATen node
_ATEN_FILES = ("aten::save", "aten::from_file", "aten::load", "aten::open")
#: what a set of operators is for, in case it is unknown here
_ABOUT = {
    "ai.onnx.contrib": "onnxruntime-extensions, or Python functions registered with it",
    "com.microsoft.extensions": "onnxruntime-extensions, which can talk to the network",
    "org.pytorch.aten": "any operator of PyTorch by name (onnxruntime-training, Caffe2)",
    "trt.plugins": "plugins of TensorRT, from a library that the user names",
    "mmdeploy": "the library of mmdeploy",
    "org.openvinotoolkit": "operators that only OpenVINO has",
    "com.microsoft": "an operator that onnxruntime 1.32 does not list",
    "": "an operator that onnx 1.23 does not list",
    "ai.onnx": "an operator that onnx 1.23 does not list",
}
_COMPILED = "holds, or names, a program compiled for an accelerator, which nobody here reads"


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    facts = [fact for fact in reading.facts if isinstance(fact, Operator) and fact.dialect == "onnx"]
    defined = {
        (fact.where, fact.value) for fact in reading.facts if isinstance(fact, Setting) and fact.key == "function"
    }
    unknown: dict[tuple[str, str], list[Operator]] = {}
    for fact in facts:
        effect = _effect(fact)
        if effect:
            message = f"its graph has {_name(fact)}, which {effect}{_strings(fact)}"
            yield RULE.finding(reading, message, fact, confidence=Confidence.MEDIUM)
        elif not _known(fact) and (fact.domain, fact.name) not in defined:
            unknown.setdefault((fact.domain, fact.name), []).append(fact)
    for same in unknown.values():
        yield _gap(same)


def _known(fact: Operator) -> bool:
    return any(fact.name in names for names in _KNOWN.get(fact.domain, ()))


def _effect(fact: Operator) -> str:
    """What the operator is known to do beyond computing; nothing for most."""
    if fact.domain == "ai.onnx.contrib" and fact.name.startswith("Py"):
        return _PYTHON
    aten = fact.name.startswith("ATen") or fact.domain == "org.pytorch.aten"
    if aten and any(name in text for text in (fact.name, *fact.strings) for name in _ATEN_FILES):
        return "has PyTorch read or write a file"
    return _HARM.get((fact.domain, fact.name), "")


def _gap(same: list[Operator]) -> Gap:
    first = same[0]
    if first.domain == "com.microsoft" and first.name in ("EPContext", "Snpe"):
        about = _COMPILED
    else:
        about = _ABOUT.get(first.domain, "a set of operators that whoever loads the model has to bring along")
    detail = shown(f"{_name(first)} ({about}){_strings(first)}", 300)
    return Gap(start=first.span.start, end=first.span.end, because=Because.UNVOUCHED, detail=detail)


def _name(fact: Operator) -> str:
    return shown(f"{fact.domain}::{fact.name}" if fact.domain else fact.name, 120)


def _strings(fact: Operator) -> str:
    return f", with {shown(', '.join(fact.strings), 160)}" if fact.strings else ""


RULE = Rule(
    name="onnx-custom-operator",
    summary="An ONNX model needs operators that its loader does not have by itself.",
    check=_check,
    looks_at=(Operator, Setting),
    severity=Severity.MEDIUM,
    help="Find out which library the operator comes from and whether you trust it, or ask for an export without it.",
    cwe=("CWE-829", "CWE-114"),
    atlas=("AML.T0011.000", "AML.T0011.001"),
)
