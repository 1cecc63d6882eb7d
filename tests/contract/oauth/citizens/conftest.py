"""Citizens with a browser, in front of a programme's question."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from api import security
from identity.login import sessions
from identity.registry import people
from identity.registry.person import DocumentKind, Person, Sex
from policies.vocabulary import Actor, ActorKind, SubjectId
from vault import database as db

ISSUER = "https://amana.example"
OPERATOR = Actor(kind=ActorKind.SYSTEM, id="test")


@dataclass
class Citizen:
    """A signed-in citizen and their browser; no script runs in it."""

    subject: SubjectId
    idcs: str
    browser: httpx2.AsyncClient

    async def open(self, address: str) -> httpx2.Response:
        """Go there, and on to where it leads on our own site."""
        answer = await self.browser.get(address)
        while answer.is_redirect and answer.headers["location"].startswith("/"):
            answer = await self.browser.get(answer.headers["location"])
        return answer

    async def answer(
        self, page: httpx2.Response, answer: str, *items: str, **change: str
    ) -> httpx2.Response:
        """Press a button of the consent screen."""
        form = hidden(page) | {"answer": answer, "item": list(items)} | change
        sent = await self.browser.post(
            page.url.path, data=form, headers={"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}
        )
        return await self.open(sent.headers["location"]) if sent.is_redirect else sent

    async def agree(self, programme: Any, *items: str, **change: Any) -> str:
        """The whole way; where the browser is sent in the end."""
        return await self.agree_on(await self.open(await programme.address(**change)), *items)

    async def agree_on(self, page: httpx2.Response, *items: str) -> str:
        """From the consent screen on."""
        done = await self.answer(page, "agree", *items)
        assert done.status_code == 200, (done.status_code, done.text[-2000:])
        return (await self.browser.get(onward(done))).headers["location"]

    async def code(self, programme: Any, *items: str, **change: Any) -> str:
        return query(await self.agree(programme, *items, **change))["code"]


def hidden(page: httpx2.Response) -> dict[str, str]:
    tags = re.findall(r"<input type=\"hidden\"[^>]*>", page.text)
    found = (re.search(r'name="([^"]*)" value="([^"]*)"', tag) for tag in tags)
    return {each[1]: each[2] for each in found if each}


def onward(page: httpx2.Response) -> str:
    (address,) = re.findall(r'href="(/authorize/continue/[^"]*)"', page.text)
    return address


def query(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@pytest.fixture
async def new_citizen(house, settings, new_browser):
    """Puts a person on the register and signs them in."""
    opened = []

    async def make(number: int = 0) -> Citizen:
        person = Person(
            given_name_ar="فاطمة",
            given_name_latin="Fatima",
            family_name_ar="العلوي",
            family_name_latin="El Alaoui",
            sex=Sex.FEMALE,
            birth_date=f"1990-05-{number + 1:02}",
            phone=f"+2126612345{number:02}",
            commune="Agdal",
            document_kind=DocumentKind.CNIE,
            document_number=f"AB1234{number:02}",
            synthetic=True,
        )
        async with db.begin(house.database) as tx:
            done = await people.register(tx, house.running.keyring, person, by=OPERATOR)
            token = await sessions.start_citizen(tx, done.subject)
        client = new_browser()
        opened.append(client)
        client.cookies.set(security.cookie_name(settings, security.CITIZEN_COOKIE), token)
        return Citizen(done.subject, done.idcs, client)

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
async def citizen(new_citizen):
    return await new_citizen()


@pytest.fixture
def query_of():
    return query
