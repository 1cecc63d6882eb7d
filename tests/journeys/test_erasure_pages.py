"""Asking to be erased, being answered, and what is left in one's hands afterwards."""

import re
import time

import pytest

UNKNOWN = "01a20b95-ebcd-7722-a01e-98af91f53bf8"
WITHIN_SECONDS = 20


@pytest.fixture
def asking(world, browse):
    """Somebody who asked; the page of their request."""

    def ask():
        account = world.citizen()
        citizen = browse(world.public).sign_in(account)
        citizen.post("/en/erasure", {"number": account.identifier})
        assert "/en/erasure/" in citizen.address
        return citizen, account, citizen.address.removeprefix(world.public)

    return ask


@pytest.fixture(scope="module")
def dpo(world, browse):
    return browse(world.console).sign_in(world.dpo(), staff=True)


def number_of(visitor):
    return re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", visitor.text)[0]


def until(visitor, path, words):
    deadline = time.monotonic() + WITHIN_SECONDS
    while words not in visitor.get(path).text and time.monotonic() < deadline:
        time.sleep(0.2)
    return visitor


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

    until(stranger, page, "It is erased")
    assert "It is erased" in stranger.text
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
    citizen.post("/en/erasure", {"number": account.identifier})
    assert citizen.address == f"{world.public}/en/erasure"
    other = browse(world.public).sign_in(world.citizen())
    for number in (account.identifier, "2345678903", ""):
        assert other.post("/en/erasure", {"number": number}).status == 422
        assert "This is not your number" in other.text


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
