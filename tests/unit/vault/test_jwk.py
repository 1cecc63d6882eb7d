from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault import jwk


def test_an_ed25519_key_is_that_of_rfc_8037():
    # RFC 8037 appendix A.1 to A.3: key, and thumbprint
    private = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    public = jwk.of(private.public_key())
    assert public == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "alg": "EdDSA",
        "use": "sig",
    }
    assert jwk.octets(public) == jwk.raw(private.public_key())


def test_a_p_256_key_has_two_coordinates_of_32_bytes():
    # RFC 6979 §A.2.5; its y begins with a zero nibble only, so a small scalar adds the leading zero
    public = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    members = jwk.of(public)
    assert {name: members[name] for name in ("kty", "crv", "alg", "use")} == {
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
    }  # fmt: skip
    assert len(members["x"]) == len(members["y"]) == 43
