"""Follows strings through a graph: which constants, or whose arguments, say what an operator reaches.

What a newcomer would get wrong: honest models hold operators that write files, for each SavedModel can save itself.
What makes those harmless is that their file name is an argument, of the function and of the graph that calls it; a
constant in its place is a file of the author's choosing. So strings are followed backwards through the few operators
that carry them, and forwards through the calls of a function. What was not followed is `computed`, never `caller`.
A variable is only as good as all that writes strings to variables: a handle goes by many names.
"""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from modelairlock.encodings.tensorflow.nodes import CARRIERS, Node
from modelairlock.records.facts import Operator
from modelairlock.records.span import Span
from modelairlock.records.tensorflow import EFFECTS, FUNCTION, PLAIN, Effect

Given = Literal["", "constant", "caller", "computed"]

#: nodes of one graph or function that are kept to follow strings through them
_KEPT = 50_000
#: calls of functions in one artifact, with what they are given
_CALLS = 50_000
_STEPS = 256
#: calls that are looked at for what they hand to something that reaches out
_STEPS_UP = 500_000
_TOLD = 8
#: what hands its inputs to the arguments of its function one by one
_DIRECT = frozenset(("PartitionedCall", "StatefulPartitionedCall"))
#: which inputs of an operator carry its string on; None for all
_CARRIES: dict[str, tuple[int, ...] | None] = {
    "Identity": (0,), "ShardedFilename": (0,), "Select": (1, 2), "SelectV2": (1, 2), "StringJoin": None, "Pack": None,
    "PlaceholderWithDefault": (0,),
}  # fmt: skip
_CONSTANTS = frozenset(("Const", "HostConst"))
_FED = frozenset(("Placeholder", "PlaceholderV2", "_Arg", "PlaceholderWithDefault"))
#: put a string into a variable
_WRITERS = frozenset(("AssignVariableOp", "ResourceScatterUpdate", "ResourceScatterNdUpdate"))


class Origin(NamedTuple):
    """Where a string comes from: constants, arguments (by number) of the function or graph, or not known.

    `stored` says that it went through a variable, and `cut` that not all of the constants are here. `asset` says that
    the path of an asset is part of it, and `fixed` a constant that is none.
    """

    strings: tuple[str, ...] = ()
    arguments: frozenset[int] = frozenset()
    given: Given = ""
    stored: bool = False
    cut: bool = False
    asset: bool = False
    fixed: bool = False

    def for_use(self, kind: str) -> "Origin":
        """As good as the use of it needs: what is written must be known to the last character.

        Assets are there to be read, and whose file a saver writes over is the caller's choice alone. A vocabulary has
        nothing joined to its name.
        """
        if (self.stored and kind != "vocabulary") or (self.cut and kind in _EXACT):
            return self._replace(given="computed")
        if self.given == "caller" and self.asset and kind == "saves":
            return self._replace(given="constant", strings=())
        if self.given == "caller" and self.fixed and kind == "vocabulary":
            return self._replace(given="constant")
        return self

    @classmethod
    def of(cls, node: Node | None) -> "Origin":
        """The strings of a constant, whatever feeds it; not known if it is none."""
        if node is None or node.operator not in _CONSTANTS or not node.strings:
            return UNKNOWN
        return cls(node.strings, given="constant", cut=node.cut, fixed=True)


UNKNOWN = Origin(given="computed")
#: kinds of effects that are harmless if nothing but the caller says what they reach
_EXACT = frozenset(("saves", "restores", "vocabulary"))


class Call(NamedTuple):
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

    __slots__ = ("arguments", "assets", "calls", "crowded", "full", "name", "nodes", "reaching", "shared")

    def __init__(self, name: str, arguments: dict[str, int] | None) -> None:
        self.name, self.arguments = name, arguments
        self.nodes: dict[str, Node] = {}
        self.reaching: list[Node] = []
        self.calls: list[Node] = []
        #: tensors that the loader feeds with paths of assets
        self.assets: set[str] = set()
        #: variables of strings that some function is handed, and may change
        self.shared: set[str] = set()
        #: not all nodes that carry strings, and not all that matter otherwise, are here
        self.crowded = self.full = False

    def add(self, node: Node) -> None:
        """Keep what matters of a node."""
        if (node.operator in CARRIERS and not node.functions) or node.strings:
            # Of two nodes of one name nobody knows which is meant; graphs with such are refused, but not all are run.
            if node.name in self.nodes:
                self.nodes[node.name] = node._replace(operator="")
            elif len(self.nodes) < _KEPT:
                self.nodes[node.name] = node
            else:  # what it feeds is computed then, which is never too good; what it writes to is another matter
                self.crowded = True
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

    def writers(self) -> list[Node]:
        """What puts strings into variables."""
        return [node for node in self.nodes.values() if node.operator in _WRITERS]

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
        self.caller = self.computed = self.stored = self.cut = self.asset = self.fixed = False

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
        if node is None or (node.cut and node.operator not in _CONSTANTS):
            self.computed = True
            return ()
        asset = name in self.scope.assets
        self.asset = self.asset or asset
        if node.operator in _CONSTANTS:
            self.strings.update(dict.fromkeys(node.strings))
            self.cut = self.cut or node.cut
            self.caller, self.fixed = self.caller or asset, self.fixed or not asset
            return ()
        if node.operator in _FED and self.scope.arguments is None:  # in a function nobody feeds them
            self.caller = True
        elif node.operator == "ReadVariableOp":
            return self._variable(node)
        elif node.operator not in _CARRIES:
            self.computed = True
        carried = _CARRIES.get(node.operator, ())
        inputs = tuple(one for one in node.inputs if not one.startswith("^"))
        return inputs if carried is None else tuple(inputs[at] for at in carried if at < len(inputs))

    def _variable(self, node: Node) -> tuple[str, ...]:
        """What is put into any variable here, if nobody else can have put anything else into this one."""
        scope = self.scope
        handle = scope.nodes.get(_node_of(node.inputs[0])) if node.inputs else None
        writers = scope.writers()
        put = tuple(one.inputs[1] for one in writers if one.operator == "AssignVariableOp" and len(one.inputs) > 1)
        self.stored = True
        own = handle is not None and handle.operator == "VarHandleOp" and handle.name not in scope.shared
        if not own or not put or len(put) < len(writers) or scope.arguments is not None or scope.crowded:
            self.computed = True
        return put

    def result(self) -> Origin:
        """What was found on the way."""
        strings = tuple(self.strings)
        given: Given = "constant" if strings else ""
        if self.computed:
            given = "computed"
        elif self.caller:
            given = "caller"
        return Origin(strings, frozenset(self.arguments), given, self.stored, self.cut, self.asset, self.fixed)


class Flow:
    """What the operators of one graph reach, scope by scope, and at the end what calls give to functions."""

    def __init__(self) -> None:
        #: functions by name, and how many arguments each has; -1 if two of one name differ in that
        self.functions: dict[str, int] = {}
        self.calls: dict[str, list[Call]] = {}
        self.count = 0
        self.needs: list[tuple[str, _Need]] = []
        self.full = False
        #: whether a function may write strings to a variable of the graph that it was not seen to be handed
        self.variables = False
        #: arguments of functions that are variables, into which they put strings
        self.written: dict[str, set[int]] = {}
        #: what saves, by the function that it is in, or by its own name in the graph outside of all
        self.savers: dict[tuple[str, str], Node] = {}
        #: functions that TensorFlow may put in each other's place, by what they say that they implement
        self.interfaces: dict[str, set[str]] = {}
        self.implementers: dict[str, dict[str, None]] = {}
        self.together: dict[frozenset[str], list[Call]] = {}
        self.looked = 0

    def close(self, scope: Scope) -> Iterator[Operator]:
        """A scope whose nodes are all there: its operators that reach out, and its calls for later."""
        self.full = self.full or scope.full
        if scope.arguments is not None:
            self._writes(scope, scope.arguments)
        else:
            self.variables = self.variables or not self._hands_its_own(scope)
        for node in scope.calls:
            scope.shared.update(_node_of(one) for one in node.inputs if one)
        for node in scope.reaching:
            yield from self._reaching(scope, node, EFFECTS[node.operator])
            if EFFECTS[node.operator].kind == "saves":
                self.savers.setdefault((scope.name, node.name if scope.arguments is None else ""), node)
        for node in scope.calls:
            self._calls(scope, node)

    def _writes(self, scope: Scope, arguments: dict[str, int]) -> None:
        """Which variables of others a function writes strings to: those that it is handed, or any."""
        handles = [_node_of(node.inputs[0]) if node.inputs else "" for node in scope.writers()]
        own = any(node.operator == "VarHandleOp" for node in scope.nodes.values())
        if own or scope.crowded or not all(handle in arguments for handle in handles):
            self.variables = True
        elif handles:
            self.written[scope.name] = {arguments[handle] for handle in handles}

    def _hands_its_own(self, graph: Scope) -> bool:
        """Whether the graph, which comes after all functions, names every variable that it has them write to."""
        if any(function in self.calls or function in self.interfaces for function in self.written):
            return False  # from inside another function, or in the place of one
        for node in graph.calls:
            inputs = [graph.nodes.get(_node_of(one)) for one in node.inputs if not one.startswith("^")]
            for at in {at for callee in (node.operator, *node.functions) for at in self.written.get(callee, ())}:
                handle = inputs[at] if at < len(inputs) and _one_by_one(node) else None
                if handle is None or handle.operator != "VarHandleOp":
                    return False
        return True

    def _reaching(self, scope: Scope, node: Node, effect: Effect) -> Iterator[Operator]:
        said = [text for key in effect.attributes for text in node.attributes.get(key, ())]
        inputs = tuple(one for one in node.inputs if not one.startswith("^"))
        if effect.inputs:
            inputs = tuple(inputs[at] for at in effect.inputs if at < len(inputs))
        elif effect.attributes:
            inputs = ()
        origin = self._origin(scope, inputs).for_use(effect.kind)
        if (node.cut and origin.given == "caller") or not set(node.filled_in).isdisjoint(effect.attributes):
            origin = origin._replace(given="computed")
        if origin.given == "caller" and origin.arguments and len(self.needs) < _CALLS:
            self.needs.append((scope.name, _Need(node.operator, origin.arguments, origin.strings, node.span)))
        strings = tuple(dict.fromkeys((*said, *origin.strings)))[:_TOLD]
        where = node.name if scope.arguments is None else f"{FUNCTION}{scope.name}"
        yield Operator(
            span=node.span, name=node.operator, dialect="tensorflow", where=where, strings=strings,
            given=origin.given,
        )  # fmt: skip

    def _origin(self, scope: Scope, references: tuple[str, ...]) -> Origin:
        origin = scope.origin(references)
        return origin._replace(given="computed") if origin.stored and self.variables else origin

    def _calls(self, scope: Scope, node: Node) -> None:
        where = f"{scope.name}/{node.name}" if scope.name else node.name
        plain = [one for one in node.inputs if not one.startswith("^")]
        inputs = tuple(self._origin(scope, (one,)) if scope.is_text(one) else UNKNOWN for one in plain)
        self.count += len(inputs)
        direct = Call(where, scope.name, scope.arguments is None, inputs)
        if node.operator not in PLAIN:  # it may be a function itself, whatever others its attributes name
            self._called(node.operator, direct)
        for callee in node.functions:
            self._called(callee, direct if node.operator in _DIRECT else direct._replace(inputs=None))

    def _called(self, callee: str, call: Call) -> None:
        self.count += 1
        if self.count > _CALLS:
            self.full = True
        else:
            self.calls.setdefault(callee, []).append(call)

    def gradient(self, function: str, of: str) -> None:
        """A function that computes a gradient is called with what the other one is, and more."""
        self._called(function, Call(f"the gradient of {of}", of, False, None))

    def implements(self, function: str, interface: str) -> None:
        """TensorFlow may call any function of an interface in the place of another one (`api_implements`)."""
        self.interfaces.setdefault(function, set()).add(interface)
        self.implementers.setdefault(interface, {})[function] = None

    def finish(self, others: Callable[[str], tuple[Call, ...]]) -> Iterator[Operator]:
        """What functions reach by an argument, where a call gives them something else than an argument of its own.

        `others` tells of calls of a function that no node makes.
        """
        left, seen, steps = list(self.needs), set(self.needs), 0
        while left and len(seen) < _CALLS and steps < _STEPS_UP:
            function, need = left.pop()
            for call in (*self._calls_of(function), *others(function)):
                steps += 1
                origin = _handed(call, need)
                strings = tuple(dict.fromkeys((*origin.strings, *need.strings)))[:_TOLD]
                if origin.given != "caller":
                    where = f"{FUNCTION}{function} in {call.where}"
                    yield Operator(
                        span=need.span, name=need.operator, dialect="tensorflow", where=where, strings=strings,
                        given=origin.given or "computed",
                    )  # fmt: skip
                elif not call.outermost:
                    above = (call.scope, need._replace(arguments=origin.arguments, strings=strings))
                    if above not in seen:
                        seen.add(above)
                        left.append(above)
        self.full = self.full or len(seen) >= _CALLS or steps >= _STEPS_UP

    def saving(self) -> dict[str, Node]:
        """Nodes of the outermost graph that save, or call what does."""
        found = {node: saver for (_, node), saver in self.savers.items() if node}
        left = [(function, saver) for (function, node), saver in self.savers.items() if not node]
        met = {function for function, _ in left}
        steps = 0
        while left and steps < _STEPS_UP:
            function, saver = left.pop()
            for call in self._calls_of(function):
                steps += 1
                if call.outermost:
                    found.setdefault(call.where, saver)
                elif call.scope not in met:
                    met.add(call.scope)
                    left.append((call.scope, saver))
        self.full = self.full or steps >= _STEPS_UP
        return found

    def _calls_of(self, function: str) -> list[Call]:
        """What calls a function, or another one in whose place TensorFlow may put it."""
        interfaces = frozenset(self.interfaces.get(function, ()))
        if not interfaces:
            return self.calls.get(function, [])
        if interfaces not in self.together:
            calls: list[Call] = []
            for name in {one: None for interface in sorted(interfaces) for one in self.implementers[interface]}:
                calls += self.calls.get(name, ())
                self.looked += 1
            self.looked += len(calls)
            self.full = self.full or self.looked >= _STEPS_UP
            self.together[interfaces] = [] if self.full else calls
        return self.together[interfaces]


def run_at_load(saving: dict[str, Node], nodes: set[str]) -> Iterator[Operator]:
    """Those of `Flow.saving` that a loader runs with these nodes of the outermost graph: nobody says where to then."""
    for where, saver in saving.items():
        if where in nodes:
            yield Operator(
                span=saver.span, name=saver.operator, dialect="tensorflow", where=f"{where}, which a loader runs",
                given="constant",
            )  # fmt: skip


def _handed(call: Call, need: _Need) -> Origin:
    """What a call gives to the arguments of a need, all together."""
    if call.inputs is None:
        return UNKNOWN
    origins = [call.inputs[at] if at < len(call.inputs) else UNKNOWN for at in need.arguments]
    given: Given = "computed"
    if all(one.given == "caller" for one in origins):
        given = "caller"
    elif all(one.given in ("caller", "constant") for one in origins):
        given = "constant"
    strings = tuple(dict.fromkeys(text for one in origins for text in one.strings))
    numbers = frozenset(number for one in origins for number in one.arguments)
    together = Origin(
        strings, numbers, given,
        stored=any(one.stored for one in origins), cut=any(one.cut for one in origins),
        asset=any(one.asset for one in origins), fixed=any(one.fixed for one in origins),
    )  # fmt: skip
    return together.for_use(EFFECTS[need.operator].kind)


def _one_by_one(node: Node) -> bool:
    """Whether the inputs of a call become the arguments of its function one by one."""
    return node.operator in _DIRECT or not node.functions


def _node_of(reference: str) -> str:
    """The node that an input names: ``node``, ``node:1``, ``node:output:0``."""
    return reference.partition(":")[0]
