"""A month of history, made readable: people before machines, the same check told once. Pure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Final

import msgspec

from api.wording import Told
from policies.vocabulary import ActorKind, Outcome

ORDER: Final = (ActorKind.STAFF, ActorKind.PROGRAMME, ActorKind.SYSTEM, ActorKind.CITIZEN)


class Who(StrEnum):
    """The links above the list."""

    ALL = "all"
    PEOPLE = "people"
    MACHINES = "machines"
    ME = "me"
    REFUSED = "refused"


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that say the same, the newest of them in full."""

    newest: Told
    entries: tuple[Told, ...]


def chosen(lines: Iterable[Told], who: Who) -> list[Told]:
    """The lines that a link shows."""
    return [line for line in lines if _fits(line, who)]


def fold(lines: Sequence[Told]) -> list[Fold]:
    """One fold per kind of line: people, then machines, then oneself; the newest first of each."""
    alike = sorted(lines, key=_sameness)
    folds = [
        Fold(newest=told[0], entries=told)
        for _, group in groupby(alike, key=_sameness)
        for told in [tuple(sorted(group, key=lambda line: line.at, reverse=True))]
    ]
    return sorted(
        folds,
        key=lambda each: (ORDER.index(each.newest.kind), -each.newest.at.timestamp()),
    )


def _fits(line: Told, who: Who) -> bool:
    match who:
        case Who.ALL:
            return True
        case Who.PEOPLE:
            return line.kind is ActorKind.STAFF
        case Who.MACHINES:
            return line.kind in {ActorKind.PROGRAMME, ActorKind.SYSTEM}
        case Who.ME:
            return line.kind is ActorKind.CITIZEN
        case Who.REFUSED:
            return line.outcome != Outcome.GIVEN


def _sameness(line: Told) -> tuple[str, ...]:
    """What makes two lines the same to a reader: all but when, and which case."""
    facts = tuple(f"{thing.id}:{thing.form}" for thing in line.things)
    return (line.who, line.did, line.basis, line.why, line.outcome, *line.codes, *facts)
