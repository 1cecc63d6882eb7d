import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from api.oauth import jose, jwk
from api.oauth.jose import EMBEDDED, Bad, Jws
from api.oauth.jwk import Unusable

CLAIMS = {"iss": "asd", "n": 1}
ALGS = ("ES256", "PS256", "EdDSA")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def verified(token, *signers, algs=ALGS, typ=("JWT",)):
    return jose.verify(token, [signer.key for signer in signers], algs, typ)


def resigned(token, signature):
    return f"{token.rpartition('.')[0]}.{b64(signature)}"


@pytest.mark.parametrize("alg", ALGS)
def test_a_sound_token_is_believed(signers, alg):
    found = verified(signers[alg].token(CLAIMS), signers[alg])

    assert isinstance(found, Jws)
    assert json.loads(found.payload.octets) == CLAIMS


@pytest.mark.parametrize("alg", ALGS)
def test_a_token_of_another_key_is_not(signers, alg):
    token = signers[alg].token(CLAIMS)
    bent = bytearray(base64.urlsafe_b64decode(token.rpartition(".")[2] + "=="))
    bent[-1] ^= 1

    assert verified(resigned(token, bytes(bent)), signers[alg]) is Bad.SIGNATURE


def test_a_signature_of_another_is_not(signer, stranger):
    assert verified(stranger.token(CLAIMS), signer) is Bad.SIGNATURE


def test_an_algorithm_that_was_not_asked_for_is_refused(signers):
    assert verified(signers["PS256"].token(CLAIMS), signers["PS256"], algs=("ES256",)) is Bad.ALG


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "es256", "ES384", ""])
def test_an_algorithm_that_we_do_not_take_is_refused(signer, alg):
    assert verified(signer.token(CLAIMS, alg=alg), signer) is Bad.ALG


def test_a_key_is_not_used_for_another_algorithm_than_its_own(signers):
    assert verified(signers["ES256"].token(CLAIMS, alg="PS256"), signers["ES256"]) is Bad.KEY


@pytest.mark.parametrize("typ", ["dpop+jwt", "at+jwt", "jwt", None])
def test_another_kind_of_token_is_refused(signer, typ):
    assert verified(signer.token(CLAIMS, typ=typ), signer) is Bad.TYP


@pytest.mark.parametrize(
    "member",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"b64": False},
        {"b64": True},
        {"jku": "http://127.0.0.1:9/keys"},
        {"x5u": "http://127.0.0.1:9/cert"},
        {"x5c": ["MIIB"]},
    ],
    ids=str,
)
def test_a_header_that_changes_the_rules_is_refused(signer, member):
    assert verified(signer.token(CLAIMS, **member), signer) is Bad.MEMBER


def test_an_embedded_key_is_refused_where_none_is_asked_for(signer):
    assert verified(signer.token(CLAIMS, jwk=signer.public_jwk), signer) is Bad.MEMBER


def test_an_unknown_header_member_is_ignored(signer):
    assert isinstance(verified(signer.token(CLAIMS, x_vendor="anything"), signer), Jws)


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, 0), (0, 1), (1, 0), (ORDER, 1), (1, ORDER), (ORDER + 1, 1), (2**256 - 1, 2**256 - 1)],
)
def test_a_psychic_signature_is_refused(signer, r, s):
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")

    assert verified(resigned(signer.token(CLAIMS), signature), signer) is Bad.SIGNATURE


def test_a_der_signature_is_refused(signer):
    signed = signer.token(CLAIMS).rpartition(".")[0]
    der = signer.private.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))

    assert verified(f"{signed}.{b64(der)}", signer) is Bad.SIGNATURE


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("cut", [0, 1, -1])
def test_a_signature_of_another_length_is_refused(signers, alg, cut):
    token = signers[alg].token(CLAIMS)
    signature = base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")
    other = signature + b"\0" if cut > 0 else signature[:cut]

    assert verified(resigned(token, other), signers[alg]) is Bad.SIGNATURE


def test_the_key_is_the_one_that_is_named(signer, stranger):
    named = [
        jwk.read(each.public_jwk | {"kid": kid}) for each, kid in ((signer, "a"), (stranger, "b"))
    ]

    assert isinstance(jose.verify(signer.token(CLAIMS, kid="a"), named, ALGS, ("JWT",)), Jws)
    assert jose.verify(signer.token(CLAIMS, kid="b"), named, ALGS, ("JWT",)) is Bad.SIGNATURE
    assert jose.verify(signer.token(CLAIMS, kid="c"), named, ALGS, ("JWT",)) is Bad.KEY
    assert jose.verify(signer.token(CLAIMS), named, ALGS, ("JWT",)) is Bad.KEY


def test_a_token_names_its_key_before_it_is_believed(signer):
    assert jose.kid(signer.token(CLAIMS, kid="a")) == "a"
    assert jose.kid(signer.token(CLAIMS)) is None
    assert jose.kid(signer.token(CLAIMS, kid="a", x="y" * 3_000)) is None
    assert jose.kid(signer.token(CLAIMS, kid="a", jwk=signer.public_jwk)) is None
    assert jose.kid("a.b.c") is None


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "\u0000", "é", 7, ["a"], {}])
def test_a_strange_key_name_finds_no_key(signer, kid):
    named = [jwk.read(signer.public_jwk | {"kid": "a"})]

    assert jose.verify(signer.token(CLAIMS, kid=kid), named, ALGS, ("JWT",)) in {
        Bad.KEY,
        Bad.MALFORMED,
    }


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"ES256","typ":"JWT","alg":"ES256"}',
        b'{"alg":"ES256","typ":"JWT","x":{"a":1,"a":2}}',
        b'{"alg":"ES256","typ":"JWT","kid":"\\ud800"}',
        b'{"alg":"ES256","typ":"JWT","x":NaN}',
        b'\xef\xbb\xbf{"alg":"ES256","typ":"JWT"}',
        b'{"alg":"ES256","typ":"JWT","x":"\xff"}',
        b'["ES256"]',
        b'"ES256"',
        b"null",
        b"",
        b'{"typ":"JWT"}',
        b'{"alg":null,"typ":"JWT"}',
        b'{"alg":"ES256","typ":"JWT","kid":null}',
        b'{"alg":["ES256"],"typ":"JWT"}',
    ],
)
def test_a_header_that_can_be_read_in_two_ways_is_refused(signer, header):
    assert verified(signer.token(CLAIMS, raw_header=header), signer) is Bad.MALFORMED


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss":"asd","iss":"amo-tadamon"}',
        b'{"iss":"asd","x":[{"a":1,"a":1}]}',
        b'{"iss":"\\udc00"}',
        b'{"iss":7}',
        b'["asd"]',
        b"{",
    ],
)
def test_claims_that_can_be_read_in_two_ways_are_no_claims(signer, payload):
    class Claims(jose.msgspec.Struct):
        iss: str

    assert verified(signer.token(payload), signer).claims(Claims) is None


def test_base64_has_one_spelling(signer):
    header, payload, signature = signer.token(CLAIMS).split(".")
    spare = signature[:-1] + ("A" if signature[-1] != "A" else "B")

    for other in (
        f"{header}=.{payload}.{signature}",
        f"{header}.{payload}.{signature}=",
        f"{header}.{payload}.{spare}",
        f"{header}.{payload}.{signature[:-2]}+/",
        f"{header}.{payload}.{signature}\n",
        f"{header}. {payload}.{signature}",
        f"{header}.{payload}é.{signature}",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.",
        f"{header}.{payload}.{signature}.{signature}.{signature}",
        "",
        "..",
    ):
        assert verified(other, signer) in {Bad.MALFORMED, Bad.SIGNATURE}


@pytest.mark.parametrize(
    "claims",
    [b"[" * 10_000, b'{"a":' * 3_000, b'{"a":"' + b"x" * 1_000_000 + b'"}'],
    ids=["arrays", "objects", "megabyte"],
)
def test_a_bomb_is_refused_at_once(signer, claims):
    token = signer.token(claims)
    began = time.perf_counter()
    found = verified(token, signer)
    said = found.claims(dict) if isinstance(found, Jws) else None

    assert said is None
    assert time.perf_counter() - began < 0.05


def test_a_header_beyond_its_limit_is_refused(signer):
    assert verified(signer.token(CLAIMS, x="y" * 3000), signer) is Bad.TOO_LARGE


@pytest.mark.parametrize("alg", ALGS)
def test_a_proof_brings_its_own_key(signers, alg):
    signer = signers[alg]
    found = jose.verify(signer.token(CLAIMS, jwk=signer.public_jwk), EMBEDDED, ALGS, ("JWT",))

    assert isinstance(found, Jws)
    assert found.key.thumbprint == signer.key.thumbprint


def test_a_proof_without_a_key_is_refused(signer):
    assert jose.verify(signer.token(CLAIMS), EMBEDDED, ALGS, ("JWT",)) is Bad.MEMBER


def test_a_proof_with_another_key_is_refused(signer, stranger):
    token = signer.token(CLAIMS, jwk=stranger.public_jwk)

    assert jose.verify(token, EMBEDDED, ALGS, ("JWT",)) is Bad.SIGNATURE


@pytest.mark.parametrize("member", sorted(jwk.PRIVATE))
def test_a_private_key_is_refused(signer, member):
    assert jwk.read(signer.public_jwk | {member: "AQAB"}) is Unusable.PRIVATE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kty": "oct"}, Unusable.KIND),
        ({"kty": "EC", "crv": "P-521"}, Unusable.KIND),
        ({"crv": None}, Unusable.KIND),
        ({"crv": ["P-256"]}, Unusable.MALFORMED),
        ({"kty": 1}, Unusable.MALFORMED),
        ({"x": None}, Unusable.MALFORMED),
        ({"x": "A"}, Unusable.MALFORMED),
        ({"x": "AAAA"}, Unusable.SIZE),
        ({"x": b64(b"\0" + b"\1" * 32)}, Unusable.SIZE),
        ({"x": b64(b"\1" * 32)}, Unusable.MALFORMED),
        ({"use": "enc"}, Unusable.PURPOSE),
        ({"alg": "ES384"}, Unusable.PURPOSE),
        ({"key_ops": ["encrypt"]}, Unusable.PURPOSE),
        ({"key_ops": "verify"}, Unusable.PURPOSE),
        ({"kid": 7}, Unusable.MALFORMED),
    ],
    ids=str,
)
def test_a_key_with_one_defect_is_of_no_use(signer, change, why):
    assert jwk.read(signer.public_jwk | change) is why


def test_a_short_rsa_key_is_of_no_use(weak_rsa):
    assert weak_rsa.key is Unusable.SIZE


@pytest.mark.parametrize("e", [3, 65536, 2**64 + 1])
def test_an_rsa_key_with_an_exponent_of_its_own_is_of_no_use(signers, e):
    size = (e.bit_length() + 7) // 8
    found = jwk.read(signers["PS256"].public_jwk | {"e": b64(e.to_bytes(size, "big"))})

    assert found is Unusable.SIZE


def test_a_key_on_another_curve_is_of_no_use(p384):
    assert p384.key is Unusable.KIND


def test_the_thumbprint_is_that_of_rfc_7638():
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )

    assert (
        jwk.read({"kty": "RSA", "n": n, "e": "AQAB", "kid": "2011-04-29"}).thumbprint
        == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )


def test_a_set_keeps_what_is_usable(signer, weak_rsa):
    found = jwk.read_set({"keys": [signer.public_jwk, weak_rsa.public_jwk, {"kty": "oct"}, "x"]})

    assert found == (signer.key,)
