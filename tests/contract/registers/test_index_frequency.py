"""What the seeded population's indexes tell by frequency, and what an index of names would."""

from collections import Counter
from datetime import date
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import insert

from identity.registry import people, twins
from identity.registry.dice import Dice
from identity.registry.population import population
from policies.vocabulary import Actor, ActorKind, GroupId
from vault import blind_index, index_lint
from vault.index_kinds import KINDS, Kind

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")
TODAY = date(2026, 11, 24)
PEOPLE = 20_000
NAMES = 2_000


@pytest.fixture
async def country(begin, keyring):
    """400 people of the demo's population, registered."""
    made = population("amana-demo-1", people=400, on=TODAY)
    plain = [
        msgspec.structs.replace(each, legal_representative="", witnesses=()) for each in made.people
    ]
    async with begin() as tx:
        done = await people.register_all(tx, keyring, plain, by=DESK)
    entered = [it for it in done if isinstance(it, people.Registered)]
    assert len(entered) > 390
    return plain


async def test_threat_19_the_seeded_population_passes_the_lint(begin, country):
    async with begin() as tx:
        measured = {each.name: each for each in await index_lint.measure(tx)}
    assert measured.keys() == {"idcs", "document", "phone", "person"}
    assert not any(each.refused for each in measured.values())
    assert measured["idcs"].largest == measured["document"].largest == 1


async def test_threat_19_an_index_of_given_names_is_refused_by_the_lint(begin, keyring):
    country = population("amana-demo-1", people=2_000, on=TODAY).people
    rows = [
        {
            "name": "given",
            "version": 1,
            "tag": blind_index.tag(keyring, "idcs", each.given_name_latin),
            "record": UUID(int=at + 1),
        }
        for at, each in enumerate(country)
    ]
    async with begin() as tx:
        await tx.connection.execute(insert(blind_index.blind_index), rows)
        refused = [each for each in await index_lint.measure(tx) if each.refused]
    assert [each.name for each in refused] == ["given"]
    assert refused[0].share > 10 * index_lint.MOST


@pytest.mark.parametrize(
    ("largest", "rows", "refused"),
    [(13, 12_999, True), (13, 13_000, False), (12, 100, False), (13, 100, True)],
)
def test_a_bucket_is_refused_above_the_share_and_the_floor_alone(largest, rows, refused):
    bucket = index_lint.Bucket(name="x", version=1, rows=rows, tags=9, largest=largest)
    assert bucket.refused is refused


@pytest.mark.parametrize("names", [("given_name",), ("given_name", "family_name"), ("mother",)])
def test_threat_19_a_kind_of_names_alone_cannot_be_defined(names):
    paths = tuple((name, "latin") for name in names)
    with pytest.raises(ValueError, match="names alone"):
        Kind(parts=lambda *_: (), bits=64, group=GroupId("identity"), values=(paths,))


def test_threat_19_ranks_name_half_the_given_names_and_nobody_by_name_and_date():
    """The attacker has the tags, and a sample of another people drawn from the same names."""
    target, sample = list(_zipf("target")), list(_zipf("sample"))
    alone = _guessed([name for name, _ in target], [name for name, _ in sample])
    dated = _guessed(target, sample)
    # Given names alone: the most frequent are guessed. With the date: about nobody.
    assert alone > 0.2
    assert dated < 0.001


def test_what_the_registers_index_is_what_the_job_reads_from_what_is_sealed(country):
    for each in country[:50]:
        sealed = people.person.groups(each, "1234567890")
        said = {(entry.name, entry.value) for entry in twins.entries(each, each)}
        read = {
            (name, value)
            for name in ("phone", "person")
            for value in _read(sealed[KINDS[name].group], name)
        }
        assert said == read
    assert sealed[KINDS["idcs"].group]["idcs"] == "1234567890"


def _zipf(seed):
    """Names by Zipf's law (exponent 1, near the 1.05 of given names), dates evenly."""
    dice = Dice(seed)
    weights = [NAMES // rank for rank in range(1, NAMES + 1)]
    names = [name for name, weight in enumerate(weights) for _ in range(weight)]
    for _ in range(PEOPLE):
        yield dice.one_of(names), dice.below(365 * 80)


def _guessed(target, sample):
    """Of what share of the records the value is guessed by matching ranks."""
    ranks = zip(Counter(target).most_common(), Counter(sample).most_common(), strict=False)
    right = sum(count for (value, count), (guess, _) in ranks if value == guess)
    return right / len(target)


def _read(values, name):
    for paths in KINDS[name].values:
        found = []
        for path in paths:
            at = values
            for step in path:
                at = at.get(step, "") if at else ""
            found.append(at)
        if all(found):
            yield tuple(found) if len(found) > 1 else found[0]
