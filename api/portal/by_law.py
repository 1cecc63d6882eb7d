"""What programmes see by law: no switch, but an objection where the law leaves room for one."""

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody

from api.fronts import Pressed, see_other
from api.portal.visits import Visit
from api.wording import Thing, Words
from consent import oppositions
from policies.catalogue import Agreement, Basis, Catalogue
from policies.vocabulary import Action, AgreementId, LegalBasis


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """One legal ground and what may be asked on it."""

    kind: LegalBasis
    things: tuple[Thing, ...]
    opposable: bool
    citation: str
    """Nothing while no lawyer has read it: then it stays with the DPO."""


class ByLaw(msgspec.Struct, frozen=True, kw_only=True):
    """One agreement of a programme, as far as it rests on the law."""

    id: AgreementId
    programme: str
    body: str
    purpose: str
    grounds: tuple[Ground, ...]
    retention_days: int
    opposed: bool

    @property
    def things(self) -> tuple[Thing, ...]:
        """What may be asked on any of the grounds."""
        return tuple(thing for ground in self.grounds for thing in ground.things)

    @property
    def opposable(self) -> bool:
        """Whether there is anything to object to."""
        return any(ground.opposable for ground in self.grounds)


def agreements(catalogue: Catalogue) -> list[Agreement]:
    """Those that rest on a law, wholly or in part, in the catalogue's order."""
    return [each for each in catalogue.agreements.values() if _bases(each)]


def told(words: Words, agreement: Agreement, *, opposed: bool) -> ByLaw:
    """One of them in words."""
    body = words.catalogue.programmes[agreement.programme].body
    return ByLaw(
        id=agreement.id,
        programme=words.programme(agreement.programme),
        body=body.in_(words.tongue.language),
        purpose=words.purpose(agreement.purpose),
        grounds=tuple(_ground(words, agreement, basis) for basis in _bases(agreement)),
        retention_days=agreement.retention_days,
        opposed=opposed,
    )


@get("/agreements/by-law/{programme:str}/{name:str}")
async def one_by_law(
    programme: FromPath[str], name: FromPath[str], visit: NamedDependency[Visit]
) -> Response[str]:
    """What one programme sees by law, and what I can do about it."""
    agreement = _named(visit.catalogue, programme, name)
    state = (await oppositions.facts(visit.tx, [visit.subject]))[visit.subject]
    it = told(visit.words, agreement, opposed=agreement.id in state.opposed)
    return visit.page.show("portal/by_law.html", section="agreements", it=it)


@post("/agreements/by-law/{programme:str}/{name:str}", status_code=303)
async def object_or_lift(
    programme: FromPath[str],
    name: FromPath[str],
    data: URLEncodedBody[Pressed],
    visit: NamedDependency[Visit],
) -> Response[bytes]:
    """Object, or take the objection back; doing it twice does it once."""
    agreement = _named(visit.catalogue, programme, name)
    match data.answer:
        case "oppose" if await oppositions.oppose(visit.tx, visit.subject, agreement.id):
            await oppositions.record(
                visit.tx, visit.keyring, visit.subject, Action.OPPOSE, agreement.id
            )
        case "lift" if await oppositions.lift(visit.tx, visit.subject, agreement.id):
            await oppositions.record(
                visit.tx, visit.keyring, visit.subject, Action.LIFT, agreement.id
            )
        case _:
            pass
    return see_other(visit.page.path("agreements", "by-law", agreement.id))


def _named(catalogue: Catalogue, programme: str, name: str) -> Agreement:
    agreement = catalogue.agreements.get(AgreementId(f"{programme}/{name}"))
    if agreement is None or not _bases(agreement):
        raise NotFoundException
    return agreement


def _bases(agreement: Agreement) -> list[Basis]:
    return [basis for basis in agreement.bases if basis.kind is not LegalBasis.CONSENT]


def _ground(words: Words, agreement: Agreement, basis: Basis) -> Ground:
    covered = [item for item in agreement.attributes.items() if basis.covering(item[0])]
    return Ground(
        kind=basis.kind,
        things=words.things(covered),
        opposable=basis.opposable,
        citation=basis.citation if basis.verified else "",
    )
