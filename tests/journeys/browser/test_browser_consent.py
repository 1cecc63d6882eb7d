"""The consent screen in a browser: a choice per item, no dark pattern (EDPB 03/2022)."""

import re

import pytest

pytestmark = pytest.mark.browser

STYLES = (
    "color", "background-color", "border-top-color", "border-top-width", "border-top-style",
    "border-radius", "font-size", "font-weight", "font-family", "padding-top", "padding-left",
    "padding-bottom", "text-decoration-line", "text-transform", "opacity", "box-shadow",
    "cursor", "visibility", "order",
)  # fmt: skip
LOOK = "(node, names) => names.map(name => getComputedStyle(node).getPropertyValue(name))"


@pytest.fixture
def question(browse, sign_in, world):
    """The screen, in front of a citizen who has just signed in."""

    def question(*attributes, language="en", **options):
        page = browse(language=language, **options)
        sign_in(page, world.citizen(), at=world.asks(*attributes))
        page.wait_for_url("**/consent/**")
        return page

    return question


def requests_made(page, act):
    seen = []
    page.on(
        "request", lambda request: request.is_navigation_request() and seen.append(request.method)
    )
    act()
    page.wait_for_url("**/done")
    return seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_yes_and_no_look_the_same_and_are_seen_early(question, language, scheme):
    """Styles, place and size; both within the first two screens of a small phone."""
    page = question(
        "eligibility",
        "phone",
        "address",
        language=language,
        scripts=True,
        color_scheme=scheme,
        viewport={"width": 320, "height": 640},
    )
    yes, no = page.locator("[name=answer]").all()
    assert yes.evaluate(LOOK, STYLES) == no.evaluate(LOOK, STYLES)
    one, other = yes.bounding_box(), no.bounding_box()
    assert one["y"] == other["y"]
    assert one["height"] == other["height"]
    assert abs(one["width"] - other["width"]) < 1
    assert one["y"] + one["height"] <= 2 * 640
    assert page.locator(":checked").count() == 0


def test_nothing_presses_and_nothing_is_said_by_the_programme(question):
    page = question("eligibility", "phone", "address")
    text = page.locator("main").inner_text()
    assert "AMO Tadamon" in text
    assert "National Social Security Fund" in text
    assert not re.search(
        r"\d+ seconds|hurry|last chance|recommended|are you sure", text, re.IGNORECASE
    )
    assert page.locator("main form").count() == 1
    assert page.locator("input[type=checkbox]").count() == 2


def test_agreeing_to_some_gives_those_and_a_receipt_and_goes_on(question):
    page = question("eligibility", "phone", "address")
    page.get_by_label("Phone").check()
    made = requests_made(page, lambda: page.get_by_role("button", name="I agree").click())
    assert made.count("POST") == 1

    given = page.locator("main dd ul li").all_inner_texts()
    assert len(given) == 2
    assert not any("Address" in each for each in given)

    onward = page.get_by_role("link", name="Continue to")
    receipt = page.get_by_role("link", name="The receipt")
    with page.context.expect_page() as opened:
        receipt.click(modifiers=["ControlOrMeta"])
    assert "Receipt" in opened.value.locator("h1").inner_text()
    opened.value.close()

    onward.click()
    page.wait_for_url("https://programme.example/callback**")
    assert {"code=", "state=", "iss="} <= {
        f"{part.partition('=')[0]}=" for part in page.url.partition("?")[2].split("&")
    }


def test_refusing_takes_as_many_requests_as_agreeing_and_says_no_more_than_no(question):
    yes = question("eligibility", "phone", "address")
    agreed = requests_made(yes, lambda: yes.get_by_role("button", name="I agree").click())
    no = question("eligibility", "phone", "address")
    refused = requests_made(no, lambda: no.get_by_role("button", name="I do not agree").click())
    assert agreed == refused

    assert no.get_by_role("link", name="The receipt").count() == 0
    no.get_by_role("link", name="Continue to").click()
    no.wait_for_url("https://programme.example/callback**")
    assert "error=access_denied" in no.url
    assert "code=" not in no.url


def test_a_question_belongs_to_the_session_that_opened_it(question, browse, sign_in, world):
    address = question("eligibility").url
    other = browse()
    sign_in(other, world.citizen(), at=address)
    other.wait_for_url("**/consent/**")
    assert "expired" in other.locator("h1").inner_text()


def test_an_answered_question_shows_its_answer_and_is_not_asked_again(question):
    page = question("eligibility")
    address = page.url
    page.get_by_role("button", name="I do not agree").click()
    page.wait_for_url("**/done")
    page.goto(address)
    assert page.url.endswith("/done")


def test_an_unknown_question_says_that_nothing_was_shared(browse, sign_in, world):
    page = browse()
    sign_in(page, world.citizen(), at=f"{world.public}/en/consent/no-such-question")
    page.wait_for_url("**/consent/**")
    assert "Nothing was shared" in page.locator("main").inner_text()
