"""Joins byte strings so that no two lists of parts give the same bytes."""


def framed(*parts: bytes) -> bytes:
    """Each part behind its length (unsigned 16 bits, big endian).

    Raises:
        OverflowError: a part is longer than 65,535 bytes.
    """
    return b"".join([len(part).to_bytes(2, "big") + part for part in parts])
