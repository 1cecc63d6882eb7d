"""Attacks on PAR and on the authorization endpoint (docs/attacks.md, 27 to 61)."""

import asyncio
import base64
import html
import json
import re
from itertools import pairwise
from urllib.parse import urlencode

import pytest

from api.oauth import par

BACK = "https://amo.example/back"
ISSUER = "https://amana.example"
BY_CONSENT = {"eligibility": "decision", "phone": "raw", "address": "commune"}


def details(attributes=BY_CONSENT, **change):
    sound = {
        "type": "amana_disclosure",
        "agreement": "amo-tadamon/enrolment",
        "purpose": "social-support/health-cover",
        "attributes": attributes,
    }
    return json.dumps([sound | change])


def error(answer):
    assert answer.headers["cache-control"] == "no-store"
    assert "dpop-nonce" in answer.headers
    return answer.status_code, answer.json()["error"]


def is_error_page(answer):
    """A page for the person, and no redirect."""
    return (
        answer.status_code in {400, 410}
        and "location" not in answer.headers
        and answer.headers["content-type"].startswith("text/html")
    )


async def test_a_sound_request_is_kept_for_a_while(amo):
    answer = await amo.push()

    assert answer.status_code == 201
    said = answer.json()
    assert said["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert 60 <= said["expires_in"] <= 600
    assert answer.headers["cache-control"] == "no-store"


async def test_attack_28_par_is_only_posted_to(amo):
    answer = await amo.http.get("/oauth/par")

    assert answer.status_code == 405
    assert answer.headers["allow"]


async def test_attack_29_without_pkce_s256_nothing_is_kept(amo):
    for change in (
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": "a" * 42},
        {"code_challenge": "a" * 44},
        {"code_challenge": "a" * 129},
        {"code_challenge": "a" * 42 + "="},
        {"code_challenge": "a" * 42 + "~"},
    ):
        assert error(await amo.push(**change)) == (400, "invalid_request"), change


@pytest.mark.parametrize(
    "uri",
    [None, "https://evil.example/back", "http://amo.example/back"],
)
async def test_attacks_30_and_31_an_address_that_is_not_registered_is_not_gone_to(amo, uri):
    answer = await amo.push(redirect_uri=uri)

    assert error(answer) == (400, "invalid_request")
    assert "location" not in answer.headers


async def test_attack_32_an_address_is_registered_to_the_letter(amo):
    for uri in (
        "HTTPS://amo.example/back",
        "https://AMO.example/back",
        "https://amo.example:443/back",
        "https://amo.example:8443/back",
        "https://amo.example@evil.example/back",
        "https://user@amo.example/back",
        "https://amo.example/back/",
        "https://amo.example/back/more",
        "https://amo.example/back/..;/evil",
        "https://amo.example/back/../evil",
        "https://amo.example/%2e%2e/back",
        "https://amo.example/BACK",
        "https://amo.example\\back",
        "https://amo.example/back#part",
        "https://amo.example/back?added=1",
        "https://amo.example/back%00",
        "https://аmo.example/back",
        "https://localhost:80@amo.example/back",
        " https://amo.example/back",
    ):
        assert error(await amo.push(redirect_uri=uri)) == (400, "invalid_request"), uri


async def test_attack_34_a_request_inside_a_request_is_refused(house, amo):
    for name in ("request_uri", "request"):
        answer = await amo.push(**{name: "urn:x"})

        assert error(answer) == (400, "invalid_request")
        line = await house.last_refusal()
        assert (line.actor.id, line.detail) == ("amo-tadamon", answer.headers["x-request-id"])


async def test_attack_35_only_a_code_is_to_be_had(amo):
    for kind in ("token", "id_token", "code id_token", "none", "code token"):
        assert error(await amo.push(response_type=kind)) == (400, "unsupported_response_type")
    assert error(await amo.push(response_type=None)) == (400, "invalid_request")


async def test_attack_36_the_answer_comes_in_the_query(amo):
    for mode in ("fragment", "web_message", "form_post", "x"):
        assert error(await amo.push(response_mode=mode)) == (400, "invalid_request")
    assert (await amo.push(response_mode="query")).status_code == 201


async def test_attack_37_a_request_that_was_not_pushed_is_not_read(citizen, amo):
    form = amo.request()
    for given in (form, {"client_id": "amo-tadamon"}, {}, {"request_uri": "urn:x"}):
        answer = await citizen.browser.get(f"/authorize?{urlencode(given)}")

        assert is_error_page(answer)


async def test_attack_38_a_request_is_its_programmes_own(house, citizen, amo, asd):
    address = (await amo.address()).replace("client_id=amo-tadamon", "client_id=asd")

    assert is_error_page(await citizen.browser.get(address))
    assert await house.refusals() == [("request-of-another",)]


async def test_attack_39_an_expired_request_is_refused(house, citizen, amo, monkeypatch):
    monkeypatch.setattr(par, "LIFE", par.LIFE * 0)

    assert is_error_page(await citizen.browser.get(await amo.address()))
    assert await house.refusals() == [("request-uri-unknown",)]


async def test_attack_40_a_request_is_used_up_by_the_answer_and_not_by_a_look(citizen, amo):
    address = await amo.address()
    first, second = [await citizen.open(address) for _ in range(2)]
    assert first.status_code == second.status_code == 200

    assert (await citizen.answer(second, "agree")).status_code == 200

    assert is_error_page(await citizen.answer(first, "agree"))
    assert is_error_page(await citizen.browser.get(address))


async def test_attack_41_a_request_uri_cannot_be_guessed(amo):
    found = [(await amo.push()).json()["request_uri"].rpartition(":")[2] for _ in range(200)]

    assert len(set(found)) == 200
    octets = [base64.urlsafe_b64decode(f"{name}=") for name in found]
    assert {len(each) for each in octets} == {32}
    # Each bit is as often set as not (six deviations), and none follows the one before.
    for bit in range(256):
        ones = sum(each[bit // 8] >> bit % 8 & 1 for each in octets)
        assert 57 < ones < 143
    rises = sum(one < other for one, other in pairwise(octets))
    assert 57 < rises < 143


async def test_attack_42_what_stands_beside_the_request_uri_is_not_read(citizen, amo):
    more = urlencode({"redirect_uri": "https://evil.example", "state": "evil", "scope": "all"})
    page = await citizen.open(f"{await amo.address()}&{more}")
    done = await citizen.answer(page, "agree")
    location = (await citizen.browser.get(_onward(done))).headers["location"]

    assert location.startswith(f"{BACK}?code=")
    assert "evil" not in location


async def test_attack_43_a_parameter_is_said_once(citizen, amo):
    form = urlencode(amo.request()) + "&state=again"
    answer = await amo.http.post(
        "/oauth/par",
        content=form,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert error(answer) == (400, "invalid_request")

    address = await amo.address()
    assert is_error_page(await citizen.browser.get(f"{address}&client_id=amo-tadamon"))


async def test_attack_44_there_is_no_scope_to_ask_for_but_openid(amo):
    for scope in ("profile", "openid profile", "openid openid", "OPENID"):
        assert error(await amo.push(scope=scope)) == (400, "invalid_scope")
    assert (await amo.push(scope="openid")).status_code == 201


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "{}",
        "null",
        '["amana_disclosure"]',
        details(type=None),
        details(type="payment_initiation"),
        details(locations=["https://x"]),
        details()[:-1] + "," + details()[1:],
        details({}),
        details().replace('"type"', '"type": "x", "type"'),
        "[" * 5_000 + "]" * 5_000,
        details() + " " * 17_000,
    ],
    ids=lambda it: it[:40],
)
async def test_attack_89_details_off_the_schema_are_refused_wherever_they_are_sent(amo, bad):
    wrong = (400, "invalid_authorization_details")

    assert error(await amo.push(authorization_details=bad)) == wrong
    answer = await amo.token("client_credentials", authorization_details=bad)
    assert error(answer) == wrong


async def test_attack_92_a_request_is_for_this_resource(amo):
    assert error(await amo.push(resource="https://other.example")) == (400, "invalid_target")
    assert (await amo.push(resource=f"{ISSUER}/v1")).status_code == 201


async def test_attacks_45_to_47_what_is_not_supported_is_refused_and_not_ignored(amo):
    for name in ("prompt", "claims", "id_token_hint", "login_hint"):
        assert error(await amo.push(**{name: "0"})) == (400, "invalid_request")


async def test_attack_48_a_refusal_comes_back_with_state_and_issuer(citizen, amo, query_of):
    page = await citizen.open(await amo.address())
    done = await citizen.answer(page, "refuse")
    answer = await citizen.browser.get(_onward(done))

    assert answer.status_code == 303
    assert query_of(answer.headers["location"]) == {
        "error": "access_denied",
        "state": "s&<t>",
        "iss": ISSUER,
    }


async def test_attack_49_a_question_is_answered_by_whoever_was_asked(
    house, citizen, new_citizen, amo
):
    page = await citizen.open(await amo.address())
    thief = await new_citizen(1)

    assert is_error_page(await thief.open(page.url.path))
    assert is_error_page(await thief.open(f"/authorize/continue/{page.url.path.split('/')[3]}"))


async def test_attack_49_an_answer_from_elsewhere_is_refused(citizen, amo):
    page = await citizen.open(await amo.address())

    without_token = await citizen.answer(page, "agree", _csrf_token="")
    other = await citizen.browser.post(
        page.url.path, data={"answer": "agree"}, headers={"Origin": "https://evil.example"}
    )

    assert without_token.status_code == other.status_code == 403


async def test_attack_50_no_other_site_frames_or_reads_these_pages(citizen, amo):
    address = await amo.address()
    page = await citizen.open(address)
    asked = await citizen.browser.get(address, headers={"Origin": "https://evil.example"})

    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    for answer in (page, asked):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_attack_51_an_answer_cannot_grow_the_question(citizen, amo, house):
    page = await citizen.open(await amo.address({"eligibility": "decision", "phone": "raw"}))
    done = await citizen.answer(page, "agree", "phone", "address")

    assert done.status_code in {400, 422}
    assert "/authorize/continue/" not in done.text


async def test_attack_52_every_redirect_is_a_303(citizen, amo):
    answer = await citizen.browser.get(await amo.address())

    assert answer.status_code == 303
    assert re.fullmatch(r"/(ar|fr|en)/consent/[A-Za-z0-9_-]{43}", answer.headers["location"])


async def test_attack_53_no_error_goes_to_an_address_that_was_not_checked(citizen, amo):
    evil = {"client_id": "amo-tadamon", "redirect_uri": "https://evil.example", "state": "x"}
    for more in ({"response_type": "bogus"}, {"response_type": "code", "scope": "bogus"}):
        assert is_error_page(await citizen.browser.get(f"/authorize?{urlencode(evil | more)}"))


async def test_attack_54_the_issuer_and_the_state_come_back_as_they_were(citizen, amo, query_of):
    location = await citizen.agree(amo, state="<script>alert(1)</script>&iss=evil")

    assert query_of(location)["state"] == "<script>alert(1)</script>&iss=evil"
    assert query_of(location)["iss"] == ISSUER
    assert "<script>" not in location


async def test_the_answer_joins_a_query_that_the_address_has(citizen, amo):
    location = await citizen.agree(amo, redirect_uri=f"{BACK}?tenant=7")

    assert location.startswith(f"{BACK}?tenant=7&code=")


async def test_attack_61_the_key_of_the_code_is_the_key_of_the_proof(amo):
    await amo.learn_nonce()
    proof = {"DPoP": amo.proof("/oauth/par")}

    form = amo.request(dpop_jkt="x" * 43)
    assert error(await amo.post("/oauth/par", form, **proof)) == (400, "invalid_request")
    assert error(await amo.push(dpop_jkt="short")) == (400, "invalid_request")


async def test_attack_76_par_asks_for_a_nonce_too(amo):
    answer = await amo.post("/oauth/par", amo.request(), DPoP=amo.proof("/oauth/par"))

    assert error(answer) == (400, "use_dpop_nonce")


async def test_of_many_tabs_one_answer_counts(citizen, amo):
    address = await amo.address()
    pages = [await citizen.open(address) for _ in range(5)]
    answers = await asyncio.gather(*(citizen.answer(page, "agree") for page in pages))

    assert sorted(answer.status_code == 200 for answer in answers) == [False] * 4 + [True]


async def test_an_answer_that_is_sent_twice_is_the_first_one(citizen, amo):
    page = await citizen.open(await amo.address())
    first = await citizen.answer(page, "agree")
    second = await citizen.answer(page, "refuse")

    assert first.url == second.url
    assert _onward(first) == _onward(second)


async def test_the_way_out_is_gone_once(citizen, amo):
    page = await citizen.open(await amo.address())
    way = _onward(await citizen.answer(page, "agree"))
    answers = await asyncio.gather(*(citizen.browser.get(way) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 19


async def test_without_a_session_there_is_no_way_out(citizen, amo):
    page = await citizen.open(await amo.address())
    way = _onward(await citizen.answer(page, "agree"))
    citizen.browser.cookies.clear()

    assert is_error_page(await citizen.browser.get(way))


async def test_a_question_that_is_not_answered_gives_no_code(citizen, amo):
    page = await citizen.open(await amo.address())

    assert is_error_page(
        await citizen.browser.get(f"/authorize/continue/{page.url.path.split('/')[3]}")
    )


async def test_the_language_that_the_programme_wishes_for_is_shown_if_we_have_it(citizen, amo):
    page = await citizen.open(await amo.address(ui_locales="de fr-MA ar"))

    assert page.url.path.startswith("/fr/")


def _onward(page):
    (address,) = re.findall(r'href="(/authorize/continue/[^"]*)"', page.text)
    return html.unescape(address)
