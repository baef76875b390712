"""What flows where in a graph of ONNX, as far as two questions go: what chooses its output, and what is too large.

What a newcomer would get wrong: this is no data flow analysis. Nodes come before the graph's inputs and initializers in
a file, so origins are kept as names and settled at the end; only what moves or compares numbers is followed, because a
planted branch (ShadowLogic) looks at the input itself, and honest comparisons come after layers of arithmetic. What is
kept is bounded; beyond that the questions stay open, and a graph that hides its branch behind one layer is not seen.
"""

from collections.abc import Callable
from typing import NamedTuple

#: values that are followed in one graph, and origins of one value
FOLLOWED = 20_000
_ORIGINS = 4
#: elements that no machine has memory for
HUGE = 2**40

_MOVES = frozenset(
    (
        "Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Split", "Softmax",
        "LogSoftmax", "Sigmoid", "Clip",
    )
)  # fmt: skip
_PARTS = frozenset(
    (
        "Slice", "Gather", "GatherND", "GatherElements", "ArrayFeatureExtractor", "ReduceSum", "ReduceMean",
        "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ArgMax", "CumSum",
    )
)  # fmt: skip
_MIXES = frozenset(
    (
        "Add", "Sub", "Mul", "Div", "Mod", "And", "Or", "Xor", "Not", "Abs", "Neg", "BitShift", "BitwiseAnd",
        "BitwiseOr", "BitwiseXor", "BitwiseNot", "Concat", "Max", "Min", "Sum", "Round", "Floor",
    )
)  # fmt: skip
_COMPARES = frozenset(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"))
_CHOOSES = frozenset(("Where", "If"))
#: operators that make as many elements as an input says, and which one
_SHAPED = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}


class _Value(NamedTuple):
    """Where a value comes from: names of the graph; what was compared to what, if it is a truth; what it chose."""

    origins: frozenset[str]
    part: bool = False
    compared: tuple[frozenset[str], frozenset[str]] | None = None
    chosen: bool = False


class Flow:
    """One graph, node by node. Graphs inside others are followed by themselves."""

    __slots__ = ("_constant", "_inputs", "_large", "_outputs", "_shapes", "_values", "chosen", "huge")

    def __init__(self) -> None:
        self.chosen: list[str] = []
        self.huge: list[str] = []
        self._values: dict[str, _Value] = {}
        self._inputs: set[str] = set()
        self._outputs: list[str] = []
        self._shapes: dict[str, str] = {}
        self._large: dict[str, tuple[int, ...]] = {}
        self._constant: tuple[int, ...] = ()

    def input(self, name: str) -> None:
        """The graph has an input of this name."""
        if len(self._inputs) < FOLLOWED:
            self._inputs.add(name)

    def output(self, name: str) -> None:
        """The graph has an output of this name."""
        if len(self._outputs) < FOLLOWED:
            self._outputs.append(name)

    def shape(self, name: str, numbers: tuple[int, ...]) -> None:
        """A few integers of this name, or the value of the next Constant if it is empty."""
        product = 1
        for number in numbers:
            product *= max(number, 1)
        if product < HUGE:
            return
        if name:
            self._keep(name, numbers)
        else:
            self._constant = numbers

    def _keep(self, name: str, numbers: tuple[int, ...]) -> None:
        if len(self._large) < FOLLOWED:
            self._large[name] = numbers

    def node(self, op: str, inputs: list[str], outputs: list[str]) -> None:
        """The next node. `op` is empty for operators of other sets."""
        if self._constant and op == "Constant" and outputs:
            self._keep(outputs[0], self._constant)
        self._constant = ()
        at = _SHAPED.get(op)
        if at is not None and len(inputs) > at and len(self._shapes) < FOLLOWED:
            self._shapes[inputs[at]] = op
        if op in _NODES and inputs and outputs and len(self._values) < FOLLOWED:
            value = _made(op, [self._value(name) for name in inputs[: 2 * _ORIGINS]])
            if value is not None:
                for name in outputs[: 2 * _ORIGINS]:
                    self._values[name] = value

    def _value(self, name: str) -> _Value:
        return self._values.get(name) or _Value(frozenset((name,)))

    def close(self, is_initializer: Callable[[str], bool]) -> None:
        """All is known now: settle both questions."""
        for name, numbers in self._large.items():
            if name in self._shapes:
                self.huge.append(f"{self._shapes[name]} is given the shape {list(numbers)}")
        for name in self._outputs:
            value = self._values.get(name)
            if value is None or not value.chosen or value.compared is None:
                continue
            for here, there in (value.compared, value.compared[::-1]):
                asked = [one for one in here if one in self._inputs and not is_initializer(one)]
                fixed = [one for one in there if one not in self._inputs or is_initializer(one)]
                if asked and len(fixed) == len(there):
                    self.chosen.append(
                        f"the output {name!r} is chosen by comparing a part of {asked[0]!r} to a constant"
                    )
                    break


_NODES = _MOVES | _PARTS | _MIXES | _COMPARES | _CHOOSES


def _made(op: str, given: list[_Value]) -> _Value | None:
    """What a node makes of its inputs; None for what is not followed."""
    first = given[0]
    if op in _MOVES:
        return first
    if op in _PARTS:
        # Over some axes only (given as a second input, since opset 13 or 18) it is one answer for each row.
        return first if op.startswith("Reduce") and len(given) > 1 else first._replace(part=True)
    part = any(value.part for value in given)
    if op in _COMPARES and len(given) == 2:
        truth = next((value for value in given if value.compared), None)
        if truth is not None:
            return truth._replace(part=part)
        return _Value(frozenset(), part, (given[0].origins, given[1].origins))
    if op in _CHOOSES:
        # A truth of which every element chooses its own is a mask; one that sums up, or is of a part, is a switch.
        return first._replace(chosen=True) if first.compared and first.part else None
    truth = next((value for value in given if value.compared), None)
    if truth is not None:
        plain = [value for value in given if not value.compared]
        return truth._replace(part=part, chosen=any(value.chosen for value in given) or (part and bool(plain)))
    origins = frozenset().union(*(value.origins for value in given))
    return _Value(origins, part) if len(origins) <= _ORIGINS else None
