"""The red-team corpus: every sample of every family, in one tuple."""

from tests.build import (
    corpus_bypasses,
    corpus_carried,
    corpus_damage,
    corpus_files,
    corpus_gadgets,
    corpus_joblib,
    corpus_laundered,
    corpus_numpy,
    corpus_pickle,
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
    *corpus_carried.SAMPLES,
    *corpus_joblib.SAMPLES,
)
