"""A skops file names code that nobody vouches for, or that is known to do harm

## Why it matters

`skops.io.load` makes what the file names, once the types on its list of untrusted ones are trusted; people trust what
`get_untrusted_types` prints, unread. Each name has its use: a type is imported, an object is made without its
constructor and given a state, a constructor is called. A name that is vouched for in that use is silent. Another one is
a gap that names it; one that is known to do harm is a finding.

## What to do

Look at what the named class or function does before you put it into `trusted`, or ask for a model without it.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Configured
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: what each node does with the name it shows; nodes that make what they are called for are not here
_USES: dict[str, tuple[str, ...]] = {
    "TypeNode": ("import",),
    "FunctionNode": ("import",),
    "ObjectNode": ("new", "build"),
    "ConstructorFromReduceNode": ("call",),
    "TreeNode": ("call", "build"),
    "LossNode": ("import",),
    "QuantileForestNode": ("call", "build"),
    "PartialNode": (),
}
#: nodes that make plain things, and the only names that they may show
_PLAIN: dict[str, frozenset[str]] = {
    "JsonNode": frozenset({"builtins.str", "builtins.int", "builtins.float", "builtins.bool", "builtins.NoneType"}),
    "BytesNode": frozenset({"builtins.bytes"}),
    "BytearrayNode": frozenset({"builtins.bytearray"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "DictNode": frozenset({"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}),
    "DefaultDictNode": frozenset({"collections.defaultdict"}),
    "ListNode": frozenset({"builtins.list"}),
    "SetNode": frozenset({"builtins.set", "builtins.frozenset"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState", "numpy.random.RandomState"}),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "PartialNode": frozenset({"functools.partial"}),
}
#: losses of scikit-learn: those of gradient boosting are in a module that says of itself that it is ``_loss``
_BOOSTING = frozenset(
    f"Cy{name}"
    for name in (
        "AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss", "HalfMultinomialLoss",
        "HalfPoissonLoss", "HalfSquaredError", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HuberLoss", "PinballLoss",
    )
)  # fmt: skip
_LOSSES = {
    "_loss": _BOOSTING,
    "sklearn._loss._loss": _BOOSTING,
    "sklearn.linear_model._sgd_fast": frozenset(
        [
            "EpsilonInsensitive",
            "Hinge",
            "Huber",
            "Log",
            "ModifiedHuber",
            "SquaredEpsilonInsensitive",
            "SquaredHinge",
            "SquaredLoss",
        ]
    ),
}
_TOLD = 20


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    told: set[str] = set()
    for fact in reading.facts:
        if not isinstance(fact, Configured) or fact.scheme != "skops" or _is_vouched(fact, context):
            continue
        name = f"{fact.module}.{fact.qualname}"
        if f"{fact.kind} {name}" in told or len(told) >= _TOLD:
            continue
        told.add(f"{fact.kind} {name}")
        harm = context.profiles.harm(fact.module, fact.qualname)
        if harm is not None:
            message = f"a {fact.kind} names {name}, which {harm.effect}, once it is trusted"
            yield RULE.finding(reading, shown(message, 400), fact, cwe=harm.cwe, atlas=harm.atlas)
        else:
            detail = shown(f"{name} ({fact.kind or 'a node without a loader'} of a skops file)", 300)
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


def _is_vouched(fact: Configured, context: Context) -> bool:
    if fact.kind == "CachedNode":
        return True  # it stands for another node
    name = f"{fact.module}.{fact.qualname}"
    if name in _PLAIN.get(fact.kind, ()):
        return True
    if fact.kind in ("NdArrayNode", "SparseMatrixNode"):
        return fact.module.partition(".")[0] in ("numpy", "scipy") and _uses(fact, context, ("import",))
    if fact.kind == "LossNode":
        return fact.qualname in _LOSSES.get(fact.module, ())
    uses = _USES.get(fact.kind)
    return bool(uses) and _uses(fact, context, uses or ())


def _uses(fact: Configured, context: Context, uses: tuple[str, ...]) -> bool:
    """Whether the name is vouched for in all of `uses`, whatever it would be called with."""
    found = {use: context.profiles.vouches(fact.module, fact.qualname, use) for use in uses}
    return all(vouch is not None and not (use == "call" and vouch.arguments) for use, vouch in found.items())


RULE = Rule(
    name="skops-code",
    summary="A skops file names code that is known to do harm.",
    check=_check,
    looks_at=(Configured,),
    severity=Severity.HIGH,
    help="Do not trust the named type; ask for a model that does without it.",
    cwe=("CWE-502",),
    atlas=("AML.T0011.000",),
)
