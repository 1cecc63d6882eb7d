"""The DPO's own pages: today's figures, the search, one entry. Every look is a line itself."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody

from api.console.shifts import Shift
from api.i18n import ZONE
from api.portal import history
from api.wording import Words
from policies.staff import Duty
from policies.vocabulary import Action, Actor, ActorKind, Outcome, PurposeId, SubjectId
from vault import access_log, transparency
from vault.access_log import Criteria, Entry

TODAY: Final = timedelta(hours=24)
GLASS_SEEN: Final = timedelta(days=30)
"""How long a broken glass stays on the DPO's first page."""
COUNTED: Final = 1_000
"""Figures are exact up to here; above it the page says «1,000+» and the search takes over."""
NEWEST: Final = 10
PAGE_LINES: Final = 25
REASONS: Final = ("complaint", "question", "sampling", "anomaly")
"""Why an entry may be opened (DPO rules, consent design). Codes: no free text enters the log."""
CASE_LONGEST: Final = 64
YEARS: Final = range(2000, 2200)
"""What may be searched: the log holds nothing older, and its instants end."""
CITIZENS: Final = Actor(kind=ActorKind.CITIZEN, id="self")
"""All of them: the log names no citizen who acts on their own record."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The search form, as typed."""

    since: str = ""
    until: str = ""
    actor: str = ""
    action: str = ""
    outcome: str = ""
    purpose: str = ""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The form that opens an entry."""

    reason: str = ""
    case: str = ""


@get("/dpo")
async def today(shift: NamedDependency[Shift]) -> Response[str]:
    """What the last day brought: figures, the seal, the newest refusals."""
    if not await shift.begin(Duty.REVIEW_LOG, detail="today"):
        return shift.refused()
    since = shift.tx.now - TODAY
    refusals = await access_log.search(shift.tx, Criteria(outcome=Outcome.REFUSED), limit=NEWEST)
    words = await shift.words.naming(shift.tx, refusals)
    return shift.page.show(
        "console/dpo.html",
        section="dpo",
        wide=True,
        since=since,
        figures=await _figures(shift, since),
        sealed=await transparency.checkpoint(shift.tx),
        glass=await _broken(shift),
        lines=[words.entry(line) for line in refusals],
    )


@get("/dpo/log")
async def search(shift: NamedDependency[Shift], request: Request[Any, Any, Any]) -> Response[str]:
    """What meets the conditions, newest first; says of nobody whom it is about."""
    asked, choices = msgspec.convert(dict(request.query_params), Asked), _choices(shift)
    criteria, problems = _criteria(_offered(asked, choices))
    given = {name: value for name, value in msgspec.structs.asdict(asked).items() if value}
    if not await shift.begin(Duty.REVIEW_LOG, detail=_searched(criteria)):
        return shift.refused()
    before = history.id_or_none(request.query_params.get("before", ""))
    lines = await access_log.search(shift.tx, criteria, limit=PAGE_LINES, before=before)
    words = await shift.words.naming(shift.tx, lines)
    onward = urlencode(given | {"before": str(lines[-1].id)}) if len(lines) == PAGE_LINES else ""
    return shift.page.show(
        "console/log.html",
        section="log",
        wide=True,
        problems=problems,
        asked=asked,
        choices=choices,
        lines=[words.entry(line) for line in lines],
        more=f"{shift.page.path('dpo', 'log')}?{onward}" if onward else "",
    )


@get("/dpo/log/{entry_id:str}")
async def closed_entry(entry_id: FromPath[UUID], shift: NamedDependency[Shift]) -> Response[str]:
    """An entry from outside, and the question why it should be opened."""
    if not await shift.begin(Duty.REVIEW_LOG, detail=f"entry {entry_id}"):
        return shift.refused()
    return await _closed(shift, await _entry(shift, entry_id), Opening(), {})


@post("/dpo/log/{entry_id:str}", status_code=200)
async def open_entry(
    entry_id: FromPath[UUID], data: URLEncodedBody[Opening], shift: NamedDependency[Shift]
) -> Response[str]:
    """Open an entry for a reason. The person it is about will see that, with the case number."""
    if not shift.has(Duty.OPEN_ENTRY):
        await shift.begin(Duty.OPEN_ENTRY)
        return shift.refused()
    entry = await _entry(shift, entry_id)
    if data.reason not in REASONS or len(data.case) > CASE_LONGEST:
        if not await shift.begin(Duty.REVIEW_LOG, detail=f"entry {entry_id}"):
            return shift.refused()
        return await _closed(shift, entry, data, {"reason": "log.open.missing"})
    subject = await access_log.subject_of(shift.tx, shift.keyring, entry_id)
    if not await shift.begin(
        Duty.OPEN_ENTRY,
        subject=subject,
        case_reference=data.case.strip() or None,
        detail=f"{data.reason} {entry_id}",
    ):
        return shift.refused()
    return await _opened(shift, entry, subject)


async def _broken(shift: Shift) -> int:
    """How often somebody was shown whole in an emergency of late: each use is to be looked at."""
    criteria = Criteria(
        action=Action.BREAK_GLASS, outcome=Outcome.GIVEN, since=shift.tx.now - GLASS_SEEN
    )
    return len(await access_log.search(shift.tx, criteria, limit=COUNTED))


async def _opened(shift: Shift, entry: Entry, subject: SubjectId | None) -> Response[str]:
    if subject is not None:
        entry = await access_log.about(shift.tx, shift.keyring, subject, entry.id) or entry
    words = await shift.words.naming(shift.tx, [entry])
    proof = await transparency.inclusion(shift.tx, entry.id)
    return shift.page.show(
        "console/entry.html",
        section="log",
        opened=True,
        problems={},
        it=words.entry(entry),
        agreement=entry.agreement or "",
        citations=_citations(words, entry),
        about=str(subject) if subject else "",
        proof=history.shown(proof) if proof else None,
    )


async def _closed(
    shift: Shift, entry: Entry, asked: Opening, problems: dict[str, str]
) -> Response[str]:
    words = await shift.words.naming(shift.tx, [entry])
    tongue = shift.page.tongue
    return shift.page.show(
        "console/entry.html",
        section="log",
        opened=False,
        problems=problems,
        it=words.entry(entry),
        asked=asked,
        reasons=[
            ("", tongue.t("log.open.choose")),
            *((code, tongue.t(f"log.reason.{code}")) for code in REASONS),
        ],
    )


async def _entry(shift: Shift, entry_id: UUID) -> Entry:
    entry = await access_log.one(shift.tx, entry_id)
    if entry is None:
        raise NotFoundException
    return entry


async def _figures(shift: Shift, since: datetime) -> list[tuple[str, str]]:
    wanted = {
        "all": Criteria(since=since),
        "refused": Criteria(since=since, outcome=Outcome.REFUSED),
        "fault": Criteria(since=since, outcome=Outcome.FAULT),
    }
    found = {
        key: len(await access_log.search(shift.tx, criteria, limit=COUNTED))
        for key, criteria in wanted.items()
    }
    return [
        (key, shift.page.tongue.number(count) + ("+" if count == COUNTED else ""))
        for key, count in found.items()
    ]


def _searched(criteria: Criteria) -> str:
    """The search, for its own line: what was understood of it, in codes and days."""
    actor = criteria.actor and f"{criteria.actor.kind}:{criteria.actor.id}"
    given = {
        "since": criteria.since and f"{criteria.since:%Y-%m-%d}",
        "until": criteria.until and f"{criteria.until:%Y-%m-%d}",
        "actor": actor,
        "action": criteria.action,
        "outcome": criteria.outcome,
        "purpose": criteria.purpose,
    }
    return " ".join(["search", *(f"{name}={value}" for name, value in given.items() if value)])


def _offered(asked: Asked, choices: Mapping[str, list[tuple[str, str]]]) -> Asked:
    """The search without what no list offers: whatever else is typed enters no log line."""
    offered = {name: {value for value, _ in pairs} for name, pairs in choices.items()}
    strays = {name: "" for name, values in offered.items() if getattr(asked, name) not in values}
    return msgspec.structs.replace(asked, **strays)


def _criteria(asked: Asked) -> tuple[Criteria, dict[str, str]]:
    days = {name: _day(getattr(asked, name)) for name in ("since", "until")}
    problems = {
        name: "log.date.wrong" for name, day in days.items() if day is None and getattr(asked, name)
    }
    kind, _, actor = asked.actor.partition(":")
    criteria = Criteria(
        since=_midnight(days["since"]),
        until=_midnight(days["until"], after=1),
        actor=Actor(kind=ActorKind(kind), id=actor) if kind else None,
        action=Action(asked.action) if asked.action else None,
        outcome=Outcome(asked.outcome) if asked.outcome else None,
        purpose=PurposeId(asked.purpose) if asked.purpose else None,
    )
    return criteria, problems


def _day(typed: str) -> date | None:
    """A day as a date field sends it, if the log can hold it."""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _midnight(day: date | None, *, after: int = 0) -> datetime | None:
    """The start of a day in Morocco."""
    return datetime.combine(day + timedelta(days=after), time(), ZONE) if day else None


def _choices(shift: Shift) -> dict[str, list[tuple[str, str]]]:
    """What the search form offers: values and words."""
    tongue, words = shift.page.tongue, shift.words
    offered = {
        "actor": [
            *((f"programme:{each}", words.programme(each)) for each in shift.catalogue.programmes),
            *((f"{each.kind}:{each.id}", words.actor(each)) for each in (CITIZENS, shift.actor)),
        ],
        "action": [(each.value, str(tongue.one_of("action", each))) for each in Action],
        "outcome": [(each.value, str(tongue.one_of("outcome", each))) for each in Outcome],
        "purpose": [
            (str(id_), purpose.title.in_(tongue.language))
            for id_, purpose in shift.catalogue.purposes.items()
        ],
    }
    return {name: [("", str(tongue.t("log.any"))), *each] for name, each in offered.items()}


def _citations(words: Words, entry: Entry) -> list[str]:
    """The texts behind an entry's basis; those that no lawyer has read say so."""
    agreement = words.catalogue.agreements.get(entry.agreement) if entry.agreement else None
    bases = [basis for basis in agreement.bases if basis.kind is entry.basis] if agreement else []
    return [
        basis.citation
        if basis.verified
        else words.tongue.plain("log.unverified", citation=basis.citation)
        for basis in bases
        if basis.instrument
    ]
