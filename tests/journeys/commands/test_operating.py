"""What an operator does by the command line, and how it says that something is wrong."""

import json
import re
import stat

import pytest
from joserfc.jwk import ECKey

from identity.login import accounts as owners
from identity.login import recovery_codes, sessions
from vault import database as db

PROGRAMME = (
    "programme", "add", "--id", "amo-tadamon", "--name", "AMO", "--agreement",
    "amo-tadamon/enrolment", "--redirect-uri", "https://amo.example/callback", "--jwks",
)  # fmt: skip


@pytest.fixture
def jwks(tmp_path):
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": "one"})
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    return str(file)


def test_a_root_key_is_made_once_and_is_its_owner_s_alone(amana, settings):
    first = amana("keys", "init")
    key = (settings.keys / "root-1.key").read_bytes()
    second = amana("keys", "init")

    assert first.exit_code == second.exit_code == 0
    assert (settings.keys / "root-1.key").read_bytes() == key
    assert stat.S_IMODE((settings.keys / "root-1.key").stat().st_mode) == 0o400


def test_without_a_root_key_the_way_to_one_is_named(amana):
    amana("migrate")
    answer = amana("log", "verify")

    assert answer.exit_code == 1
    assert "amana keys init" in answer.stderr


def test_without_a_schema_the_way_to_one_is_named(amana):
    amana("keys", "init")
    answer = amana("log", "verify")

    assert answer.exit_code == 1
    assert "amana migrate" in answer.stderr


def test_migrating_can_be_asked_about_and_repeated(amana):
    before = amana("migrate", "--check")
    first, second, after = amana("migrate"), amana("migrate"), amana("migrate", "--check")

    assert before.exit_code == 1
    assert (first.exit_code, second.exit_code, after.exit_code) == (0, 0, 0)


def test_every_problem_of_a_catalogue_is_named_with_file_and_line(amana, tmp_path):
    folder = tmp_path / "catalogue"
    folder.mkdir()
    (folder / "purposes.toml").write_text('[purpose.a]\ndpv = "x"\n\n[purpose.b]\nunknown = 1\n')

    answer = amana("catalogue", "check", str(folder))

    assert answer.exit_code == 1
    assert re.search(r"purposes\.toml:\d+: ", answer.stderr)
    assert re.search(r"Error: \d+ problems", answer.stderr)


def test_the_catalogue_that_ships_is_whole(amana):
    assert amana("catalogue", "check").exit_code == 0


def test_a_programme_is_registered_listed_suspended_and_goes_on(installed, jwks):
    assert installed(*PROGRAMME, jwks).exit_code == 0
    assert "amo-tadamon\tactive" in installed("programme", "list").output

    assert installed("programme", "suspend", "amo-tadamon").exit_code == 0
    assert "amo-tadamon\tsuspended" in installed("programme", "list").output
    assert installed("programme", "suspend", "amo-tadamon").exit_code == 1

    assert installed("programme", "resume", "amo-tadamon").exit_code == 0
    assert "amo-tadamon\tactive" in installed("programme", "list").output


def test_a_registration_that_is_wrong_names_everything_and_writes_nothing(installed, tmp_path):
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    answer = installed(
        "programme", "add", "--id", "nobody", "--name", "N", "--agreement", "asd/eligibility",
        "--redirect-uri", "http://elsewhere.example", "--jwks", str(tmp_path / "jwks.json"),
    )  # fmt: skip

    assert answer.exit_code == 1
    assert answer.stderr.count("\n  ") >= 3
    assert installed("programme", "list").output == ""


def test_keys_that_are_no_json_are_a_usage_error(installed, tmp_path):
    (tmp_path / "jwks.json").write_text("not json")

    assert installed(*PROGRAMME, str(tmp_path / "jwks.json")).exit_code == 2


def test_staff_are_added_once_and_closed_once(installed):
    added = installed("staff", "add", "dpo-1", "--role", "dpo")
    again = installed("staff", "add", "dpo-1", "--role", "operator")
    closed = installed("staff", "close", "dpo-1")

    assert added.exit_code == 0
    assert "otpauth://totp/" in added.stdout
    assert again.exit_code == 1
    assert closed.exit_code == 0
    assert installed("staff", "close", "dpo-1").exit_code == 1


def test_a_number_that_is_nobodys_has_no_portal_account(installed):
    answer = installed("citizen", "activate", input="2345678903\n")

    assert answer.exit_code == 1
    assert "no such number" in answer.stderr


def test_new_secrets_of_an_account_end_what_the_older_opened(installed, desk, citizens):
    person = citizens[0]
    owner = owners.of_citizen(person.subject)

    async def use(held):
        async with db.begin(held.database) as tx:
            await recovery_codes.make(tx, owner)
            return await sessions.start_citizen(tx, person.subject)

    async def look(held):
        async with db.begin(held.database) as tx:
            kept = await recovery_codes.left(tx, owner)
            return await sessions.citizen(tx, token), kept

    first = installed("citizen", "activate", input=f"{person.idcs}\n")
    token = desk.do(use)
    second = installed("citizen", "activate", input=f"{person.idcs}\n")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout != second.stdout
    assert desk.do(look) == (None, 0)


def test_the_key_of_tokens_is_rotated(installed):
    first, second = (installed("token", "keys", "rotate") for _ in range(2))

    assert first.exit_code == second.exit_code == 0
    assert first.output != second.output


def test_an_empty_log_is_whole_and_nothing_waits(installed):
    verified = installed("log", "verify")

    assert verified.exit_code == 0
    assert "whole" in verified.output
    assert installed("log", "backlog", "--at-most", "0").output.strip() == "0"
