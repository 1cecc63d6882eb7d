"""A device with passkeys, in software: what a browser and its authenticator answer (WebAuthn)."""

import hashlib
import json
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


class Device:
    """One authenticator; each answer may be bent by the test that wants it refused."""

    def __init__(self, origin):
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.counter = 0

    def make(self, options, **bent):
        """What `navigator.credentials.create` gives, as the page sends it."""
        own = ES256.from_cryptography_key(self.key.public_key())
        data = AttestedCredentialData.create(Aaguid(bytes(16)), self.id, bent.get("cose", own))
        flags = bent.get("flags", PRESENT | VERIFIED) | ATTESTED
        auth = AuthenticatorData.create(self._rp(options, bent), flags, self.counter, data)
        attestation = AttestationObject.create("none", auth, {})
        client = self._client("webauthn.create", options, bent)
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client),
                "attestationObject": websafe_encode(bytes(attestation)),
            }
        )

    def answer(self, options, **bent):
        """What `navigator.credentials.get` gives."""
        flags = bent.get("flags", PRESENT | VERIFIED)
        counter = bent.get("counter", self.counter)
        auth = AuthenticatorData.create(self._rp(options, bent), flags, counter)
        client = self._client(bent.get("type", "webauthn.get"), options, bent)
        key = bent.get("key", self.key)
        signature = key.sign(bytes(auth) + sha256(client), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(bytes(auth)),
                "signature": websafe_encode(signature),
            }
        )

    def _client(self, kind, options, bent):
        challenge = bent.get("challenge", options["challenge"])
        origin = bent.get("origin", self.origin)
        said = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _rp(self, options, bent):
        rp = options.get("rpId") or options["rp"]["id"]
        return hashlib.sha256(bent.get("rp", rp).encode()).digest()

    def _answer(self, response):
        return json.dumps(
            {
                "id": websafe_encode(self.id),
                "rawId": websafe_encode(self.id),
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )


def again(challenge: str, at: int) -> str:
    """A challenge with one bit turned."""
    raw = bytearray(websafe_decode(challenge))
    raw[at] ^= 1
    return websafe_encode(bytes(raw))
