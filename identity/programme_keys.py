"""Are these keys a programme may use? Public only, each named; one algorithm to sign with.

A key for encryption (`"use": "enc"`) is one that we may seal to; none ever verifies a signature.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

Alg = Literal["ES256", "PS256", "EdDSA"]
"""What a programme may sign with (FAPI 2.0 Security Profile §5.4.1)."""

SHAPES: Final[dict[Alg, tuple[str, str | None]]] = {
    "ES256": ("EC", "P-256"),
    "PS256": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
}
"""`kty` and `crv` of each algorithm's keys (RFC 7518 §3.1, RFC 8037 §2)."""
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members that a public key does not have (RFC 7518 §6, RFC 8037 §2)."""
SEALING_ALG: Final = "ECDH-ES+A256KW"
"""How what is for a programme alone is sealed to its key (RFC 7518 §4.6)."""
RSA_BITS: Final = 2048
"""FAPI 2.0 Security Profile §5.4.1."""


def problems(jwks: dict[str, Any], alg: Alg) -> Iterator[str]:
    """Everything that is wrong with a programme's keys."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys:
        yield "there is no key"
        return
    for position, key in enumerate(keys, start=1):
        for problem in _of_key(key, alg):
            yield f"key {position} {problem}"
    if not any(isinstance(key, dict) and not _seals(key) for key in keys):
        yield "there is no key to sign with"
    kids = [key.get("kid") for key in keys if isinstance(key, dict)]
    if len(set(map(str, kids))) < len(keys):
        yield "two keys have the same kid"


def to_seal_to(jwks: dict[str, Any]) -> dict[str, Any] | None:
    """The first key of a programme that we may seal to; None if it has registered none."""
    return next((key for key in jwks["keys"] if _seals(key)), None)


def _seals(key: dict[str, Any]) -> bool:
    return key.get("use") == "enc"


def _of_key(key: Any, alg: Alg) -> Iterator[str]:
    if not isinstance(key, dict):
        yield "is not a JSON object"
        return
    if PRIVATE & key.keys():
        yield "has a private part, which must never leave the programme: make a new one"
        return
    kid = key.get("kid")
    if not isinstance(kid, str) or not kid:
        yield "has no kid"
    expected = SEALING_ALG if _seals(key) else alg
    shape = SHAPES["ES256" if _seals(key) else alg]
    if key.get("use", "sig") not in {"sig", "enc"}:
        yield "is neither for signatures nor for encryption"
        return
    if key.get("alg", expected) != expected:
        yield f"is for another algorithm than {expected}"
    if (key.get("kty"), key.get("crv")) != shape:
        yield f"is not one for {expected}"
    elif not _readable(key):
        yield "cannot be read, or is too short"


def _readable(key: dict[str, Any]) -> bool:
    try:
        public = JWKRegistry.import_key(key).public_key
    except (JoseError, ValueError, TypeError):
        return False
    return not isinstance(public, RSAPublicKey) or public.key_size >= RSA_BITS
