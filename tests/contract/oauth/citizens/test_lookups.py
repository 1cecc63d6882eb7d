"""Who may compute tags can walk all numbers: so look-ups are counted per caller and minute."""

import pytest
from prometheus_client import REGISTRY

from api import lookups
from api.lookups import Lookup
from identity.login.rates import Limit
from policies.vocabulary import Action, Actor, ActorKind
from vault import access_log
from vault import database as db
from vault.access_log import Criteria
from vault.short_lived_memory import MemoryShortLived

CLAIMS = {"given_name": "Fatima", "family_name": "Alaoui", "birth_date": "1990-05-01"}


@pytest.fixture
def asked(amo, citizen):
    async def ask(number=None):
        question = {
            "subject": {"idcs": number or citizen.idcs},
            "claims": CLAIMS,
            "case_reference": "C-1",
        }
        return await amo.ask("/v1/verifications", await amo.own_token(), question)

    return ask


def refusals():
    return (
        REGISTRY.get_sample_value("amana_lookups_refused_total", {"actor_kind": "programme"}) or 0
    )


def by(actor, limit=lookups.OF_A_PROGRAMME, **more):
    kind = ActorKind.PROGRAMME if limit is lookups.OF_A_PROGRAMME else ActorKind.STAFF
    return Lookup(by=Actor(kind=kind, id=actor), action=Action.VERIFY, limit=limit, **more)


@pytest.mark.parametrize("limit", [lookups.OF_A_PROGRAMME, lookups.OF_ONE_PERSON])
async def test_threat_20_a_script_of_ten_thousand_look_ups_is_stopped(limit):
    store = MemoryShortLived(clock=lambda: 1000.0)
    waits = [await lookups.charge(store, by("one", limit)) for _ in range(10_000)]
    assert waits.count(0) == limit.times
    assert all(wait == 0 for wait in waits[: limit.times])
    assert await lookups.charge(store, by("another", limit)) == 0


async def test_threat_20_many_values_at_once_cost_as_many():
    store = MemoryShortLived(clock=lambda: 1000.0)
    assert await lookups.charge(store, by("one", times=600)) == 0
    assert await lookups.charge(store, by("one", times=2)) == 1


async def test_threat_20_over_the_quota_known_and_unknown_get_one_answer(house, asked, monkeypatch):
    monkeypatch.setattr(lookups, "OF_A_PROGRAMME", Limit(times=2, seconds=600))
    assert [(await asked()).status_code for _ in range(2)] == [200, 200]
    before = refusals()
    refused = [await asked(), await asked("4821093756"), await asked("not a number")]
    assert {answer.status_code for answer in refused} == {429}
    assert len({answer.text for answer in refused}) == 1
    assert refused[0].json()["type"] == "urn:amana:problem:too-many-requests"
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert refusals() - before == 3
    # The alarm is given with the line: once a minute, about nobody.
    async with db.read(house.database) as tx:
        lines = await access_log.search(tx, Criteria(reason=lookups.REASON))
    assert [(line.actor.id, line.detail) for line in lines] == [("amo-tadamon", "index-quota")]


async def test_a_look_up_by_the_programmes_own_identifier_costs_nothing(asked, amo, monkeypatch):
    known = (await asked()).json()["subject"]
    monkeypatch.setattr(lookups, "OF_A_PROGRAMME", Limit(times=1, seconds=600))
    question = {"subject": {"pairwise": known}, "claims": CLAIMS, "case_reference": "C-1"}
    answers = [
        await amo.ask("/v1/verifications", await amo.own_token(), question) for _ in range(3)
    ]
    assert {answer.status_code for answer in answers} == {200}
