"""How wide numpy's types are (``numpy.dtype`` by a letter and a number of bytes, ``ndarraytypes.h``)."""

#: by letter, the bytes of an item that numpy knows; the other letters (text, void) take any number
WIDTHS = {
    "?": (1,), "b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8, 12, 16), "c": (8, 16, 24, 32),
    "m": (8,), "M": (8,), "O": (8,),
}  # fmt: skip
