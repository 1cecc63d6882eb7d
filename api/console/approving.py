"""What waits for four eyes: who asks for what, and the yes or no of those who must say it."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody
from markupsafe import Markup

from api.console.shifts import Shift
from identity import approvals
from identity.approvals import REFUSALS, Denied, Listed
from policies import approvals as rules
from policies.approvals import State
from policies.staff import Duty
from policies.vocabulary import Actor, ActorKind

YES: Final = "yes"


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """The form below a proposal: `yes`, or the code of a no."""

    answer: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal in words."""

    it: Listed
    what: str
    who: str
    programmes: tuple[str, ...]
    why: str
    people: Markup
    said: tuple[str, ...]
    may_approve: bool
    may_refuse: bool


@get("/dpo/approvals")
async def list_proposals(shift: NamedDependency[Shift]) -> Response[str]:
    """The newest proposals, whatever became of them."""
    if not await shift.begin(Duty.READ_PROPOSALS, detail="proposals"):
        return shift.refused()
    return await _page(shift)


@post("/dpo/approvals/{proposal:str}", status_code=200)
async def answer(
    proposal: FromPath[UUID], data: URLEncodedBody[Answered], shift: NamedDependency[Shift]
) -> Response[str]:
    """Say yes or no for one's role."""
    if not shift.has(Duty.APPROVE):
        await shift.begin(Duty.APPROVE)
        return shift.refused()
    if await approvals.one(shift.tx, shift.keyring, proposal) is None:
        raise NotFoundException
    if data.answer != YES and data.answer not in REFUSALS:
        return await _page(shift, {f"answer-{proposal}": "approvals.answer.missing"})
    by = (shift.staff.staff, shift.staff.role)
    if data.answer == YES:
        done = await approvals.approve(shift.tx, shift.keyring, proposal, *by)
    else:
        done = await approvals.refuse(shift.tx, shift.keyring, proposal, by, data.answer)
    if isinstance(done, Denied):
        return await _page(shift, {f"answer-{proposal}": "approvals.answer.denied"})
    return await _page(shift, done=done)


async def _page(
    shift: Shift, problems: dict[str, str] | None = None, *, done: State | None = None
) -> Response[str]:
    listed = await approvals.newest(shift.tx, shift.keyring)
    tongue = shift.page.tongue
    return shift.page.show(
        "console/approvals.html",
        section="approvals",
        problems=problems or {},
        done=str(done or ""),
        proposals=[await _shown(shift, each) for each in listed],
        answers=[
            ("", tongue.t("approvals.choose")),
            (YES, tongue.t("approvals.yes")),
            *((code, tongue.t(f"approvals.no.{code}")) for code in REFUSALS),
        ],
    )


async def _shown(shift: Shift, each: Listed) -> Shown:
    proposal, now = each.held.proposal, shift.tx.now
    words, by = shift.words, (shift.staff.staff, shift.staff.role)
    proposer = Actor(kind=ActorKind.STAFF, id=proposal.proposer)
    roles = {proposal.proposer: proposal.role.value}
    return Shown(
        it=each,
        what=words.tongue.one_of("approvals.kind", proposal.kind),
        who=msgspec.structs.replace(words, roles=roles).actor(proposer),
        programmes=tuple(
            words.programme(name) for name in (proposal.programme, proposal.other) if name
        ),
        why=words.purpose(proposal.purpose),
        people=words.tongue.n("approvals.people", len(proposal.tokens)),
        said=tuple(
            words.tongue.plain(f"who.{role}", agent=words.pseudonym(staff))
            for staff, role in each.held.approvals
        ),
        may_approve=not rules.against_approving(each.held, *by, now),
        may_refuse=not rules.against_refusing(each.held, by[1], now),
    )
