"""The element types of ggml, by number: how many elements a block has, and how many bytes.

What a newcomer would get wrong: a number is never given to another type, so types that were removed keep theirs, and
files with them are still about. Two numbers mean two sizes, because a fork was first or a struct grew: `sizes` has
them all, the one of today's ggml first. Numbers that are not here belong to forks (ik_llama.cpp and others use those
from 96 on, each its own way), so nothing here can say how long such a tensor is.
"""

import re
from typing import NamedTuple

from modelairlock.records.regex import regex

#: keys of GGUF whose value is a template, or a list of them
TEMPLATE = regex(r"(?:.*\.)?chat_template(?:\..*)?", re.DOTALL)


class Type(NamedTuple):
    """`sizes` are pairs of elements and bytes of a block; `removed` says which loaders still took it."""

    name: str
    sizes: tuple[tuple[int, int], ...]
    removed: str = ""


def _type(name: str, elements: int, size: int, removed: str = "") -> Type:
    return Type(name, ((elements, size),), removed)


_PACKED = "llama.cpp from August to December 2024, which repacks at load since then"

#: enum ggml_type in ggml/include/ggml.h; block structs in ggml/src/ggml-common.h (QK_K is 256)
TYPES: dict[int, Type] = {
    0: _type("F32", 1, 4),
    1: _type("F16", 1, 2),
    2: _type("Q4_0", 32, 18),
    3: _type("Q4_1", 32, 20),
    4: _type("Q4_2", 16, 10, "llama.cpp of April and May 2023"),
    5: _type("Q4_3", 16, 12, "llama.cpp of April and May 2023"),
    6: _type("Q5_0", 32, 22),
    7: _type("Q5_1", 32, 24),
    8: _type("Q8_0", 32, 34),
    9: Type("Q8_1", ((32, 36), (32, 40))),  # two halves beside the numbers; two floats before 2024
    10: _type("Q2_K", 256, 84),
    11: _type("Q3_K", 256, 110),
    12: _type("Q4_K", 256, 144),
    13: _type("Q5_K", 256, 176),
    14: _type("Q6_K", 256, 210),
    15: _type("Q8_K", 256, 292),
    16: _type("IQ2_XXS", 256, 66),
    17: _type("IQ2_XS", 256, 74),
    18: _type("IQ3_XXS", 256, 98),
    19: _type("IQ1_S", 256, 50),
    20: _type("IQ4_NL", 32, 18),
    21: _type("IQ3_S", 256, 110),
    22: _type("IQ2_S", 256, 82),
    23: _type("IQ4_XS", 256, 136),
    24: _type("I8", 1, 1),
    25: _type("I16", 1, 2),
    26: _type("I32", 1, 4),
    27: _type("I64", 1, 8),
    28: _type("F64", 1, 8),
    29: _type("IQ1_M", 256, 56),
    30: _type("BF16", 1, 2),
    31: _type("Q4_0_4_4", 32, 18, _PACKED),
    32: _type("Q4_0_4_8", 32, 18, _PACKED),
    33: _type("Q4_0_8_8", 32, 18, _PACKED),
    34: _type("TQ1_0", 256, 54),
    35: _type("TQ2_0", 256, 66),
    36: _type("IQ4_NL_4_4", 32, 18, _PACKED),
    37: _type("IQ4_NL_4_8", 32, 18, _PACKED),
    38: _type("IQ4_NL_8_8", 32, 18, _PACKED),
    39: _type("MXFP4", 32, 17),
    40: _type("NVFP4", 64, 36),
    41: _type("Q1_0", 128, 18),
    42: Type("Q2_0", ((64, 18), (128, 34))),  # the second is that of PrismML's fork, which came first
}

#: where ggjt before version 3, and files without a version, differ: scales were floats then
OLD_SIZES: dict[int, tuple[int, int]] = {2: (32, 20), 3: (32, 24), 8: (32, 36)}

#: elements and bytes must be less than this: loaders count in signed 64 bits
MOST = 2**63 - 1


def elements(shape: tuple[int, ...]) -> int | None:
    """How many elements, multiplied as a loader does: no step may leave 63 bits, even if a zero follows."""
    count = 1
    for length in shape:
        if length > MOST:
            return None
        count *= length
        if count > MOST:
            return None
    return count
