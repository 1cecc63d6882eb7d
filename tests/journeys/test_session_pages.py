"""Where a citizen is signed in, and how they end it from elsewhere."""

import re

import pytest


@pytest.fixture
def signed_in(world, browse):
    """One citizen, at two places."""
    account = world.citizen()
    return [browse(world.public).sign_in(account) for _ in range(2)]


def button(visitor):
    return re.search(rb'name="session" value="([0-9a-f]{64})"', visitor.body)[1].decode()


def test_another_place_is_signed_out_alone_and_it_is_in_the_history(signed_in):
    here, there = signed_in
    assert here.get("/en/sessions").text.count("Elsewhere") == 1
    here.post("/en/sessions", {"session": button(here)})
    assert "You are signed in here and nowhere else" in here.text
    assert there.get("/en/me").status == 401
    assert "Signed out of another place" in here.get("/en/history").text


def test_each_place_is_known_by_its_browser_and_system(world, browse):
    account = world.citizen()
    phone = browse(world.public)
    phone.get("/en/sign-in")
    phone.post("/en/sign-in", {"identifier": account.identifier, "password": account.password})
    said = {"User-Agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8a) Gecko Firefox/131.0"}
    phone.post("/en/sign-in/code", {"code": account.code()}, **said)
    page = phone.get("/en/sessions").text
    assert re.search(r"Device\s+Firefox, Android", page), page
    assert "Pixel" not in page


def test_all_others_are_signed_out_at_once(signed_in, world, browse):
    here, there = signed_in
    stranger = browse(world.public).sign_in(world.citizen())
    here.get("/en/sessions")
    here.post("/en/sessions", {})
    assert here.get("/en/me").status == 200
    assert there.get("/en/me").status == 401
    assert stranger.get("/en/me").status == 200


def test_nobody_ends_anothers_session_or_their_own_by_this(signed_in, world, browse):
    here, there = signed_in
    here.get("/en/sessions")
    theirs = button(here)
    stranger = browse(world.public).sign_in(world.citizen())
    stranger.get("/en/sessions")
    stranger.post("/en/sessions", {"session": theirs})
    there.get("/en/sessions")
    there.post("/en/sessions", {"session": theirs})  # it is the one they sit at
    assert there.get("/en/me").status == 200
    assert "Signed out of another place" not in stranger.get("/en/history").text


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_page_speaks_every_language(world, browse, language):
    page = browse(world.public).sign_in(world.citizen())
    assert page.get(f"/{language}/sessions").status == 200
