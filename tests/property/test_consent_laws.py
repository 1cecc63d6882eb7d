"""Laws of a consent's history: chains that are sound but perhaps for one field of one event."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consent.grant_events import (
    FIRST_HASH,
    LIVE,
    EventKind,
    Evidence,
    GrantEvent,
    Narrowing,
    Terms,
    digest,
    fold,
    happened,
)
from policies.vocabulary import Actor, ActorKind, GrantState, Language

BORN = datetime(2026, 11, 24, tzinfo=UTC)
ENDS = BORN + timedelta(days=300)
GRANT = UUID(int=7)
SELF = Actor(kind=ActorKind.CITIZEN, id="self")
ITEMS = {"eligibility": "decision", "phone": "masked", "address": "commune"}
DISCLOSING = {GrantState.GIVEN, GrantState.RENEWED}

terms = st.builds(
    Terms,
    subject=st.uuids(),
    programme=st.sampled_from(["minhaty", "asd"]),
    agreement=st.sampled_from(["minhaty/scholarship", "asd/eligibility"]),
    agreement_version=st.integers(1, 9),
    agreement_hash=st.just("a9"),
    purpose=st.just("education/scholarship"),
    items=st.just(ITEMS),
    expires_at=st.just(ENDS),
    notice_hash=st.just("n0"),
    language=st.sampled_from(Language),
    evidence=st.just(Evidence()),
)


@st.composite
def chains(draw):
    """A consent, narrowed a few times, perhaps ended: as the service writes it."""
    events = [happened(EventKind.GIVEN, draw(terms), grant_id=GRANT, at=BORN, actor=SELF)]
    left = dict(ITEMS)
    for _ in range(draw(st.integers(0, 2))):
        left.popitem()
        events.append(_next(events[-1], EventKind.NARROWED, Narrowing(items=dict(left))))
    if draw(st.booleans()):
        last = draw(st.sampled_from([EventKind.WITHDRAWN, EventKind.SUPERSEDED]))
        events.append(_next(events[-1], last))
    return events


def _next(before: GrantEvent, kind: EventKind, content: Narrowing | None = None) -> GrantEvent:
    return happened(
        kind,
        content,
        grant_id=GRANT,
        at=before.at + timedelta(seconds=1),
        actor=SELF,
        seq=before.seq + 1,
        prev_hash=before.hash,
    )


anything = st.builds(
    GrantEvent,
    grant_id=st.uuids(),
    seq=st.integers(),
    kind=st.sampled_from([*EventKind, "paused", ""]),
    at=st.datetimes(timezones=st.just(UTC)),
    actor=st.just(SELF),
    content=st.binary() | terms.map(msgspec.json.encode) | st.just(b"{}"),
    prev_hash=st.binary() | st.just(FIRST_HASH),
    hash=st.binary(),
)
instants = st.datetimes(timezones=st.just(UTC))


@given(st.lists(anything), instants)
def test_a_fold_says_something_of_any_events(events, now):
    grant = fold(events, now)

    assert grant is None or grant.state in GrantState


@given(st.lists(anything, min_size=1), instants)
def test_events_that_nobody_chained_disclose_nothing(events, now):
    grant = fold(events, now)

    assert grant is None or not grant.discloses


@given(chains())
def test_a_sound_chain_is_what_its_last_event_says(events):
    grant = fold(events, BORN + timedelta(days=1))

    ended = {
        EventKind.WITHDRAWN: GrantState.WITHDRAWN,
        EventKind.SUPERSEDED: GrantState.SUPERSEDED,
    }
    assert grant.state is ended.get(events[-1].kind, GrantState.GIVEN)
    assert (grant.seq, grant.hash) == (len(events), events[-1].hash)


changes = st.sampled_from(
    [
        {"grant_id": UUID(int=8)},
        {"seq": 99},
        {"kind": "paused"},
        {"at": BORN - timedelta(days=1)},
        {"actor": Actor(kind=ActorKind.STAFF, id="dpo")},
        {"content": b'{"items":{"index":"raw"}}'},
        {"prev_hash": b"\1" * 32},
        {"hash": b"\1" * 32},
    ]
)


@given(chains(), changes, st.data())
def test_one_altered_field_of_one_event_discloses_nothing(events, change, data):
    place = data.draw(st.integers(0, len(events) - 1))
    altered = [*events[:place], replace(events[place], **change), *events[place + 1 :]]

    grant = fold(altered, BORN + timedelta(days=1))

    assert grant is None or grant.state is GrantState.UNKNOWN


@given(chains(), st.data())
def test_an_event_left_out_before_the_last_discloses_nothing(events, data):
    if len(events) < 2:
        return
    place = data.draw(st.integers(0, len(events) - 2))

    grant = fold([*events[:place], *events[place + 1 :]], BORN + timedelta(days=1))

    assert grant is None or grant.state is GrantState.UNKNOWN


@given(chains(), st.sampled_from(["paused", "exhausted", "of a later release"]))
def test_an_event_of_a_later_release_discloses_nothing(events, kind):
    later = replace(_next(events[-1], EventKind.NARROWED), kind=kind)

    grant = fold([*events, replace(later, hash=digest(later))], BORN + timedelta(days=1))

    assert grant.state is GrantState.UNKNOWN


@given(chains())
def test_nothing_follows_an_end(events):
    if events[-1].kind not in {EventKind.WITHDRAWN, EventKind.SUPERSEDED}:
        events = [*events, _next(events[-1], EventKind.WITHDRAWN)]
    revived = _next(events[-1], EventKind.NARROWED, Narrowing(items={}))

    assert fold([*events, revived], BORN).state is GrantState.UNKNOWN


@given(chains(), st.sampled_from([{"items": {"index": "raw"}}, {"items": {}, "x": 1}, {}]))
def test_a_narrowing_adds_nothing(events, content):
    told = replace(_next(events[0], EventKind.NARROWED), content=msgspec.json.encode(content))

    grant = fold([events[0], replace(told, hash=digest(told))], BORN)

    assert grant.items.keys() <= ITEMS.keys()
    assert grant.state is GrantState.UNKNOWN or grant.items == content["items"]


@given(chains(), st.integers(-2, 2))
def test_the_clock_ends_a_consent_at_its_instant_and_not_before(events, microseconds):
    now = ENDS + timedelta(microseconds=microseconds)
    grant, before = fold(events, now), fold(events, BORN)

    if before.state in LIVE:
        assert grant.state is (before.state if now < ENDS else GrantState.EXPIRED)
    else:
        assert grant == before


@given(chains())
def test_what_happens_after_the_clock_ended_it_counts_for_nothing(events):
    late = replace(_next(events[0], EventKind.WITHDRAWN), at=ENDS)

    grant = fold([events[0], replace(late, hash=digest(late))], ENDS)

    assert grant.state is GrantState.UNKNOWN


@given(chains(), instants)
def test_a_fold_is_a_function(events, now):
    assert fold(events, now) == fold(list(events), now)
