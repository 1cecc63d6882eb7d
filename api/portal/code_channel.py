"""Where codes are sent to me: a phone or an address, mine because a code came back from it."""

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import notifiers
from api.fronts import see_other
from api.notifiers import Notifier
from api.portal import means
from api.portal.visits import Visit
from identity.login import channels, sent_codes
from identity.login.channels import Channel
from vault.short_lived import ShortLived

PURPOSE: Final = "channel"
"""What these codes are sent for: they sign nobody in."""
STATUS: Final = {"channel.wrong": 422, "sent.slow": 429, "sent.failed": 503}


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """Either form, as typed."""

    address: str = ""
    code: str = ""
    offer: str = ""
    """The new address, sealed: nothing is kept of it until it is confirmed."""


@get("/security/codes")
async def read_channel(
    visit: NamedDependency[Visit], notifier: NamedDependency[Notifier]
) -> Response[str]:
    """Where they go now, and the form for another."""
    return await _first(visit, notifier)


@post("/security/codes", status_code=200)
async def offer_channel(
    data: URLEncodedBody[Typed],
    visit: NamedDependency[Visit],
    notifier: NamedDependency[Notifier],
    short_lived: NamedDependency[ShortLived],
) -> Response[str]:
    """Send a code to a new address."""
    asked = channels.read(data.address)
    if asked is None or asked.kind not in notifier.kinds:
        return await _first(visit, notifier, data.address, {"address": "channel.wrong"})
    if problem := await means.unconfirmed(visit, short_lived, data.code):
        return await _first(visit, notifier, data.address, {"code": problem})
    if problem := await _send(visit, notifier, short_lived, asked):
        return await _first(visit, notifier, data.address, {"address": problem})
    return _second(visit, asked)


@post("/security/codes/new", status_code=200)
async def take_channel(
    data: URLEncodedBody[Typed],
    visit: NamedDependency[Visit],
    short_lived: NamedDependency[ShortLived],
) -> Response[Any]:
    """The code came back: codes go there from now on."""
    account = means.own(visit)
    asked = channels.offered(visit.keyring, account, data.offer)
    if asked is None:
        return see_other(visit.page.path("security", "codes"))
    if not await sent_codes.use(short_lived, visit.keyring, account, PURPOSE, data.code):
        await means.note(visit, means.WRONG_CODE)
        return _second(visit, asked, "code.wrong")
    await channels.choose(visit.tx, visit.keyring, account, asked)
    await means.note(visit)
    return see_other(visit.page.path("security"))


@post("/security/codes/end", status_code=303)
async def end_channel(visit: NamedDependency[Visit]) -> Response[Any]:
    """Send codes nowhere any more."""
    if await channels.end(visit.tx, means.own(visit)):
        await means.note(visit)
    return see_other(visit.page.path("security"))


async def _send(
    visit: Visit, notifier: Notifier, short_lived: ShortLived, to: Channel
) -> str | None:
    """What kept a code from being sent; None if it is on its way."""
    code = await sent_codes.make(short_lived, visit.keyring, means.own(visit), PURPOSE)
    if code is None:
        return "sent.slow"
    sent = await notifier.send(notifiers.with_code(visit.page.tongue, to, code))
    return None if sent else "sent.failed"


async def _first(
    visit: Visit, notifier: Notifier, address: str = "", problems: dict[str, str] | None = None
) -> Response[str]:
    worst = next(iter((problems or {}).values()), None)
    return visit.page.show(
        "portal/code_channel.html",
        status=STATUS.get(worst or "", means.status_of(worst)),
        section="me",
        channel=await channels.of(visit.tx, visit.keyring, means.own(visit)),
        asks=_asks(notifier),
        needs_code=means.needs_code(visit),
        address=address,
        offer="",
        to="",
        problems=problems or {},
    )


def _asks(notifier: Notifier) -> str:
    """What an address may be: "both", or the one kind that there is a carrier for; or nothing."""
    kinds = sorted(kind.value for kind in notifier.kinds)
    return "both" if len(kinds) > 1 else next(iter(kinds), "")


def _second(visit: Visit, asked: Channel, problem: str | None = None) -> Response[str]:
    return visit.page.show(
        "portal/code_channel.html",
        status=means.status_of(problem),
        section="me",
        channel=None,
        asks="",
        needs_code=True,
        address="",
        offer=channels.offer(visit.keyring, means.own(visit), asked),
        to=asked.masked,
        problems={"code": problem} if problem else {},
    )
