"""The public app on each pair of stores, and programmes that talk to it."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, RSAKey
from litestar import Litestar

from api.app import public_app
from api.settings import Settings
from consent import grants
from identity import programmes
from identity.programmes import Registration
from policies.vocabulary import Outcome, SubjectId
from vault import access_log, erasure_journal
from vault import database as db
from vault.access_log import Criteria
from vault.database import Database
from vault.keys import create_file_keys

ISSUER = "https://amana.example"
BACK = "https://amo.example/back"
AGREEMENT = "amo-tadamon/enrolment"
PURPOSE = "social-support/health-cover"
BY_LAW = {"given_name": "match", "family_name": "match", "birth_date": "match"}
BY_CONSENT = {"eligibility": "decision", "phone": "raw", "address": "commune"}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REFUSED = Criteria(outcome=Outcome.REFUSED)


@pytest.fixture
def settings(request, store_url, tmp_path):
    """SQLite stands with this process's memory, PostgreSQL with Redis: as deployments do."""
    redis = request.getfixturevalue("empty_redis") if "postgres" in store_url else ""
    return Settings(
        data_dir=tmp_path,
        database_url=store_url,
        database_pool=24,
        redis_url=redis,
        issuer=ISSUER,
        sequencer="outside",
        outbound="off",
    )


@dataclass
class House:
    """The running app and what a test may look into."""

    app: Litestar
    database: Database
    running: Any

    async def refusals(self) -> list[tuple[str, ...]]:
        """The reasons of all refusals in the log, newest first."""
        async with db.read(self.database) as tx:
            found = await access_log.search(tx, REFUSED, limit=100)
        return [entry.reasons for entry in found]

    async def last_refusal(self):
        async with db.read(self.database) as tx:
            return (await access_log.search(tx, REFUSED, limit=1))[0]

    async def withdraw(self, subject: SubjectId) -> None:
        async with db.begin(self.database) as tx:
            for grant in await grants.of_subject(tx, subject):
                await grants.withdraw(tx, self.running.keyring, subject, grant.id)


@pytest.fixture
async def house(database, settings):
    create_file_keys(settings.keys)
    erasure_journal.begin(settings.journal)
    app = public_app(settings)
    ready, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # In a task of its own: what opens the app must be what closes it.
        async with app.lifespan():
            ready.set()
            await over.wait()

    life = asyncio.create_task(live())
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({life, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        waiting.cancel()
        await life
    yield House(app, database, app.state.running)
    over.set()
    await life


def browser(app: Litestar) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=ISSUER)


@pytest.fixture
def new_browser(house):
    """Opens a browser on the app."""
    return lambda: browser(house.app)


@pytest.fixture
async def http(house):
    """A client without cookies: a programme's machine, or a stranger's."""
    async with browser(house.app) as client:
        yield client


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def es256(key: ECKey) -> Callable[[bytes], bytes]:
    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.private_key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def compact(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A compact JWS of members that are not None, however it is signed."""
    parts = (
        {name: value for name, value in part.items() if value is not None}
        for part in ({"alg": "ES256"} | header, claims)
    )
    said = ".".join(b64(json.dumps(part).encode()) for part in parts)
    return f"{said}.{b64(sign(said.encode()))}"


@dataclass
class Programme:
    """A registered programme: its keys, its proofs, what it sends."""

    http: httpx2.AsyncClient
    client_id: str
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    dpop: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    nonce: str = ""
    verifier: str = ""

    compact = staticmethod(compact)

    @staticmethod
    def ps256(key: RSAKey) -> Callable[[bytes], bytes]:
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return lambda said: key.private_key.sign(said, scheme, hashes.SHA256())

    @staticmethod
    def decoded(segment: str) -> str:
        return base64.urlsafe_b64decode(segment + "==").decode()

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False, kid="k1", use="sig")]}

    def assertion(
        self,
        header: dict[str, Any] | None = None,
        sign: Callable[[bytes], bytes] | None = None,
        **change: Any,
    ) -> str:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(16),
        }
        sign = sign or es256(self.key)
        return compact({"kid": "k1"} | (header or {}), claims | change, sign)

    def authenticated(self, **form: Any) -> dict[str, Any]:
        sound = {"client_assertion_type": ASSERTION}
        if "client_assertion" not in form:
            sound["client_assertion"] = self.assertion()
        return {name: value for name, value in (sound | form).items() if value is not None}

    def proof(
        self,
        path: str,
        *,
        token: str | None = None,
        header: dict[str, Any] | None = None,
        sign: Callable[[bytes], bytes] | None = None,
        **change: Any,
    ) -> str:
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": "POST",
            "htu": ISSUER + path,
            "iat": int(time.time()),
            "nonce": self.nonce,
            "ath": token and b64(hashlib.sha256(token.encode()).digest()),
        }
        public = self.dpop.as_dict(private=False)
        public = {name: public[name] for name in ("kty", "crv", "x", "y")}
        header = {"typ": "dpop+jwt", "jwk": public} | (header or {})
        return compact(header, claims | change, sign or es256(self.dpop))

    async def post(self, path: str, form: dict[str, Any], **headers: str) -> httpx2.Response:
        """Send a form as it is, with a proof where the endpoint reads one."""
        if path == "/oauth/token" and "DPoP" not in headers:
            headers = {"DPoP": self.proof(path)} | headers
        return await self.http.post(path, data=form, headers=headers)

    async def learn_nonce(self) -> None:
        """What a client does first: fail once, and learn."""
        answer = await self.post("/oauth/token", self.authenticated(grant_type="x"))
        assert answer.json()["error"] == "use_dpop_nonce", answer.text
        self.nonce = answer.headers["dpop-nonce"]

    async def token(self, grant_type: str, **form: Any) -> httpx2.Response:
        if not self.nonce:
            await self.learn_nonce()
        return await self.post("/oauth/token", self.authenticated(grant_type=grant_type, **form))

    async def own_token(self, attributes: dict[str, str] | None = None, **change: Any) -> str:
        answer = await self.token(
            "client_credentials",
            authorization_details=details(attributes or BY_LAW, **change),
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def request(self, attributes: dict[str, str] | None = None, **change: Any) -> dict[str, Any]:
        """An authorization request to push."""
        self.verifier = secrets.token_urlsafe(48)
        sound = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": BACK,
            "state": "s&<t>",
            "code_challenge": b64(hashlib.sha256(self.verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "authorization_details": details(attributes or BY_CONSENT),
        }
        form = self.authenticated() | sound | change
        return {name: value for name, value in form.items() if value is not None}

    async def push(
        self, attributes: dict[str, str] | None = None, **change: Any
    ) -> httpx2.Response:
        return await self.post("/oauth/par", self.request(attributes, **change))

    async def address(self, attributes: dict[str, str] | None = None, **change: Any) -> str:
        """Where to send the citizen's browser."""
        pushed = await self.push(attributes, **change)
        assert pushed.status_code == 201, pushed.text
        query = {"client_id": self.client_id, "request_uri": pushed.json()["request_uri"]}
        return f"/authorize?{urlencode(query)}"

    async def redeem(self, code: str, **change: Any) -> httpx2.Response:
        sound = {"code": code, "redirect_uri": BACK, "code_verifier": self.verifier}
        return await self.token("authorization_code", **(sound | change))

    async def ask(
        self, path: str, token: str, question: dict[str, Any], **headers: str
    ) -> httpx2.Response:
        sound = {"Authorization": f"DPoP {token}", "DPoP": self.proof(path, token=token)}
        return await self.http.post(path, json=question, headers=sound | headers)


def details(attributes: dict[str, str], **change: Any) -> str:
    sound = {
        "type": "amana_disclosure",
        "agreement": AGREEMENT,
        "purpose": PURPOSE,
        "attributes": attributes,
    }
    return json.dumps([sound | change])


async def register(
    house: House, programme: Programme, *agreements: str, alg: str = "ES256"
) -> Programme:
    async with db.begin(house.database) as tx:
        done = await programmes.add(
            tx,
            house.running.catalogue,
            Registration(
                client_id=programme.client_id,
                name=programme.client_id,
                jwks=programme.jwks,
                redirect_uris=(BACK, f"{BACK}?tenant=7"),
                agreements=agreements,
                alg=alg,
            ),
        )
        assert not isinstance(done, programmes.Unacceptable), done
    return programme


@pytest.fixture
async def amo(house, http):
    return await register(house, Programme(http, "amo-tadamon"), AGREEMENT)


@pytest.fixture
async def asd(house, http):
    return await register(house, Programme(http, "asd"), "asd/eligibility")


@pytest.fixture
def register_with(house, http):
    """Registers another programme, with a key of any kind."""

    async def make(client_id: str, agreement: str, key: Any, alg: str) -> Programme:
        programme = Programme(http, client_id, key=key)
        return await register(house, programme, agreement, alg=alg)

    return make


@pytest.fixture
def stranger(http):
    """Well-formed in everything, and unknown."""
    return Programme(http, "no-such-programme")
