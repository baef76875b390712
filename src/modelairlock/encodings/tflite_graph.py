"""What the options of TFLite's operators say of other graphs, and of numbers that loaders divide by.

What a newcomer would get wrong: a graph that calls itself, straight or through others, is no endless loop of the model
but of the loader, which prepares each graph by way of the one that calls it (CVE-2021-29591).
"""

import graphlib

from modelairlock.encodings.flatbuffers import Flat, Table
from modelairlock.reading import OverLimit

#: calls between graphs that are kept
_CALLS = 200_000
#: what kernels divide by, in this or earlier versions (CVE-2021-29585 to 29589, 29595, 29597 to 29602)
_NEVER_ZERO = {
    "Conv2DOptions": ("stride_w", "stride_h", "dilation_w_factor", "dilation_h_factor"),
    "DepthwiseConv2DOptions": ("stride_w", "stride_h", "dilation_w_factor", "dilation_h_factor"),
    "Conv3DOptions": ("stride_d", "stride_w", "stride_h"),
    "TransposeConvOptions": ("stride_w", "stride_h"),
    "Pool2DOptions": ("stride_w", "stride_h", "filter_width", "filter_height"),
    "SpaceToDepthOptions": ("block_size",),
    "DepthToSpaceOptions": ("block_size",),
    "SVDFOptions": ("rank",),
    "SplitOptions": ("num_splits",),
}


def zeros(flat: Flat, table: Table) -> None:
    """Tell options of zero or less that no operator can work with."""
    for name in _NEVER_ZERO.get(table.kind, ()):
        if table.number(name) <= 0:
            flat.say("tflite-option-zero", *table.span, f"{name} of {table.kind} is {table.number(name)}")


class Calls:
    """Which graph calls which. `count` graphs there are, `graph` is the one that is read."""

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.count = self.graph = 0
        self.edges: dict[int, set[int]] = {}
        self.kept = 0

    def options(self, table: Table) -> None:
        """Take down the graphs that the options of an operator name."""
        for name in table.values:
            if "subgraph" not in name:
                continue
            numbers: tuple[int, ...] = (table.number(name),)
            if vector := table.vector(name):
                numbers = self.flat.numbers(vector, "i32", 4096)
            for number in numbers:
                self._call(table, number)

    def _call(self, table: Table, number: int) -> None:
        # -1 is none, as the comparator of a sort that has one built in
        if not -1 <= number < self.count:
            detail = f"{table.kind} calls graph {number}, and there are {self.count}"
            self.flat.say("tflite-index-beyond", *table.span, detail)
            return
        called = self.edges.setdefault(self.graph, set())
        if number not in called and number >= 0:
            called.add(number)
            self.kept += 1
            if self.kept > _CALLS:
                raise OverLimit(table.span.start, f"more than {_CALLS} different calls between graphs")

    def circles(self) -> None:
        """Tell the first circle of graphs that call each other."""
        try:
            graphlib.TopologicalSorter(self.edges).prepare()
        except graphlib.CycleError as error:
            circle = error.args[1]
            detail = f"graph {circle[0]} calls itself by way of {circle[-2]}"
            self.flat.say("tflite-graph-calls-itself", 0, 0, detail)
