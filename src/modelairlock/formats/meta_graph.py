"""TensorFlow MetaGraphs: the ``.meta`` beside a checkpoint of TensorFlow 1, a graph with its collections.

The walk is in `encodings.tensorflow`.
"""

from modelairlock.encodings.tensorflow.graphs import meta_graph
from modelairlock.encodings.tensorflow.probes import is_meta_graph
from modelairlock.reading import Format

FORMAT = Format(
    name="meta_graph",
    summary="TensorFlow MetaGraph (`.meta`): a graph of TensorFlow 1 with its saver and collections.",
    claims=is_meta_graph,
    read=meta_graph,
    extensions=(".meta",),
    loaders=("tf.compat.v1.train.import_meta_graph",),
    passes_over="The numbers of constant tensors, and numeric lists in them.",
    blind_spots=(
        "Messages in collections (variables, contexts of loops, queue runners) are read as bytes: they name nodes.",
        "Those of saved_model hold here too.",
    ),
    references=("https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/meta_graph.proto",),
)
