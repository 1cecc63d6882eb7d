"""A forge: tokens as a client would make them, and as an attacker would."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from api.oauth import jwk


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


@dataclass
class Signer:
    """A private key, its public JWK, and what it signs."""

    alg: str
    private: Any
    public_jwk: dict[str, str]

    @property
    def key(self):
        return jwk.read(self.public_jwk)

    def sign(self, signed: bytes) -> bytes:
        match self.alg:
            case "ES256":
                r, s = decode_dss_signature(self.private.sign(signed, ec.ECDSA(hashes.SHA256())))
                return r.to_bytes(32, "big") + s.to_bytes(32, "big")
            case "PS256":
                scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
                return self.private.sign(signed, scheme, hashes.SHA256())
            case _:
                return self.private.sign(signed)

    def token(self, claims: Any, *, raw_header: bytes | None = None, **header: Any) -> str:
        header = {"alg": self.alg, "typ": "JWT"} | header
        header = {name: value for name, value in header.items() if value is not None}
        encoded = raw_header if raw_header is not None else json.dumps(header).encode()
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        signed = f"{b64(encoded)}.{b64(payload)}"
        return f"{signed}.{b64(self.sign(signed.encode()))}"


def es256(curve: ec.EllipticCurve | None = None) -> Signer:
    private = ec.generate_private_key(curve or ec.SECP256R1())
    point = private.public_key().public_numbers()
    size = (private.curve.key_size + 7) // 8
    name = {"secp256r1": "P-256", "secp384r1": "P-384"}[private.curve.name]
    public = {"kty": "EC", "crv": name, "x": number(point.x, size), "y": number(point.y, size)}
    return Signer("ES256", private, public)


def ps256(bits: int = 2048) -> Signer:
    private = rsa.generate_private_key(65537, bits)
    numbers = private.public_key().public_numbers()
    return Signer("PS256", private, {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)})


def eddsa() -> Signer:
    private = ed25519.Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes_raw()
    return Signer("EdDSA", private, {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)})


@pytest.fixture(scope="session")
def signers():
    """One signer of each algorithm we take."""
    return {"ES256": es256(), "PS256": ps256(), "EdDSA": eddsa()}


@pytest.fixture(scope="session")
def signer(signers):
    return signers["ES256"]


@pytest.fixture(scope="session")
def stranger():
    return es256()


@pytest.fixture(scope="session")
def weak_rsa():
    return ps256(1024)


@pytest.fixture(scope="session")
def p384():
    return es256(ec.SECP384R1())
