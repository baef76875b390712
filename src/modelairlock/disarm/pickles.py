"""Plain pickles and joblib's files: arrays of numpy in dicts, lists and objects."""

from modelairlock.disarm.calls import Meaning
from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.objects import Objects
from modelairlock.disarm.tape import Tape
from modelairlock.disarm.torch_legacy import embedded_in
from modelairlock.disarm.tree import Walk, tell_calls
from modelairlock.reading import Budget, Source
from modelairlock.records.disarm import Plan


def plan_pickle(source: Source, budget: Budget, stream: int = -1) -> Plan:
    """The plan for one pickle that is all of `source`. Raises `ReadProblem`."""
    tape, meaning = Tape(source, 0, budget), Meaning(embedded_in(source, budget))
    value = Objects(tape, meaning, joblib=True).read()
    harvest = Harvest("np", stream=stream)
    if tape.at != source.size:
        harvest.drop(
            f"byte {tape.at}", f"{source.size - tape.at} bytes behind the pickle", "nothing reads them with it"
        )
    walk = Walk(harvest, source, budget)
    plain = walk.root(value)
    tell_calls(walk, meaning)
    return harvest.plan("pickle", plain)
