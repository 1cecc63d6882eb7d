"""Each way to keep a person gives back what was kept, and no other place opens ours."""

from importlib.util import find_spec

import pytest

from api.bench import vault as bench
from api.bench import whole_person
from policies.legal_time import legal_day
from vault.database import EPOCH

PEOPLE = bench._sample(3, legal_day(EPOCH))


# The peers are tried where they are installed, by the extra `bench`.
INSTALLED = [keep for name, keep in bench.OTHERS.items() if find_spec(name.replace("-", "_"))]


@pytest.mark.parametrize("keep", [whole_person.ours, *INSTALLED])
def test_a_person_is_given_back_whole(keep):
    for way in keep(PEOPLE):
        assert [way.read(number) for number in range(len(PEOPLE))] == PEOPLE
        assert way.octets > sum(len(value.encode()) for value in PEOPLE[0].values())


def test_a_sample_has_twelve_fields_each():
    assert [len(person) for person in PEOPLE] == [whole_person.FIELDS] * 3


def test_a_peer_that_is_not_there_is_left_out_and_said(monkeypatch, capsys):
    def missing(_people):
        raise ModuleNotFoundError

    monkeypatch.setattr(bench, "OTHERS", {"asherah": missing})
    assert [way.name for way in bench._ways(PEOPLE)] == [
        "Amana, one group",
        "Amana, a group a field",
    ]
    assert "left out asherah" in capsys.readouterr().out
