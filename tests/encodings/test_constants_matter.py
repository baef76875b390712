"""A vouch that hangs on a constant argument needs that constant in the call's shape, or the 17th call escapes it."""

from modelairlock.encodings.pickle_machine import State, run
from modelairlock.encodings.pickle_machine.ledger import CONSTANTS_MATTER, WORD_FOR_WORD
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.profiles import Profiles
from modelairlock.reading import Budget, BytesSource, Cursor
from modelairlock.records.facts import Call

#: constraints that look at strings, numbers or tuples, and not only at kinds, classes and callables
ON_CONSTANTS = {"latin1", "empty-array", "vouched-names", "bit-generator"}


def test_every_vouch_on_constants_is_listed() -> None:
    profiles = Profiles.bundled()
    missing = {
        f"{module}:{qualname}"
        for library in profiles.libraries()
        for (module, qualname, use), vouch in profiles.entries(library).items()
        if use in ("call", "new") and vouch.arguments in ON_CONSTANTS and (module, qualname) not in CONSTANTS_MATTER
    }
    assert not missing, f"add to CONSTANTS_MATTER in encodings/pickle_machine/ledger.py: {sorted(missing)}"


def test_the_last_of_many_calls_is_seen() -> None:
    honest = b"c_codecs\nencode\n(V\xe9\nVlatin1\ntR0" * (WORD_FOR_WORD + 5)
    data = honest + b"c_codecs\nencode\n(Vx\nVevil_codec\ntR."
    state = State(Cursor(BytesSource(data), "x.pkl", Budget(DEFAULT_LIMITS)), 0)
    run(state)
    calls = [fact for fact in state.ledger.stated() if isinstance(fact, Call)]
    assert [call.arguments[1].text for call in calls] == ["latin1", "evil_codec"]
    assert calls[0].count == WORD_FOR_WORD + 5
