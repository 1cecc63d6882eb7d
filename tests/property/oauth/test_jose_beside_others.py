"""Our JOSE beside joserfc, PyJWT and jwcrypto: what we believe, they do, and of what they sign we
believe all that the profile allows."""

import base64
import json
import warnings

import jwt as pyjwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jws as jwcrypto_jws

from api.oauth import jose, jwk
from api.oauth.jose import Jws

KEYS = {
    "ES256": ECKey.generate_key("P-256", {"kid": "k1"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "k1"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "k1"}),
}
ALGS = tuple(KEYS)
PUBLIC = {alg: key.as_dict(private=False) for alg, key in KEYS.items()}
OURS = {alg: jwk.read(public | {"use": "sig"}) for alg, public in PUBLIC.items()}
PYJWT = {alg: pyjwt.PyJWK(public, algorithm=alg) for alg, public in PUBLIC.items()}
JWCRYPTO = {alg: jwcrypto_jwk.JWK(**public) for alg, public in PUBLIC.items()}
PRIVATE = {alg: key.as_dict(private=True) for alg, key in KEYS.items()}

algs = st.sampled_from(ALGS)
payloads = st.binary(max_size=200) | st.dictionaries(
    st.text(max_size=8), st.text(max_size=20) | st.integers(-(2**53), 2**53), max_size=5
).map(lambda claims: json.dumps(claims).encode())


def ours(token, alg):
    found = jose.verify(token, [OURS[alg]], [alg], ("JWT", None))
    return found.payload.octets if isinstance(found, Jws) else None


def by_joserfc(token, alg):
    return joserfc_jws.deserialize_compact(token, KEYS[alg], algorithms=[alg]).payload


def by_pyjwt(token, alg):
    return pyjwt.PyJWS(algorithms=[alg]).decode(token, PYJWT[alg], algorithms=[alg])


def by_jwcrypto(token, alg):
    read = jwcrypto_jws.JWS()
    read.allowed_algs = [alg]
    read.deserialize(token, JWCRYPTO[alg])
    return read.payload


OTHERS = {"joserfc": by_joserfc, "pyjwt": by_pyjwt, "jwcrypto": by_jwcrypto}


def signed_by_joserfc(header, payload, alg):
    return joserfc_jws.serialize_compact(header, payload, KEYS[alg], algorithms=[alg])


def signed_by_pyjwt(header, payload, alg):
    private = pyjwt.PyJWK(PRIVATE[alg], algorithm=alg)
    return pyjwt.PyJWS().encode(payload, private, algorithm=alg, headers=header)


def signed_by_jwcrypto(header, payload, alg):
    made = jwcrypto_jws.JWS(payload)
    made.allowed_algs = [alg]
    made.add_signature(jwcrypto_jwk.JWK(**PRIVATE[alg]), alg, json.dumps(header))
    return made.serialize(compact=True)


SIGNERS = {
    "joserfc": signed_by_joserfc,
    "pyjwt": signed_by_pyjwt,
    "jwcrypto": signed_by_jwcrypto,
}


def others_read(token, alg):
    """What each of the others makes of it: a payload, or why not."""
    found = {}
    for name, read in OTHERS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a name that RFC 9864 replaced
            try:
                found[name] = read(token, alg)
            except Exception as why:  # noqa: BLE001  (each has its own)
                found[name] = type(why).__name__
    return found


@pytest.mark.parametrize("signer", SIGNERS)
@given(algs, payloads)
def test_what_another_signed_we_read_as_all_do(signer, alg, payload):
    header = {"alg": alg, "kid": "k1", "typ": "JWT"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        token = SIGNERS[signer](header, payload, alg)

    assert ours(token, alg) == payload
    assert set(others_read(token, alg).values()) == {payload}


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(alg, header, payload, change):
    """A token, signed over what it says, and then perhaps changed."""
    said = f"{b64(header)}.{b64(payload)}"
    signature = joserfc_signature(alg, said.encode())
    return change(f"{said}.{b64(signature)}")


def joserfc_signature(alg, said):
    return joserfc_jws.JWSRegistry.algorithms[alg].sign(said, KEYS[alg])


def flipped(at, bit):
    def change(token):
        where = at % len(token)
        return token[:where] + chr(ord(token[where]) ^ (1 << bit)) + token[where + 1 :]

    return change


def cut(at):
    return lambda token: token[: at % len(token)]


def joined(text, at):
    return lambda token: token[: at % (len(token) + 1)] + text + token[at % (len(token) + 1) :]


changes = (
    st.just(lambda token: token)
    | st.builds(flipped, st.integers(0, 2**16), st.integers(0, 6))
    | st.builds(cut, st.integers(1, 2**16))
    | st.builds(joined, st.sampled_from(["=", ".", " ", "\n", "A", "==", "+", "é"]), st.integers(0))
)
members = st.dictionaries(
    st.sampled_from(["kid", "typ", "crit", "b64", "cty", "jku", "x5u", "zip", "alg", "jwk", "x"]),
    st.sampled_from(["k1", "JWT", "none", ["exp"], True, None, 1, "", "ES256", {}]),
    max_size=4,
)


@given(algs, members, payloads, changes)
@example("ES256", {"crit": ["exp"], "exp": 1}, b"{}", lambda token: token)
@example("EdDSA", {"b64": False, "crit": ["b64"]}, b"{}", lambda token: token)
def test_what_we_believe_all_the_others_read_alike(alg, more, payload, change):
    header = {"alg": alg, "kid": "k1", "typ": "JWT"} | more
    token = forged(alg, json.dumps(header).encode(), payload, change)
    believed = ours(token, alg)

    if believed is None:
        return
    # joserfc alone refuses what nobody here reads: unknown members, and a `cty` that is no text.
    unread = {"UnsupportedHeaderError", "InvalidHeaderValueError"}
    found = others_read(token, alg)
    assert (found["pyjwt"], found["jwcrypto"]) == (believed, believed)
    assert found["joserfc"] == believed or found["joserfc"] in unread


@given(algs, payloads, st.sampled_from(["kid", "alg", "typ"]))
def test_a_member_that_is_there_twice_is_no_matter_of_taste(alg, payload, name):
    sound = {"alg": alg, "kid": "k1", "typ": "JWT"}
    text = json.dumps(sound)[:-1] + f', "{name}": "{sound[name]}"}}'

    assert ours(forged(alg, text.encode(), payload, lambda token: token), alg) is None
