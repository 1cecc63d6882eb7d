"""An authority, certificates of programmes, and a proxy that passes them on."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAME = "amo.example"
PROXY = "127.0.0.1"
ORIGIN = "https://mtls.amana.example"
FOREVER = timedelta(days=30)


@dataclass
class Authority:
    """Whoever issues certificates."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, name: str = "Authority of a test"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = {
            part: part in {"key_cert_sign", "crl_sign"}
            for part in (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            )
        }
        builder = (
            _certificate(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, key: Any, name: str = NAME, **times: datetime) -> bytes:
        """A certificate of a programme, in DER."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            _certificate(subject, self.certificate.subject, key.public_key(), **times)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
            .add_extension(issuer, critical=False)
            .sign(self.key, hashes.SHA256())
            .public_bytes(Encoding.DER)
        )


def _certificate(subject, issuer, public, from_=None, until=None):
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(from_ or now - timedelta(hours=1))
        .not_valid_after(until or now + FOREVER)
    )


def header(der: bytes) -> dict[str, str]:
    """RFC 9440 §2.1."""
    return {"Client-Cert": f":{base64.b64encode(der).decode()}:"}


def behind_proxy(settings, authority, tmp_path):
    """Settings where a proxy sees to TLS, and whose programmes this authority names."""
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(authority.pem)
    return msgspec.structs.replace(
        settings,
        client_authorities=authorities,
        client_certificates="proxy",
        trusted_proxies=f"{PROXY}/32",
        mutual_tls_origin=ORIGIN,
    )
