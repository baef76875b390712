"""Why a request gets no answer: a status of HTTP and a sentence."""

import msgspec


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may take. Bytes, but for `values`, which counts those of tensors that come, or go, as JSON."""

    body: int = 64 << 20
    #: of a body, what is JSON
    json: int = 32 << 20
    #: arrays of one call, each way; text takes the room of its longest element in each
    arrays: int = 1 << 30
    values: int = 1 << 20


class Refusal(Exception):
    """The request is answered with `status` and `message`; `retry` if the same request may succeed in a moment.

    `kind` is what metrics count it as. With `close` nothing more is read from the connection.
    """

    def __init__(
        self, status: int, message: str, *, kind: str = "request", retry: bool = False, close: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.retry = retry
        self.close = close


def bad(message: str) -> Refusal:
    """The caller can mend it."""
    return Refusal(400, message)


def unsendable(message: str) -> Refusal:
    """The model answered, and the protocol has no way to say it."""
    return Refusal(422, message, kind="answer")
