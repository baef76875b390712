"""A program with a zip behind it, as llamafile makes them: the code is a run of bytes that no processor would like."""

import io
import zipfile

from tests.build.gguf_builder import gguf

APE = b"MZqFpD='\n" + bytes(51) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0" + b"\x90" * 500
ELF = b"\x7fELF\x02\x01\x01" + b"\x90" * 600
ARGUMENTS = b"-m\nmodel.gguf\n...\n"


def llamafile(program: bytes = APE, *members: tuple[str, bytes]) -> bytes:
    """`members` are stored, a model and arguments if none are given."""
    buffer = io.BytesIO()
    buffer.write(program)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, data in members or (("model.gguf", gguf()), (".args", ARGUMENTS)):
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()
