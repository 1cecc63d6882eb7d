"""The number of a person: ten digits, the first 2 to 9, the last a Verhoeff check digit.

Drawn uniformly and never reassigned. There are 8 × 10⁸ of them, so a number is never kept
without a key, and no function here says whether one was issued.
"""

import secrets
from typing import Final

from stdnum import verhoeff

from vault import normalisers

LENGTH: Final = 10
_LOWEST: Final = 200_000_000
_COUNT: Final = 800_000_000
"""Nine digits, the first 2 to 9: registries reference 1.2 («800 million»)."""


def new() -> str:
    """A number drawn uniformly; whoever keeps it sees that it is not taken."""
    return checked(str(_LOWEST + secrets.randbelow(_COUNT)))


def checked(digits: str) -> str:
    """The digits with their check digit behind."""
    return digits + str(verhoeff.calc_check_digit(digits))


def read(written: str) -> str | None:
    """A number as typed (spaces, Arabic digits) in one spelling; None if it cannot be one."""
    digits = normalisers.number(written)
    return digits if valid(digits) else None


def valid(digits: str) -> bool:
    """Whether ten ASCII digits have the right first and last one. Says nothing of being issued."""
    return (
        len(digits) == LENGTH
        and digits.isascii()
        and digits.isdigit()
        and digits[0] >= "2"
        and bool(verhoeff.is_valid(digits))
    )
