from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from api import wording
from api.portal import folding
from api.portal.folding import Who
from api.wording import Thing, Told
from policies.vocabulary import ActorKind

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CHECK = Told(
    id=UUID(int=1),
    at=NOON,
    who="AMO Tadamon",
    kind=ActorKind.PROGRAMME,
    did="checked",
    outcome="given",
    basis="public-task",
    why="to study",
    things=(Thing(id="birth_date", label="Date of birth", form="match"),),
    reasons=(),
    codes=(),
    case="A-1",
)


def line(number, **change):
    at = NOON - timedelta(days=number)
    return msgspec.structs.replace(CHECK, id=UUID(int=number + 1), at=at, **change)


def test_the_same_check_is_told_once_with_every_time_it_was_made():
    folds = folding.fold([line(0), line(3), line(1, case="A-2")])

    assert [[each.id.int for each in fold.entries] for fold in folds] == [[1, 2, 4]]
    assert folds[0].newest.at == NOON


@pytest.mark.parametrize(
    "change",
    [
        {"who": "ASD"},
        {"did": "received"},
        {"basis": "consent"},
        {"why": "to pay"},
        {"outcome": "refused"},
        {"codes": ("no-consent",)},
        {"things": (Thing(id="birth_date", label="Date of birth", form="year"),)},
    ],
)
def test_what_differs_in_one_thing_stands_apart(change):
    assert len(folding.fold([line(0), line(1, **change)])) == 2


def test_people_come_before_machines_and_oneself_last_the_newest_first_among_each():
    officer = {"kind": ActorKind.STAFF, "who": "officer"}
    told = [
        line(0, kind=ActorKind.CITIZEN, who="you"),
        line(1),
        line(2, who="ASD"),
        line(3, **officer),
        line(4, did="opened", **officer),
    ]

    assert [fold.newest.id.int for fold in folding.fold(told)] == [4, 5, 2, 3, 1]


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        (Who.ALL, {1, 2, 3, 4}),
        (Who.PEOPLE, {2}),
        (Who.MACHINES, {1, 4}),
        (Who.ME, {3}),
        (Who.REFUSED, {4}),
    ],
)
def test_each_link_shows_its_lines(who, shown):
    told = [
        line(0),
        line(1, kind=ActorKind.STAFF),
        line(2, kind=ActorKind.CITIZEN),
        line(3, outcome="refused"),
    ]
    assert {each.id.int for each in folding.chosen(told, who)} == shown


def test_months_go_back_over_the_turn_of_the_year():
    assert wording.months(datetime(2026, 2, 1, tzinfo=UTC), 4) == [
        "2026-02",
        "2026-01",
        "2025-12",
        "2025-11",
    ]
