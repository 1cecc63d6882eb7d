"""What stands in for a person's number: sixteen uniform digits, the last a Verhoeff check digit.

No function here says whether one was made. The check digit finds a slip of the pen for the
person who types; the service answers a wrong one like any that is nobody's.
"""

import secrets
from typing import Final

from stdnum import verhoeff

from vault import normalisers

LENGTH: Final = 16
_COUNT: Final = 10 ** (LENGTH - 1)


def new() -> str:
    """A number drawn uniformly; whoever keeps it sees that it is not taken."""
    digits = f"{secrets.randbelow(_COUNT):0{LENGTH - 1}d}"
    return digits + str(verhoeff.calc_check_digit(digits))


def read(written: str) -> str | None:
    """A number as typed (spaces, Arabic digits) in one spelling; None if it cannot be one."""
    digits = normalisers.number(written)
    sound = len(digits) == LENGTH and digits.isascii() and digits.isdigit()
    return digits if sound and verhoeff.is_valid(digits) else None


def spaced(number: str) -> str:
    """In fours, to be read out."""
    return " ".join(number[at : at + 4] for at in range(0, LENGTH, 4))
