"""The catalogue that ships, a count of statements, and somebody else's https server."""

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import event, insert

from api.fetching import Fetcher
from identity.registry.people import people
from policies import catalogue as catalogues
from policies.vocabulary import SubjectId

PUBLIC = "93.184.215.14"


@dataclass
class Elsewhere:
    """An https server that only we can reach: what it answers, what it was sent, who connected."""

    port: int
    trust: ssl.SSLContext
    answers: dict[str, bytes] = field(default_factory=dict)
    heard: list[bytes] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)

    def fetcher(self, *addresses: str) -> Fetcher:
        """One for which every name has these addresses, and which comes out here."""

        async def resolve(_host: str, _port: int) -> list[str]:
            return list(addresses or (PUBLIC,))

        return Fetcher(resolve=resolve, network=Detour(self), trust=self.trust)

    def give(self, path: str, body: bytes, *, status: str = "200 OK", more: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self.answers[path] = head.encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"(?i)content-length: (\d+)", head)
            self.heard.append(head + await reader.readexactly(int(size[1]) if size else 0))
            answer = self.answers.get(head.split()[1].decode())
            if answer is None:
                await asyncio.sleep(5)  # longer than anyone waits
            writer.write(answer or b"")
            await writer.drain()
        writer.close()


class Detour(httpcore2.AsyncNetworkBackend):
    """Whatever address is connected to, it is the server here."""

    def __init__(self, elsewhere: Elsewhere) -> None:
        self.elsewhere = elsewhere
        self.real = httpcore2.AnyIOBackend()

    async def connect_tcp(self, host, *_how):
        self.elsewhere.connected.append(host)
        return await self.real.connect_tcp("127.0.0.1", self.elsewhere.port)


@pytest.fixture(scope="session")
def catalogue():
    folder = Path(catalogues.__file__).parent / "catalogue"
    return catalogues.compile(
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.toml")}
    )


@pytest.fixture
def on_register():
    """Puts so many on the register of whom nothing else is written."""

    async def enter(tx, count):
        subjects = [SubjectId(uuid4()) for _ in range(count)]
        row = {"status": "active", "synthetic": True, "registered_at": tx.now}
        rows = [{"subject": subject, **row} for subject in subjects]
        await tx.connection.execute(insert(people), rows)
        return subjects

    return enter


@pytest.fixture
def statements():
    """Counts the statements that a transaction sends."""

    def counting(tx):
        seen = []
        event.listen(
            tx.connection.sync_connection,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_: seen.append(statement),
        )
        return seen

    return counting


@pytest.fixture(scope="session")
def own_certificate(tmp_path_factory) -> Path:
    """A certificate for `*.example` and its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "keys.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("keys.example")]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    file.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption()) + certificate.public_bytes(pem)
    )
    return file


@pytest.fixture
async def elsewhere(own_certificate):
    """Somebody else's https server, `keys.example`."""
    trust = ssl.create_default_context(cafile=own_certificate)
    found = Elsewhere(0, trust)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
