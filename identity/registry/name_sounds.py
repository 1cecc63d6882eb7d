"""One word of a name, in Arabic or in French spelling, as a string of sounds in one alphabet.

Consonants are small ASCII letters and J (ج), X (خ), C (ش), G (غ); what only Arabic tells
apart keeps a letter of its own (θ ð ẓ q). Vowels say where they stand, because a first
or a last vowel tells more than one in the middle. Arabic leaves short vowels out, so
its words carry slots where a French spelling may have one.
"""

import re
from itertools import pairwise
from typing import Final

SLOTS: Final = "*~^!"
"""Gaps: first, any vowel; last, rather a or e; after a long vowel, i or e; the rest, never i."""
INITIAL: Final = dict(zip("aeiou", "àèìòù", strict=True))
FINAL: Final = dict(zip("aeiou", "áéíúú", strict=True))

_LATIN: Final = re.compile("tch|sch|ddj|ch|sh|kh|gh|^rh|dj|ph|th|dh|qu|ck|ee|oo|ou|[a-z]")
_LATIN_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz_")
_LATIN_SOUNDS: Final = {
    "tch": "C", "sch": "C", "ch": "C", "sh": "C", "kh": "X", "gh": "G", "rh": "G", "dj": "J",
    "ddj": "J", "ph": "f", "th": "t", "dh": "d", "qu": "k", "ck": "k", "ee": "i", "oo": "u",
    "ou": "u", "c": "k", "j": "J", "p": "b", "q": "k", "w": "u", "x": "ks", "y": "i",
}  # fmt: skip
_SOFT: Final = {"c": "s", "g": "J"}
"""Before e, i, y."""
_ARABIC_SOUNDS: Final = dict(
    zip(
        "بتثجحخدذرزسشصضطظعغفقكلمنهويا",
        "btθJhXdðrzsCsdtẓʕGfqklmnhūīā",
        strict=True,
    )
)
_ALEF_MAQSURA: Final = "ې"
"""Stands for a final ى, which normalisation would fold into ي."""
_FIRST: Final = "ʔˀ"
_LONG: Final = "āīū"
_LAST: Final = "ẗȳỳ"
_SERVANT: Final = ["ʕ", "b", "d"]
_ROOT: Final = 3
"""Consonants of most names: f-ʕ-l."""


def of_arabic(word: str) -> str:
    """A normalised Arabic word, without its article; "" if it has letters of another script."""
    letters = word.removesuffix(_ALEF_MAQSURA)
    if not _ARABIC_SOUNDS.keys() >= set(letters):
        return ""
    sounds = [_ARABIC_SOUNDS[letter] for letter in letters]
    if sounds[:1] == ["ā"]:
        # A first alef carries whichever vowel; before و or ي perhaps none of its own.
        sounds[0] = "ˀ" if sounds[1:2] in (["ū"], ["ī"]) else "ʔ"
    if len(sounds) > 1:
        sounds[-1] = {"h": "ẗ", "ī": "ȳ"}.get(sounds[-1], sounds[-1])
    if word.endswith(_ALEF_MAQSURA):
        sounds.append("ỳ")
    return _slotted(sounds)


def of_latin(word: str) -> str:
    """A normalised Latin word; "" if it has letters of another script."""
    if not set(word) <= _LATIN_LETTERS:
        return ""
    found = (_LATIN_SOUNDS.get(_soft(part), _soft(part)) for part in _LATIN.finditer(word))
    sounds = _undoubled(list("".join(found)))
    if sounds[-2:] in (["a", "h"], ["e", "h"], ["a", "e"]):
        del sounds[-1]  # Sarah, Abdelah, Sanae
    if sounds and sounds[0] in INITIAL:
        sounds[0] = INITIAL[sounds[0]]
    if len(sounds) > 1 and sounds[-1] in FINAL:
        sounds[-1] = FINAL[sounds[-1]]
    return "".join(sounds)


def mark_alef_maqsura(text: str) -> str:
    """Keep a final ى apart from ي through normalisation."""
    return re.sub(r"ى(?!\w)", _ALEF_MAQSURA, text)


def consonants(sounds: str) -> int:
    """How many consonants carry a word."""
    return sum(sound in "btθJhXdðrzsCẓGfqklmngvk" for sound in sounds)


def _soft(part: re.Match[str]) -> str:
    letter = part[0]
    before = part.string[part.end() : part.end() + 1]
    return _SOFT[letter] if letter in _SOFT and before in {"e", "i", "y"} else letter


def _undoubled(sounds: list[str]) -> list[str]:
    return sounds[:1] + [sound for last, sound in pairwise(sounds) if sound != last]


def _slotted(sounds: list[str]) -> str:
    """A slot in each gap where a short vowel may have been left out."""
    last_gap = max((at for at in range(1, len(sounds)) if _open(sounds, at)), default=0)
    root = sum(sound not in {*_LONG, *_FIRST, *_LAST} for sound in sounds)
    slotted = sounds[:1]
    for at in range(1, len(sounds)):
        if _open(sounds, at):
            # حسن is Hassan; with an i after the s it would be Hassin, حسين.
            rest = "~" if at == last_gap and root > _ROOT and sounds[:at] != _SERVANT else "!"
            slotted.append(_slot(sounds, at) or rest)
        slotted.append(sounds[at])
    return "".join(slotted)


def _open(sounds: list[str], at: int) -> bool:
    """Whether a short vowel may stand before this sound. A first و or ي is a consonant."""
    after = at == 1 or sounds[at - 1] not in _LONG
    return after and sounds[at - 1] not in _FIRST and sounds[at] not in {"ā", *_LAST}


def _slot(sounds: list[str], at: int) -> str:
    before = sounds[: at - 1]
    if not before:
        return "*"  # هشام: Hicham; جمال: Jamal; نعمان: Nouaman
    if before[-1] in _FIRST:
        return "~"  # أنس: Anas
    return "^" if before[-1] in _LONG else ""  # سالم: Salem, Salim
