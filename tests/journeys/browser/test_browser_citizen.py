"""A citizen's way through the portal, without JavaScript: who looked, stop, proof, lock."""

import hashlib
import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def agreed(browse, sign_in, world):
    """A citizen who has just agreed to two of three items."""

    def agreed(language="en"):
        page = browse(language=language)
        sign_in(page, world.citizen(), at=world.asks("eligibility", "phone", "address"))
        page.wait_for_url("**/consent/**")
        page.locator("#item-phone").check()
        page.locator("[name=answer][value=agree]").click()
        page.wait_for_url("**/done")
        return page

    return agreed


def test_the_first_page_needs_no_account_and_speaks_one_s_language(browse, world):
    page = browse(language="fr")
    page.goto(world.public)
    assert page.url == f"{world.public}/fr"
    page.get_by_role("link", name="العربية").click()
    assert page.locator("html").get_attribute("dir") == "rtl"


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_stopping_an_agreement_takes_one_page_and_leaves_a_receipt(agreed, world, language):
    page = agreed(language)
    page.goto(f"{world.public}/{language}/agreements")
    assert page.locator("article.agreed").count() >= 1
    assert page.locator("article.law .button").count() == 0  # by law: nothing to switch off

    page.locator("article.agreed .button").first.click()
    consequences = page.locator("main").inner_text()
    assert "AMO" in consequences or "أمو" in consequences
    page.locator("[value=stop]").click()
    page.wait_for_url("**/stopped")
    assert page.locator("h1").count() == 1

    page.go_back()
    page.reload()
    assert page.url.endswith("/stopped")  # stopping twice is not an error


def test_the_history_shows_what_happened_with_its_proof(agreed, world, tmp_path):
    page = agreed()
    page.goto(f"{world.public}/en/history")
    assert "on record" in page.locator(".lede").inner_text()
    page.get_by_role("link", name=re.compile("^Me ")).click()
    assert "who=me" in page.url
    page.locator("main li h2").first.wait_for()
    assert page.locator("main li h2", has_text="You").count() >= 1

    page.get_by_role("link", name=re.compile("Details and proof")).first.click()
    for _ in range(40):
        if page.get_by_role("link", name="Download the proof").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the proof").click()
    kept = tmp_path / "proof.json"
    download.value.save_as(kept)
    assert holds(json.loads(kept.read_text()))


def test_locking_the_record_is_one_step_and_so_is_unlocking(browse, sign_in, world):
    page = browse()
    sign_in(page, world.citizen())
    page.get_by_role("link", name="Lock", exact=True).click()
    page.get_by_role("button", name="Lock the record").click()
    assert "Your record is locked" in page.locator("main").inner_text()
    page.goto(f"{world.public}/en/me")
    assert "Your record is locked" in page.locator("main").inner_text()
    page.goto(f"{world.public}/en/lock")
    page.get_by_role("button", name="Unlock the record").click()
    assert "Your record is open" in page.locator("main").inner_text()


def test_objecting_to_what_the_law_leaves_open_and_taking_it_back(browse, sign_in, world):
    page = browse()
    sign_in(page, world.citizen())
    page.goto(f"{world.public}/en/agreements/by-law/amo-tadamon/enrolment")
    page.get_by_role("button", name="Object to this access").click()
    assert "You object" in page.locator("main").inner_text()
    page.get_by_role("button", name="Lift the objection").click()
    assert "You object" not in page.locator("main").inner_text()


def test_a_wrong_password_and_an_unknown_identifier_look_the_same(browse, world):
    pages = []
    for identifier in (world.citizen().identifier, "2999999999"):
        page = browse()
        page.goto(f"{world.public}/en/sign-in")
        page.locator("#identifier").fill(identifier)
        page.locator("#password").fill("not the password")
        page.locator("main button").first.click()
        expect(page).to_have_title(re.compile("Error:"))
        assert page.locator("#identifier").input_value() == identifier
        assert page.locator("#password").input_value() == ""
        pages.append(page.locator("main").text_content())
    assert pages[0] == pages[1]


def test_the_error_summary_leads_to_the_field(browse, world):
    page = browse()
    page.goto(f"{world.public}/en/sign-in")
    page.locator("main button").first.click()
    page.locator(".problems a").first.click()
    assert page.url.endswith("#identifier")
    assert page.locator("#identifier").get_attribute("aria-invalid") == "true"


def test_signing_out_closes_the_pages_behind(browse, sign_in, world):
    page = browse()
    sign_in(page, world.citizen())
    page.wait_for_url("**/me")
    with page.expect_response("**/sign-out") as left:
        page.get_by_role("button", name="Sign out").click()
    assert "cookies" in left.value.all_headers()["clear-site-data"]
    page.goto(f"{world.public}/en/me")
    assert "/sign-in" in page.url


def test_another_person_s_agreement_is_not_there(agreed, browse, sign_in, world):
    page = agreed()
    address = page.get_by_role("link", name=re.compile("Stop the agreement")).get_attribute("href")
    other = browse()
    sign_in(other, world.citizen())
    other.wait_for_url("**/me")
    assert other.goto(f"{world.public}{address}").status == 404


def holds(proof):
    """RFC 9162, 2.1.3.2, from the text of the RFC: nothing of ours is used to check it."""
    index, last = proof["index"], proof["size"] - 1
    found = bytes.fromhex(proof["leaf_hash"])
    for each in map(bytes.fromhex, proof["hashes"]):
        if last == 0:
            return False
        if index & 1 or index == last:
            found = hashlib.sha256(b"\x01" + each + found).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + each).digest()
        index, last = index >> 1, last >> 1
    return last == 0 and found.hex() == proof["root"]
