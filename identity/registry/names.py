"""Are these two spellings of one name? Yes, partial or no; by rules alone, and explained.

Arabic ↔ French as Moroccan registries write them. Words are
compared by sound: `name_sounds` writes them down, `name_costs` says how far apart they are.
Order is free, articles and forms of address are optional, words may be written together.
Deterministic; what leaves is a band, never a score.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import permutations, product
from typing import Final

import msgspec
from rapidfuzz.distance import OSA, Levenshtein

from identity.registry import name_costs, name_sounds, name_words
from identity.registry.name_words import Reading, Word
from vault import normalisers

LONGEST: Final = 120
"""Letters; what is longer is only compared as it is written."""


class Verdict(StrEnum):
    """The band of a comparison: all that a programme is told."""

    YES = "yes"
    PARTIAL = "partial"
    NO = "no"

    @property
    def rank(self) -> int:
        """0 for no, 2 for yes."""
        return _WORST_FIRST.index(self)


_WORST_FIRST: Final = (Verdict.NO, Verdict.PARTIAL, Verdict.YES)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and why. The reasons quote both names: for the two eyes that may see them."""

    verdict: Verdict
    because: tuple[str, ...]


def compare(claimed: str, recorded: str) -> Comparison:
    """Compare two names, each in either script."""
    if _written_alike(claimed, recorded):
        return Comparison(verdict=Verdict.YES, because=("written alike",))
    if max(len(claimed), len(recorded)) > LONGEST:
        return Comparison(verdict=Verdict.NO, because=("too long to be read",))
    left, right = name_words.words(claimed), name_words.words(recorded)
    ways = [_word_by_word(left, right)]
    if max(len(left), len(right)) > 1 and ways[0].verdict is not Verdict.YES:
        ways.append(_as_one(left, right))
    return max(ways, key=lambda way: way.verdict.rank)


def same(claimed: str, *recorded: str) -> Verdict:
    """The best verdict of a claim against the spellings on record."""
    verdicts = (compare(claimed, each).verdict for each in recorded if each)
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.NO)


def _written_alike(claimed: str, recorded: str) -> bool:
    one, other = normalisers.name(claimed), normalisers.name(recorded)
    return bool(one) and sorted(one.split()) == sorted(other.split())


def _word_by_word(left: Sequence[Word], right: Sequence[Word]) -> Comparison:
    """Each word with its best partner; one that only one side has makes it partial at most."""
    few, many = sorted((left, right), key=len)
    if not few:
        return Comparison(verdict=Verdict.NO, because=("nothing to compare",))
    judged = [[_judged(one, other) for other in many] for one in few]
    best = max(
        permutations(range(len(many)), len(few)),
        key=lambda order: sorted(judged[at][place].rank for at, place in enumerate(order)),
    )
    verdicts = [judged[at][place] for at, place in enumerate(best)]
    because = [
        f"{few[at].text} ~ {many[place].text}: {judged[at][place]}" for at, place in enumerate(best)
    ]
    because += [f"{many[at].text}: alone" for at in range(len(many)) if at not in best]
    return Comparison(verdict=_overall(verdicts, len(many) - len(few)), because=tuple(because))


def _overall(verdicts: Sequence[Verdict], alone: int) -> Verdict:
    worst = min(verdicts, key=lambda verdict: verdict.rank)
    if not alone:
        return worst
    return Verdict.PARTIAL if worst is Verdict.YES else Verdict.NO


def _as_one(left: tuple[Word, ...], right: tuple[Word, ...]) -> Comparison:
    """All words as one: Fatima-Zahra is Fatimazahra."""
    verdict = _nearest(name_words.together(left), name_words.together(right))
    return Comparison(verdict=verdict, because=(f"written together: {verdict}",))


def _judged(one: Word, other: Word) -> Verdict:
    verdict = _nearest(one.readings, other.readings)
    if verdict is Verdict.NO and one.arabic == other.arabic and _swapped(one.text, other.text):
        return Verdict.PARTIAL
    return verdict


def _nearest(left: Sequence[Reading], right: Sequence[Reading]) -> Verdict:
    best = Verdict.NO
    for one, other in product(left, right):
        band = _band(one, other)
        if band is Verdict.YES:
            return band
        best = max(best, band, key=lambda verdict: verdict.rank)
    return best


def _band(one: Reading, other: Reading) -> Verdict:
    total, worst = name_costs.aligned(one.sounds, other.sounds)
    total += one.cost + other.cost
    length = max(name_sounds.consonants(one.sounds), name_sounds.consonants(other.sounds))
    yes, partial = name_costs.limits(length)
    if total <= yes and worst <= name_costs.WORST_IN_YES:
        return Verdict.YES
    return Verdict.PARTIAL if total <= partial else Verdict.NO


def _swapped(one: str, other: str) -> bool:
    """Two neighbouring letters changed places: a slip of the hand."""
    return OSA.distance(one, other) == 1 and Levenshtein.distance(one, other) == 2  # noqa: PLR2004  (a swap is two edits)
