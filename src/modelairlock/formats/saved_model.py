"""TensorFlow SavedModels: ``saved_model.pb``, graphs and functions with what surrounds them.

The walk is in `encodings.tensorflow`. What a newcomer would get wrong: a SavedModel is a folder, and a format sees one
file; the variables beside it, the assets and Keras's metadata are artifacts of their own, and each has its reader.
"""

from modelairlock.encodings.tensorflow.graphs import saved_model
from modelairlock.encodings.tensorflow.probes import is_saved_model
from modelairlock.reading import Format

FORMAT = Format(
    name="saved_model",
    summary="TensorFlow SavedModel (`saved_model.pb`): graph, function library, signatures and objects.",
    claims=is_saved_model,
    read=saved_model,
    extensions=(".pb",),
    loaders=(
        "tf.saved_model.load 1.x-2.21 (runs initialisers and restores variables at once)",
        "tf.compat.v1.saved_model.load",
        "keras.layers.TFSMLayer, tf_keras.models.load_model",
        "tensorflow_hub.load",
        "TensorFlow Serving",
    ),
    passes_over="The numbers of constant tensors, and numeric lists in them.",
    blind_spots=(
        "Which functions run at load and which only when called is not told apart, savers left out.",
        "What kernels in C++ do with odd numbers and shapes: TensorFlow has had hundreds of such flaws.",
        "A file cut exactly between two fields of its outermost message looks whole: protobuf has no end mark.",
        "Strings that a graph computes, or keeps in variables, are not followed to what they feed: such a file name"
        " counts as computed.",
        "saved_model.pbtxt and the chunked saved_model.cpb are not read, and are gaps.",
        "What XlaCallModule, custom operators and operators newer than TensorFlow 2.21 do: each is a gap.",
        "Weights that were trained to misbehave.",
    ),
    references=(
        "https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto",
        "https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md",
        "https://www.tensorflow.org/guide/saved_model",
    ),
)
