"""A programme registers public keys that its one algorithm can use, each with a name of its own."""

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from identity import programme_keys

NAMED = {"kid": "k1"}
EC = ECKey.generate_key("P-256", NAMED).as_dict(private=False)
ED = OKPKey.generate_key("Ed25519", NAMED).as_dict(private=False)
RSA = RSAKey.generate_key(2048, NAMED).as_dict(private=False)
SHORT = {  # 1024 bits
    "kty": "RSA",
    "kid": "k1",
    "e": "AQAB",
    "n": "vK8xd0Zl" * 21 + "w0",
}


def problems(*keys, alg="ES256"):
    return list(programme_keys.problems({"keys": list(keys)}, alg))


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES256"), (ED, "EdDSA"), (RSA, "PS256")])
def test_a_public_key_of_the_algorithm_is_taken(key, alg):
    assert problems(key, alg=alg) == []
    assert problems(key | {"alg": alg, "use": "sig"}, alg=alg) == []


@pytest.mark.parametrize("jwks", [{}, {"keys": []}, {"keys": "k"}, {"keys": None}])
def test_there_must_be_a_key(jwks):
    assert list(programme_keys.problems(jwks, "ES256")) == ["there is no key"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"d": "AAAA"}, "private part"),
        ({"k": "AAAA"}, "private part"),
        ({"kid": ""}, "no kid"),
        ({"use": "both"}, "neither for signatures nor for encryption"),
        ({"alg": "RS256"}, "another algorithm than ES256"),
        ({"crv": "P-384"}, "not one for ES256"),
        ({"kty": "oct"}, "not one for ES256"),
        ({"x": "AA"}, "cannot be read"),
        ({"x": 7}, "cannot be read"),
    ],
)
def test_a_key_with_one_defect_is_refused_for_it_alone(change, problem):
    [found] = problems(EC | change)

    assert found.startswith("key 1 ")
    assert problem in found


def test_a_name_is_a_text():
    assert problems(EC | {"kid": 1})[0] == "key 1 has no kid"


def test_a_key_of_another_algorithm_is_refused():
    assert problems(ED) == ["key 1 is not one for ES256"]
    assert problems(EC, alg="PS256") == ["key 1 is not one for PS256"]


def test_a_short_rsa_key_is_refused():
    assert problems(SHORT, alg="PS256") == ["key 1 cannot be read, or is too short"]


def test_what_is_no_object_is_refused():
    assert problems("k", EC)[0] == "key 1 is not a JSON object"


def test_every_key_has_a_name_of_its_own():
    assert problems(EC, EC | {"kid": "k2"}) == []
    assert problems(EC, EC) == ["two keys have the same kid"]


SEALING = ECKey.generate_key("P-256", {"kid": "e1", "use": "enc"}).as_dict(private=False)


def test_a_key_to_seal_to_stands_beside_one_to_sign_with():
    assert problems(EC, SEALING) == []
    assert problems(EC, SEALING | {"alg": programme_keys.SEALING_ALG}) == []
    assert problems(RSA, SEALING, alg="PS256") == []
    assert problems(SEALING) == ["there is no key to sign with"]
    assert problems(EC, SEALING | {"alg": "ES256"}) == [
        "key 2 is for another algorithm than ECDH-ES+A256KW"
    ]
    assert problems(EC, ED | {"use": "enc", "kid": "k2"}) == ["key 2 is not one for ECDH-ES+A256KW"]


def test_the_key_that_is_sealed_to_is_the_first_of_its_use():
    assert programme_keys.to_seal_to({"keys": [EC, SEALING]}) == SEALING
    assert programme_keys.to_seal_to({"keys": [EC]}) is None
