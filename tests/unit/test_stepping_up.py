"""How a person signed in is enough, or what lacks is named (RFC 9470)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from policies import catalogue as catalogues
from policies import stepping_up
from policies.catalogue import CatalogueError
from policies.entries import SignIn
from policies.stepping_up import Proved, StepUp

FOLDER = Path(catalogues.__file__).parent / "catalogue"
SHIPPED = {
    path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.toml")
}
AMO = "agreements/amo-tadamon-enrolment.toml"
NAME = "amo-tadamon/enrolment"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
AGREEMENT = catalogues.compile(SHIPPED).agreements[NAME]


def lacking(sign_in, acr="two", ago=60):
    agreement = msgspec.structs.replace(AGREEMENT, sign_in=sign_in)
    at = None if ago is None else NOW - timedelta(seconds=ago)
    return stepping_up.lacking(agreement, Proved(acr=acr, auth_time=at), NOW)


def test_an_agreement_that_says_nothing_of_it_asks_nothing():
    assert lacking(msgspec.UNSET, acr=None, ago=None) is None
    assert stepping_up.lacking(None, Proved(acr=None, auth_time=None), NOW) is None


@pytest.mark.parametrize(("ago", "enough"), [(59, True), (60, True), (60.000001, False)])
def test_the_last_second_still_counts(ago, enough):
    assert lacking(SignIn(within_seconds=60), ago=ago) == (None if enough else StepUp(max_age=60))


def test_a_sign_in_of_which_nothing_is_known_is_never_enough():
    needed = SignIn(within_seconds=60, acr=("two",))

    assert lacking(needed, acr=None, ago=None) == StepUp(acr=("two",), max_age=60)


def test_any_of_the_named_ways_will_do_and_only_what_lacks_is_named():
    needed = SignIn(within_seconds=60, acr=("three", "two"))

    assert lacking(needed) is None
    assert lacking(needed, acr="one") == StepUp(acr=("three", "two"))
    assert lacking(needed, ago=61) == StepUp(max_age=60)


@pytest.mark.parametrize(
    ("acr", "wanted", "enough"),
    [
        (stepping_up.TWO_FACTORS, stepping_up.TWO_FACTORS, True),
        (stepping_up.PHISHING_RESISTANT, stepping_up.TWO_FACTORS, True),
        (stepping_up.PHISHING_RESISTANT, stepping_up.PHISHING_RESISTANT, True),
        (stepping_up.TWO_FACTORS, stepping_up.PHISHING_RESISTANT, False),
        (stepping_up.PHISHING_RESISTANT, "another", False),
        (None, stepping_up.TWO_FACTORS, False),
    ],
)
def test_a_passkey_is_enough_where_a_code_is_and_a_code_not_where_a_passkey_is(acr, wanted, enough):
    assert stepping_up.reaches(acr, {wanted}) is enough
    assert (lacking(SignIn(acr=(wanted,)), acr=acr) is None) is enough


def with_sign_in(table):
    written = f'\n[agreement."{NAME}".sign_in]\n{table}\n'.encode()
    return catalogues.compile(SHIPPED | {AMO: SHIPPED[AMO] + written})


def test_it_is_written_in_the_agreement_and_counts_in_its_hash():
    agreement = with_sign_in("within_seconds = 900").agreements[NAME]

    assert agreement.sign_in == SignIn(within_seconds=900)
    assert agreement.content_hash != AGREEMENT.content_hash
    assert b"sign_in" not in msgspec.json.encode(AGREEMENT)


@pytest.mark.parametrize("wrong", ["within_seconds = 0", 'acr = [" "]', "lately = 5"])
def test_what_is_no_sign_in_is_a_defect_of_the_catalogue(wrong):
    with pytest.raises(CatalogueError):
        with_sign_in(wrong)
