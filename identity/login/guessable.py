"""How soon a password is guessed (zxcvbn), knowing what people here build theirs of.

Source: NIST SP 800-63B-4 §3.1.1.2: compared with what is commonly used, expected or compromised.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from zxcvbn import zxcvbn

from identity.registry import sample_names

JUDGED_CHARACTERS: Final = 72
"""What zxcvbn looks at; whoever types more has not been guessed by then."""
LEAST_GUESSES: Final = 10**10
"""What withstands also whoever has the hashes, slow as they are (zxcvbn's highest score)."""


def _words() -> tuple[str, ...]:
    lines = (Path(__file__).parent / "common_words.txt").read_text(encoding="utf-8").splitlines()
    common = [line for line in lines if line and not line.startswith("#")]
    names = [
        name.replace(" ", "").casefold()
        for pairs in (sample_names.MEN, sample_names.WOMEN, sample_names.FAMILIES)
        for pair in pairs
        for name in pair
    ]
    return tuple(dict.fromkeys([*common, *names]))


WORDS: Final = _words()


def is_guessable(password: str, about: Sequence[str]) -> bool:
    """Whether somebody who knows these words, and what it is about, finds it too soon. Some ms."""
    judged = password[:JUDGED_CHARACTERS]
    guesses = zxcvbn(judged, user_inputs=[*about, *WORDS])["guesses"]
    return bool(guesses < LEAST_GUESSES)
