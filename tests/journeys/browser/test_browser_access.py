"""Every page for everyone: axe, two widths, three languages, both schemes; weight and print."""

import gzip
import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WIDTHS = (320, 1280)
HTML_BUDGET = 14 * 1024
FIRST_PAGE_BUDGET = 70 * 1024
TARGET = 44
PUBLIC = ["", "/sign-in", "/sign-in/code", "/no/such/page"]
OWN = [
    "/me",
    "/agreements",
    "/agreements/by-law/asd/eligibility",
    "/history",
    "/history/keep",
    "/lock",
    "/numbers",
    "/sessions",
    "/recovery-codes",
    "/security",
    "/security/app",
    "/security/codes",
    "/security/passkeys",
]
DPO = [
    "/sign-in",
    "/dpo",
    "/dpo/log",
    "/dpo/log?since=yesterday",
    "/dpo/integrity",
    "/dpo/approvals",
]
DESK = [
    "/desk",
    "/desk/person/new",
    "/desk/emergency",
    "/desk/unlock",
    "/password",
    "/trace",
    "/proposals",
    "/proposals/new",
]
TARGETS = (
    "main button, main input:not([type=hidden], [type=checkbox]), main select, main summary, "
    ".main a, .main button, .tongues a, .chips a, .tick"
)
SMALL = """([wanted, least]) => [...document.querySelectorAll(wanted)]
    .filter(node => node.getBoundingClientRect().height < least - 0.5)
    .map(node => node.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def states(chromium, world):
    """Cookies of a citizen who agreed to something, of the DPO, of the operator; own links."""
    return {}


@pytest.fixture
def entered(browse, sign_in, world, states):
    """Sign in once for all tests of this module, and agree to something."""

    def entered():
        if states:
            return states
        page = browse(language="en")
        sign_in(page, world.citizen(), at=world.asks("eligibility", "phone", "address"))
        page.wait_for_url("**/consent/**")
        page.locator("[value=agree]").click()
        page.wait_for_url("**/done")
        done = path(page.url)
        receipt = page.get_by_role("link", name="The receipt").get_attribute("href")
        stop = page.get_by_role("link", name=re.compile("Stop the agreement")).get_attribute("href")
        page.goto(f"{world.public}/en/history")
        entry = page.get_by_role("link", name=re.compile("Details")).first.get_attribute("href")
        page.goto(world.asks("eligibility", "phone", "address"))
        asked = path(page.url)
        links = [asked, done, receipt, stop, stop.removesuffix("/stop"), entry]
        links.append("/en/numbers/at/amo-tadamon")
        states["own"] = [each.removeprefix("/en") for each in links]
        states["citizen"] = page.context.storage_state()
        for name, account in (("dpo", world.dpo()), ("operator", world.operator())):
            page = browse()
            sign_in(page, account, staff=True)
            page.get_by_role("button", name="Sign out").wait_for()
            states[name] = page.context.storage_state()
        return states

    return entered


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_portal_is_accessible(look, world, entered, language, scheme):
    found = entered()
    visited = [(None, each) for each in PUBLIC]
    visited += [(found["citizen"], each) for each in OWN + found["own"]]
    assert look(world.public, visited, language, scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_console_is_accessible(look, world, entered, language, scheme):
    found = entered()
    visited = [(found["dpo"], each) for each in DPO] + [(found["operator"], each) for each in DESK]
    assert look(world.console, visited, language, scheme) == []


@pytest.fixture
def look(browse, axe):
    """Everything wrong with these pages, at both widths."""

    def look(origin, visited, language, scheme):
        wrong = []
        for width in WIDTHS:
            pages = {}
            for state, address in visited:
                page = pages.get(id(state)) or browse(
                    language=language,
                    scripts=True,
                    color_scheme=scheme,
                    storage_state=state,
                    viewport={"width": width, "height": 800},
                )
                pages[id(state)] = page
                answer = page.goto(f"{origin}/{language}{address}")
                found = faults(page, axe, answer.body())
                wrong += [f"{address} at {width}: {each}" for each in found]
        return wrong

    return look


def faults(page, axe, html):
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    wrong = axe(page) + [f"small: {each}" for each in page.evaluate(SMALL, [TARGETS, TARGET])]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append("scrolls sideways")
    if len(gzip.compress(html)) > HTML_BUDGET:
        wrong.append("too heavy")
    return wrong


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_first_page_is_light(browse, world, language):
    page = browse(language=language)
    bodies = []
    page.on("response", lambda response: bodies.append(response))  # noqa: PLW0108  (no builtins there)
    page.goto(f"{world.public}/{language}", wait_until="networkidle")
    weights = {each.url: len(gzip.compress(each.body())) for each in bodies}
    assert sum(weights.values()) <= FIRST_PAGE_BUDGET, weights
    assert len(weights) <= 8, weights


def test_everything_comes_from_here(browse, world):
    page = browse()
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(f"{world.public}/en", wait_until="networkidle")
    assert hosts == {world.public.removeprefix("http://")}


def test_a_receipt_prints_on_one_sheet(browse, world, entered):
    found = entered()
    for language in ("ar", "fr", "en"):
        page = browse(language=language, storage_state=found["citizen"])
        page.goto(f"{world.public}/{language}{found['own'][2]}")
        printed = page.pdf(format="A4")
        assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1


def test_the_keyboard_reaches_the_content_first_and_sees_where_it_is(browse, world):
    page = browse(scripts=True)
    page.goto(f"{world.public}/en/sign-in")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "identifier"
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


def test_wide_text_spacing_loses_nothing(browse, world, entered):
    """WCAG 2.2, 1.4.12."""
    found = entered()
    page = browse(
        scripts=True, storage_state=found["citizen"], viewport={"width": 320, "height": 800}
    )
    page.goto(f"{world.public}/ar/agreements")
    page.evaluate(
        "document.querySelectorAll('*').forEach(each => { each.style.lineHeight = '1.5';"
        " each.style.letterSpacing = '0.12em'; each.style.wordSpacing = '0.16em'; })"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def path(address):
    return "/" + address.split("/", 3)[3]
