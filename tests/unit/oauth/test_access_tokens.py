"""What an access token of ours says, to whom, and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from api.oauth import access_tokens, jose

ISSUER = "https://amana.example"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(seconds=300)


@pytest.fixture
def token(signer):
    """A token that our key signed, with these claims changed."""

    def make(**change):
        sound = {
            "iss": ISSUER,
            "aud": f"{ISSUER}/v1",
            "sub": "pt1_x",
            "client_id": "amo-tadamon",
            "iat": int(NOW.timestamp()),
            "exp": int(UNTIL.timestamp()),
            "jti": "x",
            "cnf": {"jkt": "y"},
            "authorization_details": [],
        }
        text = signer.token(sound | change, typ="at+jwt")
        return jose.verify(text, [signer.key], ["ES256"], ["at+jwt"])

    return make


def test_a_token_is_read_until_its_instant(token):
    assert access_tokens.read(token(), ISSUER, NOW).client_id == "amo-tadamon"
    assert access_tokens.read(token(), ISSUER, UNTIL - timedelta(microseconds=1))
    assert access_tokens.read(token(), ISSUER, UNTIL) is None
    assert access_tokens.read(token(), ISSUER, UNTIL + timedelta(days=1)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.example"},
        {"aud": ISSUER},
        {"aud": f"{ISSUER}/oauth/grants"},
        {"aud": [f"{ISSUER}/v1"]},
        {"exp": "soon"},
        {"cnf": None},
    ],
    ids=str,
)
def test_one_wrong_claim_makes_it_none(token, change):
    assert access_tokens.read(token(**change), ISSUER, NOW) is None


def test_it_is_read_by_whom_it_is_for(token):
    grants = access_tokens.grants_resource(ISSUER)
    for_grants = token(aud=grants)

    assert access_tokens.read(for_grants, ISSUER, NOW, audiences=(grants,))
    assert access_tokens.read(token(), ISSUER, NOW, audiences=(grants,)) is None
    assert access_tokens.read(None, ISSUER, NOW) is None
