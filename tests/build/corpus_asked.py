"""Classes that ask what they are given for something while they take their state, and by that call what the file chose.

Found by an attacker of the profiles (row P13): every name in these files was vouched for, and each began a chain of
instances whose attributes answer for methods. The chains are cut short here: what stands in for a method is a function
that is only printed. None may be CLEAR.
"""

from typing import Any

from tests.build import pickle_builder as p
from tests.build.corpus_bypasses import _layer, _new
from tests.build.sample import Sample

_PRINTS = p.global_("sklearn.preprocessing._data", "scale")
_BAG = p.build(p.call_newobj(p.global_("argparse", "Namespace")), {"values": _PRINTS})
_SEQUENTIAL = _layer("torch.nn.modules.container", "Sequential", _modules=_BAG)
_ARRAY = _layer("torch.nn.modules.linear", "Identity", _modules={"__array__": _PRINTS})
_SHOWN = _layer("torch.nn.modules.linear", "Identity", extra_repr=_PRINTS)
_TEXT = p.build(p.call_newobj(p.global_("numpy.polynomial.polynomial", "Polynomial")), {"_generate_string": _PRINTS})


def _built(module: str, name: str, state: Any) -> bytes:
    return p.whole(p.build(_new(module, name), state))


ASKED: dict[str, bytes] = {
    "slots by setters": _built("scipy.interpolate._bsplines", "BSpline", p.push(({}, {"t": _ARRAY}))),
    "slots by setters of a polynomial": _built("scipy.interpolate._interpolate", "PPoly", p.push(({}, {"c": _ARRAY}))),
    "fill value": _built("scipy.interpolate._interpolate", "interp1d", p.push(({}, {"fill_value": _ARRAY}))),
    "version in a warning": _built("sklearn.svm._classes", "SVC", {"_sklearn_version": _TEXT}),
    "version in a list": _built("sklearn.svm._classes", "SVC", {"_sklearn_version": [_SHOWN]}),
    "version among many": _built(
        "sklearn.svm._classes", "SVC", {**{f"a{n}": n for n in range(60)}, "_sklearn_version": _TEXT}
    ),
    "arguments of an exception": p.whole(p.build(p.call(p.global_("builtins", "ValueError")), {"args": _SEQUENTIAL})),
    "uuid": _built("uuid", "UUID", {"int": 1, "is_safe": _SHOWN}),
    "bounds": p.whole(
        p.call_newobj(p.global_("sklearn.gaussian_process.kernels", "Hyperparameter"), "a", "numeric", _ARRAY)
    ),
    "parameters of a layer": _built("torch.nn.modules.linear", "Identity", {"_parameters": _SEQUENTIAL}),
    "buffers of a layer": _built("torch.nn.modules.linear", "Identity", {"_buffers": _SEQUENTIAL}),
    "modules of a layer": _built("torch.nn.modules.linear", "Identity", {"_modules": _SEQUENTIAL}),
    "version of a wrapper of LightGBM": _built("lightgbm.sklearn", "LGBMClassifier", {"_sklearn_version": _TEXT}),
    "bytes for objects": p.whole(
        p.call(
            p.global_("numpy.core.multiarray", "scalar"),
            p.call(p.global_("numpy", "dtype"), [("a", "O")], False, True),
            b"A" * 8,
        )
    ),
}

SAMPLES = [
    Sample(f"asked-{name.replace(' ', '-')}", "bypasses", "P13", "model.pkl", lambda data=data: data)
    for name, data in ASKED.items()
]
