"""What is vouched for is in torch's own registry, or was in that of an older or optional library that is named here."""

import math
import operator

import pytest

from modelairlock.records.torch_effects import _EXACT, _TALKING
from modelairlock.records.torch_operators import CLASSES, VOUCHED, words

pytestmark = pytest.mark.frameworks

#: names that torch 2.13 has not, and that are in the source of an older torch or of another build instead
ELSEWHERE = {
    "aten": words("eig lstsq matrix_rank solve symeig"),  # generated registrations, and lists of operators in tests
    "prim": words("shape"),  # register_prim_ops.cpp
    "higher_order": words("map"),  # torch/_higher_order_ops/map.py, a wrapper of map_impl
    "prepacked": VOUCHED["prepacked"],  # builds for phones: aten/src/ATen/native/xnnpack/RegisterOpContextClass.cpp
    "torchvision": VOUCHED["torchvision"],  # torchvision/csrc/ops/*.cpp
}
#: the same for what is known to reach out
EFFECTS_ELSEWHERE = {"image", "torchaudio"}  # torchvision/csrc/io/image/image.cpp, torchaudio/csrc/sox
#: of the same builds for phones as `prepacked`
CLASSES_ELSEWHERE = ".xnnpack."


def registered() -> set[str]:
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch._prims.debug_prims")  # registers `debugprims`
    names = {schema.name for schema in torch._C._jit_get_all_schemas()}
    return names | {name.partition(".")[0] for name in torch._C._dispatch_get_all_op_names()}


def test_every_name_is_or_was_an_operator() -> None:
    torch = pytest.importorskip("torch")
    names = registered()
    modules = {"_operator": operator, "math": math, "torch": torch, "higher_order": torch.ops.higher_order}
    for domain, vouched in VOUCHED.items():
        module = modules.get(domain)
        has = {name for name in vouched if (hasattr(module, name) if module else f"{domain}::{name}" in names)}
        assert vouched - has == ELSEWHERE.get(domain, frozenset()), domain


def test_every_effect_is_that_of_an_operator() -> None:
    names = registered()
    unknown = {f"{domain}::{name}" for domain, name in _EXACT if domain not in EFFECTS_ELSEWHERE} - names
    assert unknown == set()
    assert {name.partition("::")[0] for name in names} >= _TALKING


def test_every_class_is_one_in_cpp() -> None:
    torch = pytest.importorskip("torch")
    for name in CLASSES:
        if CLASSES_ELSEWHERE not in name:
            assert torch._C._get_custom_class_python_wrapper(*name.split(".")[-2:])
