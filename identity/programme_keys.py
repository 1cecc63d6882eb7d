"""Are these keys a programme may use? Public only, each named; one algorithm to sign with.

A key for encryption (`"use": "enc"`) is one that we may seal to; none ever verifies a signature.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
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
END_OF_TIME: Final = 253402300800
"""The year 10000, in seconds since 1970: what an instant holds."""
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members that a public key does not have (RFC 7518 §6, RFC 8037 §2)."""
SEALING_ALG: Final = "ECDH-ES+A256KW"
"""How what is for a programme alone is sealed to its key (RFC 7518 §4.6)."""
KID_CHARACTERS: Final = 256
KEYS: Final = 16
"""Most keys that one programme has; a set is read on each request."""
RSA_BITS: Final = 2048
"""FAPI 2.0 Security Profile §5.4.1."""


def problems(jwks: dict[str, Any], alg: Alg) -> Iterator[str]:
    """Everything that is wrong with a programme's keys."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys:
        yield "there is no key"
        return
    if len(keys) > KEYS:
        yield f"there are more than {KEYS} keys"
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


def current(jwks: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The keys without those whose `exp` (OpenID Federation 1.0 §8.7.2) has come."""
    return {"keys": [key for key in jwks["keys"] if key.get("exp", inf) > now.timestamp()]}


def ends(jwks: dict[str, Any]) -> Iterator[tuple[str, datetime]]:
    """Which keys end, and when."""
    for key in jwks["keys"]:
        if (at := key.get("exp")) is not None:
            yield key["kid"], datetime.fromtimestamp(at, UTC)


def certifies(jwks: dict[str, Any]) -> bool:
    """Whether a certificate stands with one of the keys (RFC 7517 §4.7)."""
    keys = jwks.get("keys")
    return isinstance(keys, list) and any(isinstance(key, dict) and key.get("x5c") for key in keys)


def signs(jwks: dict[str, Any]) -> bool:
    """Whether there is a key to sign with."""
    return any(not _seals(key) for key in jwks["keys"])


def usable(jwks: Any, alg: Alg) -> dict[str, Any] | None:
    """What is of use in a set that a programme publishes; None if the set is not to be trusted.

    Keys of other kinds are left out (RFC 7517 §5); a private part or a name given twice
    spoils the whole.
    """
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= KEYS:
        return None
    if any(isinstance(key, dict) and PRIVATE & key.keys() for key in keys):
        return None
    found = {"keys": [key for key in keys if not any(_of_key(key, alg))]}
    return None if any(problems(found, alg)) else found


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
    if not isinstance(kid, str) or not 0 < len(kid) <= KID_CHARACTERS:
        yield "has no kid, or one that is too long"
    expected = SEALING_ALG if _seals(key) else alg
    shape = SHAPES["ES256" if _seals(key) else alg]
    if key.get("use", "sig") not in {"sig", "enc"}:
        yield "is neither for signatures nor for encryption"
        return
    if key.get("alg", expected) != expected:
        yield f"is for another algorithm than {expected}"
    at = key.get("exp", 1)
    if not isinstance(at, int) or isinstance(at, bool) or not 0 < at < END_OF_TIME:
        yield "has an end that is no instant"
    if (key.get("kty"), key.get("crv")) != shape:
        yield f"is not one for {expected}"
    elif not _readable(key):
        yield "cannot be read, or is too short"
    elif "x5c" in key and not _is_certified(key):
        yield "has a certificate that is not of this key"


def _is_certified(key: dict[str, Any]) -> bool:
    """Whether the first certificate of its `x5c` is of the key itself."""
    try:
        first = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0], validate=True))
        return first.public_key() == JWKRegistry.import_key(_bare(key)).public_key
    except (JoseError, LookupError, TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _bare(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "x5c"}


def _readable(key: dict[str, Any]) -> bool:
    try:
        public = JWKRegistry.import_key(key).public_key
    except (JoseError, ValueError, TypeError):
        return False
    return not isinstance(public, RSAPublicKey) or public.key_size >= RSA_BITS
