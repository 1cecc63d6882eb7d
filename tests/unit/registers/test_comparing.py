import pytest

from identity.doors import comparing
from identity.registry.names import Verdict
from policies.vocabulary import MATCH, AttributeId

YES, PARTIAL, NO = Verdict.YES, Verdict.PARTIAL, Verdict.NO
RECORD = {
    AttributeId("given_name"): {"ar": "محمد", "latin": "Mohamed"},
    AttributeId("birth_date"): "1990-05-01",
    AttributeId("sex"): "M",
    AttributeId("phone"): "+212612345678",
}


@pytest.mark.parametrize(
    ("attribute", "claim", "verdict"),
    [
        ("given_name", "Mohammed", YES),
        ("given_name", "Ahmed", NO),
        ("birth_date", "1990-05-01", YES),
        ("birth_date", "1990-05-02", NO),
        # a year is one in a hundred: it confirms no date
        ("birth_date", "1990", NO),
        ("sex", "m", YES),
        ("sex", "F", NO),
        ("phone", "06 12 34 56 78", YES),
        ("phone", "0612345679", NO),
        ("nationality", "MAR", NO),
        ("family_name", "Amrani", NO),
    ],
)
def test_each_attribute_is_compared_in_its_way(attribute, claim, verdict):
    assert comparing.compare({attribute: claim}, RECORD) == {attribute: verdict}


@pytest.mark.parametrize(
    ("recorded", "claim", "verdict"),
    [
        ("1990", "1990-05-01", PARTIAL),
        ("1990-05", "1990-05-01", PARTIAL),
        ("1990-05", "1990-04-01", NO),
        ("1990", "1990", YES),
        ("199", "1990", NO),
        (None, "1990", NO),
        (1990, "1990-05", NO),
    ],
)
def test_a_partial_date_on_record_confirms_in_part(recorded, claim, verdict):
    record = {"birth_date": recorded}
    assert comparing.compare({"birth_date": claim}, record) == {"birth_date": verdict}


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ({"given_name": NO, "birth_date": YES}, True),
        ({"given_name": YES, "birth_date": NO}, False),
        ({"given_name": YES, "birth_date": PARTIAL}, True),
        ({"given_name": YES, "birth_date": YES, "phone": NO}, False),
        ({"given_name": YES, "sex": YES}, True),
        ({"given_name": NO, "sex": YES}, False),
        ({"given_name": PARTIAL, "sex": YES}, True),
    ],
)
def test_verdicts_are_told_to_who_knows_what_few_know(verdicts, told):
    assert comparing.recognised(verdicts) is told


@pytest.mark.parametrize(
    ("verdicts", "overall"),
    [((YES, YES), YES), ((NO, NO), NO), ((YES, NO), PARTIAL), ((PARTIAL, PARTIAL), PARTIAL)],
)
def test_the_overall_answer(verdicts, overall):
    assert comparing.overall(dict(enumerate(verdicts))) is overall


def test_nobody_matches_no_readable_claim():
    claims = {"given_name": "Mohamed", "family_name": "Amrani", "birth_date": "2000-01-01"}
    verdicts = comparing.compare(claims | {"sex": "F", "phone": "0612345678"}, comparing.NOBODY)

    assert set(verdicts.values()) == {NO}


def test_whatever_the_catalogue_lets_be_compared_can_be(catalogue):
    matchable = {name for name, each in catalogue.attributes.items() if MATCH in each.forms}

    assert matchable == comparing._COMPARED.keys() == comparing._READABLE.keys()


def test_what_is_readable_is_not_asked_of_other_attributes():
    assert comparing.readable("birth_place", "Fès")
    assert not comparing.readable("birth_place", "x" * 121)
