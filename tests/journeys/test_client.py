"""A programme with the client of this package: every call, against servers that listen."""

import asyncio

import pytest
from authlib.integrations.base_client.errors import OAuthError
from joserfc import jwt
from joserfc.jwk import ECKey

from api.client import Asking, ForgedEventError, Idcs, Pairwise, Programme, RefusedError, Virtual
from tests.journeys.conftest import AGREEMENT, CALLBACK, PROGRAMME
from tests.journeys.test_openid_client import out_of_here

PURPOSE = "social-support/health-cover"
NAMES = {"given_name": "match", "family_name": "match", "birth_date": "match"}
CLAIMS = {"given_name": "Fatima", "family_name": "El Alaoui"}


@pytest.fixture
def connected(world):
    """Runs something with a programme that is connected, in a loop of its own."""

    def run(work, **change):
        async def go():
            sound = {"issuer": world.public, "client_id": PROGRAMME, "key": world.key}
            async with await Programme.at(**(sound | change)) as amana:
                return await work(amana)

        return asyncio.run(go())

    return run


def asking(**attributes):
    return Asking(agreement=AGREEMENT, purpose=PURPOSE, attributes=attributes or NAMES)


def agreed(world, browse, account, pushed):
    """Where a citizen's browser comes back to, who agreed to everything."""
    citizen = browse(world.public).sign_in(account)
    citizen.get(pushed.address.removeprefix(world.public))
    notice = citizen.body.partition(b'name="notice" value="')[2].partition(b'"')[0].decode()
    path = citizen.address.removeprefix(world.public)
    citizen.post(path, {"answer": "agree", "item": ["phone", "address"], "notice": notice})
    onward = citizen.body.partition(b'href="/authorize/continue/')[2].partition(b'"')[0].decode()
    return out_of_here(citizen, f"/authorize/continue/{onward}")


def test_a_programme_verifies_a_person_under_the_law(world, connected):
    account = world.citizen()

    async def work(amana):
        token = await amana.by_law(asking())
        assert token.is_bound
        case = {"case_reference": "D-1"}
        names = CLAIMS | {"birth_date": "1901-01-01"}
        close = await amana.verify(token, names, subject=Idcs(account.identifier), **case)
        wrong = await amana.verify(token, names, subject=Virtual("1234 5678 9012 3456"), **case)
        worth = await amana.introspect(token.access_token)
        await amana.revoke(token.access_token)
        return close, wrong, worth, await amana.introspect(token.access_token)

    close, wrong, worth, after = connected(work)
    # Without the birth date, somebody is told from nobody by nothing.
    assert close == wrong
    assert (close.result, set(close.attributes), close.subject) == ("no", set(NAMES), None)
    assert (worth["active"], after) == (True, {"active": False})


def test_what_is_not_to_be_had_is_an_error_with_its_code(connected):
    async def work(amana):
        with pytest.raises(OAuthError) as refused:
            await amana.by_law(asking(no_such_attribute="raw"))
        token = await amana.by_law(asking())
        with pytest.raises(RefusedError) as problem:
            await amana.disclose(token, {"phone": "raw"}, subject=Pairwise("pt1_x"))
        return refused.value.error, problem.value

    error, problem = connected(work)
    assert error == "invalid_authorization_details"
    assert problem.type.startswith("urn:amana:problem:")
    assert problem.status == problem.problem["status"]


def test_another_key_is_another_programme(connected):
    async def work(amana):
        with pytest.raises(OAuthError) as refused:
            await amana.by_law(asking())
        return refused.value.error

    stranger = ECKey.generate_key("P-256", {"kid": "journey"}).as_dict(private=True)
    assert connected(work, key=stranger) == "invalid_client"


def test_a_server_that_calls_itself_otherwise_is_none(world, connected):
    async def work(_):
        raise AssertionError

    with pytest.raises(ValueError, match="RFC 8414"):
        connected(work, issuer=world.public.replace("localhost", "127.0.0.1"))


async def agreed_to_all(amana, world, browse):
    """A request, and where a citizen's browser came back to, who agreed to all of it."""
    account = world.citizen()
    wanted = asking(eligibility="decision", phone="raw", address="commune")
    pushed = await amana.push(wanted, CALLBACK)
    return pushed, await asyncio.to_thread(agreed, world, browse, account, pushed)


def test_attack_100_the_answer_of_another_server_is_not_redeemed(world, browse, connected):
    async def work(amana):
        pushed, answered = await agreed_to_all(amana, world, browse)
        without, _, _ = answered.partition("&iss=")
        for mixed_up in (without, f"{without}&iss=https%3A%2F%2Fother.example"):
            with pytest.raises(ValueError, match="RFC 9207"):
                await amana.redeem(pushed, mixed_up)
        return await amana.redeem(pushed, answered)

    assert connected(work).access_token


def test_a_person_agrees_and_the_programme_asks_until_it_ends(world, browse, connected):
    async def work(amana):
        pushed, answered = await agreed_to_all(amana, world, browse)
        for bent in (
            answered.replace(pushed.state, "other"),
            answered.replace(CALLBACK, "https://evil.example/"),
        ):
            with pytest.raises(ValueError, match="answer"):
                await amana.redeem(pushed, bent)
        token = await amana.redeem(pushed, answered)
        told = await amana.disclose(token, {"address": "commune"})
        decided = await amana.eligibility(token)
        later = await amana.refresh(token)
        again = await amana.disclose(later, {"address": "commune"})
        await amana.revoke(later.refresh_token)
        with pytest.raises(OAuthError) as ended:
            await amana.refresh(later)
        return told, decided, again, ended.value.error

    told, decided, again, ended = connected(work)
    assert told.values == again.values
    assert told.values["address"]
    assert decided.eligible or decided.reasons  # no is never without why
    assert ended == "invalid_grant"


def test_a_person_who_refuses_is_an_error_too(connected):
    async def work(amana):
        pushed = await amana.push(asking(eligibility="decision"), CALLBACK)
        query = f"error=access_denied&state={pushed.state}&iss={amana.issuer}"
        with pytest.raises(OAuthError) as refused:
            await amana.redeem(pushed, f"{CALLBACK}?{query}")
        return refused.value.error

    assert connected(work) == "access_denied"


def test_an_event_is_believed_if_amana_signed_it_for_us(world, connected):
    stranger = ECKey.generate_key("P-256")
    claims = {"iss": world.public, "aud": PROGRAMME, "iat": 1, "jti": "1", "events": {"e": {}}}

    async def work(amana):
        token = await amana.by_law(asking())
        for forged in (
            "",
            "a.b.c",
            jwt.encode({"alg": "ES256", "typ": "secevent+jwt"}, claims, stranger),
            jwt.encode({"alg": "ES256", "kid": "x", "typ": "secevent+jwt"}, claims, stranger),
            token.access_token,  # signed by Amana, for us, and no event
        ):
            with pytest.raises(ForgedEventError):
                await amana.event(forged)

    connected(work)
