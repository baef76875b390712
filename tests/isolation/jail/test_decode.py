"""What a waiting call was about: read out of this process, which stands for the jailed one."""

import ctypes
import os
import socket
import struct

import pytest

from modelairlock.isolation.jail import channel
from modelairlock.isolation.jail.decode import Caller, arguments, dns_name, escaped

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="reads memory as Linux shows it")

AT_FDCWD = 0xFFFFFFFFFFFFFF9C


@pytest.fixture
def caller():
    made = Caller(os.getpid())
    yield made
    made.close()


def at(data: bytes) -> tuple[ctypes.Array, int]:
    kept = ctypes.create_string_buffer(data, len(data) + 1)
    return kept, ctypes.addressof(kept)


def test_paths_are_absolute(caller) -> None:
    kept, address = at(b"/usr/lib/../../etc/passwd")
    assert caller.path(AT_FDCWD, address) == "/usr/lib/../../etc/passwd"
    kept, address = at(b"here")
    assert caller.path(AT_FDCWD, address) == os.path.join(os.getcwd(), "here")
    assert kept


def test_a_path_beside_a_descriptor(caller, tmp_path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    kept, address = at(b"x")
    assert arguments(caller, "openat", (fd, address, os.O_WRONLY | os.O_CREAT, 0o600, 0, 0)) == (
        f"{tmp_path}/x", "O_WRONLY|O_CREAT", "0o600",
    )  # fmt: skip
    os.close(fd)
    assert kept


def test_control_characters_do_not_get_out(caller) -> None:
    kept, address = at(b"/\x1b[31mFAKE\nverdict: clear\xff\xe2\x80\xae")
    [path, *_] = arguments(caller, "open", (address, 0, 0, 0, 0, 0))
    assert path.isprintable()
    assert path.startswith("/\\x1b[31mFAKE\\nverdict")
    assert escaped("\\n") == "\\\\n"
    assert kept


def test_pointers_that_lead_nowhere(caller) -> None:
    for pointer in (0, 1, 0xDEAD0000, 1 << 63, (1 << 64) - 1):
        for call in ("execve", "openat", "connect", "sendmsg", "sendmmsg", "sendto", "mount", "nothing"):
            shown = arguments(caller, call, (pointer,) * 6)
            assert all(one.isprintable() for one in shown)


def test_a_string_without_an_end_is_cut(caller) -> None:
    kept, address = at(b"a" * 100_000)
    assert len(caller.text(address)) < 1100
    assert kept


def test_a_path_that_cannot_be_read_to_its_end_is_none(caller) -> None:
    """What was left off could lead anywhere: out of a folder that it seems to lie in."""
    longest = b"/usr/lib/" + b"./" * 1500 + b"../../etc/passwd"
    kept, address = at(longest)
    assert caller.path(AT_FDCWD, address) == longest.decode()
    [path, *_] = arguments(caller, "open", (address, 0, 0, 0, 0, 0))
    assert path.startswith("/usr/lib/./")
    assert path.endswith("../../etc/passwd")
    assert len(path) < 500
    kept, address = at(b"/usr/lib/" + b"./" * 2500 + b"../../etc/passwd")
    assert caller.path(AT_FDCWD, address) is None
    [path, *_] = arguments(caller, "open", (address, 0, 0, 0, 0, 0))
    assert path.startswith("(no path) /usr/lib/./")
    assert kept


def test_argv(caller) -> None:
    kept = [at(b"sh"), at(b"-c"), at(b"touch x")]
    _vector, address = at(struct.pack("=4Q", *(one[1] for one in kept), 0))
    assert caller.vector(address) == "['sh', '-c', 'touch x']"
    circle, address = at(bytes(8 * 100))
    struct.pack_into("=100Q", circle, 0, *[address] * 100)
    assert len(caller.vector(address)) < 50_000


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (struct.pack("=H", socket.AF_INET) + b"\x01\xbb\x7f\0\0\1" + bytes(8), "127.0.0.1:443"),
        (struct.pack("=H", socket.AF_INET6) + b"\0\x50" + bytes(4) + bytes(15) + b"\1" + bytes(4), "[::1]:80"),
        (struct.pack("=H", socket.AF_UNIX) + b"/run/x\0", "unix:/run/x"),
        (struct.pack("=H", socket.AF_UNIX) + b"\0hidden\x1b", "unix:@hidden\\x1b"),
        (struct.pack("=H", 16) + bytes(10), "AF_NETLINK 00000000000000000000"),
    ],
)
def test_addresses(caller, raw, shown) -> None:
    kept, address = at(raw)
    assert caller.address(address, len(raw)) == shown
    assert kept


def test_the_name_that_is_asked_for() -> None:
    question = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\5exfil\7example\3com\0\0\1\0\1"
    assert dns_name(question) == "name exfil.example.com"
    for end in range(len(question)):
        dns_name(question[:end])
    assert dns_name(b"\0" * 40) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"x", b"[" * 30_000, b"[]", b"{}", b'{"kind":"done"}', b'{"kind":"done","phase":"load","error":"","more":1}',
        b'{"kind":"done","phase":1,"error":""}', b'{"kind":"tried","results":[["x",1e400]]}', b"\x80\x04.", b"\xff",
        b'{"kind":"layer","name":"namespaces","state":"enforced","reason":""}', b'{"kind":"go"}', b" " * 40_000,
    ],
)  # fmt: skip
def test_what_is_no_message_breaks_protocol(data) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.send(data)
        with pytest.raises(channel.BrokeProtocol):
            channel.receive(ours)


def test_descriptors_that_nobody_asked_for_are_closed() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            socket.send_fds(theirs, [b'{"kind":"locked"}'], [0] * 100)
            assert isinstance(channel.receive(ours), channel.Locked)
        socket.send_fds(theirs, [b"x"], [0])
        with pytest.raises(channel.BrokeProtocol):
            channel.receive_listener(ours)
        assert len(os.listdir("/proc/self/fd")) == before


def test_how_openat2_would_open(caller) -> None:
    path, where = at(b"/etc/passwd")
    how, pointer = at(struct.pack("=QQQ", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, 8 | 4))
    assert arguments(caller, "openat2", (AT_FDCWD, where, pointer, 24, 0, 0)) == (
        "/etc/passwd", "O_WRONLY|O_CREAT|O_TRUNC", "0o600", "NO_SYMLINKS|BENEATH",
    )  # fmt: skip
    how, pointer = at(struct.pack("=QQQ", 0, 0, 0))
    assert arguments(caller, "openat2", (AT_FDCWD, where, pointer, 24, 0, 0)) == ("/etc/passwd", "O_RDONLY", "0o0")
    for nowhere in (0, 5, 1 << 63, (1 << 64) - 4):
        shown = arguments(caller, "openat2", (AT_FDCWD, where, nowhere, 24, 0, 0))
        assert shown == ("/etc/passwd", "(unreadable)")
    assert path
    assert how


def test_what_clone3_would_start(caller) -> None:
    for flags, shown in ((0, "0"), (0x100 | 0x4000, "VM|VFORK"), (0x10000000 | 1 << 33, "NEWUSER|INTO_CGROUP")):
        kept, pointer = at(struct.pack("=11Q", flags, *[0] * 10))
        assert arguments(caller, "clone3", (pointer, 88, 0, 0, 0, 0)) == (shown,)
        assert kept
    assert arguments(caller, "clone3", (8, 88, 0, 0, 0, 0)) == ("(unreadable)",)
