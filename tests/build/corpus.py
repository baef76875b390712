"""The red-team corpus: every sample of every family, in one tuple."""

from tests.build import (
    corpus_asked,
    corpus_bypasses,
    corpus_carried,
    corpus_damage,
    corpus_files,
    corpus_gadgets,
    corpus_gguf,
    corpus_keras,
    corpus_laundered,
    corpus_numpy,
    corpus_pickle,
    corpus_script,
    corpus_skops,
    corpus_torch,
    corpus_zip,
)
from tests.build.sample import Sample

SAMPLES: tuple[Sample, ...] = (
    *corpus_gadgets.SAMPLES,
    *corpus_pickle.SAMPLES,
    *corpus_damage.SAMPLES,
    *corpus_zip.SAMPLES,
    *corpus_torch.SAMPLES,
    *corpus_numpy.SAMPLES,
    *corpus_files.SAMPLES,
    *corpus_bypasses.SAMPLES,
    *corpus_laundered.SAMPLES,
    *corpus_asked.SAMPLES,
    *corpus_skops.SAMPLES,
    *corpus_carried.SAMPLES,
    *corpus_gguf.SAMPLES,
    *corpus_keras.SAMPLES,
    *corpus_script.SAMPLES,
)
