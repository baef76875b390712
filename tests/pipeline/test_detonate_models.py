"""Real models, as packages on PyPI ship them, loaded, used and let go of: nothing is found."""

import sys

import pytest

from modelairlock.pipeline.detonate import detonate
from modelairlock.records.jail import Outcome
from modelairlock.records.scan import Verdict
from tests.real_models import real_models

#: package -> the end of one file's name, and how it is used; those that ask for the same framework cost the most
SAMPLE = {
    "alt-profanity-check": ("vectorizer.joblib", "TfidfVectorizer (sklearn) was used (transform) on a text"),
    "yasa": ("clf_eeg_lgb_0.5.0.joblib", "LGBMClassifier (sklearn) was used (predict, predict_proba"),
    "silero-vad": ("silero_vad.jit", "RecursiveScriptModule (torch) was called with"),
    "g2pM": ("char2idx.pkl", "no input could be inferred"),
    "g2p-en": (".npz", "NpzFile (archive) was read"),
}


@pytest.mark.jail
@pytest.mark.models
@pytest.mark.frameworks
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.parametrize("package", SAMPLE)
def test_real_models_are_quiet(package: str) -> None:
    end, words = SAMPLE[package]
    [path] = [path for path in real_models(package) if path.name.endswith(end)]
    [one] = detonate([path], interpreter=sys.executable).detonations
    assert (one.findings, one.events, one.outcome) == ((), (), Outcome.COMPLETED), one.detail
    assert one.verdict is Verdict.CLEAR
    assert next(phase.note for phase in one.phases if phase.name == "inference").startswith(words)
