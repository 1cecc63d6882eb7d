"""A programme believes Amana's next key too, and is not made to ask for it again and again."""

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from api.client import ForgedEventError, Programme
from api.client import programme as module

ISSUER, CLIENT = "https://amana.example", "aid"
CLAIMS = {"iss": ISSUER, "aud": CLIENT, "iat": 1, "jti": "1", "events": {"e": {}}}


class Published:
    """Stands for the HTTP client: gives the keys, and counts."""

    client_id = CLIENT

    def __init__(self):
        self.keys, self.asked = [], 0

    async def request(self, _method, _address, **_):
        self.asked += 1
        return self

    def raise_for_status(self):
        return self

    def json(self):
        return KeySet(self.keys).as_dict()


@pytest.fixture
def published():
    return Published()


@pytest.fixture
def amana(published):
    server = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"}
    return Programme(published, server, dpop=None)


def signed(key):
    return jwt.encode({"alg": "ES256", "kid": key.kid, "typ": "secevent+jwt"}, CLAIMS, key)


def made(name):
    return ECKey.generate_key("P-256", {"kid": name})


async def test_keys_are_read_when_they_are_needed_and_once(amana, published):
    published.keys = [made("first")]
    for _ in range(3):
        assert (await amana.event(signed(published.keys[0]))).jti == "1"

    assert published.asked == 1


async def test_a_new_key_is_found_after_a_minute_and_a_forged_one_is_not_looked_for_at_once(
    amana, published, monkeypatch
):
    published.keys = [made("first")]
    await amana.event(signed(published.keys[0]))
    published.keys.append(made("second"))
    for _ in range(3):
        with pytest.raises(ForgedEventError):
            await amana.event(signed(published.keys[1]))
    assert published.asked == 1

    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + module.KEYS_SECONDS + 1)
    assert (await amana.event(signed(published.keys[1]))).jti == "1"
    with pytest.raises(ForgedEventError):
        await amana.event(signed(made("second")))
    assert published.asked == 2
