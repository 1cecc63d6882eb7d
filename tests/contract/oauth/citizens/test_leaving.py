"""Signing out from a programme's site, and programmes that hear of it (attack 99)."""

import re
from urllib.parse import parse_qs, urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import func, select, update

from api import telling
from identity import programme_messages, programmes
from identity.login import sessions, sign_ons
from identity.programmes import Registration, clients
from identity.registry import erasing
from policies.vocabulary import Action, Actor, ActorKind
from vault import access_log
from vault import database as db

ISSUER = "https://amana.example"
AFTER = "https://amo.example/bye"
HOOK = "https://keys.example/logout"
SYSTEM = Actor(kind=ActorKind.SYSTEM, id="erasure")


@pytest.fixture
async def leaver(house, amo):
    """A programme that sends people to sign out, and hears of it."""
    async with db.begin(house.database) as tx:
        values = {"post_logout_redirect_uris": [AFTER], "backchannel_logout_uri": HOOK}
        await tx.connection.execute(update(clients).values(values))
    return amo


@pytest.fixture
async def hint(citizen, leaver):
    code = await citizen.code(leaver, scope="openid")
    return (await leaver.redeem(code)).json()["id_token"]


async def is_signed_in(citizen):
    return (await citizen.browser.get("/en/me")).status_code == 200


async def leave(citizen, **change):
    """Where it leads to, our own pages followed."""
    sent = await citizen.browser.get(f"/end-session?{urlencode(change)}")
    assert re.fullmatch(r"/(ar|fr|en)/leave/[\w-]{22}", sent.headers["location"])
    return await citizen.browser.get(sent.headers["location"])


async def press(citizen, page, answer):
    token = re.search(r'name="_csrf_token" value="([^"]*)"', page.text)[1]
    return await citizen.browser.post(
        page.url.path,
        data={"_csrf_token": token, "answer": answer},
        headers={"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"},
    )


async def test_an_id_token_of_this_session_signs_out_and_leads_back(house, citizen, hint):
    sent = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "a b"}
    gone = await leave(citizen, **sent, client_id="amo-tadamon")

    assert (gone.status_code, gone.headers["location"]) == (303, f"{AFTER}?state=a+b")
    assert '"cookies"' in gone.headers["clear-site-data"]
    assert not await is_signed_in(citizen)
    async with db.read(house.database) as tx:
        (line,) = await access_log.search(tx, access_log.Criteria(action=Action.SIGN_OUT), limit=9)
    assert line.outcome == "given"


async def test_by_a_form_of_the_programme_s_it_is_the_same(citizen, hint):
    sent = await citizen.browser.post(
        "/end-session",
        data={"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "ui_locales": "fr"},
        headers={"Origin": "https://amo.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert (sent.status_code, sent.headers["location"][:10]) == (303, "/fr/leave/")
    gone = await citizen.browser.get(sent.headers["location"])
    assert gone.headers["location"] == AFTER


async def test_attack_99_what_is_no_id_token_of_this_programme_leads_nowhere(
    citizen, hint, leaver, asd
):
    head, claims, signature = hint.split(".")
    bad = {
        "nothing": {},
        "no signature": {"id_token_hint": f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}."},
        "altered": {"id_token_hint": f"{head}.{claims}.{signature[::-1]}"},
        "another's": {"id_token_hint": hint, "client_id": "asd"},
    }
    for what, change in bad.items():
        page = await leave(citizen, post_logout_redirect_uri=AFTER, **change)
        assert page.status_code == 200, what
        assert AFTER not in page.text
        assert await is_signed_in(citizen)
        done = await press(citizen, page, "out" if what == "another's" else "stay")
        assert AFTER not in done.text + done.headers.get("location", "")
    assert not await is_signed_in(citizen)


@pytest.mark.parametrize(
    "address", ["https://evil.example", f"{AFTER}/", f"{AFTER}?x=1", AFTER.upper(), "//amo.example"]
)
async def test_attack_99_an_address_that_is_not_registered_is_not_gone_to(citizen, hint, address):
    gone = await leave(citizen, id_token_hint=hint, post_logout_redirect_uri=address)

    assert re.fullmatch(r"/(ar|fr|en)\?out=1", gone.headers["location"])


async def test_another_session_is_asked_first_and_led_back_by_a_link(
    house, citizen, hint, settings
):
    from api import security

    async with db.begin(house.database) as tx:
        token = await sessions.start_citizen(tx, citizen.subject)
    citizen.browser.cookies.set(security.cookie_name(settings, security.CITIZEN_COOKIE), token)

    page = await leave(citizen, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert page.status_code == 200
    stay = await press(citizen, page, "stay")
    assert stay.headers["location"].endswith("/me")
    assert await is_signed_in(citizen)
    done = await press(citizen, page, "out")
    assert (done.status_code, f'href="{AFTER}"' in done.text) == (200, True)
    assert not await is_signed_in(citizen)


async def test_attack_49_nobody_is_signed_out_by_another_site(citizen, hint):
    page = await leave(citizen)
    forged = await citizen.browser.post(
        page.url.path, data={"answer": "out"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert forged.status_code == 403
    assert await is_signed_in(citizen)


async def test_an_address_that_is_too_old_asks_whoever_is_signed_in(citizen):
    page = await citizen.browser.get("/en/leave/AAAAAAAAAAAAAAAAAAAAAA")
    assert (page.status_code, 'value="out"' in page.text) == (200, True)
    citizen.browser.cookies.clear()
    page = await citizen.browser.get("/en/leave/AAAAAAAAAAAAAAAAAAAAAA")
    assert page.headers["location"] == "/en?out=1"


async def tell(house, elsewhere):
    fetcher = elsewhere.fetcher()
    issuer = house.running.settings.issuer
    return await telling.tell_all(house.database, house.running.keyring, fetcher, issuer)


async def sid_of(house):
    async with db.read(house.database) as tx:
        return await tx.connection.scalar(select(sign_ons.sign_ons.c.sid))


async def test_attack_99_a_programme_is_told_that_a_session_of_its_own_ended(
    house, citizen, hint, leaver, elsewhere
):
    elsewhere.give("/logout", b"")
    sid = await sid_of(house)
    assert await tell(house, elsewhere) == 0
    await leave(citizen, id_token_hint=hint)
    assert await tell(house, elsewhere) == 1
    assert await tell(house, elsewhere) == 0

    head, _, body = elsewhere.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /logout ")
    assert b"Content-Type: application/x-www-form-urlencoded" in head
    keys = KeySet.import_key_set((await leaver.http.get("/oauth/jwks")).json())
    (sent,) = parse_qs(body.decode())["logout_token"]
    token = jwt.decode(sent, keys, algorithms=["ES256"])
    claims = token.claims
    assert token.header["typ"] == "logout+jwt"
    assert (claims["iss"], claims["aud"], claims["sid"]) == (ISSUER, "amo-tadamon", sid)
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert {"iat", "exp", "jti"} < claims.keys()
    assert not {"nonce", "sub"} & claims.keys()
    assert 0 < claims["exp"] - claims["iat"] <= 120
    refused = await leaver.push(id_token_hint=sent)  # and it is no ID token
    assert refused.status_code == 400


async def test_it_is_told_whichever_way_a_session_ends_and_once(
    house, citizen, hint, leaver, elsewhere
):
    elsewhere.give("/logout", b"")
    async with db.begin(house.database) as tx:
        assert await sessions.end_of_citizen(tx, citizen.subject) == 1
        assert await sessions.end_of_citizen(tx, citizen.subject) == 0
    assert await tell(house, elsewhere) == 1


async def test_it_is_told_of_who_is_erased_too(house, citizen, hint, leaver):
    async with db.begin(house.database) as tx:
        await erasing.erase(
            tx, house.running.keyring, citizen.subject, subject_hash="0" * 64, by=SYSTEM
        )
    async with db.begin(house.database) as tx:
        assert len(await programme_messages.due(tx)) == 1
        left = select(func.count()).select_from(sign_ons.sign_ons)
        assert await tx.connection.scalar(left) == 0


async def test_a_session_that_no_id_token_was_made_in_is_nobody_s_to_hear_of(
    house, citizen, leaver, elsewhere
):
    await leaver.redeem(await citizen.code(leaver))
    async with db.begin(house.database) as tx:
        assert await sessions.end_of_citizen(tx, citizen.subject) == 1
        assert await programme_messages.due(tx) == []


async def test_attack_99_a_place_to_tell_is_a_plain_https_address(house):
    for url in ("http://amo.example/out", "https://u:p@amo.example/out", "amo.example/out"):
        async with db.begin(house.database) as tx:
            done = await programmes.add(
                tx,
                house.running.catalogue,
                Registration(
                    client_id="asd",
                    name="asd",
                    agreements=("asd/eligibility",),
                    jwks_uri="https://asd.example/keys",
                    backchannel_logout_uri=url,
                    post_logout_redirect_uris=("http://asd.example/bye",),
                ),
            )
        assert isinstance(done, programmes.Unacceptable), url
        assert len(done.problems) == 2, done.problems
