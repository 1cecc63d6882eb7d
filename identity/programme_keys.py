"""Are these keys that a programme may sign with? Public only, each named, of one algorithm."""

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
    kids = [key.get("kid") for key in keys if isinstance(key, dict)]
    if len(set(map(str, kids))) < len(keys):
        yield "two keys have the same kid"


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
    if key.get("use", "sig") != "sig":
        yield "is not for signatures"
    if key.get("alg", alg) != alg:
        yield f"is for another algorithm than {alg}"
    if (key.get("kty"), key.get("crv")) != SHAPES[alg]:
        yield f"is not one for {alg}"
    elif not _readable(key):
        yield "cannot be read, or is too short"


def _readable(key: dict[str, Any]) -> bool:
    try:
        public = JWKRegistry.import_key(key).public_key
    except (JoseError, ValueError, TypeError):
        return False
    return not isinstance(public, RSAPublicKey) or public.key_size >= RSA_BITS
