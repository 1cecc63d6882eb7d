"""The agency's pages: which programmes may ask, and what is wrong with their keys."""

import json
import re

import pytest

LIST = "/en/agency/programmes"
NEW = f"{LIST}/new"


@pytest.fixture(scope="module")
def agency(world, browse):
    return browse(world.console).sign_in(world.agency, staff=True)


def registration(**change):
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256", {"kid": "asd-1", "use": "sig"})
    sound = {
        "programme": "asd",
        "name": "ASD",
        "alg": "ES256",
        "jwks": json.dumps({"keys": [key.as_dict(private=False)]}),
        "redirect_uris": "https://asd.example/back\r\nhttps://asd.example/back-2",
        "jwks_uri": "",
        "notify_url": "https://asd.example/events",
    }
    return sound | change


def card(visitor, client_id):
    """The part of the page that is about one programme."""
    cards = re.findall(r"<section.*?</section>", visitor.body.decode(), re.DOTALL)
    (found,) = [each for each in cards if f">{client_id}</code>" in each]
    return found


def test_the_agency_s_front_page_is_its_programmes_and_it_reads_no_log(agency):
    agency.get("/en")

    assert agency.address.endswith(LIST)
    assert "amo-tadamon" in agency.text
    assert agency.get("/en/dpo/log").status == 403
    assert agency.get("/en/desk").status == 403


def test_the_dpo_reads_that_the_agency_was_refused(world, browse, agency):
    agency.get("/en/dpo/log")
    dpo = browse(world.console).sign_in(world.dpo(), staff=True)

    assert dpo.get("/en/dpo").status == 200
    assert "Programme officer of the agency" in dpo.text


def test_others_neither_see_the_programmes_nor_change_them(world, browse):
    dpo = browse(world.console).sign_in(world.dpo(), staff=True)

    assert dpo.get(LIST).status == 403
    assert dpo.get(NEW).status == 403
    assert dpo.post(NEW, registration()).status == 403
    assert dpo.post(f"{LIST}/amo-tadamon", {"answer": "suspend"}).status == 403


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"jwks": "{no JSON"}, "key"),
        ({"jwks": "[]"}, "key"),
        ({"jwks_uri": "https://asd.example/keys"}, "not both"),
        ({"jwks": "", "jwks_uri": "http://asd.example/keys"}, "https"),
        ({"redirect_uris": "https://asd.example/../back"}, "dot segment"),
        ({"programme": "no-such-programme"}, "the catalogue"),
        ({"programme": "amo-tadamon"}, "registered already"),
        ({"notify_url": "http://asd.example/events"}, "https"),
    ],
)
def test_a_registration_that_does_not_hold_comes_back_as_it_was_typed(agency, change, words):
    page = agency.get(NEW).post(NEW, registration(name="<i>Typed</i>", **change))

    assert page.status == 200
    problems = re.search(r'role="alert".*?</div>', page.body.decode(), re.DOTALL)[0]
    assert words in problems
    assert "&lt;i&gt;Typed&lt;/i&gt;" in page.body.decode()


def test_a_programme_is_registered_suspended_and_resumed(agency):
    agency.get(NEW).post(NEW, registration())

    assert agency.address.endswith(LIST)
    assert "Active" in card(agency, "asd")
    assert "asd-1" in card(agency, "asd")
    assert "Suspended" in card(agency.post(f"{LIST}/asd", {"answer": "suspend"}), "asd")
    assert "Suspended" in card(agency.post(f"{LIST}/asd", {"answer": "anything"}), "asd")
    assert "Active" in card(agency.post(f"{LIST}/asd", {"answer": "resume"}), "asd")
    assert agency.post(f"{LIST}/no-such", {"answer": "suspend"}).status == 404


def test_a_key_that_ends_and_a_set_that_is_not_read_are_shown(agency):
    page = card(agency.get(LIST), "minhaty")

    assert "The last key ends soon" in page
    assert "minhaty-1" in page
    assert "could not be read for more than a day" in page
    assert "The server cannot be reached" in page
    assert "What the programme was told" in page
    assert "No answer in time" in page
