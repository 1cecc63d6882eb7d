"""The numbers of a citizen: those they make and stop, and a new one at a programme."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody

from api import wording
from api.fronts import Pressed, see_other
from api.portal import visits
from api.portal.history import id_or_none
from api.portal.visits import Visit
from identity.registry import pseudonym_rotation, pseudonyms, virtual_identifiers, virtual_numbers
from identity.registry.virtual_identifiers import State, TooMany, Virtual
from policies.catalogue import NumberKind
from policies.vocabulary import Action, Audience, NumberKindId, ProgrammeId
from vault import access_log
from vault.short_lived import ShortLived

MADE_A_DAY: Final = 30
RENEWED_A_DAY: Final = 3
"""A programme must verify the person again after each."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The form that makes a number."""

    kind: str = ""
    programme: str = ""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The button that stops one."""

    number: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One number in words."""

    id: UUID
    number: str
    kind: str
    where: str
    state: State
    made_at: datetime
    expires_at: datetime | None


class KnownAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a number of the programme's own stands for the citizen."""

    programme: ProgrammeId
    name: str
    others: tuple[str, ...]
    """The other programmes of its sector, which share that number."""


@get("/numbers")
async def list_numbers(
    visit: NamedDependency[Visit], request: Request[Any, Any, Any]
) -> Response[str]:
    """The numbers I made, how to make one, and the programmes that know me by their own."""
    return await _page(
        visit, renewed=await _renewed(visit, request.query_params.get("renewed", ""))
    )


@post("/numbers")
async def make_number(
    data: URLEncodedBody[Wanted],
    visit: NamedDependency[Visit],
    short_lived: NamedDependency[ShortLived],
) -> Response[Any]:
    """Make one; what is wrong with the form is said beside it."""
    kind = visit.catalogue.numbers.get(NumberKindId(data.kind))
    if kind is None:
        return await _page(visit, wanted=data, problems={"kind": "numbers.problem.kind"})
    programme = ProgrammeId(data.programme)
    if kind.bound and programme not in visit.catalogue.programmes:
        return await _page(visit, wanted=data, problems={"programme": "numbers.problem.programme"})
    await visits.admit(visit, short_lived, "make", MADE_A_DAY)
    audience = visit.catalogue.audience(programme) if kind.bound else None
    made = await virtual_identifiers.make(visit.tx, visit.keyring, kind, visit.subject, audience)
    if isinstance(made, TooMany):
        return await _page(visit, wanted=data, problems={"kind": "numbers.problem.many"})
    return see_other(visit.page.path("numbers"))


@post("/numbers/stop", status_code=303)
async def stop_number(
    data: URLEncodedBody[Ended], visit: NamedDependency[Visit]
) -> Response[bytes]:
    """Stop one at once; doing it twice does it once."""
    wanted = id_or_none(data.number)
    for each in await virtual_identifiers.mine(visit.tx, visit.keyring, visit.subject):
        kind = visit.catalogue.numbers.get(each.kind)
        if each.id == wanted and kind is not None:
            await virtual_identifiers.stop(visit.tx, visit.keyring, kind, visit.subject, each.id)
    return see_other(visit.page.path("numbers"))


@get("/numbers/at/{programme:str}")
async def ask_renew(programme: FromPath[str], visit: NamedDependency[Visit]) -> Response[str]:
    """What a new number at a programme changes, and two buttons of the same weight."""
    it = await _known(visit, programme)
    return visit.page.show("portal/renumber.html", section="me", it=it)


@post("/numbers/at/{programme:str}", status_code=303)
async def renew(
    programme: FromPath[str],
    data: URLEncodedBody[Pressed],
    visit: NamedDependency[Visit],
    short_lived: NamedDependency[ShortLived],
) -> Response[bytes]:
    """Give me a new number there; the one before is nobody's from now on."""
    it = await _known(visit, programme)
    if data.answer != "renew":
        return see_other(visit.page.path("numbers"))
    audience = visit.catalogue.audience(it.programme)
    await visits.admit(visit, short_lived, audience, RENEWED_A_DAY)
    await pseudonym_rotation.renumber(visit.tx, visit.keyring, audience, visit.subject)
    return see_other(f"{visit.page.path('numbers')}?renewed={it.programme}")


async def _page(
    visit: Visit,
    *,
    wanted: Wanted | None = None,
    problems: dict[str, str] | None = None,
    renewed: str = "",
) -> Response[str]:
    mine = await virtual_identifiers.mine(visit.tx, visit.keyring, visit.subject)
    told = [_told(visit, each) for each in mine]
    language = visit.language
    return visit.page.show(
        "portal/numbers.html",
        section="me",
        status=400 if problems else 200,
        standing=[each for each in told if each.state is State.ACTIVE],
        ended=[each for each in told if each.state is not State.ACTIVE],
        kinds=[(each.id, each.name.in_(language)) for each in visit.catalogue.numbers.values()],
        sentences=[
            (each.name.in_(language), each.sentence.in_(language))
            for each in visit.catalogue.numbers.values()
        ],
        programmes=[("", ""), *_programmes(visit)],
        known=await _known_at(visit),
        wanted=wanted or Wanted(),
        problems=problems or {},
        renewed=renewed,
    )


def _told(visit: Visit, virtual: Virtual) -> Told:
    kind: NumberKind | None = visit.catalogue.numbers.get(virtual.kind)
    shared = visit.catalogue.sharing(virtual.audience) if virtual.audience else ()
    return Told(
        id=virtual.id,
        number=virtual_numbers.spaced(virtual.number),
        kind=kind.name.in_(visit.language) if kind else str(virtual.kind),
        where=" · ".join(map(visit.words.programme, shared)),
        state=virtual.state,
        made_at=virtual.made_at,
        expires_at=virtual.expires_at,
    )


def _programmes(visit: Visit) -> list[tuple[str, str]]:
    return [(each, visit.words.programme(each)) for each in visit.catalogue.programmes]


async def _known_at(visit: Visit) -> list[KnownAt]:
    audiences = {visit.catalogue.audience(each): each for each in visit.catalogue.programmes}
    people = [(audience, visit.subject) for audience in audiences]
    standing = await pseudonyms.standing(visit.tx, visit.keyring, people)
    return [
        KnownAt(
            programme=programme,
            name=visit.words.programme(programme),
            others=_others(visit, audience, programme),
        )
        for audience in audiences
        if standing[audience, visit.subject]
        for programme in visit.catalogue.sharing(audience)
    ]


async def _known(visit: Visit, programme: str) -> KnownAt:
    """Where the citizen is known; anywhere else there is nothing to renew."""
    found = [each for each in await _known_at(visit) if each.programme == programme]
    if not found:
        raise NotFoundException
    return found[0]


def _others(visit: Visit, audience: Audience, programme: ProgrammeId) -> tuple[str, ...]:
    shared = visit.catalogue.sharing(audience)
    return tuple(visit.words.programme(each) for each in shared if each != programme)


async def _renewed(visit: Visit, programme: str) -> str:
    """The name of a programme, if the newest of the citizen's history says what happened there."""
    known = visit.catalogue.programmes.get(ProgrammeId(programme))
    if known is None:
        return ""
    lines = await access_log.of_subject(
        visit.tx, visit.keyring, visit.subject, wording.months(visit.tx.now, 1), limit=1
    )
    done = (Action.RENUMBER, visit.catalogue.audience(known.id))
    happened = any((line.action, line.detail) == done for line in lines)
    return visit.words.programme(known.id) if happened else ""
