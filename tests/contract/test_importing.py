import asyncio
import csv
import json

import msgspec
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from identity.registry import households, idcs, importing, people
from identity.registry.importing import ImportFileError
from identity.registry.person import Person
from policies.vocabulary import Actor, ActorKind
from vault import access_log
from vault import database as db
from vault.access_log import Criteria
from vault.keyring import open_keyring
from vault.keys import create_file_keys

BY = Actor(kind=ActorKind.SYSTEM, id="import")
NAMES = [
    ("أحمد", "Ahmed", "العلوي", "Alaoui"),
    ("خديجة", "Khadija", "بناني", "Bennani"),
    ("رشيد", "Rachid", "التازي", "Tazi"),
    ("زينب", "Zineb", "الفاسي", "El Fassi"),
    ("يوسف", "Youssef", "برادة", "Berrada"),
    ("مليكة", "Malika", "الشرقاوي", "Cherkaoui"),
    ("طارق", "Tarik", "الوزاني", "Ouazzani"),
]
HOME = {
    "milieu": "urban",
    "region": "oriental",
    "rooms": 3,
    "head_age": 44,
    "head_education": "basic",
}


def written(at, **changes):
    """A person as a line has them."""
    given_ar, given, family_ar, family = NAMES[at % len(NAMES)]
    return {
        "given_name_ar": given_ar,
        "given_name_latin": given,
        "family_name_ar": family_ar,
        "family_name_latin": family,
        "sex": "FM"[at % 2],
        "birth_date": f"{1950 + at}-05-01",
        "document_kind": "cnie",
        "document_number": f"AB{100000 + at}",
        "address": "12, rue «Al Massira»",
    } | changes


@pytest.fixture
async def keyring(database, tmp_path):
    async with db.begin(database) as tx:
        return await open_keyring(tx, create_file_keys(tmp_path / "keys"))


@pytest.fixture
def lines(tmp_path):
    """Makes a file: objects become JSON, texts and bytes stay what they are."""

    def make(*records, name="people.jsonl"):
        raw = [
            each
            if isinstance(each, bytes)
            else (each if isinstance(each, str) else json.dumps(each)).encode()
            for each in records
        ]
        (tmp_path / name).write_bytes(b"\n".join(raw) + b"\n")
        return tmp_path / name

    return make


@pytest.fixture
def table(tmp_path):
    """Makes a CSV of records."""

    def make(*records, name="people.csv", delimiter=","):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, list(records[0]), delimiter=delimiter)
            out.writeheader()
            out.writerows(records)
        return tmp_path / name

    return make


@pytest.fixture
def bring(database, keyring, catalogue):
    """Imports a file."""

    async def run(what, file, **options):
        return await importing.import_file(
            database, keyring, catalogue, what, file, by=BY, **options
        )

    return run


@pytest.fixture
def on_register(database):
    async def count():
        async with db.read(database) as tx:
            return await people.count(tx)

    return count


@pytest.fixture
def rename(database):
    """Gives a table another name: whoever needs it fails."""

    async def run(table, name):
        async with db.begin(database) as tx:
            await tx.connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))

    return run


@pytest.fixture
async def residents(database, keyring):
    """Numbers of three people who are on the register."""
    async with db.begin(database) as tx:
        return [
            (await people.register(tx, keyring, msgspec.convert(written(at), Person), by=BY)).idcs
            for at in range(3)
        ]


@pytest.fixture
def housed(database):
    async def count():
        async with db.read(database) as tx:
            return await tx.connection.scalar(
                select(func.count()).select_from(households.households)
            )

    return count


def rejected(done):
    """Line, field and reason of every reject."""
    if done.rejects is None:
        return []
    told = [json.loads(line) for line in done.rejects.read_text().splitlines()]
    assert all(each.keys() == {"line", "field", "reason"} for each in told)
    return [(each["line"], each["field"], each["reason"]) for each in told]


class TestPeople:
    async def test_every_line_of_json_enters_a_person(self, bring, lines, on_register):
        done = await bring("people", lines(*(written(at) for at in range(5))))

        assert (done.lines, done.taken, done.rejected, done.rejects) == (5, 5, 0, None)
        assert await on_register() == 5

    async def test_each_entry_is_in_the_log_under_the_name_of_who_imported(
        self, bring, lines, database
    ):
        await bring("people", lines(written(0), written(1)))

        async with db.read(database) as tx:
            found = await access_log.search(tx, Criteria(actor=BY), limit=10)
        assert [str(each.action) for each in found] == ["register", "register"]

    async def test_wrong_lines_are_told_by_line_field_and_reason_and_stop_no_other(
        self, bring, lines, on_register
    ):
        done = await bring(
            "people",
            lines(
                written(0),
                written(1, sex="X", birth_date="1950-02-30"),
                written(2, phone="12"),
                written(3, colour="blue"),
                written(4),
            ),
        )

        assert (done.taken, done.rejected) == (2, 3)
        assert set(rejected(done)) == {
            (2, "sex", "not-a-sex"),
            (2, "birth_date", "not-a-date"),
            (3, "phone", "not-a-phone"),
            (4, "colour", "unknown-field"),
        }
        assert await on_register() == 2

    async def test_values_of_any_json_type_are_rejected_and_break_nothing(self, bring, lines):
        strange = [None, True, 1e308, -1, [], ["x"], {"a": 1}, "\ud800", "\u0000", "x" * 5000]
        done = await bring(
            "people", lines(*(written(at, birth_place=each) for at, each in enumerate(strange)))
        )

        assert {reason for _, _, reason in rejected(done)} == {
            "not-text", "not-json", "unreadable", "too-long"
        }  # fmt: skip
        assert done.taken == 1

    async def test_who_is_on_the_register_is_rejected_within_a_file_and_across_files(
        self, bring, lines, on_register
    ):
        await bring("people", lines(written(0), name="first.jsonl"))
        done = await bring(
            "people",
            lines(
                written(0, address="elsewhere"),
                written(1),
                written(1, family_name_latin="Berrada", family_name_ar="برادة", birth_date="1980"),
                written(2),
                written(2, document_number="ZZ999999"),
            ),
        )

        assert rejected(done) == [
            (1, "document_number", "on-register-already"),
            (3, "document_number", "on-register-already"),
            (5, "names", "perhaps-on-register-already"),
        ]
        assert await on_register() == 3


class TestResuming:
    async def test_the_same_content_again_enters_nobody_twice_under_any_file_name(
        self, bring, lines, on_register
    ):
        records = [written(0), "{", written(1)]
        first = await bring("people", lines(*records))
        again = await bring("people", lines(*records, name="copy.jsonl"))

        assert (again.lines, again.taken, again.rejected) == (3, 2, 1)
        assert rejected(again) == rejected(first) == [(2, "", "not-json")]
        assert await on_register() == 2

    async def test_a_run_that_is_cut_off_goes_on_behind_its_last_whole_batch(
        self, bring, lines, on_register
    ):
        file = lines(*(written(at) for at in range(3)), "{", *(written(at) for at in range(3, 6)))

        def cut(progress):
            if progress.done >= 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await bring("people", file, batch=2, report=cut)
        assert await on_register() == 3

        seen = []
        done = await bring("people", file, batch=2, report=seen.append)
        assert [each.done for each in seen][:2] == [6, 7]
        assert (done.taken, rejected(done)) == (6, [(4, "", "not-json")])
        assert await on_register() == 6

    async def test_a_batch_that_fails_at_its_end_leaves_nothing_of_itself(
        self, bring, lines, on_register, rename
    ):
        file = lines(*(written(at) for at in range(3)), "{")
        await rename("import_rejects", "away")

        with pytest.raises(DBAPIError):
            await bring("people", file, batch=2)
        assert await on_register() == 2

        await rename("away", "import_rejects")
        done = await bring("people", file, batch=2)
        assert (done.taken, done.rejected) == (3, 1)
        assert await on_register() == 3

    async def test_two_imports_of_one_file_at_once_enter_everybody_once(
        self, bring, lines, on_register
    ):
        file = lines(*(written(at) for at in range(6)))

        ended = await asyncio.gather(
            *(bring("people", file, batch=2) for _ in range(2)), return_exceptions=True
        )

        assert any(isinstance(each, importing.Imported) and each.taken == 6 for each in ended)
        assert all(isinstance(each, importing.Imported | ImportFileError) for each in ended)
        assert await on_register() == 6

    async def test_a_file_that_changes_meanwhile_is_not_taken_further(
        self, bring, lines, on_register
    ):
        file = lines(*(written(at) for at in range(4)))

        def meddle(progress):
            if progress.done == 2:
                with file.open("ab") as out:
                    out.write(b"{}\n")

        with pytest.raises(ImportFileError, match="changed"):
            await bring("people", file, batch=2, report=meddle)
        assert await on_register() == 2

    async def test_progress_tells_done_total_rate_and_time_left(self, bring, lines):
        seen = []
        await bring("people", lines(*(written(at) for at in range(5))), batch=2, report=seen.append)

        assert [each.done for each in seen] == [2, 4, 5, 5]
        assert {each.total for each in seen} == {5}
        assert all(each.rate > 0 for each in seen)
        assert seen[0].eta > 0
        assert seen[-1].eta == 0


class TestRejects:
    async def test_no_value_is_written_and_only_the_owner_may_read(self, bring, lines, tmp_path):
        place = tmp_path / "wrong.jsonl"
        done = await bring("people", lines(written(0, sex="Secret", phone="Secret")), rejects=place)

        assert done.rejects == place
        assert "Secret" not in place.read_text()
        assert place.stat().st_mode & 0o077 == 0

    async def test_they_never_overwrite_the_file_itself(self, bring, lines):
        file = lines("{")

        with pytest.raises(ImportFileError, match="overwrite"):
            await bring("people", file, rejects=file.parent / "." / file.name)
        assert file.read_text() == "{\n"


class TestHouseholds:
    async def test_a_line_of_json_enters_a_household(self, bring, lines, residents, housed):
        record = HOME | {"members": residents[:2], "declarant": residents[0], "size": 2}
        done = await bring("households", lines(record))

        assert (done.taken, rejected(done)) == (1, [])
        assert await housed() == 1

    async def test_a_row_of_a_spreadsheet_enters_a_household(self, bring, table, residents, housed):
        record = HOME | {
            "members": " ".join(residents), "declarant": residents[1], "size": 3,
            "bath_or_shower": "true", "computer": "false", "butane": "360.50", "cars": "",
        }  # fmt: skip
        done = await bring("households", table(record))

        assert (done.taken, rejected(done)) == (1, [])
        assert await housed() == 1

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"declarant": None}, ("declarant", "not-an-idcs")),
            ({"size": 1}, ("size", "fewer-than-members")),
            ({"literate": 9}, ("literate", "inconsistent")),
        ],
    )
    async def test_one_wrong_field_rejects_for_its_own_reason_alone(
        self, bring, lines, residents, change, told
    ):
        record = HOME | {"members": residents[:2], "declarant": residents[0], "size": 2}
        done = await bring("households", lines(record | change))

        assert (done.taken, rejected(done)) == (0, [(1, *told)])

    async def test_strangers_to_the_register_are_rejected_where_they_stand(
        self, bring, lines, residents
    ):
        stranger = idcs.checked("234567890")
        record = HOME | {"members": residents[:2], "declarant": stranger, "size": 2}
        other = HOME | {"members": [residents[2], stranger], "declarant": residents[2], "size": 2}
        done = await bring("households", lines(record, other))

        assert rejected(done) == [
            (1, "declarant", "not-on-register"),
            (2, "members", "not-on-register"),
        ]

    async def test_nobody_is_brought_into_two_households(self, bring, lines, residents, housed):
        one = HOME | {"members": residents[:2], "declarant": residents[0], "size": 2}
        two = HOME | {"members": residents[1:], "declarant": residents[2], "size": 2}
        done = await bring("households", lines(one, two))

        assert rejected(done) == [(2, "members", "in-another-household")]
        assert await housed() == 1

    async def test_one_file_may_be_tried_as_people_and_then_as_households(
        self, bring, lines, residents
    ):
        file = lines(HOME | {"members": residents[:1], "declarant": residents[0], "size": 1})

        assert (await bring("people", file)).taken == 0
        assert (await bring("households", file)).taken == 1
