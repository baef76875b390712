"""How well the worker is walled in, and by which layers.

A level is only reached when every layer it needs was tried out and held. A layer that is missing always says why:
nobody has to guess whether a quiet report means "enforced" or "not looked at".
"""

from enum import StrEnum
from typing import Literal

import msgspec

State = Literal["enforced", "unavailable", "disabled", "failed"]

#: every layer there is, in the order in which they are put up
LAYERS = ("privileges", "namespaces", "limits", "landlock", "seccomp")
_WALLS = frozenset({"namespaces", "landlock", "seccomp"})
_CONFINED = frozenset({"privileges", "limits", "landlock", "seccomp"})


class Level(StrEnum):
    """How much stands between a reader and the host; compare by `rank`."""

    NONE = "none"
    WEAK = "weak"
    CONFINED = "confined"
    STRICT = "strict"

    @property
    def rank(self) -> int:
        """0 for NONE up to 3 for STRICT."""
        return list(Level).index(self)


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer: `enforced` was tried out and held, `failed` was put up but let something through."""

    name: str
    state: State
    reason: str = ""


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """The level reached and the layers it rests on."""

    level: Level
    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, layers: tuple[Layer, ...]) -> "Isolation":
        """What these layers amount to.

        STRICT: every layer. CONFINED: all but namespaces, as in most containers. WEAK: anything less that still
        includes one wall of the kernel's. NONE: a separate process, perhaps with resource limits, and no more.
        """
        held = {layer.name for layer in layers if layer.state == "enforced"}
        if held >= _CONFINED:
            return cls(level=Level.STRICT if "namespaces" in held else Level.CONFINED, layers=layers)
        return cls(level=Level.WEAK if held & _WALLS else Level.NONE, layers=layers)

    def layer(self, name: str) -> Layer:
        """The layer called `name`. Raises KeyError."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)
