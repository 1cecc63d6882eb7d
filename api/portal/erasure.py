"""Asking to be erased: once, with a code and one's number, and a link that outlives the record."""

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody

from api.fronts import see_other
from api.portal.visits import Visit
from api.rendering import Page
from api.settings import Settings
from consent import requests
from consent.requests import Request
from identity.login import confirming
from identity.registry import erasing, erasure_certificates, people
from policies import retention
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log
from vault.access_log import Line
from vault.database import Transaction
from vault.short_lived import ShortLived

ASKED: Final = Line(
    actor=Actor(kind=ActorKind.CITIZEN, id="self"),
    action=Action.ERASE_ASK,
    outcome=Outcome.GIVEN,
    purpose=erasing.ERASURE,
)


CANCELLED: Final = msgspec.structs.replace(ASKED, action=Action.ERASE_CANCEL)


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form: a code, which an open session alone has not, and one's own number."""

    code: str = ""
    number: str = ""


@get("/erasure")
async def read_erasure(visit: NamedDependency[Visit]) -> Response[str]:
    """What an erasure takes away and what stays, and the form."""
    return await _form(visit, {})


@post("/erasure", status_code=303)
async def ask_erasure(
    data: URLEncodedBody[Typed],
    visit: NamedDependency[Visit],
    short_lived: NamedDependency[ShortLived],
) -> Response[Any]:
    """Ask; then on to the page of the request, which needs no account."""
    if await requests.of_subject(visit.tx, visit.subject) is not None:
        return see_other(visit.page.path("erasure"))
    # The code first: nobody tries out numbers faster than codes come.
    no = await confirming.citizen(visit.tx, visit.keyring, short_lived, visit.subject, data.code)
    if no is not None:
        why = "sign_in.slow" if no.retry_after else "code.wrong"
        return await _form(visit, {"code": why}, status=429 if no.retry_after else 422)
    named = (await people.by_idcs(visit.tx, visit.keyring, [data.number])).get(data.number)
    if named != visit.subject:
        return await _form(visit, {"number": "erasure.problem.number"}, status=422)
    link = requests.new_link()
    hashed = erasure_certificates.subject_hash(requests.salt(link), data.number)
    if not await requests.ask(visit.tx, visit.subject, link, hashed):
        return see_other(visit.page.path("erasure"))
    line = msgspec.structs.replace(ASKED, subject=visit.subject)
    await access_log.record(visit.tx, visit.keyring, [line])
    return see_other(visit.page.path("erasure", link))


@post("/erasure/cancel", status_code=303)
async def cancel_erasure(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Take the request back, as long as nothing was erased."""
    if await requests.cancel(visit.tx, visit.subject):
        line = msgspec.structs.replace(CANCELLED, subject=visit.subject)
        await access_log.record(visit.tx, visit.keyring, [line])
    return see_other(visit.page.path("erasure"))


@get("/erasure/{link:str}")
async def read_answer(
    link: FromPath[str],
    page: NamedDependency[Page],
    settings: NamedDependency[Settings],
    tx: NamedDependency[Transaction],
) -> Response[str]:
    """How far a request is, for whoever has its link."""
    return page.show(
        "portal/erasure_request.html",
        it=await _of_link(tx, link),
        link=link,
        address=f"{settings.issuer}{page.path('erasure', link)}",
        salt=requests.salt(link).hex(),
    )


@get("/erasure/{link:str}/certificate")
async def download_certificate(
    link: FromPath[str], tx: NamedDependency[Transaction]
) -> Response[bytes]:
    """The signed certificate."""
    request = await _of_link(tx, link)
    jws = request.certificate and await erasure_certificates.one(tx, request.certificate)
    if not jws:
        raise NotFoundException
    name = f"amana-erasure-{request.certificate}.jws"
    return Response(
        f"{jws}\n".encode(),
        media_type="application/jose",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _form(visit: Visit, problems: dict[str, str], *, status: int = 200) -> Response[str]:
    return visit.page.show(
        "portal/erasure.html",
        status=status,
        section="me",
        pending=await requests.of_subject(visit.tx, visit.subject),
        hours=int(retention.COOLING_OFF.total_seconds() // 3600),
        problems=problems,
    )


async def _of_link(tx: Transaction, link: str) -> Request:
    request = await requests.by_link(tx, link)
    if request is None:
        raise NotFoundException
    return request
