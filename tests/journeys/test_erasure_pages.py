"""Asking to be erased, being answered, and what is left in one's hands afterwards."""

import re
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import pytest

from api import erasures
from policies import retention

UNKNOWN = "01a20b95-ebcd-7722-a01e-98af91f53bf8"


@pytest.fixture
def asking(world, browse):
    """Somebody who asked; the page of their request."""

    def ask():
        account = world.citizen()
        citizen = browse(world.public).sign_in(account)
        citizen.post("/en/erasure", {"code": account.code(), "number": account.identifier})
        assert "/en/erasure/" in citizen.address
        return citizen, account, citizen.address.removeprefix(world.public)

    return ask


@pytest.fixture(scope="module")
def dpo(world, browse):
    return browse(world.console).sign_in(world.dpo(), staff=True)


def number_of(visitor):
    return re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", visitor.text)[0]


def three_days_pass(world, request):
    with closing(sqlite3.connect(world.store, timeout=20)) as store, store:
        back = "UPDATE erasure_requests SET asked_at = asked_at - ? WHERE id = ?"
        days = retention.COOLING_OFF // timedelta(microseconds=1)
        assert store.execute(back, [days, UUID(request).hex]).rowcount == 1


def test_what_is_accepted_is_erased_and_the_link_gives_the_certificate(world, browse, asking, dpo):
    citizen, account, page = asking()
    stranger = browse(world.public).get(page)
    assert "being looked at" in stranger.text
    request = number_of(stranger)
    assert stranger.get(f"{page}/certificate").status == 404

    assert request in dpo.get("/en/dpo/erasures").text
    assert account.identifier not in dpo.text
    dpo.post(f"/en/dpo/erasures/{request}", {"answer": "accept", "reason": "law"})
    assert request not in dpo.text
    assert "accepted" in stranger.get(page).text
    assert citizen.get("/en/me").status == 200  # it cools off

    three_days_pass(world, request)
    assert "It is erased" in stranger.until(page, "It is erased").text
    certificate = stranger.get(f"{page}/certificate")
    assert certificate.headers["content-type"].startswith("application/jose")
    assert certificate.body.count(b".") == 2
    assert citizen.get("/en/me").status == 401
    again = browse(world.public)
    again.get("/en/sign-in")
    again.post("/en/sign-in", {"identifier": account.identifier, "password": account.password})
    assert "/sign-in" in again.address


def test_a_refusal_says_why_and_erases_nothing(world, browse, asking, dpo):
    citizen, _, page = asking()
    request = number_of(browse(world.public).get(page))
    dpo.get("/en/dpo/erasures")
    dpo.post(f"/en/dpo/erasures/{request}", {"answer": "refuse", "reason": "no-such"})
    assert request in dpo.text
    dpo.post(f"/en/dpo/erasures/{request}", {"answer": "other"})
    assert request in dpo.text
    dpo.post(f"/en/dpo/erasures/{request}", {"answer": "refuse", "reason": "held"})
    assert request not in dpo.text
    told = browse(world.public).get(page).text
    assert "The request is refused" in told
    assert "A dispute, an audit or a court order" in told
    assert citizen.get("/en/me").status == 200
    assert (
        "Erasure asked for"
        in citizen.get("/en/history?who=me").text + citizen.get("/en/history").text
    )


def test_one_asks_for_oneself_alone_and_once(world, browse, asking):
    citizen, account, _ = asking()
    assert "being looked at" in citizen.get("/en/erasure").text
    citizen.post("/en/erasure", {"code": "000000", "number": account.identifier})
    assert citizen.address == f"{world.public}/en/erasure"
    themselves = world.citizen()
    other = browse(world.public).sign_in(themselves)
    for number in (account.identifier, "2345678903", ""):
        asked = {"code": themselves.code(), "number": number}
        assert other.post("/en/erasure", asked).status == 422
        assert "This is not your number" in other.text


def test_an_open_session_alone_asks_nothing_and_is_slowed_down(world, browse):
    account = world.citizen()
    thief = browse(world.public).sign_in(account)
    used = account.codes[-1]
    for code in (used, "", "12345"):
        assert thief.post("/en/erasure", {"code": code, "number": account.identifier}).status == 422
        assert "This code is not right, or was already used" in thief.text
    assert "This is not your number" not in thief.text  # nothing is said of it without a code
    status = [
        thief.post("/en/erasure", {"code": "000000", "number": account.identifier}).status
        for _ in range(3)
    ]
    assert status[-1] == 429
    assert "I ask to be erased" in thief.text
    assert "The code was not right" in thief.get("/en/history").text


@pytest.mark.parametrize("accepted", [False, True])
def test_who_asked_takes_it_back_before_it_is_carried_out(world, browse, asking, dpo, accepted):
    citizen, _, page = asking()
    request = number_of(browse(world.public).get(page))
    if accepted:
        dpo.get("/en/dpo/erasures")
        dpo.post(f"/en/dpo/erasures/{request}", {"answer": "accept"})
    citizen.get("/en/erasure")
    citizen.post("/en/erasure/cancel", {})
    assert citizen.address == f"{world.public}/en/erasure"
    assert "I ask to be erased" in citizen.text
    assert "The request was taken back" in browse(world.public).get(page).text
    assert request not in dpo.get("/en/dpo/erasures").text
    assert "Request to be erased taken back" in citizen.get("/en/history").text
    three_days_pass(world, request)
    time.sleep(erasures.PAUSE_SECONDS + 1)  # a round goes by, and nothing is to happen
    assert citizen.get("/en/me").status == 200
    citizen.get("/en/erasure")
    citizen.post("/en/erasure/cancel", {})  # nothing is there to take back
    assert citizen.get("/en/erasure").status == 200


def test_the_dpo_sees_why_a_record_must_be_kept(world, browse, asking, dpo):
    _, _, page = asking()
    request = number_of(browse(world.public).get(page))
    assert "Must be kept" not in dpo.get("/en/dpo/erasures").text
    with closing(sqlite3.connect(world.store, timeout=20)) as store, store:
        hold = (
            "INSERT INTO erasure_holds (id, subject, kind, since)"
            " SELECT id, subject, 'court-order', asked_at FROM erasure_requests WHERE id = ?"
        )
        assert store.execute(hold, [UUID(request).hex]).rowcount == 1
    assert re.search(r"Must be kept\s+a court order", dpo.get("/en/dpo/erasures").text)


def test_an_operator_decides_nothing(world, browse, asking):
    _, _, page = asking()
    request = number_of(browse(world.public).get(page))
    operator = browse(world.console).sign_in(world.operator(), staff=True)
    assert operator.get("/en/dpo/erasures").status == 403
    assert operator.post(f"/en/dpo/erasures/{request}", {"answer": "accept"}).status == 403
    assert "being looked at" in browse(world.public).get(page).text


def test_a_request_that_is_not_there_is_not_decided(dpo):
    dpo.get("/en/dpo/erasures")
    assert dpo.post(f"/en/dpo/erasures/{UNKNOWN}", {"answer": "accept"}).status == 404


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_pages_speak_every_language(world, browse, asking, dpo, language):
    _, _, page = asking()
    assert browse(world.public).get(page.replace("/en/", f"/{language}/")).status == 200
    assert dpo.get(f"/{language}/dpo/erasures").status == 200
