from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select

from consent import requests
from consent.requests import Reason, State
from identity.registry import erasure_certificates
from policies import retention
from policies.vocabulary import StaffId


@pytest.fixture
async def asked(begin, person):
    link = requests.new_link()
    hashed = erasure_certificates.subject_hash(requests.salt(link), person.idcs)
    async with begin() as tx:
        assert await requests.ask(tx, person.subject, link, hashed)
        return link, await requests.by_link(tx, link)


async def test_a_request_has_its_legal_day_and_is_found_by_its_link_alone(begin, person, asked):
    link, request = asked
    assert (request.state, request.subject) == (State.ASKED, person.subject)
    assert request.due_at == retention.answer_by(request.asked_at)
    async with begin() as tx:
        assert await requests.by_link(tx, link[:-1]) is None
        assert await requests.of_subject(tx, person.subject) == request
        assert await requests.in_state(tx, State.ASKED) == [request]
        rows = (await tx.connection.execute(select(requests.erasure_requests))).all()
    assert link not in repr(rows)


@pytest.mark.usefixtures("asked")
async def test_one_request_at_a_time(begin, person):
    async with begin() as tx:
        assert not await requests.ask(tx, person.subject, requests.new_link(), "0" * 64)


async def test_a_refusal_is_final_and_one_may_ask_again(begin, person, asked):
    link, request = asked
    async with begin() as tx:
        assert await requests.refuse(tx, request.id, StaffId("dpo-1"), Reason.LAW)
        assert not await requests.accept(tx, request.id, StaffId("dpo-1"))
        answered = await requests.by_link(tx, link)
        assert await requests.ask(tx, person.subject, requests.new_link(), "0" * 64)
    assert (answered.state, answered.reason) == (State.REFUSED, Reason.LAW)
    assert answered.subject is None


async def test_it_is_ripe_once_it_is_accepted_and_has_cooled_off(begin, person, asked):
    _, request = asked
    ripe_at = request.asked_at + retention.COOLING_OFF
    assert request.cancellable_until == ripe_at < request.due_at
    async with begin() as tx:
        later = msgspec.structs.replace(tx, now=ripe_at)
        assert await requests.ripe(later) == []  # nobody decided
        assert await requests.accept(tx, request.id, StaffId("dpo-1"))
        just_before = msgspec.structs.replace(tx, now=ripe_at - timedelta(microseconds=1))
        assert await requests.ripe(just_before) == []
        assert await requests.held(just_before, request.id) is None
        (ripe,) = await requests.ripe(later)
        assert await requests.held(later, request.id) == ripe
    assert (ripe.id, ripe.subject) == (request.id, person.subject)


@pytest.mark.parametrize("accepted", [False, True])
async def test_who_asked_takes_it_back_until_it_is_carried_out(begin, person, asked, accepted):
    link, request = asked
    async with begin() as tx:
        if accepted:
            assert await requests.accept(tx, request.id, StaffId("dpo-1"))
        assert await requests.cancel(tx, person.subject)
        assert not await requests.cancel(tx, person.subject)
        assert not await requests.accept(tx, request.id, StaffId("dpo-1"))
        later = msgspec.structs.replace(tx, now=tx.now + retention.COOLING_OFF)
        assert await requests.held(later, request.id) is None
        answered = await requests.by_link(tx, link)
        assert (answered.state, answered.subject) == (State.CANCELLED, None)
        assert await requests.ask(tx, person.subject, requests.new_link(), "0" * 64)


async def test_what_is_done_is_not_taken_back(begin, person, asked):
    _, request = asked
    async with begin() as tx:
        assert await requests.accept(tx, request.id, StaffId("dpo-1"))
        await requests.done(tx, request.id, None)
        assert not await requests.cancel(tx, person.subject)


async def test_what_is_accepted_is_done_or_put_off_and_names_nobody_then(begin, person, asked):
    link, request = asked
    async with begin() as tx:
        assert await requests.accept(tx, request.id, StaffId("dpo-1"))
        assert (await requests.one(tx, request.id)).subject == person.subject
        await requests.done(tx, request.id, request.id)
        await requests.put_off(tx, request.id, Reason.HELD)
        answered = await requests.by_link(tx, link)
    assert (answered.state, answered.certificate) == (State.DONE, request.id)
    assert answered.subject is None
