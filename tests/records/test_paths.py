"""Names that stay in a model's folder, and names that do not."""

import pytest

from modelairlock.records.paths import leaves_folder, leaves_machine

STAYS = ["a", "a/b.bin", "..a", "a..", "a/...", "model-00001-of-00002.safetensors", "ä b", ".hidden", "v1:latest"]
LEAVES = ["/etc/passwd", "\\\\host\\x", "~/x", "~root/x", "C:\\x", "c:x", "..", "../x", "a/../../x", "a\\..\\x"]
LEAVES += ["a/..", "sha256:../x", "a\x00/../b", "a\nb"]


@pytest.mark.parametrize("path", STAYS)
def test_a_name_beside_the_model_stays(path: str) -> None:
    assert not leaves_folder(path)


@pytest.mark.parametrize("path", LEAVES)
def test_a_way_out_is_seen(path: str) -> None:
    assert leaves_folder(path)


@pytest.mark.parametrize("path", ["https://a/b", "gs://x", "data:text/plain,x", "x/y://z"])
def test_an_address_is_no_file(path: str) -> None:
    assert leaves_machine(path)


@pytest.mark.parametrize("path", ["a/b", "a.b/c:d", "../x", "1:2"])
def test_a_file_is_no_address(path: str) -> None:
    assert not leaves_machine(path)
