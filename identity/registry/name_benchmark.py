"""How often names are wrongly refused or wrongly taken: our rule beside MOSIP's published one.

Labelled pairs from name lists: spellings of one name by a generator and by the other
script, and names of other people, the most similar ones among them. The rules were chosen
on the first list; the second, `name_variants`, is held out, so its rows tell how they fare
on names they have not met.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from typing import Final

import msgspec
from rapidfuzz.distance import Levenshtein

from identity.registry import name_spellings, names
from identity.registry.dice import Dice
from identity.registry.name_costs import MATCHER
from identity.registry.name_variants import HELD_OUT, Variants
from identity.registry.names import Verdict
from identity.registry.sample_names import FAMILIES, MEN, WOMEN, Pair

MOSIP_THRESHOLD: Final = 60
"""Of 100; a deployment sets it.

Source: `demo.threshold` in mosip-config, config/id-authentication-qa.properties (0417fae).
"""
_MOSIP_SIGNS: Final = re.compile(r"[.,*()\[\]`'/\\#\"|-]")
"""What its normaliser makes a space: `ida.demo.common.normalization.regex.any[0]` in
mosip-config, id-authentication-default.properties (0036929).
"""
_NEAREST: Final = 5

Labelled = tuple[str, str]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of pair, and how each rule judged it, in pairs."""

    kind: str
    alike: bool
    """Whether these pairs are one name in two spellings."""
    pairs: int
    ours_wrong: int
    """«No» to one name, or «yes» to two."""
    ours_partial: int
    mosip_wrong: int
    """By MOSIP's PARTIAL strategy at the threshold named in the table."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The whole benchmark."""

    rows: tuple[Row, ...]
    seed: str
    mosip_threshold: int


def run(seed: str = "amana-names-1", *, names: int = 400) -> Table:
    """Run the labelled benchmark; the same figures for the same seed."""
    rows = (
        _row(kind, alike, list(make(Dice(f"{seed}/{kind}"), names)))
        for kind, (alike, make) in KINDS.items()
    )
    return Table(rows=tuple(rows), seed=seed, mosip_threshold=MOSIP_THRESHOLD)


def printed(table: Table) -> str:
    """The table as text."""
    lines = [
        f"{'pairs':<44}{'n':>6}{'ours wrong':>12}{'partial':>9}{'MOSIP wrong':>13}",
        "one name, two spellings: wrong is a false refusal",
        *(_line(row) for row in table.rows if row.alike),
        _sum(table, alike=True),
        "two names: wrong is a false accept",
        *(_line(row) for row in table.rows if not row.alike),
        _sum(table, alike=False),
        f"matcher {MATCHER}; seed {table.seed}",
        f"MOSIP: PARTIAL strategy, threshold {table.mosip_threshold} of 100",
    ]
    return "\n".join(lines)


def mosip(claimed: str, recorded: str) -> int:
    """MOSIP's PARTIAL score, 0 to 100: equal words; initials only cost nothing.

    Source: its demographics reference implementation (`doPartialMatch`), after its normaliser.
    """
    stored = _mosip_words(recorded)
    left, unmatched = list(stored), []
    for word in _mosip_words(claimed):
        if word in left:
            left.remove(word)
        else:
            unmatched.append(word)
    matched = len(stored) - len(left)
    for initial in [word for word in unmatched if len(word) == 1]:
        begun = next((word for word in left if word.startswith(initial)), None)
        if begun is not None:
            left.remove(begun)
            unmatched.remove(initial)
    return 100 * matched // (len(stored) + len(unmatched))


def _mosip_words(name: str) -> list[str]:
    return _MOSIP_SIGNS.sub(" ", name).lower().split()


def _row(kind: str, alike: bool, pairs: Sequence[Labelled]) -> Row:
    verdicts = [names.compare(*pair).verdict for pair in pairs]
    wrong = Verdict.NO if alike else Verdict.YES
    taken = [mosip(*pair) >= MOSIP_THRESHOLD for pair in pairs]
    return Row(
        kind=kind,
        alike=alike,
        pairs=len(pairs),
        ours_wrong=verdicts.count(wrong),
        ours_partial=verdicts.count(Verdict.PARTIAL),
        mosip_wrong=taken.count(not alike),
    )


def _people(dice: Dice, count: int) -> Iterator[Pair]:
    """Whole names."""
    for _ in range(count):
        given, family = dice.one_of(dice.one_of((MEN, WOMEN))), dice.one_of(FAMILIES)
        yield f"{given[0]} {family[0]}", f"{given[1]} {family[1]}"


def _french(dice: Dice, count: int) -> Iterator[Labelled]:
    for _, latin in _people(dice, count):
        yield name_spellings.another(dice, latin, name_spellings.LATIN), latin


def _arabic(dice: Dice, count: int) -> Iterator[Labelled]:
    for arabic, _ in _people(dice, count):
        yield name_spellings.another(dice, arabic, name_spellings.ARABIC), arabic


def _across(dice: Dice, count: int) -> Iterator[Labelled]:
    for arabic, latin in _people(dice, count):
        yield latin, arabic


def _across_spelled(dice: Dice, count: int) -> Iterator[Labelled]:
    for arabic, latin in _people(dice, count):
        yield (
            name_spellings.another(dice, latin, name_spellings.LATIN),
            name_spellings.another(dice, arabic, name_spellings.ARABIC),
        )


def _swapped(dice: Dice, count: int) -> Iterator[Labelled]:
    for _ in range(count):
        given, family = dice.one_of(dice.one_of((MEN, WOMEN))), dice.one_of(FAMILIES)
        yield f"{family[1]} {given[1]}", f"{given[0]} {family[0]}"


def _others(dice: Dice, count: int) -> Iterator[Labelled]:
    for _ in range(count):
        one, other = _two(dice, dice.one_of((MEN, WOMEN, FAMILIES)))
        yield one[1], other[1]


def _others_across(dice: Dice, count: int) -> Iterator[Labelled]:
    for _ in range(count):
        one, other = _two(dice, dice.one_of((MEN, WOMEN, FAMILIES)))
        yield one[1], other[0]


def _nearest(dice: Dice, count: int) -> Iterator[Labelled]:
    yield from ((one[1], other[1]) for one, other in _near(dice, count))


def _nearest_across(dice: Dice, count: int) -> Iterator[Labelled]:
    yield from ((one[1], other[0]) for one, other in _near(dice, count))


def _near(dice: Dice, count: int) -> Iterator[tuple[Pair, Pair]]:
    """Names and those most like them in letters, of either sex."""
    everyone = (MEN + WOMEN, FAMILIES)
    for _ in range(count):
        names_ = dice.one_of(everyone)
        one = dice.one_of(names_)
        others = sorted(
            (other for other in names_ if other != one),
            key=lambda other: Levenshtein.normalized_distance(one[1], other[1]),
        )
        yield one, dice.one_of(others[:_NEAREST])


def _family(dice: Dice, count: int) -> Iterator[Labelled]:
    yield from ((one[1], other[1]) for one, other in _siblings(dice, count))


def _family_across(dice: Dice, count: int) -> Iterator[Labelled]:
    yield from ((one[1], other[0]) for one, other in _siblings(dice, count))


def _siblings(dice: Dice, count: int) -> Iterator[tuple[Pair, Pair]]:
    """Whole names of two people of one family."""
    for _ in range(count):
        one, other = _two(dice, dice.one_of((MEN, WOMEN)))
        family = dice.one_of(FAMILIES)
        yield (
            (f"{one[0]} {family[0]}", f"{one[1]} {family[1]}"),
            (f"{other[0]} {family[0]}", f"{other[1]} {family[1]}"),
        )


def _held_out(_: Dice, _count: int) -> Iterator[Labelled]:
    for _arabic, *french in HELD_OUT:
        yield from combinations(french, 2)


def _held_out_across(_: Dice, _count: int) -> Iterator[Labelled]:
    for arabic, *french in HELD_OUT:
        yield from ((spelling, arabic) for spelling in french)


def _held_out_others(dice: Dice, count: int) -> Iterator[Labelled]:
    pairs = [
        pair for one, other in combinations(HELD_OUT, 2) for pair in _every_spelling(one, other)
    ]
    pairs.sort(key=lambda pair: Levenshtein.normalized_distance(*pair))
    yield from (dice.one_of(pairs[: 5 * count]) for _ in range(count))


def _every_spelling(one: Variants, other: Variants) -> Iterator[Labelled]:
    yield from product(one[1:], other[1:])


def _two(dice: Dice, among: Sequence[Pair]) -> tuple[Pair, Pair]:
    one = dice.one_of(among)
    return one, dice.one_of([other for other in among if other != one])


KINDS: Final[dict[str, tuple[bool, Callable[[Dice, int], Iterator[Labelled]]]]] = {
    "French spelling, French spelling": (True, _french),
    "Arabic spelling, Arabic spelling": (True, _arabic),
    "French, Arabic": (True, _across),
    "French spelling, Arabic spelling": (True, _across_spelled),
    "family name first, other script": (True, _swapped),
    "held out: usual spellings, French": (True, _held_out),
    "held out: usual spellings, French, Arabic": (True, _held_out_across),
    "another name": (False, _others),
    "another name, other script": (False, _others_across),
    "another of the same family": (False, _family),
    "another of the same family, other script": (False, _family_across),
    "one of the five most similar": (False, _nearest),
    "one of the five most similar, other script": (False, _nearest_across),
    "held out: the most similar of others": (False, _held_out_others),
}


def _line(row: Row) -> str:
    return (
        f"  {row.kind:<42}{row.pairs:>6}{_share(row.ours_wrong, row.pairs):>12}"
        f"{_share(row.ours_partial, row.pairs):>9}{_share(row.mosip_wrong, row.pairs):>13}"
    )


def _sum(table: Table, *, alike: bool) -> str:
    rows = [row for row in table.rows if row.alike is alike]
    return _line(
        Row(
            kind="all",
            alike=alike,
            pairs=sum(row.pairs for row in rows),
            ours_wrong=sum(row.ours_wrong for row in rows),
            ours_partial=sum(row.ours_partial for row in rows),
            mosip_wrong=sum(row.mosip_wrong for row in rows),
        )
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"
