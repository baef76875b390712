"""Frozen graphs of TensorFlow (``.pb``), and graphs that stand in a string of another graph.

The walk is in `encodings.tensorflow`. A graph in a string is read as one because its holder says so, whatever it
begins with.
"""

from modelairlock.encodings.tensorflow.graphs import graph
from modelairlock.encodings.tensorflow.probes import is_graph
from modelairlock.reading import Format, Probe


def claims(probe: Probe) -> bool:
    """By the first node or function, or by what its holder says."""
    return probe.role == "graph" or is_graph(probe)


FORMAT = Format(
    name="graph_def",
    summary="TensorFlow GraphDef (`.pb`): a frozen graph, with its weights as constants.",
    claims=claims,
    read=graph,
    extensions=(".pb",),
    loaders=(
        "tf.import_graph_def, tf.graph_util.import_graph_def",
        "cv2.dnn.readNetFromTensorflow",
        "DatasetFromGraph",
    ),
    passes_over="The numbers of constant tensors, and numeric lists in them.",
    blind_spots=("Those of saved_model hold here too.", "Graphs as text (`.pbtxt`) are not read, and are gaps."),
    references=("https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/graph.proto",),
)
