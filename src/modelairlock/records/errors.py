"""What the operator can mend is an exception; what a file caused is a gap; what a file means is a finding."""


class AirlockError(Exception):
    """Something the person at the keyboard can put right; `hint` says how."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NoIsolation(AirlockError):
    """The level of isolation asked for cannot be reached here."""
