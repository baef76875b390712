"""What the operator can mend is an exception; what a file caused is a gap; what a file means is a finding."""


class AirlockError(Exception):
    """Something the person at the keyboard can put right; `hint` says how."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NoIsolation(AirlockError):
    """The level of isolation asked for cannot be reached here."""


class Flagged(AirlockError):
    """A file is not put to the use that was asked for, because its scan has FLAGGED it."""


class Busy(AirlockError):
    """A model in the jail has too many calls to answer already; later it may take one more."""


class BadArguments(AirlockError):
    """The arguments of a call cannot be sent to a model in the jail, by their kind or their size."""


class CallFailed(AirlockError):
    """A model in the jail raised, or answered what cannot be sent; it goes on. `said` are its own words, escaped."""

    def __init__(self, message: str, hint: str = "", said: str = "") -> None:
        super().__init__(message, hint)
        self.said = said


class WorkerEnded(AirlockError):
    """The process of a model in the jail ended; `outcome` is how (`records.jail.Outcome`), empty if it was closed."""

    def __init__(self, message: str, hint: str = "", outcome: str = "") -> None:
        super().__init__(message, hint)
        self.outcome = outcome
