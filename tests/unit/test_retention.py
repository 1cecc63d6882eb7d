from datetime import UTC, datetime, timedelta

import pytest

from policies import retention
from policies.retention import Erasable, Held, Hold, HoldFacts

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


def test_nothing_in_the_way_lets_a_person_be_erased():
    assert retention.may_erase([], NOW) == Erasable()


@pytest.mark.parametrize("kind", list(Hold))
def test_each_hold_keeps_the_record_until_it_is_lifted(kind):
    held = retention.may_erase([HoldFacts(kind=kind)], NOW)
    assert held == Held(reasons=(kind,), until=None)


def test_a_hold_ends_on_its_instant():
    hold = HoldFacts(kind=Hold.AUDIT, until=NOW)
    assert retention.may_erase([hold], NOW) == Erasable()
    just_before = NOW - timedelta(microseconds=1)
    assert retention.may_erase([hold], just_before) == Held(reasons=(Hold.AUDIT,), until=NOW)


def test_of_several_holds_every_reason_is_told_and_the_last_end():
    holds = [
        HoldFacts(kind=Hold.RECOVERY, until=LATER),
        HoldFacts(kind=Hold.AUDIT, until=NOW + timedelta(days=1)),
        HoldFacts(kind=Hold.COURT, until=NOW),
    ]
    held = retention.may_erase(holds, NOW)
    assert held == Held(reasons=(Hold.AUDIT, Hold.RECOVERY), until=LATER)
    open_ended = retention.may_erase([*holds, HoldFacts(kind=Hold.DISPUTE)], NOW)
    assert isinstance(open_ended, Held)
    assert open_ended.until is None


def test_an_answer_is_due_at_the_end_of_the_tenth_day_in_morocco():
    # 23:30 UTC is the day after in Morocco.
    assert retention.answer_by(datetime(2026, 1, 1, 23, 30, tzinfo=UTC)) == datetime(
        2026, 1, 12, 23, tzinfo=UTC
    )
    assert retention.answer_by(NOW) == datetime(2026, 12, 6, 23, tzinfo=UTC)


def test_no_backup_opens_the_erased_after_a_rotation_and_the_horizon():
    assert retention.root_destroyed_by(NOW) == NOW + timedelta(days=8)
