"""Where a programme sends somebody who signs out there: out of here too, and back to it."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, URLEncodedBody

from api import security
from api.fronts import FORGET_ALL, Pressed, forgotten, see_other
from api.oauth import end_session
from api.oauth.end_session import Leaving
from api.portal.open_sessions import ENDED
from api.rendering import Page
from api.security import SignInNeededError
from api.settings import Settings
from api.wording import Words
from identity.login import sessions, sign_ons
from identity.login.sessions import CitizenSession
from policies.catalogue import Catalogue
from policies.vocabulary import ProgrammeId
from vault import access_log
from vault.database import Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on their way out, signed in or not."""

    page: Page
    words: Words
    settings: Settings
    leaving: Leaving
    guest: CitizenSession | None


async def words(
    page: NamedDependency[Page],
    keyring: NamedDependency[Keyring],
    catalogue: NamedDependency[Catalogue],
) -> Words:
    """The words of the page."""
    return Words(tongue=page.tongue, catalogue=catalogue, keyring=keyring)


async def leaving(leave: FromPath[str], short_lived: NamedDependency[ShortLived]) -> Leaving:
    """Who sent them."""
    return await end_session.find(short_lived, leave)


async def guest(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    tx: NamedDependency[Transaction],
) -> CitizenSession | None:
    """Whose session it is, if it is still one."""
    try:
        return await security.citizen(request, settings, tx)
    except SignInNeededError:
        return None


async def door(
    page: NamedDependency[Page],
    words: NamedDependency[Words],
    settings: NamedDependency[Settings],
    leaving: NamedDependency[Leaving],
    guest: NamedDependency[CitizenSession | None],
) -> Door:
    """All of it, as one."""
    return Door(page=page, words=words, settings=settings, leaving=leaving, guest=guest)


def dependencies() -> dict[str, Provide]:
    """What these handlers ask for by name."""
    return {each.__name__: Provide(each) for each in (words, leaving, guest, door)}


@get("/leave/{leave:str}")
async def ask_leave(door: NamedDependency[Door], tx: NamedDependency[Transaction]) -> Response[Any]:
    """Out at once where an ID token of this very session shows who sends; else two buttons."""
    if door.guest is None:
        return _left(door)
    sid = await sign_ons.of(tx, door.guest.id, door.leaving.client_id)
    if sid is not None and sid == door.leaving.sid:
        await _end(door, door.guest, tx)
        return _left(door)
    return door.page.show("portal/leave.html", programme=_programme(door))


@post("/leave/{leave:str}", status_code=200)
async def leave(
    data: URLEncodedBody[Pressed],
    door: NamedDependency[Door],
    tx: NamedDependency[Transaction],
) -> Response[Any]:
    """Out, or not. The way back is a link: a form of ours leads to no other site."""
    if data.answer != "out":
        return see_other(door.page.path("me"))
    if door.guest is not None:
        await _end(door, door.guest, tx)
    gone = door.page.signed_out().show(
        "portal/left.html",
        programme=_programme(door),
        onward=door.leaving.onward,
        headers=dict(FORGET_ALL),
    )
    gone.set_cookie(forgotten(door.settings, security.CITIZEN_COOKIE))
    return gone


async def _end(door: Door, citizen: CitizenSession, tx: Transaction) -> None:
    await sessions.end(tx, citizen.id)
    line = msgspec.structs.replace(ENDED, subject=citizen.subject)
    await access_log.record(tx, door.words.keyring, [line])


def _left(door: Door) -> Response[Any]:
    """Nobody is signed in here any more: on to where the programme wants."""
    onward = see_other(door.leaving.onward or f"{door.page.path()}?out=1", headers=FORGET_ALL)
    onward.set_cookie(forgotten(door.settings, security.CITIZEN_COOKIE))
    return onward


def _programme(door: Door) -> str:
    client_id = ProgrammeId(door.leaving.client_id)
    known = client_id in door.words.catalogue.programmes
    return door.words.programme(client_id) if known else ""
