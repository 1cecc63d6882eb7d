"""Public keys as JSON Web Keys (RFC 7517, 7518 §6.2, 8037), named by thumbprint (RFC 7638)."""

import base64
import hashlib

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

COORDINATE_BYTES = 32
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


def of(key: PublicKey) -> dict[str, str]:
    """The JWK of a P-256 or Ed25519 key, with `kid`, `alg` and `use`."""
    members = _members(key)
    # RFC 7638 §3: required members alone, in lexicographic order, without white space.
    canonical = msgspec.json.encode(dict(sorted(members.items())))
    alg = "EdDSA" if members["kty"] == "OKP" else "ES256"
    return {
        **members,
        "kid": base64url(hashlib.sha256(canonical).digest()),
        "alg": alg,
        "use": "sig",
    }


def base64url(octets: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _members(key: PublicKey) -> dict[str, str]:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw(key))}
    point = key.public_numbers()
    x, y = (base64url(n.to_bytes(COORDINATE_BYTES, "big")) for n in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def raw(key: ed25519.Ed25519PublicKey) -> bytes:
    """The 32 bytes of an Ed25519 key."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def octets(public: dict[str, str]) -> bytes:
    """The 32 bytes of an Ed25519 JWK."""
    return base64.urlsafe_b64decode(public["x"] + "=")
