"""Near misses of sound tokens, and joserfc as the second opinion."""

import base64
import json

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from api.oauth import jose, jwk
from api.oauth.jose import EMBEDDED, Bad, Jws

# RFC 9864 renames EdDSA; FAPI 2.0 §5.4.1 has the older name.
pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")

ALGS = ("ES256", "PS256", "EdDSA")
KEYS = {
    "ES256": ECKey.generate_key("P-256", private=True),
    "PS256": RSAKey.generate_key(2048, private=True),
    "EdDSA": OKPKey.generate_key("Ed25519", private=True),
}
OTHER = {
    "ES256": ECKey.generate_key("P-256", private=True),
    "PS256": RSAKey.generate_key(2048, private=True),
    "EdDSA": OKPKey.generate_key("Ed25519", private=True),
}
REGISTRY = jws.JWSRegistry(
    algorithms=list(ALGS),
    strict_check_header=False,
)
REGISTRY.max_header_length = 4096

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(texts, values, max_size=5).map(lambda it: json.dumps(it).encode())
algs = st.sampled_from(ALGS)


def ours(alg, keys=KEYS):
    return jwk.read(keys[alg].as_dict(private=False))


def signed(alg, payload, **header):
    header = {"alg": alg, "typ": "JWT"} | header
    return jws.serialize_compact(header, payload, KEYS[alg], registry=REGISTRY)


def second_opinion(token, alg):
    """What joserfc reads, or None."""
    try:
        return jws.deserialize_compact(token, KEYS[alg], registry=REGISTRY).payload
    except (JoseError, ValueError):
        return None


@given(algs, payloads)
def test_what_joserfc_signs_we_believe(alg, payload):
    found = jose.verify(signed(alg, payload), [ours(alg)], [alg], ("JWT",))

    assert isinstance(found, Jws)
    assert found.payload.octets == payload
    assert found.claims(dict) == json.loads(payload)


@given(algs, payloads)
def test_no_other_key_will_do(alg, payload):
    token = signed(alg, payload)

    assert not isinstance(jose.verify(token, [ours(alg, OTHER)], ALGS, ("JWT",)), Jws)


@given(algs, payloads, st.data())
def test_one_changed_character_anywhere_is_refused(alg, payload, data):
    token = signed(alg, payload)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda it: it != token[at]))

    bent = token[:at] + other + token[at + 1 :]

    assert not isinstance(jose.verify(bent, [ours(alg)], ALGS, ("JWT",)), Jws)


@given(algs, payloads, st.data())
def test_one_character_more_or_less_is_refused(alg, payload, data):
    token = signed(alg, payload)
    at = data.draw(st.integers(0, len(token) - 1))
    extra = data.draw(st.just("") | st.characters(codec="ascii"))
    bent = token[:at] + extra + token[at + (0 if extra else 1) :]

    assert not isinstance(jose.verify(bent, [ours(alg)], ALGS, ("JWT",)), Jws)


members = st.sampled_from(
    ["alg", "typ", "kid", "crit", "b64", "jku", "x5u", "x5c", "jwk", "zip", "x"]
)


@given(algs, st.dictionaries(members, values, max_size=3))
@settings(max_examples=300)
def test_what_we_believe_joserfc_believes_too(alg, header):
    raw = json.dumps({"alg": alg, "typ": "JWT"} | header).encode()
    encoded = ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (raw, b'{"a":1}')
    )
    algorithm = REGISTRY.get_alg(alg)
    signature = algorithm.sign(encoded.encode(), KEYS[alg])
    token = f"{encoded}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    found = jose.verify(token, [ours(alg)], [alg], ("JWT",))

    if isinstance(found, Jws):
        assert not jose.NEVER & header.keys()
        assert second_opinion(token, alg) == found.payload.octets


@given(algs, payloads)
def test_a_proof_is_verified_by_the_key_it_brings(alg, payload):
    public = KEYS[alg].as_dict(private=False)
    token = signed(alg, payload, jwk=public)
    found = jose.verify(token, EMBEDDED, ALGS, ("JWT",))

    assert isinstance(found, Jws)
    assert found.key.thumbprint == KEYS[alg].thumbprint()


@given(st.text(max_size=200))
def test_any_text_is_refused_and_raises_nothing(text):
    assert not isinstance(jose.verify(text, EMBEDDED, ALGS, ("JWT",)), Jws)
    assert not isinstance(jose.verify(text, [ours("ES256")], ALGS, (None, "JWT")), Jws)
    parts = jose.split(text)
    assert isinstance(parts, Bad) or parts.payload.claims(dict) is None


@given(st.lists(st.binary(max_size=60), min_size=3, max_size=3))
def test_any_octets_are_refused_and_raise_nothing(parts):
    token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)

    assert not isinstance(jose.verify(token, EMBEDDED, ALGS, ("JWT",)), Jws)
    split = jose.split(token)
    assert (
        isinstance(split, Bad)
        or split.payload.claims(dict) is None
        or split.payload.claims(dict) == {}
    )
    jose.kid(token)


@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "use"]), values))
def test_any_members_make_a_key_or_a_reason(members):
    assert isinstance(jwk.read(members), jwk.Key | jwk.Unusable)


@pytest.mark.parametrize("alg", ALGS)
def test_thumbprints_agree_with_joserfc(alg):
    assert ours(alg).thumbprint == KEYS[alg].thumbprint()
