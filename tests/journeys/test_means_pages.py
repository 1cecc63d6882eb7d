"""How I sign in: another phone, codes that are sent, an unlock code from the counter."""

import json
import re

import pyotp
import pytest

SECRET = re.compile(r">([A-Z2-7]{32})<")
OFFER = re.compile(r'name="offer" value="([^"]+)"')
PRINTED = re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b")
PHONE = "0612 34 56 78"


@pytest.fixture
def account(world):
    return world.citizen()


@pytest.fixture
def citizen(world, browse, account):
    signed_in = browse(world.public).sign_in(account)
    signed_in.get("/en/security")
    return signed_in


def half_way(world, browse, account):
    """Somebody who has typed the password."""
    visitor = browse(world.public)
    visitor.get("/en/sign-in")
    form = {"identifier": account.identifier, "password": account.password}
    return visitor.post("/en/sign-in", form)


def last_sent(world):
    line = world.spool.read_text().splitlines()[-1]
    return re.search(r"\d{8}", json.loads(line)["text"])[0]


def offer(page):
    return OFFER.search(page.body.decode())[1]


def choose_phone(world, citizen, account):
    citizen.post("/en/security/codes", {"address": PHONE, "code": account.code()})
    form = {"offer": offer(citizen), "code": last_sent(world)}
    return citizen.post("/en/security/codes/new", form)


def test_the_app_moves_to_another_phone_once_its_first_code_came_back(
    world, browse, citizen, account
):
    shown = citizen.post("/en/security/app", {"code": account.code()})
    secret, sealed = SECRET.search(shown.body.decode())[1], offer(shown)
    wrong = citizen.post("/en/security/app/new", {"offer": sealed, "code": "000000"})
    assert wrong.status == 422
    assert SECRET.search(wrong.body.decode())[1] == secret

    done = citizen.post("/en/security/app/new", {"offer": sealed, "code": pyotp.TOTP(secret).now()})
    assert done.address.endswith("/en/security")
    assert "A way to sign in changed" in citizen.get("/en/history").text
    older = half_way(world, browse, account).post("/en/sign-in/code", {"code": account.code()})
    assert "This code is not right" in older.text


def test_a_new_secret_takes_a_fresh_code_and_is_this_account_s(world, browse, citizen, account):
    assert citizen.post("/en/security/app", {"code": account.codes[-1]}).status == 422
    assert not SECRET.search(citizen.body.decode())

    other_account = world.citizen()
    other = browse(world.public).sign_in(other_account)
    other.get("/en/security/app")
    theirs = other.post("/en/security/app", {"code": other_account.code()})
    secret, sealed = SECRET.search(theirs.body.decode())[1], offer(theirs)
    code = pyotp.TOTP(secret).now()
    taken = citizen.post("/en/security/app/new", {"offer": sealed, "code": code})
    assert taken.address.endswith("/en/security/app")


def test_a_code_is_sent_to_the_phone_that_i_confirmed(world, browse, citizen, account):
    assert "Nowhere yet" in citizen.text
    done = choose_phone(world, citizen, account)
    assert done.address.endswith("/en/security")
    assert re.search(r"•+78", done.text)
    assert "612345678" not in done.body.decode()

    visitor = half_way(world, browse, account)
    sent = visitor.post("/en/sign-in/send", {"next": "/en/history"})
    assert "A code is on its way" in sent.text
    inside = visitor.post("/en/sign-in/code", {"code": last_sent(world), "next": "/en/history"})
    assert inside.address.endswith("/en/history")
    assert "Sign-in with a code that was sent" in inside.text


def test_an_address_is_mine_only_if_the_code_came_back(world, citizen, account):
    citizen.post("/en/security/codes", {"address": PHONE, "code": account.code()})
    sealed = offer(citizen)
    assert citizen.post("/en/security/codes/new", {"offer": sealed, "code": "1"}).status == 422
    assert "Nowhere yet" in citizen.get("/en/security").text
    # A code that was sent for this signs nobody in, and an offer that is made up is none.
    made_up = citizen.post("/en/security/codes/new", {"offer": "AAAA", "code": last_sent(world)})
    assert made_up.address.endswith("/en/security/codes")


@pytest.mark.parametrize("address", ["", "call me", "fatima@localhost", "12"])
def test_what_is_no_address_is_said_at_its_field(citizen, account, address):
    citizen.get("/en/security/codes")
    form = {"address": address, "code": account.code()}
    assert citizen.post("/en/security/codes", form).status == 422
    assert "Codes cannot be sent there" in citizen.text


def test_without_a_fresh_code_nothing_is_sent(world, citizen, account):
    before = world.spool.read_text() if world.spool.exists() else ""
    form = {"address": PHONE, "code": account.codes[-1]}
    assert citizen.post("/en/security/codes", form).status == 422
    assert (world.spool.read_text() if world.spool.exists() else "") == before


def test_codes_go_nowhere_any_more(world, browse, citizen, account):
    choose_phone(world, citizen, account)
    assert "Nowhere yet" in citizen.post("/en/security/codes/end", {}).text

    visitor = half_way(world, browse, account)
    assert "You have not chosen" in visitor.post("/en/sign-in/send", {}).text


def test_whoever_has_not_typed_the_password_is_sent_nothing(world, browse):
    stranger = browse(world.public)
    stranger.get("/en/sign-in")
    sent = stranger.post("/en/sign-in/send", {})
    assert "/en/sign-in?reason=again" in sent.address


def test_a_fourth_message_waits(world, browse, citizen, account):
    choose_phone(world, citizen, account)
    visitor = half_way(world, browse, account)
    for _ in range(2):
        assert "on its way" in visitor.post("/en/sign-in/send", {}).text
    assert "Enough codes were sent" in visitor.post("/en/sign-in/send", {}).text


def test_an_unlock_code_from_the_counter_signs_in_and_sets_up_the_new_phone(world, browse, account):
    desk = browse(world.console).sign_in(world.operator(), staff=True)
    desk.get("/en/desk/unlock")
    slip = desk.post("/en/desk/unlock", {"idcs": account.identifier, "file": "G-2026-7"})
    assert slip.status == 201
    code = PRINTED.search(slip.text)[0]
    assert code not in desk.get("/en/desk/unlock").text

    visitor = half_way(world, browse, account)
    inside = visitor.post("/en/sign-in/code", {"code": code.lower()})
    assert inside.address.endswith("/en/me")
    history = visitor.get("/en/history").text
    assert "Unlock code printed at a counter" in history
    assert "Sign-in with an unlock code" in history

    shown = visitor.get("/en/security/app")
    assert "6-digit" not in shown.text  # the phone is gone: no code is asked for
    shown = visitor.post("/en/security/app", {})
    secret = SECRET.search(shown.body.decode())[1]
    form = {"offer": offer(shown), "code": pyotp.TOTP(secret).now()}
    assert visitor.post("/en/security/app/new", form).address.endswith("/en/security")
    again = half_way(world, browse, account).post("/en/sign-in/code", {"code": code})
    assert "This code is not right" in again.text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"idcs": "", "file": "G-1"}, "Type the person"),
        ({"idcs": "1", "file": ""}, "Type the file number"),
        ({"idcs": "1234567890", "file": "G-1"}, "Nobody who could sign in has this number"),
    ],
)
def test_an_unlock_form_says_what_is_wrong_with_it(world, browse, form, words):
    desk = browse(world.console).sign_in(world.operator(), staff=True)
    desk.get("/en/desk/unlock")
    assert desk.post("/en/desk/unlock", form).status == 422
    assert words in desk.text


def test_unlocking_is_the_counter_s_alone(world, browse, account):
    dpo = browse(world.console).sign_in(world.dpo(), staff=True)
    assert dpo.get("/en/desk/unlock").status == 403
    form = {"idcs": account.identifier, "file": "G-1"}
    assert dpo.post("/en/desk/unlock", form).status == 403
    assert not PRINTED.search(dpo.text)


def test_staff_change_their_password_on_the_console(world, browse):
    member = world.operator()
    here = browse(world.console).sign_in(member, staff=True)
    here.get("/en/password")
    form = {"current": member.password, "password": "sept chameaux au hammam"}
    assert here.post("/en/password", form | {"code": "1"}).status == 422
    assert (
        "Your password is changed" in here.post("/en/password", form | {"code": member.code()}).text
    )
    assert here.get("/en/desk").status == 200
    member.password = form["password"]
    assert browse(world.console).sign_in(member, staff=True).get("/en/desk").status == 200


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_pages_are_there_in_every_language(citizen, language):
    for path in ("security", "security/app", "security/codes", "security/passkeys"):
        assert citizen.get(f"/{language}/{path}").status == 200
