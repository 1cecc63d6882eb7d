"""What an access token of ours says, to whom, and until when."""

import base64
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import msgspec
import pytest

from api.oauth import access_tokens, jose, jwk
from api.oauth.bindings import Confirmation
from identity import tokens
from identity.tokens import Authorized

ISSUER = "https://amana.example"
FAMILY = "6f1d3a8e-1c39-4b52-9b0e-0f5b1c6a7d21"
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
            "family": FAMILY,
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
        {"family": None},
        {"family": "another's"},
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


def test_a_programme_s_own_rests_on_nobody(token):
    own = token(sub="amo-tadamon", family=None)
    assert access_tokens.read(own, ISSUER, NOW).token.family is None


def test_it_says_what_it_is_for_and_not_whose_it_is(signer):
    authorized = Authorized(
        client_id="amo-tadamon",
        agreement="amo-tadamon/enrolment",
        purpose="social-support/health-cover",
        attributes={"phone": "masked"},
        grant_id=uuid4(),
        subject=uuid4(),
        acr="urn:amana:acr:two-factors",
        auth_time=NOW,
    )
    made = tokens.new_access(authorized, NOW, family=UUID(FAMILY))
    key = SimpleNamespace(alg="ES256", kid="1", sign=signer.sign)
    text = access_tokens.text(key, ISSUER, made, "pt1_x", Confirmation(jkt="y"))
    said = jose.verify(text, [jwk.read(signer.public_jwk | {"kid": "1"})], ["ES256"], ["at+jwt"])

    come_back = access_tokens.read(said, ISSUER, NOW).token
    anonymous = {"grant_id": None, "subject": None, "acr": None, "auth_time": None}
    expected = msgspec.structs.replace(authorized, **anonymous)
    assert come_back == msgspec.structs.replace(made, authorized=expected)
    payload = base64.urlsafe_b64decode(text.split(".")[1] + "==").decode()
    assert "pt1_x" in payload
    for secret in (authorized.subject, authorized.grant_id, "auth_time"):
        assert str(secret) not in payload
