"""The agency's pages: which programmes may ask, how their keys stand, what they were told."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody

from api.console.shifts import Shift
from api.fronts import see_other
from api.oauth import strict_json
from identity import client_keys, programme_keys, programme_messages, programmes
from identity.client_keys import Ending
from identity.programme_messages import Attempt, Message
from identity.programmes import Client, Registration, Unacceptable
from policies.staff import Duty
from policies.vocabulary import ProgrammeId


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """Which button was pressed."""

    answer: str = ""


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """A registration, as typed."""

    programme: str = ""
    name: str = ""
    redirect_uris: str = ""
    """One a line."""
    jwks_uri: str = ""
    jwks: str = ""
    notify_url: str = ""
    post_logout_redirect_uris: str = ""
    """One a line."""
    backchannel_logout_uri: str = ""
    alg: programmes.Alg = "ES256"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One programme on the page."""

    client: Client
    kids: tuple[str, ...]
    endings: tuple[Ending, ...]
    stale: bool
    messages: tuple[tuple[Message, tuple[Attempt, ...]], ...]


@get("/agency/programmes")
async def list_programmes(shift: NamedDependency[Shift]) -> Response[str]:
    """Every registered programme, with whatever needs somebody's attention."""
    if not await shift.begin(Duty.KEEP_PROGRAMMES, detail="programmes"):
        return shift.refused()
    found = [await _shown(shift, client) for client in await programmes.everyone(shift.tx)]
    return shift.page.show("console/programmes.html", section="programmes", programmes=found)


@post("/agency/programmes/{client_id:str}", status_code=303)
async def turn_programme(
    client_id: FromPath[str], data: URLEncodedBody[Answered], shift: NamedDependency[Shift]
) -> Response[Any]:
    """Suspend a programme, or let it go on."""
    if client_id not in await programmes.read(shift.tx, [client_id]):
        raise NotFoundException
    known = data.answer in {"suspend", "resume"}
    detail = f"{data.answer} {client_id}" if known else None
    if not await shift.begin(Duty.KEEP_PROGRAMMES, detail=detail):
        return shift.refused()
    match data.answer:
        case "suspend":
            await programmes.suspend(shift.tx, client_id)
        case "resume":
            await programmes.resume(shift.tx, client_id)
        case _:
            pass
    return see_other(shift.page.path("agency", "programmes"))


@get("/agency/programmes/new")
async def blank_programme(shift: NamedDependency[Shift]) -> Response[str]:
    """The empty form."""
    if not shift.has(Duty.KEEP_PROGRAMMES):
        await shift.begin(Duty.KEEP_PROGRAMMES)
        return shift.refused()
    return _form(shift, Typed())


@post("/agency/programmes/new", status_code=200)
async def register_programme(
    data: URLEncodedBody[Typed], shift: NamedDependency[Shift]
) -> Response[Any]:
    """Register a programme under every agreement that the catalogue has for it."""
    if not await shift.begin(Duty.KEEP_PROGRAMMES, detail="register"):
        return shift.refused()
    done = await programmes.add(shift.tx, shift.catalogue, _registration(shift, data))
    if isinstance(done, Unacceptable):
        return _form(shift, data, done.problems)
    return see_other(shift.page.path("agency", "programmes"))


def _registration(shift: Shift, data: Typed) -> Registration:
    known = shift.catalogue.agreements.values()
    jwks = strict_json.document(data.jwks.encode()) if data.jwks.strip() else None
    if data.jwks.strip() and not isinstance(jwks, dict):
        jwks = {"keys": []}  # no JSON: refused as a set without a key
    return Registration(
        client_id=ProgrammeId(data.programme),
        name=data.name.strip(),
        jwks=jwks,
        jwks_uri=data.jwks_uri.strip() or None,
        notify_url=data.notify_url.strip() or None,
        redirect_uris=tuple(data.redirect_uris.split()),
        post_logout_redirect_uris=tuple(data.post_logout_redirect_uris.split()),
        backchannel_logout_uri=data.backchannel_logout_uri.strip() or None,
        agreements=tuple(each.id for each in known if each.programme == data.programme),
        alg=data.alg,
    )


def _form(shift: Shift, data: Typed, problems: tuple[str, ...] = ()) -> Response[str]:
    language = shift.page.language
    return shift.page.show(
        "console/programme_new.html",
        section="programmes",
        it=data,
        wrong=problems,
        known=[(id_, each.name.in_(language)) for id_, each in shift.catalogue.programmes.items()],
        algs=[(alg, alg) for alg in programme_keys.SHAPES],
    )


async def _shown(shift: Shift, client: Client) -> Shown:
    now = shift.tx.now
    messages = await programme_messages.of_client(shift.tx, client.client_id)
    tries: dict[UUID, list[Attempt]] = {message.id: [] for message in messages}
    for attempt in await programme_messages.attempts_at(shift.tx, list(tries)):
        tries[attempt.message].append(attempt)
    return Shown(
        client=client,
        kids=tuple(key["kid"] for key in client.keys(now)["keys"]),
        endings=tuple(client_keys.endings(client, now)),
        stale=client_keys.is_stale(client, now),
        messages=tuple((message, tuple(tries[message.id])) for message in messages),
    )
