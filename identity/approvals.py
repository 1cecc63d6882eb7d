"""Proposals and who approved them: each step in one transaction, and a line of the log.

Whether a step may be taken, `policies.approvals` says; that nothing changed meanwhile, the
lock and the WHERE. What is proposed is sealed: a case and the people it names are nobody
else's to read.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import (
    Column,
    LargeBinary,
    Select,
    String,
    Table,
    Uuid,
    delete,
    insert,
    select,
    update,
)

from policies import approvals, retention
from policies.approvals import Held, Proposal, State, Use, Why
from policies.catalogue import Catalogue
from policies.staff import TERMS, Duty, Role
from policies.vocabulary import Actor, ActorKind, Outcome, StaffId
from vault import access_log
from vault.access_log import Line
from vault.box import Box
from vault.boxed_rows import BoxedRows
from vault.database import AnyRow, Instant, Transaction, metadata, spread
from vault.keyring import Keyring

REFUSALS: Final = ("not-needed", "too-wide", "no-basis", "withdrawn")
"""Why an approver says no. Codes: no free text enters the log."""
LATELY: Final = timedelta(days=30)
"""How long somebody's own proposals are listed for them."""

proposals: Final = Table(
    "proposals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("proposed_at", Instant, nullable=False, index=True),
    Column("expires_at", Instant, nullable=False),
)
proposal_approvals: Final = Table(
    "proposal_approvals",
    metadata,
    Column("proposal", Uuid, primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("staff", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)


def _of_proposal(row: AnyRow) -> bytes:
    return bytes(row.id.bytes)


SEALED: Final = BoxedRows(table=proposals, column="sealed", purpose="proposals", place=_of_proposal)


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """No, and every reason why. Logged; nothing changed."""

    reasons: tuple[Why, ...]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal in a list, with its state by the clock."""

    id: UUID
    held: Held
    state: State


async def propose(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, proposal: Proposal
) -> UUID | Denied:
    """Ask for approval; the proposal's id."""
    by = (proposal.proposer, proposal.role)
    reasons = approvals.against_proposing(proposal, catalogue, tx.now)
    if reasons:
        line = _line(by, Duty.PROPOSE, proposal, reasons, "propose")
        await access_log.record(tx, keyring, [line])
        return Denied(reasons=reasons)
    id_ = uuid4()
    await tx.connection.execute(
        insert(proposals).values(
            id=id_,
            state=State.PROPOSED.value,
            sealed=_box(keyring).seal(msgspec.json.encode(proposal), id_.bytes),
            proposed_at=tx.now,
            expires_at=proposal.expires_at,
        )
    )
    line = _line(by, Duty.PROPOSE, proposal, (), f"propose {id_}")
    await access_log.record(tx, keyring, [line])
    return id_


async def approve(
    tx: Transaction, keyring: Keyring, id_: UUID, staff: StaffId, role: Role
) -> State | Denied:
    """Say yes for one's role; the state it is then in. The last yes that is needed approves it."""
    held = await _locked(tx, keyring, id_)
    if held is None:
        return Denied(reasons=(Why.NOT_OPEN,))
    reasons = approvals.against_approving(held, staff, role, tx.now)
    by, detail = (staff, role), f"approve {id_}"
    line = _line(by, Duty.APPROVE, held.proposal, reasons, detail)
    await access_log.record(tx, keyring, [line])
    if reasons:
        return Denied(reasons=reasons)
    await tx.connection.execute(
        insert(proposal_approvals).values(proposal=id_, role=role.value, staff=staff, at=tx.now)
    )
    after = msgspec.structs.replace(held, approvals=(*held.approvals, (staff, role)))
    if not approvals.complete(after):
        return State.PROPOSED
    await _turn(tx, id_, (State.PROPOSED,), State.APPROVED)
    return State.APPROVED


async def refuse(
    tx: Transaction, keyring: Keyring, id_: UUID, by: tuple[StaffId, Role], code: str
) -> State | Denied:
    """Say no, also after a yes, until it was used; `code` is one of `REFUSALS`."""
    held = await _locked(tx, keyring, id_)
    if held is None or code not in REFUSALS:
        return Denied(reasons=(Why.NOT_OPEN,))
    reasons = approvals.against_refusing(held, by[1], tx.now)
    detail = f"refuse {code} {id_}"
    line = _line(by, Duty.APPROVE, held.proposal, reasons, detail)
    await access_log.record(tx, keyring, [line])
    if reasons:
        return Denied(reasons=reasons)
    await _turn(tx, id_, (State.PROPOSED, State.APPROVED), State.REFUSED)
    return State.REFUSED


async def use(tx: Transaction, keyring: Keyring, id_: UUID, wanted: Use) -> Proposal | Denied:
    """Use an approval up: of many who try, one gets it. What is done with it is logged there."""
    held = await _locked(tx, keyring, id_)
    if held is None:
        return Denied(reasons=(Why.NOT_APPROVED,))
    if reasons := approvals.against_using(held, wanted, tx.now):
        return Denied(reasons=reasons)
    if not await _turn(tx, id_, (State.APPROVED,), State.USED):
        return Denied(reasons=(Why.NOT_APPROVED,))
    return held.proposal


async def one(tx: Transaction, keyring: Keyring, id_: UUID) -> Listed | None:
    """One proposal."""
    found = await _read(tx, keyring, _rows().where(proposals.c.id == id_))
    return found[0] if found else None


async def of_proposer(tx: Transaction, keyring: Keyring, staff: StaffId) -> list[Listed]:
    """What somebody asked for of late, newest first, whatever became of it."""
    since = tx.now - LATELY
    rows = _rows().where(proposals.c.proposed_at > since).order_by(proposals.c.proposed_at.desc())
    found = await _read(tx, keyring, rows)
    return [each for each in found if each.held.proposal.proposer == staff]


async def newest(tx: Transaction, keyring: Keyring, limit: int = 50) -> list[Listed]:
    """The newest proposals, whatever became of them."""
    rows = _rows().order_by(proposals.c.proposed_at.desc(), proposals.c.id).limit(limit)
    return await _read(tx, keyring, rows)


async def forget_old(tx: Transaction, *, limit: int) -> int:
    """Delete proposals whose term is over, with who said yes, at most `limit`; how many."""
    over = proposals.c.expires_at < tx.now - retention.PROPOSAL_TERM
    oldest = select(proposals.c.id).where(over).order_by(proposals.c.expires_at).limit(limit)
    ids = list(await tx.connection.scalars(oldest))
    for column in (proposal_approvals.c.proposal, proposals.c.id):
        await tx.connection.execute(delete(column.table).where(column.in_(spread(ids))))
    return len(ids)


async def _locked(tx: Transaction, keyring: Keyring, id_: UUID) -> Held | None:
    # FOR UPDATE: two approvers at once each see the other's yes, and of two users one is first.
    found = await _read(tx, keyring, _rows().where(proposals.c.id == id_).with_for_update())
    return found[0].held if found else None


async def _read(tx: Transaction, keyring: Keyring, query: Select[Any]) -> list[Listed]:
    rows = (await tx.connection.execute(query)).all()
    given = await _given(tx, [row.id for row in rows])
    return [_listed(tx, keyring, row, given.get(row.id, ())) for row in rows]


async def _given(
    tx: Transaction, ids: Sequence[UUID]
) -> dict[UUID, tuple[tuple[StaffId, Role], ...]]:
    query = select(
        proposal_approvals.c.proposal, proposal_approvals.c.staff, proposal_approvals.c.role
    ).where(proposal_approvals.c.proposal.in_(ids))
    found: dict[UUID, tuple[tuple[StaffId, Role], ...]] = {}
    for row in await tx.connection.execute(query):
        before = found.get(row.proposal, ())
        found[row.proposal] = (*before, (StaffId(row.staff), Role(row.role)))
    return found


def _listed(
    tx: Transaction, keyring: Keyring, row: AnyRow, given: tuple[tuple[StaffId, Role], ...]
) -> Listed:
    opened = _box(keyring).open(row.sealed, row.id.bytes)
    proposal = msgspec.json.decode(opened, type=Proposal)
    held = Held(proposal=proposal, state=State(row.state), approvals=given)
    return Listed(id=row.id, held=held, state=held.at(tx.now))


async def _turn(tx: Transaction, id_: UUID, before: tuple[State, ...], after: State) -> bool:
    done = await tx.connection.execute(
        update(proposals)
        .where(
            proposals.c.id == id_,
            proposals.c.state.in_([each.value for each in before]),
            proposals.c.expires_at > tx.now,
        )
        .values(state=after.value)
    )
    return done.rowcount == 1


def _line(
    by: tuple[StaffId, Role], duty: Duty, proposal: Proposal, reasons: tuple[Why, ...], detail: str
) -> Line:
    return Line(
        actor=Actor(kind=ActorKind.STAFF, id=by[0]),
        action=TERMS[duty].action,
        outcome=Outcome.REFUSED if reasons else Outcome.GIVEN,
        purpose=TERMS[duty].purpose,
        basis=proposal.basis,
        reasons=tuple(map(str, reasons)),
        case_reference=proposal.case_reference or None,
        detail=detail,
    )


def _box(keyring: Keyring) -> Box:
    return keyring.box("proposals")


def _rows() -> Select[Any]:
    return select(proposals.c.id, proposals.c.state, proposals.c.sealed)
