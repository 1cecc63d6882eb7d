"""A citizen changes the password: with the one before and a fresh code, and is out elsewhere."""

import pytest

GOOD = "sept chameaux au hammam"


@pytest.fixture
def account(world):
    return world.citizen()


@pytest.fixture
def citizen(world, browse, account):
    signed_in = browse(world.public).sign_in(account)
    signed_in.get("/en/password")
    return signed_in


def change(citizen, account, **form):
    sound = {"current": account.password, "password": GOOD}
    return citizen.post("/en/password", sound | form)


def test_a_new_password_signs_in_and_ends_the_other_sessions(world, browse, citizen, account):
    elsewhere = browse(world.public).sign_in(account)
    assert "Your password is changed" in change(citizen, account, code=account.code()).text
    assert citizen.get("/en/me").status == 200
    assert elsewhere.get("/en/me").status == 401
    assert "Password changed" in citizen.get("/en/history").text

    old = browse(world.public)
    old.get("/en/sign-in")
    form = {"identifier": account.identifier, "password": account.password}
    assert "/code" not in old.post("/en/sign-in", form).address
    account.password = GOOD
    assert browse(world.public).sign_in(account).get("/en/me").status == 200


def test_without_a_fresh_code_nothing_is_tried(citizen, account):
    assert change(citizen, account, code=account.codes[-1]).status == 422
    assert "This code is not right" in citizen.text
    assert "This is not your password" not in citizen.text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"current": "another one entirely"}, "This is not your password"),
        ({"password": "motdepasse2026"}, "This is guessed too soon"),
        ({"password": "short"}, "This is too short"),
        ({"password": "sept chameaux " * 20}, "This is too long"),
    ],
)
def test_what_will_not_do_is_said_at_its_field(citizen, account, form, words):
    assert change(citizen, account, code=account.code(), **form).status == 422
    assert words in citizen.text
    assert GOOD not in citizen.body.decode()


def test_one_s_own_number_is_no_password(citizen, account):
    number = account.identifier
    change(citizen, account, code=account.code(), password=f"{number}-abc")
    assert "This is too much like your number" in citizen.text


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_page_speaks_every_language(citizen, language):
    assert citizen.get(f"/{language}/password").status == 200
