"""A TFLite model needs operators that its loader does not have by itself

## Why it matters

The built-in operators of TensorFlow Lite compute numbers from numbers. A custom operator is whatever the program that
loads the model registers under its name, from a library that it brings along. (A Flex operator is a kernel of
TensorFlow, and judged as an operator of TensorFlow's graphs: see graph-reaches-out, graph-unvouched-operator.) Those
that everybody uses (MediaPipe's, the ones in TensorFlow Lite itself) are known here to compute and nothing else. Any
other may be just as harmless; nobody here has looked, so the file is held, not condemned.

Operators of accelerators (``edgetpu-custom-op``, ``ethos-u``) hold a compiled program, which nobody here reads.

## What to do

Find out which library the operator comes from and whether you trust it, or ask for an export without it.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Operator
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.tensorflow import EFFECTS
from modelairlock.records.text import shown

_TOLD = 50


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: custom operators that compute and do nothing else
_CUSTOM = {
    # mediapipe/util/tflite: pooling and warping of pictures and points, on tensors alone
    "MediaPipe": _names("""
        Convolution2DTransposeBias Landmarks2TransformMatrix MaxPoolingWithArgmax2D MaxUnpooling2D TransformLandmarks
        TransformTensorBilinear
    """),
    # mediapipe/tasks/cc/text: hashing and looking up; the tokenizer's model is a tensor of the file
    "MediaPipe Tasks": _names("KmeansEmbeddingLookup NGramHash RaggedTensorToTensor TFSentencepieceTokenizeOp"),
    # tensorflow/lite/kernels: in every interpreter; NumericVerify compares and logs to the error stream
    "TensorFlow Lite": _names("AudioSpectrogram Mfcc NumericVerify TFLite_Detection_PostProcess"),
    # tensorflow/lite/kernels/custom_ops_register.h and perception_ops.h: on tensors alone; tables are in memory
    "TensorFlow Lite, on demand": _names("""
        AvgPool3D AvgPool3DGrad Cumsum DenseImageWarp HashTableV2 Irfft2d LookupTableFindV2 LookupTableImportV2
        LookupTableSizeV2 MaxPool3D MaxPool3DGrad Multinomial RandomStandardNormal RandomUniform Roll Sign
    """),
    # tensorflow/lite/micro and signal/micro: a front end for sound, on tensors alone
    "TFLite Micro": _names("""
        SignalDelay SignalEnergy SignalFftAutoScale SignalFilterBank SignalFilterBankLog
        SignalFilterBankSpectralSubtraction SignalFilterBankSquareRoot SignalFramer SignalIrfft SignalOverlapAdd
        SignalPCAN SignalRfft SignalStacker SignalWindow
    """),
}
_COMPILED = {
    "edgetpu-custom-op": "a program compiled for Google's Edge TPU, which nobody here reads",
    "ethos-u": "a program compiled for Arm's Ethos-U, which nobody here reads",
    "custom_call.": "a program compiled by a vendor, which nobody here reads",
    "DISPATCH_OP": "a program compiled for an accelerator (LiteRT), which nobody here reads",
}
#: built-in ones that stand for something else
_BUILTIN = {
    "CUSTOM": "a custom operator without a name",
    "DELEGATE": "loaders put it in themselves, and no file has it",
    "PLACEHOLDER_FOR_GREATER_OP_CODES": "a mark for newer operators, and none itself",
    "STABLEHLO_CUSTOM_CALL": "it calls what the loading program has registered",
}
#: kernels of TensorFlow that reach out only if their settings say so, which are not read where a Flex operator has them
_BY_SETTINGS = frozenset(("prints", "debugs", "schema", "names-file"))


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if "tflite" not in reading.formats:
        return
    unknown: dict[str, tuple[Operator, str]] = {}
    for fact in reading.facts:
        if isinstance(fact, Operator) and (about := _about(fact)):
            unknown.setdefault(fact.name, (fact, about))
    for told, (fact, about) in enumerate(unknown.values()):
        if told == _TOLD:
            about = f"and {len(unknown) - _TOLD} more operators"
        detail = f"{_name(fact)}: {about}"
        yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)
        if told == _TOLD:
            return


def _about(fact: Operator) -> str:
    """Why nobody vouches for an operator; nothing if somebody does."""
    if fact.dialect == "tensorflow":
        # the rules for TensorFlow's graphs judge all others
        effect = EFFECTS.get(fact.name)
        return "its settings say whether it reaches a file" if effect and effect.kind in _BY_SETTINGS else ""
    if fact.dialect != "tflite":
        return ""
    if fact.domain != "custom":
        unknown = "a built-in operator that LiteRT 2.3 does not have" if fact.name.startswith("BUILTIN_") else ""
        return _BUILTIN.get(fact.name, unknown)
    if fact.name.startswith("Flex") or any(fact.name in names for names in _CUSTOM.values()):
        return ""  # what a Flex operator runs is a fact of its own
    for start, about in _COMPILED.items():
        if fact.name.startswith(start):
            return about
    return "a custom operator that whoever loads the model has to bring along"


def _name(fact: Operator) -> str:
    times = f", {fact.count:,} times" if fact.count > 1 else ""
    name = shown(fact.name, 80) or "an operator without a name"
    return f"{name} (in {shown(fact.where, 80)}{times})"


RULE = Rule(
    name="tflite-custom-operator",
    summary="A TFLite model needs operators that its loader does not have by itself.",
    check=_check,
    looks_at=(Operator,),
    severity=Severity.INFO,
    help="Find out which library the operator comes from and whether you trust it, or ask for an export without it.",
    cwe=("CWE-829",),
    atlas=("AML.T0011.000",),
)
