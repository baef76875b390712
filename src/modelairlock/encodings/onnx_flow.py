"""What flows where in a graph of ONNX, as far as two questions go: what chooses its output, and who allocates by it.
"""


class Flow:
    """Placeholder."""

    def __init__(self, outer: "Flow | None") -> None:
        self.watched = False
        self.chosen: list[str] = []
        self.huge: list[str] = []

    def input(self, name: str) -> None: ...
    def output(self, name: str) -> None: ...
    def node(self, op: str, inputs: list[str], outputs: list[str]) -> None: ...
    def shape(self, name: str, numbers: tuple[int, ...], dims: list[int]) -> None: ...
    def close(self) -> None: ...
