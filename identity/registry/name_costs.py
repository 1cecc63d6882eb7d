"""What it costs to hear one sound for another: one table, symmetric, chosen on labelled pairs.

In hundredths: 0 is the same sound, 100 another one. `MATCHER` changes with any figure here.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from types import MappingProxyType
from typing import Final

from identity.registry.name_sounds import FINAL, INITIAL, SLOTS

MATCHER: Final = 1
"""Version of the rules: a verdict is replayed with the version it was given by."""
WORST_IN_YES: Final = 50
"""A single step that costs more makes a «yes» a «partial», however long the name."""

_WITHOUT: Final = MappingProxyType(
    dict.fromkeys(SLOTS, 0)
    | dict(zip("aeiou", (30, 10, 95, 60, 95), strict=True))
    | dict(zip("àèìòù", (60, 55, 55, 60, 60), strict=True))
    | dict(zip("áéíú", (100, 5, 100, 90), strict=True))
    | {"ā": 60, "ī": 95, "ū": 95, "ʔ": 30, "ˀ": 5, "ʕ": 5, "ẗ": 100, "ȳ": 100, "ỳ": 95}
)
"""A sound that only one spelling has. A consonant costs 100."""

_PLACES: Final = {vowel: "".join({vowel, INITIAL[vowel], FINAL[vowel]}) for vowel in "aeiou"}
"""A vowel at each place of a word."""

_VOWELS: Final = {"ae": 10, "ei": 10, "ou": 5, "eo": 30, "eu": 30, "ao": 60, "au": 60,
                  "ai": 95, "io": 80, "iu": 90}  # fmt: skip
_ARABIC_VOWELS: Final = {
    # written long in Arabic: that vowel, and surely no other
    "āa": 0, "āe": 15, "āo": 60, "āu": 80, "āi": 95,
    "īi": 0, "īe": 20, "īa": 95, "īo": 95, "īu": 95,
    "ūu": 0, "ūo": 5, "ūe": 50, "ūa": 95, "ūi": 95,
    "ʔa": 0, "ʔe": 0, "ʔi": 0, "ʔo": 0, "ʔu": 0,
    "ˀa": 0, "ˀe": 0, "ˀi": 0, "ˀo": 0, "ˀu": 0,
    # last letters
    "ẗa": 0, "ẗe": 50, "ȳi": 0, "ȳe": 30, "ȳa": 45, "ỳa": 0, "ỳi": 30, "ỳe": 30,
    # gaps
    "*a": 0, "*e": 0, "*i": 0, "*o": 5, "*u": 5,
    "~a": 0, "~e": 0, "~i": 40, "~o": 50, "~u": 95,
    "^a": 10, "^e": 0, "^i": 0, "^o": 40, "^u": 40,
    "!a": 0, "!e": 0, "!i": 95, "!o": 40, "!u": 95,
}  # fmt: skip
_ARABIC: Final = {
    "ẗh": 0, "ẗt": 10, "āẗ": 30, "āỳ": 10, "īȳ": 0, "īỳ": 30, "ȳỳ": 20, "ʔā": 0, "ʔˀ": 0,
    "*ā": 60, "~ā": 60, "^ā": 70, "!ā": 60,
    "*ī": 95, "~ī": 95, "^ī": 80, "!ī": 95,
    "*ū": 95, "~ū": 95, "^ū": 95, "!ū": 95,
}  # fmt: skip
_CONSONANTS: Final = {
    "tθ": 0, "sθ": 20, "dð": 0, "zð": 10, "dẓ": 10, "zẓ": 10, "ðẓ": 10, "kq": 0,
    "gq": 20, "gk": 40, "Xk": 50, "Xq": 50, "Xh": 50, "Jg": 40, "Gg": 30, "Gr": 60,
    "sz": 60, "Cs": 70, "CJ": 70, "Jz": 70, "dz": 60, "dt": 70, "bv": 40, "fv": 10,
    "mn": 80, "bf": 90,
}  # fmt: skip
_FEW: Final = 3
"""Ali, Aya: short names are near many others."""
_LAST_A_OR_E: Final = 80
"""Amina is not Amine."""


def _spread(costs: dict[str, int]) -> Iterator[tuple[str, int]]:
    for pair, cost in costs.items():
        places = (_PLACES.get(sound, sound) for sound in pair)
        for left, right in product(*places):
            yield left + right, cost
            yield right + left, cost


def _same_vowels() -> Iterator[tuple[str, int]]:
    for places in _PLACES.values():
        yield from ((left + right, 0) for left, right in product(places, places))


def _slots() -> Iterator[tuple[str, int]]:
    yield from ((left + right, 0) for left, right in product(SLOTS, SLOTS))


_HEARD: Final = MappingProxyType(
    dict(_same_vowels())
    | dict(_slots())
    | dict(_spread(_VOWELS | _ARABIC_VOWELS))
    | dict(_spread(_ARABIC))
    | dict(_spread(_CONSONANTS))
    | {"áé": _LAST_A_OR_E, "éá": _LAST_A_OR_E}
)

Cost = tuple[int, int]
"""Of a whole word: the sum, and the dearest single step."""


def limits(consonants: int) -> Cost:
    """The dearest «yes» and the dearest «partial» for a name of so many consonants."""
    if consonants < _FEW:
        return 35, 60
    return max(55, 13 * consonants), max(90, 20 * consonants)


def aligned(left: str, right: str) -> Cost:
    """The cheapest way to hear one word for the other."""
    above: list[Cost] = _running(right)
    for sound in left:
        row = [_with(above[0], _without(sound))]
        for place, other in enumerate(right):
            row.append(
                min(
                    _with(above[place], _heard(sound, other)),
                    _with(above[place + 1], _without(sound)),
                    _with(row[place], _without(other)),
                )
            )
        above = row
    return above[-1]


def _without(sound: str) -> int:
    return _WITHOUT.get(sound, 100)


def _running(sounds: Iterable[str]) -> list[Cost]:
    row = [(0, 0)]
    for sound in sounds:
        row.append(_with(row[-1], _without(sound)))
    return row


def _heard(one: str, other: str) -> int:
    # Never dearer than leaving out both, so that 200 means «no such pair».
    return 0 if one == other else _HEARD.get(one + other, 200)


def _with(cost: Cost, step: int) -> Cost:
    total, worst = cost
    return total + step, max(worst, step)
