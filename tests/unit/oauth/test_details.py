import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.oauth import details
from api.oauth.details import Disclosure
from api.oauth.errors import Denied
from identity.programmes import Client, ClientState
from policies import catalogue as catalogues

FOLDER = Path(catalogues.__file__).parent / "catalogue"
CATALOGUE = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
)
DAY = date(2026, 11, 24)
AGREEMENT = "amo-tadamon/enrolment"
PURPOSE = "social-support/health-cover"
CLIENT = Client(
    client_id="amo-tadamon",
    name="AMO",
    jwks={"keys": []},
    redirect_uris=(),
    agreements=(AGREEMENT,),
    alg="ES256",
    state=ClientState.ACTIVE,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
BY_LAW = {"given_name": "match", "birth_date": "match"}
BY_CONSENT = {"eligibility": "decision", "phone": "raw", "address": "commune"}


def asked(attributes, **change):
    sound = {"agreement": AGREEMENT, "purpose": PURPOSE, "attributes": attributes}
    return Disclosure(type=details.TYPE, **(sound | change))


def reason(found):
    """Ours; whoever is refused is told in a sentence."""
    if not isinstance(found, Denied):
        return None
    assert found.description
    return found.reason


def text(**change):
    sound = {
        "type": "amana_disclosure",
        "agreement": AGREEMENT,
        "purpose": PURPOSE,
        "attributes": BY_LAW,
    }
    members = {name: value for name, value in (sound | change).items() if value is not ...}
    return json.dumps([members])


def test_one_object_of_our_type_is_read():
    assert details.parse(text()) == asked(BY_LAW)
    assert details.parse(text().ljust(details.DETAILS_CHARACTERS)) == asked(BY_LAW)


@pytest.mark.parametrize(
    ("given_text", "why"),
    [
        (None, "details-missing"),
        ("{", "details-malformed"),
        ("{}", "details-malformed"),
        ("null", "details-malformed"),
        ('["amana_disclosure"]', "details-malformed"),
        (text(type=...), "details-malformed"),
        (text(type="payment_initiation"), "details-malformed"),
        (text(agreement=...), "details-malformed"),
        (text(purpose=...), "details-malformed"),
        (text(attributes=...), "details-malformed"),
        (text(attributes=["given_name"]), "details-malformed"),
        (text(attributes={"given_name": 1}), "details-malformed"),
        (text(locations=["https://x"]), "details-malformed"),
        (text(anything=1), "details-malformed"),
        (text()[:-1] + "," + text()[1:], "details-count"),
        ("[]", "details-count"),
        (text(attributes={}), "details-count"),
        (text(attributes={f"a{n}": "raw" for n in range(65)}), "details-count"),
        ('[{"type":"amana_disclosure","type":"amana_disclosure"}]', "details-malformed"),
        (text().replace('"purpose"', '"purpose": "x", "purpose"'), "details-malformed"),
        (text() + ',"more":1', "details-malformed"),
        ("[" * 5000 + "]" * 5000, "details-malformed"),
        (text().ljust(details.DETAILS_CHARACTERS + 1), "details-too-large"),
    ],
    ids=lambda it: str(it)[:40],
)
def test_attack_89_details_off_the_schema_are_refused(given_text, why):
    found = details.parse(given_text)

    assert reason(found) == why
    assert found.error == "invalid_authorization_details"


def sent(disclosure):
    """As it is asked."""
    return msgspec.json.encode([disclosure]).decode()


@given(st.text(max_size=80))
def test_any_text_is_details_or_a_reason(given_text):
    assert isinstance(details.parse(given_text), Disclosure | Denied)


def test_what_the_law_has_needs_no_consent():
    assert details.under_law(sent(asked(BY_LAW)), CLIENT, CATALOGUE, DAY) == asked(BY_LAW)


def test_what_rests_on_consent_is_not_had_by_law():
    found = details.under_law(sent(asked(BY_CONSENT)), CLIENT, CATALOGUE, DAY)

    assert reason(found) == "details-attributes"


def test_what_rests_on_law_is_not_put_to_the_person():
    found = details.under_consent(asked(BY_CONSENT | BY_LAW), CLIENT, CATALOGUE, DAY)

    assert reason(found) == "details-attributes"


def test_the_items_of_the_agreement_are_put_to_the_person():
    assert details.under_consent(asked(BY_CONSENT), CLIENT, CATALOGUE, DAY) == asked(BY_CONSENT)


def test_an_optional_item_may_be_left_out():
    some = {"eligibility": "decision", "phone": "raw"}

    assert details.under_consent(asked(some), CLIENT, CATALOGUE, DAY) == asked(some)


def test_what_is_needed_may_be_all_that_is_asked():
    agreement = CATALOGUE.agreement(AGREEMENT, DAY)
    needed = {
        name: form for name, form in agreement.items.items() if name not in agreement.optional
    }

    assert details.under_consent(asked(needed), CLIENT, CATALOGUE, DAY) == asked(needed)


def test_an_agreement_counts_as_it_stands_on_the_day():
    now = msgspec.structs.replace(CATALOGUE.agreement(AGREEMENT, DAY), ends=DAY)
    # From tomorrow on: without the phone, and it needs the address.
    later = msgspec.structs.replace(
        now,
        effective=DAY + timedelta(days=1),
        ends=DAY + timedelta(days=100),
        optional=(),
        attributes={name: form for name, form in now.attributes.items() if name != "phone"},
    )
    both = msgspec.structs.replace(
        CATALOGUE, agreements={AGREEMENT: later}, versions={AGREEMENT: (now, later)}
    )

    def put(attributes, day):
        return details.under_consent(asked(attributes), CLIENT, both, day)

    some = {"eligibility": "decision", "phone": "raw"}
    assert put(some, DAY) == asked(some)
    assert reason(put(some, later.effective)) == "details-attributes"
    assert reason(put({"eligibility": "decision"}, later.effective)) == "details-required"


def test_a_needed_item_may_not():
    found = details.under_consent(asked({"phone": "raw"}), CLIENT, CATALOGUE, DAY)

    assert reason(found) == "details-required"


def test_a_form_that_the_notice_does_not_name_is_refused():
    found = details.under_consent(asked(BY_CONSENT | {"phone": "masked"}), CLIENT, CATALOGUE, DAY)

    assert reason(found) == "details-form"


def test_a_finer_form_than_the_agreement_has_is_narrowed_to_it():
    wide = BY_CONSENT | {"address": "raw"}

    assert details.under_consent(asked(wide), CLIENT, CATALOGUE, DAY) == asked(BY_CONSENT)


@pytest.mark.parametrize(
    ("change", "client", "day", "why"),
    [
        ({"agreement": "minhaty/scholarship"}, {}, DAY, "details-agreement"),
        ({"agreement": "no/such"}, {}, DAY, "details-agreement"),
        ({}, {"agreements": ()}, DAY, "details-agreement"),
        ({}, {"client_id": "asd"}, DAY, "details-agreement"),
        ({}, {}, date(2029, 1, 1), "details-agreement"),
        ({"purpose": "social-support"}, {}, DAY, "details-purpose"),
        ({"attributes": BY_LAW | {"phone": "raw"}}, {}, DAY, "details-attributes"),
        ({"attributes": {"no_such": "raw"}}, {}, DAY, "details-attributes"),
        ({"attributes": {"given_name": "no-such"}}, {}, DAY, "details-attributes"),
    ],
    ids=str,
)
def test_what_the_agreement_does_not_cover_is_refused(change, client, day, why):
    wanted = msgspec.structs.replace(asked(BY_LAW), **change)
    found = details.under_law(
        sent(wanted), msgspec.structs.replace(CLIENT, **client), CATALOGUE, day
    )

    assert reason(found) == why


def test_a_part_of_what_was_granted_may_be_asked():
    granted = asked(BY_CONSENT)

    assert details.within(None, granted, CATALOGUE) == granted
    part = asked({"phone": "masked"})
    assert details.within(part, granted, CATALOGUE) == part


@pytest.mark.parametrize(
    "wider",
    [
        asked({"given_name": "match"}),
        asked({"address": "raw"}),
        asked({"address": "province", "no_such": "raw"}),
        asked({"phone": "raw"}, purpose="social-support"),
        asked({"phone": "raw"}, agreement="asd/eligibility"),
    ],
    ids=str,
)
def test_attack_90_more_than_was_granted_is_refused(wider):
    assert reason(details.within(wider, asked(BY_CONSENT), CATALOGUE)) == "details-wider"
