"""What a MetaGraphDef has its loader run: the operation that restores, and those that initialise.

What a newcomer would get wrong: the loader runs whatever these names lead to, before anybody calls the model, and feeds
it the path of the model's own variables, if anything. An operation that "restores" by saving writes over them. The
names stand in three places, and what they lead to is only known when the whole graph is there; so its nodes are gone
through once more, and only if something in it saves at all.
"""

from collections.abc import Iterable, Iterator

from modelairlock.encodings.protobuf import LEN, Field, Window, fields
from modelairlock.encodings.tensorflow.schema import name_of
from modelairlock.reading import OverLimit

#: nodes of the outermost graph that are gone through, and names that lead into it
_NODES = 200_000
_ROOTS = 10_000
#: collections whose operations a loader runs
RUN_AT_LOAD = frozenset(
    (
        "saved_model_main_op",
        "legacy_init_op",
        "saved_model_initializers",
        "table_initializer",
        "init_op",
        "local_init_op",
    )
)
_SIGNATURE = "__saved_model_init_op"


class Startup:
    """Gathers the names, and says at the end which nodes they lead to."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.roots: set[str] = set()
        self.graphs: list[Field] = []

    def run(self, field: Field) -> None:
        """A tensor or operation that the loader runs. Raises `OverLimit`."""
        if len(self.roots) >= _ROOTS:
            raise OverLimit(field.start, f"more than {_ROOTS} operations to be run by a loader")
        self.roots.add(_node_of(name_of(self.window, field)))

    def saver(self, message: Field) -> None:
        """A SaverDef, whose third field says what restores."""
        for field in self._bytes(message, 3):
            self.run(field)

    def signature(self, entry: Field) -> None:
        """An entry of the signatures: one of them is no signature, but names what initialises."""
        if any(name_of(self.window, field) == _SIGNATURE for field in self._bytes(entry, 1)):
            for signature in self._bytes(entry, 2):
                for output in self._bytes(signature, 2):
                    for info in self._bytes(output, 2):
                        for field in self._bytes(info, 1):
                            self.run(field)

    def reached(self) -> set[str]:
        """The names of all nodes that the loader runs. Raises `ReadProblem`."""
        inputs = self._inputs()
        left, met = list(self.roots), set(self.roots)
        while left:
            fresh = inputs.get(left.pop(), ())
            left += [one for one in fresh if one not in met]
            met.update(fresh)
        return met

    def _inputs(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for graph in self.graphs:
            for node in self._bytes(graph, 1):
                if len(found) >= _NODES:
                    raise OverLimit(node.start, f"more than {_NODES} nodes, so what the loader runs is not known")
                self.window.cursor.budget.check_time(node.start)
                name, fed = "", list[str]()
                for field in fields(self.window, node.start, node.end):
                    if field.wire == LEN and field.number == 1:
                        name = name_of(self.window, field)
                    elif field.wire == LEN and field.number == 3:
                        fed.append(_node_of(name_of(self.window, field)))
                found[name] = (*found.get(name, ()), *fed)
        return found

    def _bytes(self, message: Field, number: int) -> Iterator[Field]:
        every: Iterable[Field] = fields(self.window, message.start, message.end)
        return (field for field in every if field.number == number and field.wire == LEN)


def _node_of(reference: str) -> str:
    return reference.removeprefix("^").partition(":")[0]
