"""Known answers for every primitive, at start: a build that computes otherwise does not serve.

The library under us brings its own OpenSSL and may be swapped; what it would seal
wrongly could never be opened again.
"""

import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from vault import envelope, jwk, merkle
from vault.ciphers import SubjectKey
from vault.envelope import Place
from vault.envelope_errors import TamperedError
from vault.keys import Keys
from vault.opaque import Deriver
from vault.signing import SigningKey
from vault.xaes import XAES


class SelfTestError(RuntimeError):
    """A primitive does not give its known answer. The message names it."""


def run(checks: Mapping[str, Callable[[], bool]] | None = None) -> None:
    """Check every primitive (about a millisecond).

    Raises:
        SelfTestError: one is wrong. Do not start.
    """
    for name, check in (CHECKS if checks is None else checks).items():
        if not check():
            raise SelfTestError(name)


def provider(keys: Keys) -> None:
    """Check that a provider of root keys opens what it wraps, and nothing else.

    Raises:
        SelfTestError: it does not. Do not start.
    """
    known, place = bytes(range(32)), b"self-test"
    wrapped = keys.wrap(known, place)
    altered = wrapped[:-1] + bytes((wrapped[-1] ^ 1,))
    opened = (
        _opened(keys, wrapped, place),
        _opened(keys, wrapped, b"another place"),
        _opened(keys, altered, place),
    )
    if opened != (known, None, None) or known in wrapped:
        raise SelfTestError(type(keys).__name__)


def _opened(keys: Keys, wrapped: bytes, place: bytes) -> bytes | None:
    try:
        return keys.unwrap(wrapped, place)
    except TamperedError:
        return None


def _sha256() -> bool:
    # FIPS 180-4, example of one block
    return sha256(b"abc").digest() == bytes.fromhex(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def _hmac() -> bool:
    # RFC 4231, test case 2
    return Deriver(b"Jefe").mac(b"what do ya want for nothing?") == bytes.fromhex(
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def _random() -> bool:
    # Not a test of quality: a source that is stuck gives the same twice (once in 2**128 if not).
    return secrets.token_bytes(16) != secrets.token_bytes(16)


def _argon2id() -> bool:
    # the reference implementation's test.c: t=2, m=256 KiB, p=1
    hashed = hash_secret_raw(
        secret=b"password",
        salt=b"somesalt",
        time_cost=2,
        memory_cost=256,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )
    return hashed == bytes.fromhex(
        "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"
    )


def _hkdf_expand() -> bool:
    # RFC 5869, appendix A.1: the first block of OKM
    pseudorandom = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    info = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    return Deriver(pseudorandom).mac(info + b"\x01") == bytes.fromhex(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
    )


def _aes_256_gcm() -> bool:
    # McGrew and Viega, The Galois/Counter Mode of Operation, test case 16
    sealed = AESGCM(bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)).encrypt(
        bytes.fromhex("cafebabefacedbaddecaf888"),
        bytes.fromhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ),
        bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    )
    return sealed == bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )


def _xaes_256_gcm() -> bool:
    # c2sp.org/XAES-256-GCM, both vectors: the two branches of the subkey's doubling
    nonce, text = b"ABCDEFGHIJKLMNOPQRSTUVWX", b"XAES-256-GCM"
    one = XAES(b"\x01" * 32).encrypt(nonce, text, b"")
    three = XAES(b"\x03" * 32).encrypt(nonce, text, b"c2sp.org/XAES-256-GCM")
    return (one, three) == (
        bytes.fromhex("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        bytes.fromhex("986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    )


def _ed25519() -> bool:
    # RFC 8032 §7.1, test 2
    private = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    return SigningKey(private, jwk.of(private.public_key())).sign(b"\x72") == bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def _es256() -> bool:
    # RFC 6979 §A.2.5, «sample» with SHA-256; and what we sign, in its JOSE form
    private = ec.derive_private_key(
        0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1()
    )
    known = bytes.fromhex(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    )
    ours = SigningKey(private, jwk.of(private.public_key())).sign(b"sample")
    verified = [_es256_verifies(private.public_key(), one, b"sample") for one in (known, ours)]
    return all(verified) and not _es256_verifies(private.public_key(), known, b"test")


def _es256_verifies(public: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _envelope() -> bool:
    # tests/vectors/envelope_v1.json, «an empty plaintext is padded»; and a last byte that is off
    key = SubjectKey(key=bytes(range(32)), handle=bytes(range(0xA0, 0xA8)), version=1)
    place = Place(record=bytes(range(16, 32)), group="contact")
    blob = bytes.fromhex(
        "0101a0a1a2a3a4a5a6a7000000010000000000000007728b015dd7a9a1766ff2b7c43ff7ed692879"
        "1ae3ccc91e750dd915cfa3fc43f1000102030405060708090a0bfab5af3e54dfb766f71c43f9c239"
        "0b9cf9d7a352e963f1f435c67214ff7e69dad9a48b5a0310dd533a76267b80a82475f03104c9ebaa"
        "f6ac76a85dd003300ec4400659605cb030118c50a786825d35f3"
    )
    opened = envelope.unseal(key.group("contact"), place, blob, row_version=7)
    try:
        envelope.unseal(key.group("contact"), place, blob[:-1] + b"\x00", row_version=7)
    except TamperedError:
        return opened == b""
    return False


def _merkle() -> bool:
    # RFC 6962, the eight leaves of the Certificate Transparency reference tests
    texts = "", "00", "10", "2021", "3031", "40414243", "5051525354555657"
    leaves = [*texts, "606162636465666768696a6b6c6d6e6f"]
    hashes = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    return merkle.compress(hashes) == bytes.fromhex(
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )


CHECKS: Final[Mapping[str, Callable[[], bool]]] = {
    "random source": _random,
    "SHA-256": _sha256,
    "HMAC-SHA-256": _hmac,
    "HKDF-Expand": _hkdf_expand,
    "Argon2id": _argon2id,
    "AES-256-GCM": _aes_256_gcm,
    "XAES-256-GCM": _xaes_256_gcm,
    "Ed25519": _ed25519,
    "ES256": _es256,
    "envelope v1": _envelope,
    "Merkle tree": _merkle,
}
