"""Follows strings through a graph: which constants, or whose arguments, say what an operator reaches.

What a newcomer would get wrong: honest models hold operators that write files, for each SavedModel can save itself.
What makes those harmless is that their file name is an argument, of the function and of the graph that calls it; a
constant in its place is a file of the author's choosing. So strings are followed backwards through the few operators
that carry them, and forwards through the calls of a function. What was not followed is `computed`, never `caller`.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from modelairlock.encodings.tensorflow.nodes import CARRIERS, Node
from modelairlock.records.facts import Operator
from modelairlock.records.span import Span
from modelairlock.records.tensorflow import EFFECTS, PLAIN, Effect

Given = Literal["", "constant", "caller", "computed"]

#: nodes of one graph or function that are kept to follow strings through them
_KEPT = 50_000
#: calls of functions in one artifact, with what they are given
_CALLS = 50_000
_STEPS = 256
_TOLD = 8
#: what hands its inputs to the arguments of its function one by one
_DIRECT = frozenset(("PartitionedCall", "StatefulPartitionedCall"))
#: which inputs of an operator carry its string on; None for all
_CARRIES: dict[str, tuple[int, ...] | None] = {
    "Identity": (0,), "ShardedFilename": (0,), "Select": (1, 2), "SelectV2": (1, 2), "StringJoin": None, "Pack": None,
    "PlaceholderWithDefault": (0,),
}  # fmt: skip


class Origin(NamedTuple):
    """Where a string comes from: constants, arguments (by number) of the function or graph, or not known.

    `stored` says that it went through a variable, and `cut` that not all of the constants are here.
    """

    strings: tuple[str, ...] = ()
    arguments: frozenset[int] = frozenset()
    given: Given = ""
    stored: bool = False
    cut: bool = False

    def for_use(self, kind: str) -> "Origin":
        """As good as the use of it needs: what is written must be known to the last character."""
        doubted = (self.stored and kind != "vocabulary") or (self.cut and kind in _EXACT)
        return self._replace(given="computed") if doubted else self


_UNKNOWN = Origin(given="computed")
#: kinds of effects that are harmless if nothing but the caller says what they reach
_EXACT = frozenset(("saves", "restores", "vocabulary"))


class _Call(NamedTuple):
    """Somebody calls a function; `inputs` is None where they do not become its arguments one by one."""

    where: str
    scope: str
    outermost: bool
    inputs: tuple[Origin, ...] | None


class _Need(NamedTuple):
    """What a function reaches has the name that these arguments of it give."""

    operator: str
    arguments: frozenset[int]
    strings: tuple[str, ...]
    span: Span


class Scope:
    """A function, or the graph outside of all, while its nodes come by. `arguments` is None for the outermost."""

    __slots__ = ("arguments", "assets", "calls", "full", "name", "nodes", "reaching", "shared")

    def __init__(self, name: str, arguments: dict[str, int] | None) -> None:
        self.name, self.arguments = name, arguments
        self.nodes: dict[str, Node] = {}
        self.reaching: list[Node] = []
        self.calls: list[Node] = []
        #: tensors that the loader feeds with paths of assets
        self.assets: set[str] = set()
        #: variables of strings that some function is handed, and may change
        self.shared: set[str] = set()
        self.full = False

    def add(self, node: Node) -> None:
        """Keep what matters of a node."""
        if node.operator in CARRIERS and not node.functions and len(self.nodes) < _KEPT:
            # One that is not kept makes what it feeds computed, which is never too good.
            # Of two nodes of one name nobody knows which is meant; TensorFlow refuses them.
            twice = node.name in self.nodes
            self.nodes[node.name] = node._replace(operator="") if twice else node
        reaches, calls = node.operator in EFFECTS, bool(node.functions) or node.operator not in PLAIN
        if (reaches or calls) and len(self.reaching) + len(self.calls) >= _KEPT:
            self.full = True
            return
        if reaches:
            self.reaching.append(node)
        if calls:
            self.calls.append(node)

    def origin(self, references: tuple[str, ...]) -> Origin:
        """Where the strings behind some inputs come from."""
        walk = _Walk(self)
        walk.run(list(references))
        return walk.result()

    def is_text(self, reference: str) -> bool:
        """Whether an input may be a string that can be followed."""
        name = _node_of(reference)
        return name in self.nodes or name in (self.arguments or ())


class _Walk:
    """One way backwards."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.strings: dict[str, None] = {}
        self.arguments: set[int] = set()
        self.caller = self.computed = self.stored = self.cut = False

    def run(self, left: list[str]) -> None:
        """Follow all of `left`, the first first, so that strings come in the order of the inputs."""
        left.reverse()
        seen: set[str] = set()
        while left:
            name = _node_of(left.pop())
            if name in seen:
                continue
            seen.add(name)
            if len(seen) > _STEPS:
                self.computed = True
                return
            left.extend(reversed(self._step(name)))

    def _step(self, name: str) -> tuple[str, ...]:
        if self.scope.arguments is not None and name in self.scope.arguments:
            self.arguments.add(self.scope.arguments[name])
            self.caller = True
            return ()
        node = self.scope.nodes.get(name)
        if node is None or (node.cut and node.operator not in ("Const", "HostConst")):
            self.computed = True
            return ()
        if node.operator in ("Const", "HostConst"):
            self._constant(node)
            return ()
        if node.operator in ("Placeholder", "PlaceholderV2", "_Arg", "PlaceholderWithDefault"):
            self.caller = True
        elif node.operator == "ReadVariableOp":
            return self._variable(node)
        elif node.operator not in _CARRIES:
            self.computed = True
        carried = _CARRIES.get(node.operator, ())
        inputs = tuple(one for one in node.inputs if not one.startswith("^"))
        return inputs if carried is None else tuple(inputs[at] for at in carried if at < len(inputs))

    def _constant(self, node: Node) -> None:
        self.strings.update(dict.fromkeys(node.strings))
        if self.scope.assets and node.name in self.scope.assets:
            self.caller = True
        self.cut = self.cut or node.cut

    def _variable(self, node: Node) -> tuple[str, ...]:
        """What is put into the variable here, if nobody else can have put anything else there."""
        handle = _node_of(node.inputs[0]) if node.inputs else ""
        put = [
            one.inputs[1]
            for one in self.scope.nodes.values()
            if one.operator == "AssignVariableOp" and len(one.inputs) > 1 and _node_of(one.inputs[0]) == handle
        ]
        self.stored = True
        if not put or self.scope.arguments is not None or handle in self.scope.shared:
            self.computed = True
        return tuple(put)

    def result(self) -> Origin:
        """What was found on the way."""
        strings = tuple(self.strings)
        given: Given = "constant" if strings else ""
        if self.computed:
            given = "computed"
        elif self.caller:
            given = "caller"
        return Origin(strings, frozenset(self.arguments), given, self.stored, self.cut)


class Flow:
    """What the operators of one graph reach, scope by scope, and at the end what calls give to functions."""

    def __init__(self) -> None:
        self.functions: set[str] = set()
        self.calls: dict[str, list[_Call]] = {}
        self.count = 0
        self.needs: list[tuple[str, _Need]] = []
        self.full = False
        #: whether a function has a variable of strings of its own, which may be one of the graph's
        self.variables = False

    def close(self, scope: Scope) -> Iterator[Operator]:
        """A scope whose nodes are all there: its operators that reach out, and its calls for later."""
        self.full = self.full or scope.full
        outermost = scope.arguments is None
        if not outermost and any(node.operator == "VarHandleOp" for node in scope.nodes.values()):
            self.variables = True
        for node in scope.calls:
            scope.shared.update(_node_of(one) for one in node.inputs if one)
        for node in scope.reaching:
            yield from self._reaching(scope, node, EFFECTS[node.operator])
        for node in scope.calls:
            self._calls(scope, node)

    def _reaching(self, scope: Scope, node: Node, effect: Effect) -> Iterator[Operator]:
        said = [text for key in effect.attributes for text in node.attributes.get(key, ())]
        inputs = tuple(one for one in node.inputs if not one.startswith("^"))
        if effect.inputs:
            inputs = tuple(inputs[at] for at in effect.inputs if at < len(inputs))
        elif effect.attributes:
            inputs = ()
        origin = self._origin(scope, inputs).for_use(effect.kind)
        if node.cut and origin.given == "caller":
            origin = origin._replace(given="computed")
        if origin.given == "caller" and origin.arguments and len(self.needs) < _CALLS:
            self.needs.append((scope.name, _Need(node.operator, origin.arguments, origin.strings, node.span)))
        strings = tuple(dict.fromkeys((*said, *origin.strings)))[:_TOLD]
        yield Operator(
            span=node.span, name=node.operator, dialect="tensorflow", where=scope.name or node.name, strings=strings,
            given=origin.given,
        )  # fmt: skip

    def _origin(self, scope: Scope, references: tuple[str, ...]) -> Origin:
        origin = scope.origin(references)
        return origin._replace(given="computed") if origin.stored and self.variables else origin

    def _calls(self, scope: Scope, node: Node) -> None:
        where = f"{scope.name}/{node.name}" if scope.name else node.name
        inputs = None
        if node.operator in _DIRECT or not node.functions:
            plain = [one for one in node.inputs if not one.startswith("^")]
            inputs = tuple(self._origin(scope, (one,)) if scope.is_text(one) else _UNKNOWN for one in plain)
            self.count += len(inputs)
        call = _Call(where, scope.name, scope.arguments is None, inputs)
        for callee in node.functions or (node.operator,):
            self.count += 1
            if self.count > _CALLS:
                self.full = True
                return
            self.calls.setdefault(callee, []).append(call)

    def finish(self) -> Iterator[Operator]:
        """What functions reach by an argument, where a call gives them something else than an argument of its own."""
        left, seen = list(self.needs), set(self.needs)
        while left and len(seen) < _CALLS:
            function, need = left.pop()
            for call in self.calls.get(function, ()):
                origin = _handed(call, need)
                strings = tuple(dict.fromkeys((*origin.strings, *need.strings)))[:_TOLD]
                if origin.given != "caller":
                    yield Operator(
                        span=need.span, name=need.operator, dialect="tensorflow", where=f"{function} in {call.where}",
                        strings=strings, given=origin.given or "computed",
                    )  # fmt: skip
                elif not call.outermost:
                    above = (call.scope, need._replace(arguments=origin.arguments, strings=strings))
                    if above not in seen:
                        seen.add(above)
                        left.append(above)
        self.full = self.full or len(seen) >= _CALLS


def _handed(call: _Call, need: _Need) -> Origin:
    """What a call gives to the arguments of a need, all together."""
    if call.inputs is None:
        return _UNKNOWN
    origins = [call.inputs[at] if at < len(call.inputs) else _UNKNOWN for at in need.arguments]
    given: Given = "computed"
    if all(one.given == "caller" for one in origins):
        given = "caller"
    elif all(one.given in ("caller", "constant") for one in origins):
        given = "constant"
    strings = tuple(dict.fromkeys(text for one in origins for text in one.strings))
    numbers = frozenset(number for one in origins for number in one.arguments)
    stored, cut = any(one.stored for one in origins), any(one.cut for one in origins)
    return Origin(strings, numbers, given, stored, cut).for_use(EFFECTS[need.operator].kind)


def _node_of(reference: str) -> str:
    """The node that an input names: ``node``, ``node:1``, ``node:output:0``."""
    return reference.partition(":")[0]
