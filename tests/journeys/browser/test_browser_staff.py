"""The console without JavaScript: the DPO reviews, the operator registers, each their own duty."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_what_the_dpo_opens_the_citizen_sees(browse, sign_in, world):
    citizen = browse()
    sign_in(citizen, world.citizen())
    citizen.wait_for_url("**/me")

    page = browse()
    sign_in(page, world.dpo(), staff=True)
    page.wait_for_url("**/dpo")
    page.get_by_role("link", name="Access log").click()
    page.locator("#action").select_option("sign-in")
    page.locator("#actor").select_option("citizen:self")
    page.get_by_role("button", name="Search").click()
    assert "action=sign-in" in page.url
    page.get_by_role("link", name=re.compile("^See")).first.click()

    page.get_by_role("button", name="Open, and record it").click()
    expect(page).to_have_title(re.compile("Error:"))  # no reason, nothing opened
    page.locator("#reason").select_option("sampling")
    page.locator("#case").fill("DPO-2026-7")
    page.get_by_role("button", name="Open, and record it").click()
    assert "that is recorded" in page.locator("main").inner_text()

    citizen.goto(f"{world.public}/en/history?who=people")
    shown = citizen.locator("main").inner_text()
    assert re.search("Data protection officer, \u2068?A-[0-9A-F]{4}", shown)
    assert "DPO-2026-7" in shown
    assert "dpo" not in shown  # a role and a pseudonym, never the account


def test_the_log_verifies_from_the_console(browse, sign_in, world):
    page = browse()
    sign_in(page, world.dpo(), staff=True)
    page.goto(f"{world.console}/en/dpo/integrity")
    page.get_by_role("button", name="Verify now").click()
    for _ in range(40):
        if "The log is whole" in page.locator("main").inner_text():
            break
        page.wait_for_timeout(500)
        page.goto(f"{world.console}/en/dpo/integrity")
    assert "The log is whole" in page.locator("main").inner_text()


def test_an_operator_registers_a_person_and_twins_are_compared(browse, sign_in, world):
    page = browse()
    sign_in(page, world.operator(), staff=True)
    page.wait_for_url("**/desk")
    page.get_by_role("link", name="Start").click()
    page.locator("#given_name_ar").fill("Youssef")  # Latin letters in the Arabic field
    page.get_by_role("button", name="Check the answers").click()
    expect(page).to_have_title(re.compile("Error:"))
    assert page.locator("#given_name_ar").input_value() == "Youssef"

    typed = {
        "given_name_ar": "يوسف",
        "given_name_latin": "Youssef",
        "family_name_ar": "بناني",
        "family_name_latin": "Bennani",
        "birth_date": "1988-03-09",
        "birth_place": "Fès",
        "document_number": "CD998877",
        "file": "G-2026-1",
    }
    fill(page, typed)
    page.get_by_role("button", name="Check the answers").click()
    assert "يوسف" in page.locator("main").inner_text()
    page.get_by_role("button", name="Register", exact=True).click()
    number = page.locator(".number").inner_text()
    assert re.fullmatch(r"[2-9]\d{9}", number)

    page.goto(f"{world.console}/en/desk/person/new")
    fill(page, typed | {"document_number": "EF112233", "file": "G-2026-2"})
    page.get_by_role("button", name="Check the answers").click()
    page.get_by_role("button", name="Register", exact=True).click()
    compared = page.locator("main").inner_text()
    assert "already be on record" in compared
    assert "Youssef" in compared
    page.get_by_role("button", name="Someone else: register").click()
    assert page.locator(".number").inner_text() != number


def test_each_role_has_its_own_pages_and_no_other(browse, sign_in, world):
    operator = browse()
    sign_in(operator, world.operator(), staff=True)
    operator.wait_for_url("**/desk")
    assert operator.goto(f"{world.console}/en/dpo/log").status == 403
    dpo = browse()
    sign_in(dpo, world.dpo(), staff=True)
    dpo.wait_for_url("**/dpo")
    assert dpo.goto(f"{world.console}/en/desk/person/new").status == 403


def test_a_citizen_s_session_opens_nothing_of_the_console(browse, sign_in, world):
    page = browse()
    sign_in(page, world.citizen())
    page.wait_for_url("**/me")
    page.goto(f"{world.console}/en/dpo")
    assert "/sign-in" in page.url


def fill(page, typed):
    for field, value in typed.items():
        page.locator(f"#{field}").fill(value)
    page.locator("#sex").select_option("M")
    page.locator("#document_kind").select_option("cnie")
