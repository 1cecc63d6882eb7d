import json
from pathlib import Path

import pytest

from vault import normalisers

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "vectors" / "normalisers_v1.json").read_text(encoding="utf-8")
)["answers"]


@pytest.mark.parametrize(("function", "text", "answer"), GOLDEN)
def test_threat_27_version_1_answers_as_it_always_did(function, text, answer):
    assert normalisers.VERSION == 1
    assert getattr(normalisers, function)(text) == answer


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
