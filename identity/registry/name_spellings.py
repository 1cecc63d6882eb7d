"""Other spellings of a name, as papers have them: the generator of the benchmark, not of the rule.

Each change is one that Moroccan papers show for the same person. The matcher does not know
this list; what it says of these spellings is measured.
"""

import re
from typing import Final

from identity.registry.dice import Dice

Change = tuple[re.Pattern[str], str]


def _changes(*pairs: tuple[str, str]) -> tuple[Change, ...]:
    return tuple((re.compile(pattern), instead) for pattern, instead in pairs)


LATIN: Final = _changes(
    (r"ou(?=[^aeiou]|$)", "u"),
    (r"(?<=[^aeo])u(?=[^aeiou])", "ou"),
    (r"ch", "sh"),
    (r"ss", "s"),
    (r"(?<=[aeiou])s(?=[aeiou])", "ss"),
    (r"(?<=[aeiou])([mnlrdb])(?=[aeiou])", r"\1\1"),
    (r"([mnlrdbtkzf])\1", r"\1"),
    (r"i(?=[aeou])", "y"),
    (r"y", "i"),
    (r"ai", "a\u00ef"),
    (r"a\b", "ah"),
    (r"(?<=[^e])ah\b", "a"),
    (r"k(?!h)", "q"),
    (r"q", "k"),
    (r"j", "dj"),
    (r"e(?=[dmnr])", "a"),
    (r"(?<=[hdm])a(?=[dmnr])", "e"),
    (r"(?<=[ainr]n)e\b", ""),
    (r"(?<=[aei][lnm])\b", "e"),
    (r"ph", "f"),
    (r"th", "t"),
    (r"gh", "rh"),
    (r"ae\b", "a"),
    (r"e(?=ss|ll)", "é"),
    (r"\bEl (?=[A-Z])", "El-"),
    (r"\bEl ", ""),
    (r"\bBen(?=[a-z])", "Ben "),
    (r"\bBou(?=[a-z]{3})", "Bou "),
    (r"(?<=[a-z])[ -](?=[A-Z])", "-"),
    (r"\bAbd(?:el|er|al)", "Abd El "),
    (r"eddine", " Eddine"),
)
ARABIC: Final = _changes(
    (r"[أإآ]", "ا"),
    (r"ة(?!\w)", "ه"),
    (r"ى(?!\w)", "ي"),
    (r"ي(?!\w)", "ى"),
    (r"ئ", "ي"),
    (r"ء(?!\w)", ""),
    (r"ؤ", "و"),
    (r"(?<=\w)م(?=\w)", "مـ"),
    (r"م", "مُ"),
    (r"\bعبد ", "عبد"),
    (r"\bبن(?=\w{3})", "بن "),
    (r"\bبو(?=\w{3})", "بو "),
    (r" (?=الدين)", ""),
    (r"\bآيت ", "ايت "),
    (r"\bبن ", "بن"),
)


def another(dice: Dice, name: str, changes: tuple[Change, ...]) -> str:
    """The name with one or two changes that apply to it; as it is, where none does."""
    spelled = name
    for _ in range(dice.between(1, 2)):
        once = [pattern.sub(instead, spelled, count=1) for pattern, instead in changes]
        others = [each for each in once if each not in {name, spelled}]
        spelled = dice.one_of(others) if others else spelled
    return spelled
