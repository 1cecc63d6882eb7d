"""A small world for the journeys: two servers, citizens, staff and a programme.

In a process of the test's own: what the pages do there is what coverage sees.
"""

import asyncio
import hashlib
import http.cookiejar
import json
import pathlib
import re
import secrets
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import msgspec
import pytest

CALLBACK = "https://programme.example/callback"
PROGRAMME = "amo-tadamon"
AGREEMENT = "amo-tadamon/enrolment"
PASSWORD = "an orange tree in Fez"
CITIZENS = 100
STAFF = 14
PATIENCE_SECONDS = 20
HOSTS = ("localhost", "127.0.0.1")


class Account:
    """Somebody who can sign in. A code is good once: `code` takes the next, or waits for it."""

    def __init__(self, identifier, secret):
        self.identifier = identifier
        self.password = PASSWORD
        self.used = 0
        self.codes = []
        self._secret = secret

    def code(self):
        import pyotp

        self.used = max(self.used + 1, int(time.time()) // 30)
        while self.used > int(time.time()) // 30 + 1:  # one step early is taken, no more
            time.sleep(0.2)
        self.codes.append(pyotp.TOTP(self._secret).at(30 * self.used))
        return self.codes[-1]


class Visitor:
    """A browser's manners and no more: cookies, forms with our token, redirects when asked."""

    def __init__(self, origin):
        self.origin = origin
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path, **headers):
        return self._send(path, None, headers)

    def post(self, path, form, **headers):
        token = next(each.value for each in self.cookies if each.name.endswith("-csrf"))
        body = urllib.parse.urlencode(form | {"_csrf_token": token}, doseq=True).encode()
        sent = {"Sec-Fetch-Site": "same-origin", **headers}
        return self._send(path, body, sent)

    def sign_in(self, account, *, staff=False):
        form = {"identifier": account.identifier, "password": account.password}
        self.get("/en/sign-in")
        if staff:
            self.post("/en/sign-in", form | {"code": account.code()})
        else:
            self.post("/en/sign-in", form)
            self.post("/en/sign-in/code", {"code": account.code()})
        return self

    def until(self, path, words):
        """The page, looked at again until it says so or patience ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in self.get(path).text and time.monotonic() < deadline:
            time.sleep(0.2)
        return self

    def _send(self, path, body, headers):
        request = urllib.request.Request(self.origin + path, body, headers)  # noqa: S310  (loopback)
        try:
            answer = self._opener.open(request, timeout=30)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            self.address, self.status = answer.geturl(), answer.status
            self.headers, self.body = answer.headers, answer.read()
        self.text = re.sub(r"<[^>]+>|\s+", " ", self.body.decode("utf-8", "replace"))
        return self


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Two servers and those who use them."""

    public: str
    console: str
    citizens: list[Account]
    minor: Account
    """Somebody who is not of age yet."""
    dpos: list[Account]
    operators: list[Account]
    controllers: list[Account]
    agency: Account
    """Who keeps the programmes."""
    proposals: list[str]
    """What waits for four eyes."""
    known: str
    """The programme's identifier for somebody on record."""
    key: dict[str, str]
    """What the programme signs with."""
    spool: pathlib.Path
    """Where codes go that are sent."""
    store: pathlib.Path
    """The SQLite file of both servers."""

    def citizen(self):
        """Somebody who has not signed in yet: nobody waits for their next code."""
        return self.citizens.pop()

    def dpo(self):
        """A data protection officer who has not signed in yet."""
        return self.dpos.pop()

    def operator(self):
        """An operator who has not signed in yet."""
        return self.operators.pop()

    def controller(self):
        """A controller who has not signed in yet."""
        return self.controllers.pop()

    def asks(self, *attributes):
        """Push a request (RFC 9126); where the programme then sends the citizen's browser."""
        forms = {"eligibility": "decision", "phone": "raw", "address": "commune"}
        details = {
            "type": "amana_disclosure",
            "agreement": AGREEMENT,
            "purpose": "social-support/health-cover",
            "attributes": {name: forms[name] for name in attributes},
        }
        form = {
            "client_id": PROGRAMME,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self._assertion(),
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "code_challenge": _challenge(),
            "code_challenge_method": "S256",
            "state": secrets.token_hex(8),
            "authorization_details": json.dumps([details]),
        }
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{self.public}/oauth/par", body, timeout=20) as answer:  # noqa: S310  (loopback)
            uri = json.load(answer)["request_uri"]
        query = urllib.parse.urlencode({"client_id": PROGRAMME, "request_uri": uri})
        return f"{self.public}/authorize?{query}"

    def _assertion(self):
        from joserfc import jwt
        from joserfc.jwk import ECKey

        now = int(time.time())
        claims = {
            "iss": PROGRAMME,
            "sub": PROGRAMME,
            "aud": self.public,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(16),
        }
        header = {"alg": "ES256", "kid": self.key["kid"]}
        return jwt.encode(header, claims, ECKey.import_key(self.key))


def _challenge():
    return urlsafe_b64encode(hashlib.sha256(secrets.token_bytes(32)).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def world(worlds):
    """The world that most journeys share."""
    with worlds() as made:
        yield made


@pytest.fixture(scope="session")
def worlds(tmp_path_factory):
    """Makes worlds: the stores, seeded, and both apps, with settings of one's own."""

    def make(before=lambda _: {}):
        return _world(tmp_path_factory.mktemp("world"), before)

    return make


@contextmanager
def _world(folder, before):
    from api.app import console_app, public_app
    from api.settings import Settings
    from vault import erasure_journal
    from vault.keys import create_file_keys

    ports = [_free_port(), _free_port()]
    # By name: at an IP address there are no passkeys.
    public, console = (f"http://{host}:{port}" for host, port in zip(HOSTS, ports, strict=True))
    settings = Settings(
        data_dir=folder,
        issuer=public,
        console_origin=console,
        outbound="off",
        notify_file=folder / "codes.jsonl",
    )
    create_file_keys(settings.keys)
    erasure_journal.begin(settings.journal)
    # In a thread of its own: Playwright may keep a loop running in this one.
    with ThreadPoolExecutor(1) as own:
        made = own.submit(asyncio.run, _seeded(settings)).result()
    settings = msgspec.structs.replace(settings, **before(settings))
    with _serving(public_app(settings), ports[0]), _serving(console_app(settings), ports[1]):
        yield World(
            public=public,
            console=console,
            store=folder / "amana.db",
            spool=folder / "codes.jsonl",
            **made,
        )


async def _seeded(settings):
    from joserfc.jwk import ECKey

    from api import running
    from identity import programmes
    from tests.journeys import kept
    from vault import database as db

    opened = db.connect(settings.database)
    await db.create_all(opened)
    await db.close(opened)
    key = ECKey.generate_key("P-256", {"kid": "journey", "use": "sig"})
    async with running.opened(settings) as house, db.begin(house.database) as tx:
        client = programmes.Registration(
            client_id=PROGRAMME,
            name="AMO Tadamon",
            jwks={"keys": [key.as_dict(private=False)]},
            redirect_uris=(CALLBACK,),
            agreements=(AGREEMENT,),
        )
        registered = await programmes.add(tx, house.catalogue, client)
        assert isinstance(registered, programmes.Client), registered
        await kept.ailing(house, tx)
        return {
            "citizens": [await _citizen(house, tx, person) for person in _people()],
            "minor": await _citizen(house, tx, _minor()),
            "dpos": [await _member(house, tx, f"dpo-{each}", "dpo") for each in range(STAFF)],
            "operators": [
                await _member(house, tx, f"operator-{each}", "operator") for each in range(STAFF)
            ],
            "controllers": [
                await _member(house, tx, f"controller-{each}", "controller") for each in range(2)
            ],
            "agency": await _member(house, tx, "agency-0", "agency"),
            "proposals": [await kept.proposal(house, tx, number) for number in range(3)],
            "known": await kept.known(house, tx, _people()[0]),
            "key": key.as_dict(private=True),
        }


def _people():
    """One for each journey that needs a history of its own."""
    from identity.registry.person import DocumentKind, Person, Sex

    return [
        Person(
            given_name_ar="فاطمة",
            given_name_latin="Fatima",
            family_name_ar="العلوي",
            family_name_latin="El Alaoui",
            sex=Sex.FEMALE,
            birth_date=f"{1950 + number % 50}-05-{11 + number // 50}",
            birth_place="Salé",
            document_kind=DocumentKind.CNIE,
            document_number=f"AB{123456 + 7919 * number}",
            commune="Salé",
            address="12, rue des Orangers",
            phone=f"+2126123456{number:02d}",
        )
        for number in range(CITIZENS)
    ]


def _minor():
    return msgspec.structs.replace(
        _people()[0], birth_date="2012-02-03", document_number="ZZ1234", given_name_ar="سلمى"
    )


async def _citizen(house, tx, person):
    from identity.login import accounts
    from identity.registry import people
    from policies.vocabulary import Actor, ActorKind

    actor = Actor(kind=ActorKind.SYSTEM, id="journey")
    done = await people.register(tx, house.keyring, person, by=actor)
    assert isinstance(done, people.Registered), done
    return await _account(house, tx, accounts.of_citizen(done.subject), done.idcs)


async def _member(house, tx, identifier, role):
    from identity.login import accounts, staff
    from policies.staff import Role

    await staff.add(tx, identifier, Role(role))
    return await _account(house, tx, accounts.of_staff(identifier), identifier)


async def _account(house, tx, account, identifier):
    from identity.login import credentials, one_time_codes

    hashed = await credentials.prepare(house.desk.hashing, PASSWORD, identifiers=[identifier])
    assert isinstance(hashed, str), hashed
    await credentials.keep(tx, account, hashed)
    enrolled = await one_time_codes.enrol(tx, house.keyring, account, label="journey")
    return Account(identifier, enrolled.secret)


@contextmanager
def _serving(app, port):
    import uvicorn

    from api import serving

    config = uvicorn.Config(
        app, http=serving.CONNECTION, host="127.0.0.1", port=port, log_level="error", lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.05)
        yield
    finally:
        server.should_exit = True
        thread.join(20)


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def browse():
    """Makes a visitor of an origin."""
    return Visitor
