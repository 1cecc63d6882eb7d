"""What a benchmark's programme sends: an assertion and a proof, signed anew for each request."""

import base64
import secrets
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from api.bench.wire import OK, Answered, Wires, WrongAnswerError
from api.oauth.strict_json import base64url
from vault import database as db

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE_SECONDS: Final = 60
LIFE: Final = timedelta(days=1)
KID: Final = "bench"
_P256_OCTETS: Final = 32


class Signer:
    """One key, and what it signs."""

    def __init__(self) -> None:
        """Make it."""
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> dict[str, str]:
        """The public JWK."""
        numbers = self._key.public_key().public_numbers()
        x, y = (base64url(n.to_bytes(_P256_OCTETS, "big")) for n in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    @property
    def private(self) -> dict[str, str]:
        """The private JWK: the other server signs its tokens with one of ours."""
        secret = self._key.private_numbers().private_value
        return self.public | {"d": base64url(secret.to_bytes(_P256_OCTETS, "big"))}

    @property
    def certificate(self) -> bytes:
        """A certificate of it, signed by itself (DER)."""
        now, name = db.instant(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        made = made.public_key(self._key.public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - LIFE).not_valid_after(now + LIFE)
        return made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A compact JWS (ES256)."""
        parts = ({"alg": "ES256"} | dict(header), dict(claims))
        said = ".".join(base64url(msgspec.json.encode(part)) for part in parts)
        r, s = decode_dss_signature(self._key.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{said}.{base64url(b''.join(n.to_bytes(_P256_OCTETS, 'big') for n in (r, s)))}"


class Shown(StrEnum):
    """What a request shows beside its assertion, for a token to be bound to."""

    NOTHING = "nothing"
    PROOF = "proof"
    CERTIFICATE = "certificate"
    """As a proxy passes it on (RFC 9440)."""


class Programme:
    """One programme at one server."""

    def __init__(self, wires: Wires, issuer: str, client_id: str, key: Signer) -> None:
        """Take who it is; it has a key for proofs of its own."""
        self._wires = wires
        self._issuer = issuer
        self._client_id = client_id
        self._key = key
        self._dpop = Signer()
        self._certificate = f":{base64.b64encode(key.certificate).decode()}:"
        self._nonce = ""

    async def post(self, path: str, form: Mapping[str, str], by: Shown = Shown.NOTHING) -> Answered:
        """Post as the programme; again with the nonce, where the server wants one.

        Raises:
            WrongAnswerError: the answer is not 200.
        """
        answer = await self._once(path, form, by)
        if answer.status != OK:
            answer = await self._once(path, form, by)
        if answer.status != OK:
            raise WrongAnswerError(f"{answer.status} {answer.body[:200]!r}")
        return answer

    async def _once(self, path: str, form: Mapping[str, str], by: Shown) -> Answered:
        headers = {}
        if by is Shown.PROOF:
            headers = {"DPoP": self._proof(path)}
        elif by is Shown.CERTIFICATE:
            headers = {"Client-Cert": self._certificate}
        answer = await self._wires.post(path, self._assertion() | dict(form), headers)
        self._nonce = answer.headers.get("dpop-nonce", self._nonce)
        return answer

    def _assertion(self) -> dict[str, str]:
        now = int(db.instant().timestamp())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._issuer,
            "iat": now,
            "exp": now + LIFE_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        return {
            "client_assertion_type": ASSERTION,
            "client_assertion": self._key.sign({"kid": KID}, claims),
        }

    def _proof(self, path: str) -> str:
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": "POST",
            "htu": self._issuer + path,
            "iat": int(db.instant().timestamp()),
        }
        header = {"typ": "dpop+jwt", "jwk": self._dpop.public}
        return self._dpop.sign(header, claims | ({"nonce": self._nonce} if self._nonce else {}))
