"""What both fronts share: languages in the address, ways in, ways to fail."""

import re

import pytest
from litestar import Litestar, Response, get, post
from litestar.di import NamedDependency
from litestar.testing import TestClient

from api import fronts, security
from api.fronts import FrontDoor
from api.rendering import Page
from api.security import SignInNeededError
from api.settings import Settings
from policies.vocabulary import Language
from vault.envelope_errors import KeysUnavailableError

SETTINGS = Settings(issuer="http://testserver.local")
MENU = (("me", "me"), ("history", "history"))


@get("/")
async def first(page: NamedDependency[Page]) -> Response[str]:
    return page.show("portal/home.html", goodbye=False, address="https://amana.example")


@get("/breaks")
async def breaks(page: NamedDependency[Page]) -> Response[str]:
    raise RuntimeError("a value of a person")


@get("/away")
async def away(page: NamedDependency[Page]) -> Response[str]:
    raise KeysUnavailableError


@get("/private")
async def private() -> None:
    raise SignInNeededError


@post("/private")
async def change() -> None:
    raise SignInNeededError


@pytest.fixture
def client():
    door = FrontDoor(
        front="portal", settings=SETTINGS, sections=MENU, cookie=security.CITIZEN_COOKIE
    )
    app = Litestar(
        [fronts.first_page, door.router([first, breaks, away, private, change], {})],
        csrf_config=security.csrf(SETTINGS),
        before_send=[security.response_headers(SETTINGS)],
    )
    with TestClient(app) as opened:
        opened.follow_redirects = False
        yield opened


def title(html: str) -> str:
    return re.search("<title>(.*?)</title>", html).group(1)


@pytest.mark.parametrize(
    ("liking", "address"), [("fr-FR,fr;q=0.9", "/fr"), ("tzm", "/ar"), ("de", "/ar")]
)
def test_the_bare_address_leads_to_the_browser_s_language(client, liking, address):
    answer = client.get("/", headers={"accept-language": liking})
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert answer.headers["vary"] == "Accept-Language"


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("fr", "ltr"), ("en", "ltr")])
def test_each_language_has_its_page_and_direction(client, language, direction):
    html = client.get(f"/{language}").text
    assert f'<html lang="{language}" dir="{direction}">' in html


def test_the_language_links_keep_the_page_and_its_question(client):
    html = client.get("/fr/no/such/page?month=2026-11").text
    assert 'href="/ar/no/such/page?month=2026-11"' in html
    assert 'href="/en/no/such/page?month=2026-11"' in html


@pytest.mark.parametrize("path", ["/xx", "/de/me", "/ar/nothing", "/fr/me/too/deep"])
def test_what_is_not_there_is_a_page_that_says_so(client, path):
    answer = client.get(path, headers={"accept": "text/html", "accept-language": "en"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_machine_gets_a_problem_and_no_page(client):
    answer = client.get("/v1/nothing", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:amana:problem:not-found"


def test_a_fault_shows_a_number_and_nothing_else(client):
    answer = client.get("/fr/breaks")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.text
    assert "a value of a person" not in answer.text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "not available"), ("fr", "pas disponible"), ("ar", "غير متاحة")]
)
def test_threat_38_while_the_root_keys_are_away_the_page_says_so(client, language, words):
    answer = client.get(f"/{language}/away")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert words in title(answer.text)


def test_a_private_page_leads_to_sign_in_and_back(client):
    answer = client.get("/fr/private?a=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/fr/sign-in?next=%2Ffr%2Fprivate%3Fa%3D1"


def test_a_session_that_ended_says_so_and_is_forgotten(client):
    client.cookies.set("amana-session", "over")
    answer = client.get("/fr/private")
    assert answer.status_code == 401
    assert "session" in title(answer.text)
    assert "Max-Age=0" in answer.headers["set-cookie"]


def test_a_form_without_our_token_changes_nothing(client):
    answer = client.post("/fr/private", data={"_csrf_token": "forged"})
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")


def test_a_token_that_is_markup_stays_a_value(client):
    """CVE-2026-48060: a CSRF cookie was once copied into the form unescaped."""
    payload = '"><script>alert(1)</script>'
    client.cookies.set("amana-csrf", payload)
    client.cookies.set("amana-session", "x")  # the menu has a form of its own
    html = client.get("/en").text
    assert "_csrf_token" in html
    assert "<script>" not in html


@pytest.mark.parametrize("language", Language)
def test_addresses_to_go_on_to_are_ours(language):
    assert fronts.inside(f"/{language}/consent/7?x=1") == f"/{language}/consent/7?x=1"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://elsewhere.example/ar",
        "//elsewhere.example/ar",
        "/\\elsewhere.example",
        "/ar\\..\\x",
        "/xx/me",
        "ar/me",
        "/ar/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
    ],
)
def test_no_other_address_is_gone_on_to(address):
    assert fronts.inside(address) == ""
