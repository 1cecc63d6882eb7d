"""Chromium as Debian ships it, and axe-core: what the browser journeys need beside the world."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CALLBACK = "https://programme.example/callback"
AXE = Path(__file__).parents[1] / "vendor" / "axe.min.js"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    """The browser that Debian ships.

    One per module, not per session: while Playwright runs, it keeps an event loop running in
    this thread, and no test of another module could start one of its own.
    """
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        if _required("browser"):
            pytest.fail("browser is required here: no chromium", pytrace=False)
        pytest.skip("browser: no chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium, world):
    """Open a context; whatever the console complains of fails the test."""
    opened, complaints = [], []

    def browse(*, language="en", scripts=False, **options):
        context = chromium.new_context(
            java_script_enabled=scripts, locale=language, timezone_id="Africa/Casablanca", **options
        )
        context.set_default_timeout(20_000)
        context.route(f"{CALLBACK}*", lambda route: route.fulfill(body="the programme"))
        context.on("console", lambda message: complaints.append(_complaint(message)))
        context.on("response", lambda response: complaints.append(_broken(response)))
        opened.append(context)
        return context.new_page()

    yield browse
    for context in opened:
        context.close()
    assert [each for each in complaints if each] == []


@pytest.fixture
def sign_in(world):
    """Sign a citizen or a member of staff in, through the pages."""

    def sign_in(page, account, language="en", *, staff=False, at=None):
        origin = world.console if staff else world.public
        page.goto(at or f"{origin}/{language}/sign-in")
        page.locator("#identifier").fill(account.identifier)
        page.locator("#password").fill(account.password)
        if not staff:
            page.locator("main button").first.click()
        page.locator("#code").fill(account.code())
        page.locator("main button").first.click()
        # By its path: the address of the page that was wanted stands in the query.
        page.wait_for_url(lambda url: "/sign-in" not in urlsplit(url).path)

    return sign_in


def _complaint(message):
    """An error on the console (a breach of the CSP is one), but for pages meant to be missing."""
    expected = message.text.startswith("Failed to load resource")
    return message.text if message.type == "error" and not expected else ""


def _broken(response):
    """A fault of ours, or a missing part of a page."""
    page = response.request.resource_type == "document"
    return response.url if response.status >= (500 if page else 400) else ""


def _required(what):
    return what in os.environ.get("AMANA_REQUIRE", "").split(",")


@pytest.fixture(scope="session")
def axe():
    """Run axe-core on a page; the rules it breaks, and where."""
    source = AXE.read_text(encoding="utf-8")

    def run(page):
        page.evaluate(source)
        found = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice']})"
        )
        return [
            f"{each['id']}: {node['html'][:160]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    return run
