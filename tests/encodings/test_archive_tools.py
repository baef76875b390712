"""What ordinary tools write is quiet: no irregularity, and no gap but for what nothing reads."""

import shutil
import subprocess
from pathlib import Path

import pytest

from modelairlock.formats.bz2 import FORMAT as BZ2
from modelairlock.formats.gzip import FORMAT as GZIP
from modelairlock.formats.lz4 import FORMAT as LZ4
from modelairlock.formats.lzma import FORMAT as LZMA
from modelairlock.formats.tar import FORMAT as TAR
from modelairlock.formats.xz import FORMAT as XZ
from modelairlock.formats.zip import FORMAT as ZIP
from modelairlock.formats.zstd import FORMAT as ZSTD
from tests.build.zip_builder import DESCRIPTOR, UTF8, Entry, descriptor, extra_field, zip_file
from tests.reading_help import gaps_of, kinds_of, tree, walk

ALL = (ZIP, TAR, GZIP, BZ2, XZ, LZMA, ZSTD, LZ4)
COMMANDS = [
    "zip -q -r out.zip . && mv out.zip out",
    "zip -q -y -r out.zip . && mv out.zip out",
    "zip -q -0 -r out.zip . && mv out.zip out",
    "zip -q -r - . -x out | cat > out",
    "zip -q -Z bzip2 out.zip a.txt && mv out.zip out",
    "jar cf out a.txt sub",
    "bsdtar -cf out --format zip a.txt sub",
    "bsdtar -cf out a.txt sub link",
    *(f"tar --format {dialect} -cf out a.txt sub link hard" for dialect in ("gnu", "pax", "ustar", "v7", "oldgnu")),
    "tar -czf out a.txt sub",
    "tar -cjf out a.txt sub",
    "tar -cJf out a.txt sub",
    "tar --zstd -cf out a.txt sub",
    "tar -cf out a.txt && tar -rf out b.txt",
    "gzip -c a.txt b.txt > out",
    "bzip2 -c a.txt b.txt > out",
    "xz -c a.txt b.txt > out",
    "xz --format=lzma -c a.txt > out",
    "zstd -q -c a.txt b.txt > out",
    "cat a.txt | zstd -q -19 -c > out",
    "lz4 -q -c a.txt > out",
    "lz4 -q -9 -BD -B4 -c a.txt > out",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_ordinary_tools_are_quiet(command: str, tmp_path: Path) -> None:
    if shutil.which(command.split()[0]) is None:
        pytest.skip(f"{command.split()[0]} is not installed")
    (tmp_path / "a.txt").write_bytes(b"an ordinary text\n" * 500)
    (tmp_path / "b.txt").write_bytes(b"another\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "é.txt").write_bytes(b"text")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("a.txt")
    (tmp_path / "hard").hardlink_to(tmp_path / "b.txt")
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True)
    if done.returncode:
        pytest.skip(f"this {command.split()[0]} cannot: {done.stderr.decode(errors='replace')[:80]}")
    reading = tree((tmp_path / "out").read_bytes(), *ALL)
    assert reading.formats[0] != "plain"
    assert (kinds_of(reading), gaps_of(reading)) == ([], [])
    assert max(one.coverage.size_bytes for one in walk(reading) if one.formats == ("plain",)) >= 8500


TEXT = b"an ordinary text\n" * 20
LEFT_OUT = {"crc": 0, "size": 0, "packed_size": 0}
TIMES = extra_field(0x5455, b"\x01" + bytes(4))


@pytest.mark.parametrize(
    "data",
    [
        # macOS Finder: descriptors, an extra field that is longer in the local header, a resource fork beside each file
        zip_file(
            *(
                Entry(
                    name,
                    TEXT,
                    flags=DESCRIPTOR,
                    local={**LEFT_OUT, "extra": extra_field(0x5855, bytes(12))},
                    central={"extra": extra_field(0x5855, bytes(8)), "made_by": 0x0315},
                    trailer=descriptor(TEXT),
                )
                for name in ("a.txt", "__MACOSX/._a.txt")
            )
        ),
        # Java: a folder first, with its own mark, UTF-8 flags
        zip_file(
            Entry("META-INF/", b"", extra=extra_field(0xCAFE, b""), external=0),
            Entry("a.class", TEXT, flags=DESCRIPTOR | UTF8, local=LEFT_OUT, trailer=descriptor(TEXT), external=0),
        ),
        # Windows and 7-Zip: MS-DOS attributes, NTFS times in the directory only
        zip_file(
            Entry("a.txt", TEXT, external=0x20, central={"made_by": 63, "extra": extra_field(0x000A, bytes(32))}),
            Entry("folder/", b"", external=0x10, central={"made_by": 63}),
        ),
        # Info-ZIP: times in both headers, of different lengths
        zip_file(Entry("a.txt", TEXT, local={"extra": TIMES + extra_field(0x7875, bytes(11))}, extra=TIMES)),
        # torch: padding to 64 bytes in the local header only
        zip_file(
            Entry(
                "m/data.pkl",
                TEXT,
                flags=DESCRIPTOR,
                local={**LEFT_OUT, "extra": extra_field(0x4246, b"Z" * 60)},
                trailer=descriptor(TEXT),
                external=0,
            )
        ),
        # writers that prepare for large members: zip64 fields that say the same as the header
        zip_file(Entry("a.txt", TEXT, central={"extra": extra_field(1, len(TEXT).to_bytes(8, "little") * 2)})),
    ],
)
def test_shapes_of_other_platforms_are_quiet(data: bytes) -> None:
    reading = tree(data, *ALL)
    assert (kinds_of(reading), gaps_of(reading)) == ([], [])
