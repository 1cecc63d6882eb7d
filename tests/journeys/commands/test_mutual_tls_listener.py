"""`amana serve mutual-tls`: a real handshake, and a token that only its certificate opens."""

import asyncio
import ipaddress
import signal
import socket
import ssl
import subprocess
import sys
import time

import httpx2
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from api import running
from api import settings as environment
from identity import programmes
from identity.programmes import AuthMethod, Registration
from tests.contract.oauth.certificates import NAME, Authority
from vault import database as db

DETAILS = (
    '[{"type":"amana_disclosure","agreement":"amo-tadamon/enrolment",'
    '"purpose":"social-support/health-cover","attributes":{"given_name":"match"}}]'
)
FORM = {
    "client_id": "amo-tadamon",
    "grant_type": "client_credentials",
    "authorization_details": DETAILS,
}


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def files(folder, name, key, der):
    """A certificate and its key, as a server or a client loads them."""
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_text(ssl.DER_cert_to_PEM_cert(der))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


def of_server(authority, key):
    now = authority.certificate.not_valid_before_utc
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(authority.certificate.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([address]), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False
        )
        .sign(authority.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


@pytest.fixture
def authority():
    return Authority.new()


@pytest.fixture
def settings(settings, authority, tmp_path):
    trusted = tmp_path / "authorities.pem"
    trusted.write_bytes(authority.pem)
    return msgspec.structs.replace(
        settings,
        client_authorities=trusted,
        mutual_tls_origin=f"https://127.0.0.1:{port()}",
        outbound="off",
    )


@pytest.fixture
def listener(installed, settings, authority, tmp_path):
    """The listener as an operator starts it; gives its origin."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, private = files(tmp_path, "server", key, of_server(authority, key))
    command = [sys.executable, "-m", "api", "serve", "mutual-tls", "--until-input-ends"]
    process = subprocess.Popen(
        [*command, "--certificate", str(certificate), "--key", str(private)],
        env=environment.to_environ(settings),
        stdin=subprocess.PIPE,
    )
    yield settings.mutual_tls_origin
    process.stdin.close()
    assert process.wait(20) in {0, -signal.SIGTERM}  # uvicorn passes the signal on


@pytest.fixture
def client(settings, tmp_path):
    """Opens a connection that trusts the listener, with a certificate or without."""

    def opened(*certificate):
        trusting = ssl.create_default_context(cafile=settings.client_authorities)
        if certificate:
            trusting.load_cert_chain(*certificate)
        return httpx2.Client(verify=trusting, base_url=settings.mutual_tls_origin)

    return opened


def register(settings):
    async def add():
        asked = Registration(
            client_id="amo-tadamon",
            name="AMO",
            redirect_uris=("https://amo.example/back",),
            agreements=("amo-tadamon/enrolment",),
            auth_method=AuthMethod.TLS,
            tls_client_auth_san_dns=NAME,
        )
        async with running.opened(settings) as held, db.begin(held.database) as tx:
            return await programmes.add(tx, held.catalogue, asked)

    return asyncio.run(add())


def asked(client):
    """Once it listens."""
    for _ in range(200):
        try:
            return client.post("/oauth/token", data=FORM)
        except httpx2.ConnectError:
            time.sleep(0.1)
    raise AssertionError("nobody listens")


def test_a_handshake_shows_who_asks_and_a_token_is_bound_to_it(
    settings, listener, client, authority, tmp_path
):
    register(settings)
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    shown = files(tmp_path, "programme", key, authority.issue(key))
    another = files(tmp_path, "other", other, authority.issue(other, "other.example"))

    with client(*shown) as programme:
        given = asked(programme)
        assert (given.status_code, given.json()["token_type"]) == (200, "Bearer")
        token = given.json()["access_token"]
        introspected = programme.post(
            "/oauth/introspect", data={"client_id": "amo-tadamon", "token": token}
        )
        assert introspected.json()["active"] is True
    bearer = {"Authorization": f"Bearer {token}"}
    for certificate in ((), another):
        with client(*certificate) as thief:
            # A header says nothing here, whoever sends it.
            pem = shown[0].read_text().splitlines()[1:-1]
            header = {"Client-Cert": f":{''.join(pem)}:"}
            assert thief.post("/oauth/token", data=FORM, headers=header).status_code == 401
            assert thief.get("/v1/userinfo", headers=bearer | header).status_code == 401


def test_the_listener_has_what_programmes_need_and_no_page(listener, client):
    with client() as programme:
        asked(programme)
        there = {
            "/.well-known/oauth-authorization-server": 200,
            "/.well-known/oauth-protected-resource/v1": 200,
            "/oauth/jwks": 200,
            "/v1/userinfo": 401,
        }
        pages = ["/", "/en/sign-in", "/authorize", "/end-session", "/en/me", "/openapi.json"]
        found = {path: programme.get(path).status_code for path in (*there, *pages)}
        endpoints = {
            name: programme.post(f"/oauth/{name}").status_code
            for name in ("token", "par", "introspect", "revoke")
        }

    assert found == there | dict.fromkeys(pages, 404)
    assert set(endpoints.values()) == {400}


def test_a_certificate_of_nobodys_authority_ends_the_handshake(listener, client, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    own = files(tmp_path, "own", key, Authority.new().issue(key))
    with client() as nobody:
        assert asked(nobody).status_code == 401

    with client(*own) as forger, pytest.raises(httpx2.TransportError):
        forger.post("/oauth/token", data=FORM)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"client_authorities": None, "mutual_tls_origin": ""}, "AMANA_CLIENT_AUTHORITIES"),
        (
            {"client_certificates": "proxy", "trusted_proxies": "10.0.0.0/8"},
            "AMANA_CLIENT_CERTIFICATES",
        ),
    ],
)
def test_it_does_not_start_where_no_certificate_would_be_read(settings, change, named):
    command = [sys.executable, "-m", "api", "serve", "mutual-tls"]
    done = subprocess.run(
        [*command, "--certificate", __file__, "--key", __file__],
        env=environment.to_environ(msgspec.structs.replace(settings, **change)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert named in done.stderr
