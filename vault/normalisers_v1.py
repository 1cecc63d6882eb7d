"""Version 1 of the rules by which things are written one way: never edited, indexes rest on it.

What a function answers here is held by `tests/vectors/normalisers_v1.json`.
"""

import re
import unicodedata
from typing import Final

_ARABIC: Final = re.compile(r"[\u0600-\u06ff]")
# Tashkil, Quranic marks, dagger alef, tatweel (Unicode, Arabic block); zero-width and bidi marks.
_ARABIC_MARKS: Final = re.compile(
    r"[\u0610-\u061a\u064b-\u065f\u0670\u0640\u06d6-\u06ed\u200b-\u200f\u202a-\u202e\u2066-\u2069]"
)
_ARABIC_FOLDS: Final = str.maketrans(
    {
        **dict.fromkeys("أإآٱ", "ا"),
        **dict.fromkeys("گڭݣک", "ك"),
        **dict.fromkeys("ىئی", "ي"),
        "ة": "ه",
        "ؤ": "و",
        "ء": "",
        "ڤ": "ف",
        "پ": "ب",
    }
)
_LATIN_FOLDS: Final = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l"})
_APOSTROPHES: Final = re.compile(r"['’ʼʿʾ`´]")
_NOT_OF_WORDS: Final = re.compile(r"[^\w]+|_")
_NOT_OF_NUMBERS: Final = re.compile(r"[^0-9A-Z]")

# Words that a name has on one paper and not on another: articles and forms of address.
_OPTIONAL: Final = frozenset({"el", "al", "l", "moulay", "lalla", "sidi", "مولاي", "لالا", "سيدي"})
_ARTICLE: Final = re.compile(r"\b(?:l['’]|ال(?=\w{2}))", re.IGNORECASE)
"""Before folding: the alef of إلياس is of the name, that of العلمي is not."""
_JOINED_ARTICLE: Final = re.compile(r"^el(?=\w{4})")
"""Elalami loses it; Elias, with three letters after it, does not."""
_SERVANT: Final = re.compile(r"^abd[aeou]l")
"""Abdelkarim is عبد الكريم: the article is inside."""
# Spellings of one sound, the longest first; both scripts meet in one alphabet of consonants.
_SOUNDS: Final = dict(
    [
        ("tch", "C"), ("sch", "C"), ("ch", "C"), ("sh", "C"), ("kh", "X"), ("gh", "G"),
        ("dj", "J"), ("ph", "f"), ("th", "t"), ("dh", "d"), ("ce", "s"), ("ci", "s"),
        ("c", "k"), ("q", "k"), ("g", "k"), ("j", "J"), ("v", "f"), ("p", "b"), ("x", "ks"),
        *zip("بتثجحخدذرزسشصضطظغفقكلمنه", "bttJhXddrzsCsdtdGfkklmnh", strict=True),
        *((vowel, "") for vowel in "aeiouywاوعي"),
    ]
)  # fmt: skip
_SOUND: Final = re.compile("|".join(_SOUNDS))
_DOUBLED: Final = re.compile(r"(.)\1+")


def arabic(text: str) -> str:
    """Arabic letters without marks, folded where spelling wavers; words by one space."""
    bare = _ARABIC_MARKS.sub("", unicodedata.normalize("NFKC", text))
    return _words(bare.translate(_ARABIC_FOLDS))


def latin(text: str) -> str:
    """Latin letters without accents, in lower case; apostrophes closed, hyphens a space."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LATIN_FOLDS)
    split = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", folded))
    return _words("".join(letter for letter in split if not unicodedata.combining(letter)))


def name(text: str) -> str:
    """A name, each word in its own script."""
    return _words(" ".join(_in_its_script(word) for word in text.split()))


def skeleton(text: str) -> str:
    """The consonants of a name, the same from Arabic and Latin spellings; for candidates only.

    Mohamed, Mouhammed and محمد are `mhmd`; Ahmed is `hmd`: the h is kept (reference §5.2).
    """
    words = name(_ARTICLE.sub("", text)).split()
    stems = (_stem(word) for word in words if word not in _OPTIONAL)
    sounds = (_SOUND.sub(lambda found: _SOUNDS[found[0]], stem) for stem in stems)
    return _DOUBLED.sub(r"\1", "".join(sound.removesuffix("h") for sound in sounds))


def number(text: str) -> str:
    """An official number: capitals and ASCII digits, nothing between them."""
    return _NOT_OF_NUMBERS.sub("", ascii_digits(text).upper())


def phone(text: str) -> str:
    """E.164 (`+212612345678`), taking a bare number for a Moroccan one; "" if it is none."""
    digits = re.sub(r"[^0-9+]", "", ascii_digits(text).replace("(0)", ""))
    international = re.sub(r"^(?:\+|00|(?=212\d{9}$))", "+", digits, count=1)
    moroccan = re.sub(r"^(?:\+212)?0?([5-8]\d{8})$", r"+212\1", international)
    return moroccan if re.fullmatch(r"\+[1-9]\d{7,14}", moroccan) else ""


def email(text: str) -> str:
    """An address of mail with its domain in ASCII lower case (IDNA); "" if it is none."""
    local, _, domain = unicodedata.normalize("NFKC", text).strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode().lower()
    except UnicodeError:
        return ""
    return f"{local}@{ascii_domain}" if local and ascii_domain and "@" not in local else ""


def date(text: str) -> str:
    """A date as the register writes it: taken as it is."""
    return text


def ascii_digits(text: str) -> str:
    """The text with the digits of every script as ASCII."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(letter, letter)) for letter in folded)


def _in_its_script(word: str) -> str:
    return arabic(word) if _ARABIC.search(word) else latin(word)


def _words(text: str) -> str:
    return " ".join(_NOT_OF_WORDS.sub(" ", text).split())


def _stem(word: str) -> str:
    return _SERVANT.sub("abd", _JOINED_ARTICLE.sub("", word))
