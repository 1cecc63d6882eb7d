import pytest

from vault.framing import framed


@pytest.mark.parametrize("size", [0, 1, 2, 254, 255, 256, 257, 1_000, 65_535])
def test_each_part_stands_behind_its_length(size):
    part = b"x" * size
    assert framed(part, b"y") == size.to_bytes(2, "big") + part + b"\x00\x01y"


def test_no_parts_are_no_bytes_and_an_empty_one_is_told_from_none():
    assert framed() == b""
    assert framed(b"") == b"\x00\x00"


def test_a_part_that_its_length_cannot_tell_is_refused():
    with pytest.raises(OverflowError):
        framed(b"x" * 65_536)
