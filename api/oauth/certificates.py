"""Client certificates (RFC 8705): where one comes from, whose it is, and what is bound to it.

One comes from our own TLS listener, which notes it in the ASGI scope, or in the `Client-Cert`
header (RFC 9440) of a proxy that we trust; whatever else sends that header is not listened to.
Whoever handed it over, the decision whether it is good is made here.
"""

import base64
import binascii
import hashlib
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from litestar import Request

from api import security
from api.oauth import strict_json
from api.settings import Settings
from identity.programmes import AuthMethod, Client

HEADER: Final = "client-cert"
_HEADER: Final = re.compile(r":([A-Za-z0-9+/]{1,16384}={0,2}):")
"""RFC 9440 §2.1: a byte sequence (RFC 8941 §3.3.5) of the DER form."""
DEPTH: Final = 2
"""Most authorities between a certificate and one that we trust."""


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate whose key the caller holds: the handshake showed that, and no more."""

    der: bytes
    certificate: x509.Certificate
    thumbprint: str
    """`x5t#S256` (RFC 8705 §3.1): what a token is bound to."""


def presented(request: Request[Any, Any, Any], settings: Settings) -> Presented | None:
    """The certificate of the connection, if there is one that can be read."""
    if settings.client_authorities is None:
        return None
    if settings.client_certificates == "proxy":
        return _of_proxy(request, settings)
    der = _of_listener(request)
    return None if der is None else read(der)


@lru_cache(maxsize=256)  # each programme shows its own again and again
def read(der: bytes) -> Presented | None:
    """A certificate, if it can be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    thumbprint = strict_json.base64url(hashlib.sha256(der).digest())
    return Presented(der=der, certificate=certificate, thumbprint=thumbprint)


def wrong(
    shown: Presented, client: Client | None, settings: Settings, now: datetime
) -> Iterator[str]:
    """Why a certificate does not show that its holder is this programme.

    The chain is verified whoever is named, so that the time tells nothing.
    """
    issued = _is_issued(shown.certificate, authorities(settings), now)
    if client is None:
        yield "client-unknown"
        return
    match client.auth_method:
        case AuthMethod.TLS:
            if not issued:
                yield "certificate-untrusted"
            if not _is_named(shown.certificate, client):
                yield "certificate-name"
        case AuthMethod.SELF_SIGNED_TLS:
            if shown.der not in _registered(client, now):
                yield "certificate-unregistered"
        case AuthMethod.PRIVATE_KEY_JWT:
            yield "client-auth-method"
    from_, until = shown.certificate.not_valid_before_utc, shown.certificate.not_valid_after_utc
    if not from_ <= now <= until:
        yield "certificate-expired"


def authorities(settings: Settings) -> tuple[x509.Certificate, ...]:
    """Who may issue certificates to programmes.

    Raises:
        OSError, ValueError: the file cannot be read, or holds no certificate.
    """
    path = settings.client_authorities
    return _read(path, path.stat().st_mtime_ns) if path else ()


def _of_listener(request: Request[Any, Any, Any]) -> bytes | None:
    scope: Mapping[str, Any] = request.scope
    chain = ((scope.get("extensions") or {}).get("tls") or {}).get("client_cert_chain")
    return ssl.PEM_cert_to_DER_cert(chain[0]) if chain else None


def _of_proxy(request: Request[Any, Any, Any], settings: Settings) -> Presented | None:
    sent = request.headers.getall(HEADER, [])
    peer = request.client.host if request.client else ""
    if len(sent) != 1 or not security.is_proxy(peer, settings):
        return None
    return read_header(sent[0])


@lru_cache(maxsize=256)
def read_header(sent: str) -> Presented | None:
    """The certificate of a `Client-Cert` header, if it is one that can be read."""
    found = _HEADER.fullmatch(sent)
    if found is None:
        return None
    try:
        return read(base64.b64decode(found[1], validate=True))
    except binascii.Error:
        return None


def _is_issued(
    certificate: x509.Certificate, trusted: Sequence[x509.Certificate], now: datetime
) -> bool:
    builder = PolicyBuilder().store(Store(list(trusted))).time(now).max_chain_depth(DEPTH)
    try:
        builder.build_client_verifier().verify(certificate, [])
    except VerificationError:
        return False
    return True


def _is_named(certificate: x509.Certificate, client: Client) -> bool:
    """Whether it bears the one name registered for the programme (RFC 8705 §2.1.2)."""
    if client.tls_client_auth_san_dns is not None:
        return client.tls_client_auth_san_dns in _dns_names(certificate)
    return client.tls_client_auth_subject_dn == certificate.subject.rfc4514_string()


def _dns_names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return found.value.get_values_for_type(x509.DNSName)


def _registered(client: Client, now: datetime) -> Iterator[bytes]:
    """The certificates among its keys (RFC 8705 §2.2.2, RFC 7517 §4.7)."""
    for key in client.keys(now)["keys"]:
        for encoded in key.get("x5c", [])[:1]:
            yield base64.b64decode(encoded)


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
