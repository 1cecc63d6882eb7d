"""Asking to be erased: once, with one's number typed, and a link that outlives the record."""

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
from identity.registry import erasing, erasure_certificates, people
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log
from vault.access_log import Line
from vault.database import Transaction

ASKED: Final = Line(
    actor=Actor(kind=ActorKind.CITIZEN, id="self"),
    action=Action.ERASE_ASK,
    outcome=Outcome.GIVEN,
    purpose=erasing.ERASURE,
)


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form: one's own number, so that nobody asks by a slip of the finger."""

    number: str = ""


@get("/erasure")
async def read_erasure(visit: NamedDependency[Visit]) -> Response[str]:
    """What an erasure takes away and what stays, and the form."""
    return await _form(visit, {})


@post("/erasure", status_code=303)
async def ask_erasure(data: URLEncodedBody[Typed], visit: NamedDependency[Visit]) -> Response[Any]:
    """Ask; then on to the page of the request, which needs no account."""
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
        problems=problems,
    )


async def _of_link(tx: Transaction, link: str) -> Request:
    request = await requests.by_link(tx, link)
    if request is None:
        raise NotFoundException
    return request
