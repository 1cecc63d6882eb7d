"""A name as words that can be compared: particles joined to their word, articles laid aside."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import product
from typing import Final

import msgspec

from identity.registry import name_sounds
from vault import normalisers

MAX_WORDS: Final = 6
_MAX_READINGS: Final = 8

_ARABIC: Final = re.compile(r"[\u0600-\u06ff]")
_ELIDED: Final = re.compile(r"\bl['’]", re.IGNORECASE)
_CEDILLA: Final = str.maketrans({"ç": "ss", "Ç": "ss"})
_TITLES: Final = frozenset({"moulay", "my", "lalla", "sidi", "مولاي", "لالا", "للا", "سيدي"})
_ARTICLES: Final = frozenset({"el", "al", "l", "ال"})
_ASSIMILATED: Final = frozenset({"er", "es", "ed", "en", "et", "ez", "ech", "ad", "ar", "as"})
_PREFIXES: Final = {
    "ben": "ben", "bin": "ben", "ibn": "ben", "bent": "bent", "bint": "bent", "bou": "bou",
    "abou": "bou", "abu": "bou", "ait": "ait", "ould": "ould", "oulad": "ould", "ouled": "ould",
    "abd": "abd", "abdel": "abd", "abdul": "abd", "abdal": "abd",
    "بن": "بن", "ابن": "بن", "بنت": "بنت", "بو": "بو", "ابو": "بو", "ايت": "ايت",
    "ولد": "ولد", "اولاد": "ولد", "عبد": "عبد",
}  # fmt: skip
"""Written apart or together with the word behind them."""
_SUFFIXES: Final = {
    "eddine": "din", "dine": "din", "din": "din", "ddine": "din", "allah": "lah", "ellah": "lah",
    "الدين": "دين", "الله": "له",
}  # fmt: skip
"""The same, with the word before them."""
_WRITTEN: Final = {
    # abbreviations in use
    "med": "mohamed", "md": "mohamed", "mhd": "mohamed",
    # an alef that older spelling leaves out
    "رحمان": "رحمن", "اسحاق": "اسحق", "ابرهيم": "ابراهيم", "اسمعيل": "اسماعيل", "طه": "طاها",
}  # fmt: skip
_READINGS: Final = (
    # article or compound inside one word → the word without it, what that costs in hundredths
    (re.compile(r"^(عبد)ال(?=\w\w)"), r"\1", 0),
    (re.compile(r"(?<=\w\w)ال(?=دين$)"), "", 0),
    (re.compile(r"^(abd)[aeou]+l(?=\w\w)"), r"\1_", 0),
    (re.compile(r"^ال(?=\w\w)"), "", 0),
    (re.compile(r"^ل(?=\w{5})"), "", 20),
    (re.compile(r"^el(?=\w{4})|^al(?=\w{5})"), "", 0),
    (re.compile(r"^[ae]([rsdntz])(?=\1)|^[ae]ch(?=ch)"), "", 0),
    (re.compile(r"^l(?=[b-df-hj-np-tvwxz]\w{3})"), "", 0),
    (re.compile(r"^l(?=[aeiou]\w{5})"), "", 20),
    # th is also t and h (Fathi), rh also gh (Marhraoui)
    (re.compile(r"([tsd])h"), r"\1_h", 0),
    (re.compile(r"(?<=\w)rh"), "gh", 0),
    # Latifa is not Atifa
    (re.compile(r"^l(?=[aeiou]\w{3,4}$)"), "", 60),
)


class Reading(msgspec.Struct, frozen=True):
    """One way a word, or a whole name, may sound, and what it costs to read it so."""

    sounds: str
    cost: int = 0


class Word(msgspec.Struct, frozen=True):
    """One word and all its readings; none if it has no letter of the two scripts."""

    text: str
    arabic: bool
    readings: tuple[Reading, ...]


def words(name: str) -> tuple[Word, ...]:
    """The words that count, at most `MAX_WORDS`."""
    parts = [_WRITTEN.get(part, part) for part in _parts(name)]
    return tuple(map(_word, _joined(parts)))[:MAX_WORDS]


def together(several: tuple[Word, ...]) -> tuple[Reading, ...]:
    """The readings of all words as one."""
    found = product(*(word.readings for word in several))
    return tuple(
        Reading("~".join(each.sounds for each in reading), sum(each.cost for each in reading))
        for reading, _ in zip(found, range(_MAX_READINGS), strict=False)
    )


def _parts(name: str) -> list[str]:
    composed = unicodedata.normalize("NFC", name).translate(_CEDILLA)
    bare = name_sounds.mark_alef_maqsura(_ELIDED.sub("", composed))
    found = [part for word in bare.split() for part in normalisers.name(word).split()]
    return [part for part in found if part not in _TITLES] or found


def _joined(parts: list[str]) -> Iterator[str]:
    prefix = word = ""
    for place, part in enumerate(parts):
        behind = parts[place + 1] if place + 1 < len(parts) else ""
        if behind and _is_article(part, behind):
            continue
        if behind and part in _PREFIXES:
            # The mark keeps d and h of Abd el-Hak apart.
            prefix += _PREFIXES[part] + ("_" if part.isascii() else "")
        elif word and part in _SUFFIXES:
            word += ("_" if part.isascii() else "") + _SUFFIXES[part]
        else:
            if word:
                yield word
            # عبد الكريم: the article inside the compound goes
            word, prefix = prefix + (re.sub(r"^ال(?=\w\w)", "", part) if prefix else part), ""
    if word:
        yield word


def _is_article(part: str, behind: str) -> bool:
    return part in _ARTICLES or (part in _ASSIMILATED and behind.startswith(part[1:]))


def _word(text: str) -> Word:
    arabic = bool(_ARABIC.search(text))
    of = name_sounds.of_arabic if arabic else name_sounds.of_latin
    found: dict[str, int] = {}
    for spelling, cost in _spellings(text):
        if sounds := of(spelling):
            found.setdefault(sounds, cost)
    readings = tuple(Reading(sounds, cost) for sounds, cost in found.items())
    return Word(text=text, arabic=arabic, readings=readings)


def _spellings(text: str) -> Iterator[tuple[str, int]]:
    yield text, 0
    for pattern, instead, cost in _READINGS:
        stem = pattern.sub(instead, text)
        if stem != text:
            yield stem, cost
