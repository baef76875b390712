"""A TorchScript archive goes by a plain checkpoint's name

## Why it matters

torch.load before 2.6 gives an archive that holds ``constants.pkl`` to torch.jit.load before it looks at
``weights_only``, so ``torch.load(path, weights_only=True)`` runs the program inside (CVE-2025-32434).

## What to do

Use torch 2.6 or later, which refuses. If you expected weights, ask for weights; if you expected a TorchScript model,
have its program reviewed, and load it with torch.jit.load where it can do no harm.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity, Member
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_CHECKPOINT_NAMES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if "torchscript" not in reading.formats or not reading.name.lower().endswith(_CHECKPOINT_NAMES):
        return
    evidence = [fact for fact in reading.facts if isinstance(fact, Member | Irregularity)]
    if evidence:
        message = "it is a TorchScript program: torch.load before 2.6 runs it even with weights_only=True"
        yield RULE.finding(reading, message, evidence[0], confidence=Confidence.MEDIUM)


RULE = Rule(
    name="torchscript-as-checkpoint",
    summary="A TorchScript archive goes by a plain checkpoint's name.",
    check=_check,
    looks_at=(Irregularity, Member),
    severity=Severity.LOW,
    help="Load it with torch 2.6 or later only, and only after its program was reviewed.",
    cwe=("CWE-502",),
)
