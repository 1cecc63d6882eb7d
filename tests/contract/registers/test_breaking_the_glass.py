"""The glass may be broken at once: it alarms, and the person is told after the hold."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from identity.doors import detokenising
from identity.doors.detokenising import ByStaff
from policies.disclosure import Refusal
from policies.staff import Duty, Role
from policies.vocabulary import Action
from vault import access_log, log_embargoes
from vault.log_leaf import month

EMERGENCY = ByStaff(staff="desk-1", role=Role.OPERATOR, duty=Duty.BREAK_GLASS)


async def test_the_glass_breaks_at_once_alarms_and_tells_the_person_after_the_hold(
    *, begin, keyring, catalogue, person, token, asked, history
):
    named = await token(person.subject)
    question = asked(named, asker=EMERGENCY, case_reference="E-2026-0001")

    with capture_logs() as alarms:
        async with begin() as tx:
            answer = await detokenising.break_glass(tx, keyring, catalogue, question, "danger")

    assert answer.people[named]["phone"] == "+212612345678"
    assert [(each["event"], each["log_level"]) for each in alarms] == [("break_glass", "critical")]
    assert named not in str(alarms)
    assert Action.BREAK_GLASS not in {each.action for each in await history(person.subject)}
    async with begin() as tx:
        (line,) = await access_log.search(
            tx, access_log.Criteria(action=Action.BREAK_GLASS), limit=5
        )
        assert await access_log.about(tx, keyring, person.subject, line.id) is None
        later = replace(tx, now=tx.now + detokenising.HOLD)
        told = await access_log.of_subject(later, keyring, person.subject, [month(tx.now)])
    assert told[0].id == line.id
    assert told[0].case_reference == "E-2026-0001"


@pytest.mark.parametrize("change", [{"case_reference": "F-2026-0001"}, {"attributes": ("idx",)}])
async def test_the_glass_does_not_break_without_a_case_of_its_class(
    *, begin, keyring, catalogue, person, token, asked, change
):
    fields = {"asker": EMERGENCY, "case_reference": "E-2026-0001"} | change
    question = asked(await token(person.subject), **fields)
    async with begin() as tx:
        answer = await detokenising.break_glass(tx, keyring, catalogue, question, "danger")

    assert isinstance(answer, Refusal)


async def test_the_glass_broken_over_nobody_tells_nothing(begin, keyring, catalogue, asked):
    question = asked("pt1_nobody", asker=EMERGENCY, case_reference="E-2026-0001")
    async with begin() as tx:
        answer = await detokenising.break_glass(tx, keyring, catalogue, question, "danger")

    assert answer.people == {"pt1_nobody": None}


async def test_no_entry_is_hidden_longer_than_the_cap(begin, keyring, person):
    async with begin() as tx:
        (line,) = await access_log.of_subject(tx, keyring, person.subject, [month(tx.now)])
        await log_embargoes.hold(tx, [line.id], tx.now + timedelta(days=3_650))
        await log_embargoes.hold(tx, [], tx.now)
        for days, hidden in ((179, True), (180, False)):
            then = replace(tx, now=tx.now + timedelta(days=days))
            found = await access_log.about(then, keyring, person.subject, line.id)
            assert (found is None) is hidden
