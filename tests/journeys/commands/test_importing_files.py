"""Files into the registers by the command line: what was taken, what was not, and what to do."""

import json

import pytest

GOOD = {
    "given_name_ar": "فاطمة",
    "family_name_ar": "العلوي",
    "given_name_latin": "Fatima",
    "family_name_latin": "Alaoui",
    "sex": "F",
    "birth_date": "1990-05-01",
    "document_kind": "cnie",
    "document_number": "AB123456",
    "synthetic": True,
}
OTHER = GOOD | {
    "given_name_ar": "يوسف",
    "given_name_latin": "Youssef",
    "sex": "M",
    "document_number": "CD654321",
}
BAD = GOOD | {"birth_date": "soon", "document_number": "EF777777"}


@pytest.fixture
def file(tmp_path):
    def written(*people):
        place = tmp_path / "people.jsonl"
        place.write_text("".join(json.dumps(each) + "\n" for each in people))
        return str(place)

    return written


def test_a_file_that_is_right_is_taken_whole(installed, file):
    answer = installed("import", "people", file(GOOD, OTHER))

    assert answer.exit_code == 0, answer.output
    assert "2 taken, 0 rejected" in answer.output


def test_what_is_wrong_is_written_out_without_its_value(installed, file, tmp_path):
    rejects = tmp_path / "wrong.jsonl"
    answer = installed("import", "people", file(GOOD, BAD, OTHER), "--rejects", str(rejects))

    assert answer.exit_code == 1
    assert "2 taken, 1 rejected" in answer.output
    assert str(rejects) in answer.stderr
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(each["line"], each["field"], each["reason"]) for each in told] == [
        (2, "birth_date", "not-a-date")
    ]
    assert "soon" not in rejects.read_text() + answer.output


def test_the_same_file_again_does_nothing(installed, file):
    place = file(GOOD)
    installed("import", "people", place)
    again = installed("import", "people", place)

    assert again.exit_code == 0
    assert "1 taken, 0 rejected" in again.output


def test_a_file_of_another_kind_is_refused_in_a_sentence(installed, tmp_path):
    (tmp_path / "people.xlsx").write_text("PK")
    answer = installed("import", "people", str(tmp_path / "people.xlsx"))

    assert answer.exit_code == 1
    assert "must end in" in answer.stderr


def test_a_household_of_nobody_is_rejected(installed, tmp_path):
    place = tmp_path / "households.csv"
    place.write_text(
        "members,declarant,milieu,region,size,rooms,head_age\n"
        "2345678903,2345678903,urban,rabat-sale-kenitra,1,2,40\n"
    )
    answer = installed("import", "households", str(place))

    assert answer.exit_code == 1
    assert "0 taken, 1 rejected" in answer.output
