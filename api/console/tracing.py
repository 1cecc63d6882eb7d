"""Who is behind the identifiers of a programme: few, masked, for a case; or one, in an emergency.

What may be told, `identity.doors.detokenising` decides; here it is typed, and shown.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, URLEncodedBody

from api.console.shifts import Shift
from api.portal.history import id_or_none
from identity import approvals
from identity.doors import detokenising
from identity.doors.detokenising import QUOTA, Answer, ByStaff, Found, NotAsked, Question
from policies.approvals import RULES, Kind, Proposal, State
from policies.disclosure import Refusal
from policies.reasons import Reason
from policies.staff import TERMS, Duty
from policies.vocabulary import AttributeId, ProgrammeId
from vault.short_lived import ShortLived

IDENTIFIER_LONGEST: Final = 64
EMERGENCIES: Final = ("danger-to-life", "missing-person", "disaster")
"""Why the glass is broken. Codes: no free text enters the alarm."""


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as typed."""

    programme: str = ""
    identifiers: str = ""
    """One a line."""
    item: list[str] | str = []
    """The attributes that were ticked: one comes as a word, several as a list."""
    case: str = ""
    approval: str = ""
    reason: str = ""
    """Of an emergency."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The identifiers, each once."""
        return identifiers(self.identifiers)

    @property
    def items(self) -> list[str]:
        """The attributes that were ticked."""
        return [self.item] if isinstance(self.item, str) else self.item


@get("/trace")
async def blank_trace(
    shift: NamedDependency[Shift], approval: FromQuery[str] = ""
) -> Response[str]:
    """The empty form, or what an approval fills in."""
    duty = await _tracing(shift)
    if duty is None:
        return shift.refused()
    approved = [each for each in await _approved(shift) if str(each[0]) == approval]
    if not approved:
        return await _trace_form(shift, duty, Typed())
    id_, proposal = approved[0]
    filled = Typed(
        programme=proposal.programme,
        identifiers="\n".join(proposal.tokens),
        case=proposal.case_reference,
        approval=str(id_),
    )
    return await _trace_form(shift, duty, filled)


@post("/trace", status_code=200)
async def trace(
    data: URLEncodedBody[Typed],
    shift: NamedDependency[Shift],
    short_lived: NamedDependency[ShortLived],
) -> Response[str]:
    """Ask, and show what is told of each."""
    duty = await _tracing(shift)
    if duty is None:
        return shift.refused()
    problems = _typed_wrong(shift, duty, data, most=RULES[Kind.DETOKENISE].most)
    if problems:
        return await _trace_form(shift, duty, data, problems)
    question = _question(shift, duty, data)
    if await detokenising.admit(short_lived, question):
        return await _too_many(shift, question)
    answer = await detokenising.detokenise(shift.tx, shift.keyring, shift.catalogue, question)
    if isinstance(answer, Found):
        return _told(shift, "trace", question, answer)
    return await _trace_form(shift, duty, data, _not_told(data, answer))


@get("/desk/emergency")
async def blank_emergency(shift: NamedDependency[Shift]) -> Response[str]:
    """The empty form, and what breaking the glass sets off."""
    if not shift.has(Duty.BREAK_GLASS):
        await shift.begin(Duty.BREAK_GLASS)
        return shift.refused()
    return _emergency_form(shift, Typed())


@post("/desk/emergency", status_code=200)
async def break_glass(
    data: URLEncodedBody[Typed],
    shift: NamedDependency[Shift],
    short_lived: NamedDependency[ShortLived],
) -> Response[str]:
    """Show one person whole, at once; the DPO is alarmed and the person is told later."""
    duty = Duty.BREAK_GLASS
    if not shift.has(duty):
        await shift.begin(duty)
        return shift.refused()
    problems = _typed_wrong(shift, duty, data, most=1)
    if data.reason not in EMERGENCIES:
        problems["reason"] = "emergency.reason.missing"
    if problems:
        return _emergency_form(shift, data, problems)
    question = _question(shift, duty, data)
    if await detokenising.admit(short_lived, question):
        return await _too_many(shift, question)
    answer = await detokenising.break_glass(
        shift.tx, shift.keyring, shift.catalogue, question, data.reason
    )
    if isinstance(answer, Found):
        return _told(shift, "emergency", question, answer)
    return _emergency_form(shift, data, _not_told(data, answer))


def identifiers(typed: str) -> tuple[str, ...]:
    """What was typed one a line, each once."""
    return tuple(dict.fromkeys(each.strip() for each in typed.splitlines() if each.strip()))


def programmes(shift: Shift) -> list[tuple[str, str]]:
    """Every programme to choose from, by name."""
    named = [(str(each), shift.words.programme(each)) for each in shift.catalogue.programmes]
    return [("", shift.page.tongue.t("trace.choose")), *sorted(named, key=lambda it: it[1])]


async def _tracing(shift: Shift) -> Duty | None:
    """The duty on which this role traces; None, and a line, if it has none."""
    for duty in (Duty.TRACE_COMPLAINT, Duty.TRACE_FRAUD):
        if shift.has(duty):
            return duty
    await shift.begin(Duty.TRACE_FRAUD)
    return None


async def _approved(shift: Shift) -> list[tuple[UUID, Proposal]]:
    """What was approved for this officer to trace, and not used yet."""
    own = await approvals.of_proposer(shift.tx, shift.keyring, shift.staff.staff)
    return [
        (each.id, each.held.proposal)
        for each in own
        if each.state is State.APPROVED and each.held.proposal.kind is Kind.DETOKENISE
    ]


def _typed_wrong(shift: Shift, duty: Duty, data: Typed, *, most: int) -> dict[str, str]:
    problems = {}
    if data.programme not in shift.catalogue.programmes:
        problems["programme"] = "trace.programme.missing"
    tokens = data.tokens
    if not 1 <= len(tokens) <= most or any(len(each) > IDENTIFIER_LONGEST for each in tokens):
        problems["identifiers"] = "trace.identifiers.one" if most == 1 else "trace.identifiers.many"
    if not data.case.strip():
        problems["case"] = f"trace.case.{TERMS[duty].case}"
    if not data.items or not set(data.items) <= {code for code, _ in _items(shift, duty)}:
        problems["item"] = "trace.item.missing"
    return problems


def _question(shift: Shift, duty: Duty, data: Typed) -> Question:
    return Question(
        asker=ByStaff(staff=shift.staff.staff, role=shift.staff.role, duty=duty),
        programme=ProgrammeId(data.programme),
        tokens=data.tokens,
        attributes=tuple(map(AttributeId, data.items)),
        case_reference=data.case.strip(),
        approval=id_or_none(data.approval),
    )


async def _too_many(shift: Shift, question: Question) -> Response[str]:
    await detokenising.refuse(shift.tx, shift.keyring, question, QUOTA)
    return shift.page.show(
        "portal/error.html",
        status=HTTPStatus.TOO_MANY_REQUESTS,
        kind="too-many-requests",
        correlation="",
    )


def _not_told(data: Typed, answer: Answer) -> dict[str, str]:
    """Which field it was."""
    match answer:
        case NotAsked(reason=Reason.CASE_REFERENCE_UNFIT):
            return {"case": "trace.case.unfit"}
        case Refusal(reasons=(Reason.CASE_REFERENCE_UNFIT, *_)):
            return {"case": "trace.case.unfit"}
        case NotAsked():
            if data.approval:
                return {"approval": "trace.approval.unfit"}
            return {"identifiers": "trace.identifiers.few"}
        case _:
            return {"item": "trace.item.missing"}


def _told(shift: Shift, what: str, question: Question, answer: Found) -> Response[str]:
    people = [
        (
            token,
            None
            if values is None
            else [(shift.words.label(name), _written(value)) for name, value in values.items()],
        )
        for token, values in answer.people.items()
    ]
    return shift.page.show(
        "console/traced.html",
        section=what,
        what=what,
        programme=shift.words.programme(question.programme),
        case=question.case_reference,
        full=answer.full,
        people=people,
    )


async def _trace_form(
    shift: Shift, duty: Duty, data: Typed, problems: Mapping[str, str] | None = None
) -> Response[str]:
    tongue = shift.page.tongue
    granted = await _approved(shift)
    return shift.page.show(
        "console/trace.html",
        section="trace",
        problems=problems or {},
        it=data,
        purpose=shift.words.purpose(TERMS[duty].purpose),
        case_hint=f"trace.case.{TERMS[duty].case}",
        programmes=programmes(shift),
        items=_items(shift, duty),
        ticked=data.items,
        granted=[
            ("", tongue.t("trace.approval.none")),
            *((str(id_), proposal.case_reference) for id_, proposal in granted),
        ]
        if granted
        else [],
    )


def _emergency_form(
    shift: Shift, data: Typed, problems: Mapping[str, str] | None = None
) -> Response[str]:
    tongue = shift.page.tongue
    return shift.page.show(
        "console/emergency.html",
        section="desk",
        problems=problems or {},
        it=data,
        programmes=programmes(shift),
        items=_items(shift, Duty.BREAK_GLASS),
        ticked=data.items,
        reasons=[
            ("", tongue.t("trace.choose")),
            *((code, tongue.t(f"emergency.reason.{code}")) for code in EMERGENCIES),
        ],
    )


def _items(shift: Shift, duty: Duty) -> list[tuple[str, str]]:
    """What the duty may open, by its names."""
    return [
        (str(each.id), shift.words.label(each.id))
        for each in shift.catalogue.attributes.values()
        if each.group in TERMS[duty].opens
    ]


def _written(value: Any) -> str:
    """A value as one line; a name in both scripts."""
    if isinstance(value, dict):
        return " · ".join(_written(each) for each in value.values())
    return "" if value is None else str(value)
