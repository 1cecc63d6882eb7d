"""Writes one thing one way: names in two scripts, numbers, phones, addresses of mail, dates.

Pure, and versioned with the index keys: an index built by one version of the rules is read
by that version. To change what a function answers is to add a version, with its golden file.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from vault import normalisers_v1
from vault.normalisers_v1 import arabic, latin, name, number, skeleton
from vault.normalisers_v2 import date, email, national, phone

__all__ = [
    "NEWEST",
    "RULES",
    "Rules",
    "arabic",
    "date",
    "email",
    "latin",
    "name",
    "national",
    "number",
    "phone",
    "skeleton",
]

Normaliser = Callable[[str], str]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the indexes ask of one version; each answers "" for what says nothing."""

    number: Normaliser
    phone: Normaliser
    skeleton: Normaliser
    date: Normaliser


RULES: Final[Mapping[int, Rules]] = {
    1: Rules(
        number=number,
        phone=normalisers_v1.phone,
        skeleton=skeleton,
        date=normalisers_v1.date,
    ),
    2: Rules(number=number, phone=phone, skeleton=skeleton, date=date),
}
NEWEST: Final = max(RULES)
"""What the functions named here answer by, and what a new index key is used with."""
