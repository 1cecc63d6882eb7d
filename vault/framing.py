"""Joins byte strings so that no two lists of parts give the same bytes."""

from typing import Final


def framed(*parts: bytes) -> bytes:
    """Each part behind its length (unsigned 16 bits, big endian).

    Raises:
        OverflowError: a part is longer than 65,535 bytes.
    """
    whole: list[bytes] = []
    for part in parts:
        size = len(part)
        # Of the hundred that a record takes, nearly all are short.
        whole += (_SHORT[size] if size < len(_SHORT) else size.to_bytes(2, "big"), part)
    return b"".join(whole)


_SHORT: Final = tuple(size.to_bytes(2, "big") for size in range(256))
