"""What an officer asks two others to approve, and what is done once they have."""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody

from api.console import tracing
from api.console.shifts import Shift
from api.settings import Settings
from identity import approvals
from identity.approvals import Denied, Listed
from identity.doors import relinking
from identity.doors.relinking import By
from identity.registry.foreign_identifiers import NoKey
from policies.approvals import COMPLAINT, FRAUD_CASE, LONGEST_EMBARGO, RULES, Kind, Proposal, Why
from policies.staff import Duty
from policies.vocabulary import LegalBasis, ProgrammeId, PurposeId

BASES: Final = tuple(each for each in LegalBasis if each is not LegalBasis.CONSENT)
CITATION_LONGEST: Final = 200
DAYS: Final = tuple(range(1, RULES[Kind.RELINK].longest.days + 1))
EMBARGOES: Final = (0, 30, 90, LONGEST_EMBARGO.days)
"""Days until the person sees it; 0: at once."""
_FIELDS: Final[Mapping[Why, str]] = {
    Why.ROLE_MAY_NOT_PROPOSE: "kind",
    Why.PROGRAMME_UNKNOWN: "programme",
    Why.OTHER_PROGRAMME_UNFIT: "other",
    Why.PURPOSE_UNFIT: "purpose",
    Why.BASIS_UNFIT: "basis",
    Why.CITATION_MISSING: "citation",
    Why.CASE_UNFIT: "case",
    Why.NOBODY_NAMED: "identifiers",
    Why.NAMED_TWICE: "identifiers",
    Why.TOO_MANY: "identifiers",
    Why.EXPIRY_UNFIT: "days",
    Why.EMBARGO_UNFIT: "embargo",
}
"""Which field of the form each fault of a proposal is shown at."""


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as typed."""

    kind: str = Kind.DETOKENISE.value
    programme: str = ""
    other: str = ""
    purpose: str = FRAUD_CASE
    basis: str = LegalBasis.PUBLIC_TASK.value
    citation: str = ""
    case: str = ""
    identifiers: str = ""
    full: str = ""
    days: str = str(DAYS[-1])
    embargo: str = "0"


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal of one's own, in words."""

    it: Listed
    what: str
    programme: str
    other: str


@get("/proposals")
async def list_own(shift: NamedDependency[Shift]) -> Response[str]:
    """One's own proposals, and what became of them."""
    if not await shift.begin(Duty.PROPOSE, detail="own proposals"):
        return shift.refused()
    return await _list(shift)


@get("/proposals/new")
async def blank_proposal(shift: NamedDependency[Shift]) -> Response[str]:
    """The empty form."""
    if not await shift.begin(Duty.PROPOSE, detail="blank"):
        return shift.refused()
    return _form(shift, Typed())


@post("/proposals/new", status_code=200)
async def propose(data: URLEncodedBody[Typed], shift: NamedDependency[Shift]) -> Response[str]:
    """Ask for approval."""
    if not shift.has(Duty.PROPOSE):
        await shift.begin(Duty.PROPOSE)
        return shift.refused()
    proposal = _proposal(shift, data)
    if isinstance(proposal, dict):
        return _form(shift, data, proposal)
    done = await approvals.propose(shift.tx, shift.keyring, shift.catalogue, proposal)
    if isinstance(done, Denied):
        wrong = {
            _FIELDS.get(why, "kind"): f"proposal.wrong.{why}" for why in reversed(done.reasons)
        }
        return _form(shift, data, wrong)
    return await _list(shift, done="proposal.done")


@post("/proposals/{proposal:str}/relink", status_code=200)
async def relink(
    proposal: FromPath[UUID], shift: NamedDependency[Shift], settings: NamedDependency[Settings]
) -> Response[Any]:
    """Do what was approved; the sealed identifiers as a file for the other programme."""
    by = By(staff=shift.staff.staff, role=shift.staff.role)
    done = await relinking.relink(
        shift.tx, shift.keyring, shift.catalogue, proposal, by, issuer=settings.issuer
    )
    match done:
        case Denied() if not shift.has(Duty.RELINK):
            return shift.refused()
        case Denied():
            return await _list(shift, problem="proposal.relink.denied")
        case NoKey():
            return await _list(shift, problem="proposal.relink.no-key")
        case _:
            name = f"relinked-{proposal}.json"
            return Response(
                done,
                media_type="application/json",
                headers={"Content-Disposition": f'attachment; filename="{name}"'},
            )


async def _list(shift: Shift, *, done: str = "", problem: str = "") -> Response[str]:
    own = await approvals.of_proposer(shift.tx, shift.keyring, shift.staff.staff)
    words = shift.words
    return shift.page.show(
        "console/proposals.html",
        status=HTTPStatus.CONFLICT if problem else HTTPStatus.OK,
        section="proposals",
        done=done,
        problem=problem,
        proposals=[
            Own(
                it=each,
                what=words.tongue.one_of("approvals.kind", each.held.proposal.kind),
                programme=words.programme(each.held.proposal.programme),
                other=words.programme(each.held.proposal.other) if each.held.proposal.other else "",
            )
            for each in own
        ],
    )


def _form(shift: Shift, data: Typed, problems: Mapping[str, str] | None = None) -> Response[str]:
    tongue = shift.page.tongue
    return shift.page.show(
        "console/proposal.html",
        section="proposals",
        problems=problems or {},
        it=data,
        kinds=[(each.value, tongue.t(f"approvals.kind.{each}")) for each in Kind],
        programmes=tracing.programmes(shift),
        purposes=_purposes(shift),
        bases=[(each.value, tongue.t(f"legal.{each}")) for each in BASES],
        days=[(str(each), tongue.n("proposal.days", each)) for each in DAYS],
        embargoes=[
            (str(each), tongue.n("proposal.days", each) if each else tongue.t("proposal.at-once"))
            for each in EMBARGOES
        ],
    )


def _proposal(shift: Shift, data: Typed) -> Proposal | dict[str, str]:
    """What was typed, or what cannot be read of it; whether it may be asked, others say."""
    problems = {
        field: "proposal.choose"
        for field, typed, offered in (
            ("kind", data.kind, list(Kind)),
            ("basis", data.basis, BASES),
            ("days", data.days, list(map(str, DAYS))),
            ("embargo", data.embargo, list(map(str, EMBARGOES))),
        )
        if typed not in offered
    }
    tokens = tracing.identifiers(data.identifiers)
    if any(len(each) > tracing.IDENTIFIER_LONGEST for each in tokens):
        problems["identifiers"] = "trace.identifiers.many"
    if len(data.citation) > CITATION_LONGEST:
        problems["citation"] = "proposal.wrong.citation-missing"
    if problems:
        return problems
    now, embargo = shift.tx.now, int(data.embargo)
    return Proposal(
        kind=Kind(data.kind),
        proposer=shift.staff.staff,
        role=shift.staff.role,
        programme=ProgrammeId(data.programme),
        other=ProgrammeId(data.other) if data.other else None,
        purpose=PurposeId(data.purpose),
        basis=LegalBasis(data.basis),
        citation=data.citation.strip(),
        case_reference=data.case.strip(),
        tokens=tokens,
        full=bool(data.full),
        expires_at=now + timedelta(days=int(data.days)),
        embargo_until=now + timedelta(days=embargo) if embargo else None,
    )


def _purposes(shift: Shift) -> list[tuple[str, str]]:
    """Fraud, a complaint, and whatever an agreement is for."""
    agreed = sorted({each.purpose for each in shift.catalogue.agreements.values()})
    return [(str(each), shift.words.purpose(each)) for each in (FRAUD_CASE, COMPLAINT, *agreed)]
