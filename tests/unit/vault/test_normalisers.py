import json
from pathlib import Path

import pytest

from vault import normalisers, normalisers_v1

VECTORS = Path(__file__).parents[2] / "vectors"
GOLDEN = {
    version: json.loads((VECTORS / f"normalisers_v{version}.json").read_text(encoding="utf-8"))
    for version in normalisers.RULES
}


@pytest.mark.parametrize(("function", "text", "answer"), GOLDEN[1]["answers"])
def test_threat_27_version_1_answers_as_it_always_did(function, text, answer):
    assert getattr(normalisers_v1, function)(text) == answer


@pytest.mark.parametrize(("function", "text", "answer"), GOLDEN[2]["answers"])
def test_threat_27_version_2_answers_as_it_always_did(function, text, answer):
    assert normalisers.NEWEST == 2
    assert getattr(normalisers, function)(text) == answer


@pytest.mark.parametrize("rule", normalisers.Rules.__struct_fields__)
@pytest.mark.parametrize("version", normalisers.RULES)
def test_threat_27_each_version_of_the_rules_is_the_one_its_file_is_about(version, rule):
    answers = {text: answer for name, text, answer in GOLDEN[version]["answers"] if name == rule}
    ask = getattr(normalisers.RULES[version], rule)
    assert {text: ask(text) for text in answers} == answers


def test_the_versions_differ_where_the_newer_was_made_for_it():
    assert normalisers.RULES[1].phone("+33 06 12 34 56 78") == "+330612345678"
    assert normalisers.RULES[2].phone("+33 06 12 34 56 78") == "+33612345678"
    assert normalisers.RULES[1].date("01/05/1990") == "01/05/1990"
    assert normalisers.RULES[2].date("01/05/1990") == "1990-05-01"


@pytest.mark.parametrize(
    "spellings",
    [
        ("Mohamed", "Mohammed", "Mouhammed", "محمد", "مُحَمَّد", "Sidi Mohamed"),
        ("El Amrani", "Elamrani", "Amrani", "L'Amrani", "العمراني"),
        ("Benali", "Ben Ali", "بنعلي", "بن علي"),
        ("Fatima-Zahra", "Fatimazahra", "FATIMA ZAHRA", "فاطمة الزهراء"),
        ("Abdelkarim", "Abdel Karim", "Abd el-Karim", "عبد الكريم"),
        ("Elias", "إلياس"),
    ],
)
def test_spellings_of_one_name_meet_in_one_skeleton(spellings):
    assert len({normalisers.skeleton(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("Ahmed", "Mohamed"), ("Alami", "Amrani"), ("Khadija", "Ghita")]
)
def test_names_that_differ_have_skeletons_that_differ(one, other):
    assert normalisers.skeleton(one) != normalisers.skeleton(other)
