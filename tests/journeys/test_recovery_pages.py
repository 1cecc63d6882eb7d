"""Ten codes for who loses their phone: made with a fresh code, shown once, good once each."""

import re

import pytest

SHOWN = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}")


def test_codes_are_shown_once_and_sign_in_without_the_phone(world, browse):
    account = world.citizen()
    citizen = browse(world.public).sign_in(account)
    assert "You have none" in citizen.get("/en/recovery-codes").text
    made = SHOWN.findall(citizen.post("/en/recovery-codes", {"code": account.code()}).text)
    assert len(set(made)) == 10
    again = citizen.get("/en/recovery-codes").text
    assert re.search(r"\b10\W+are left", again)
    assert not SHOWN.search(again)

    elsewhere = browse(world.public)
    elsewhere.get("/en/sign-in")
    elsewhere.post("/en/sign-in", {"identifier": account.identifier, "password": account.password})
    elsewhere.post("/en/sign-in/code", {"code": made[3]})
    assert elsewhere.get("/en/me").status == 200
    assert re.search(r"\b9\W+are left", elsewhere.get("/en/recovery-codes").text)
    assert "Sign-in with a recovery code" in elsewhere.get("/en/history").text
    assert "Recovery codes made" in elsewhere.text


def test_an_open_session_alone_makes_none(world, browse):
    account = world.citizen()
    thief = browse(world.public).sign_in(account)
    thief.get("/en/recovery-codes")
    assert thief.post("/en/recovery-codes", {"code": account.codes[-1]}).status == 422
    assert "This code is not right, or was already used" in thief.text
    assert not SHOWN.search(thief.text)
    assert "You have none" in thief.get("/en/recovery-codes").text


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_page_speaks_every_language(world, browse, language):
    page = browse(world.public).sign_in(world.citizen())
    assert page.get(f"/{language}/recovery-codes").status == 200
