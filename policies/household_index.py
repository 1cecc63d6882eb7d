"""Household facts → socio-economic index, by a versioned formula, with every point explained.

Decimal arithmetic under one fixed context: the same facts and formula give the same
digits on every machine, now and at any replay. Where a coefficient is not known, the
answer is that the index is unknown: never a guess.
"""

from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from enum import StrEnum
from typing import Final

import msgspec

from policies.household_facts import (
    VARIABLES,
    Dwelling,
    Education,
    HouseholdFacts,
    Milieu,
    Occupation,
    Region,
    inconsistencies,
)

__all__ = [
    "Dwelling",
    "Education",
    "Formula",
    "HouseholdFacts",
    "Index",
    "IndexReason",
    "IndexUnknown",
    "Line",
    "Milieu",
    "Occupation",
    "Region",
    "changes",
    "compute",
]

_DIGIT: Final = Decimal("0.0000001")
"""Seven decimals: those of the published threshold 9.3264284."""
_CONTEXT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""Ours, not the thread's: nothing outside changes a digit."""


class Formula(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dated formula: `constant + region + Σ coefficient × variable`."""

    id: str
    milieu: Milieu
    effective: date
    ends: date
    official: bool
    verified: bool
    source: str
    constant: Decimal
    regions: dict[Region, Decimal]
    coefficients: dict[str, Decimal]
    unknown: tuple[str, ...] = ()
    """Variables of the formula whose coefficient nobody published."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One term of an index: what was counted, and how many points it made."""

    variable: str
    value: Decimal
    coefficient: Decimal
    points: Decimal


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """A computed index; `score` is the sum of the points of its lines, to the last digit."""

    score: Decimal
    formula: str
    lines: tuple[Line, ...]


class IndexReason(StrEnum):
    """Why an index cannot be computed."""

    NO_FORMULA = "no-formula"
    COEFFICIENT_UNKNOWN = "coefficient-unknown"
    FACTS_INCONSISTENT = "facts-inconsistent"


class IndexUnknown(msgspec.Struct, frozen=True, kw_only=True):
    """There is no index for these facts. A value: it is shown and contested like an index."""

    reason: IndexReason
    variables: tuple[str, ...] = ()


def compute(formula: Formula | None, facts: HouseholdFacts) -> Index | IndexUnknown:
    """Compute the index of a household, every term kept.

    Args:
        formula: the formula of the milieu in force (`catalogue.formula`), or None.
        facts: what the household declared; spending in dirhams a year.

    Source: registries reference 2.4, an unofficial reconstruction; each `Formula` cites its own.
    """
    if formula is None or formula.milieu is not facts.milieu:
        return IndexUnknown(reason=IndexReason.NO_FORMULA)
    with localcontext(_CONTEXT):
        if wrong := tuple(inconsistencies(facts)):
            return IndexUnknown(reason=IndexReason.FACTS_INCONSISTENT, variables=wrong)
        missing = tuple(name for name in formula.unknown if VARIABLES[name](facts))
        if missing:
            return IndexUnknown(reason=IndexReason.COEFFICIENT_UNKNOWN, variables=missing)
        lines = _lines(formula, facts)
        score = sum((line.points for line in lines), Decimal(0))
        return Index(score=score, formula=formula.id, lines=lines)


def changes(before: Index, after: Index) -> tuple[tuple[str, Decimal], ...]:
    """Which variables moved an index, and by how many points; the largest move first."""
    old = {line.variable: line.points for line in before.lines}
    new = {line.variable: line.points for line in after.lines}
    moved = {name: new.get(name, Decimal(0)) - old.get(name, Decimal(0)) for name in old | new}
    return tuple(
        sorted(
            ((name, points) for name, points in moved.items() if points),
            key=lambda move: (-abs(move[1]), move[0]),
        )
    )


def _lines(formula: Formula, facts: HouseholdFacts) -> tuple[Line, ...]:
    terms = [
        ("constant", Decimal(1), formula.constant),
        ("region", Decimal(1), formula.regions[facts.region]),
        *(
            (name, Decimal(VARIABLES[name](facts)), coefficient)
            for name, coefficient in formula.coefficients.items()
        ),
    ]
    return tuple(
        _line(name, value.quantize(_DIGIT), coefficient) for name, value, coefficient in terms
    )


def _line(variable: str, value: Decimal, coefficient: Decimal) -> Line:
    # Points are rounded one by one, so that what a household is shown adds up to its index.
    points = (value * coefficient).quantize(_DIGIT)
    return Line(variable=variable, value=value, coefficient=coefficient, points=points)
