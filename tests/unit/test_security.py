"""The edge against the network, on a small app of its own."""

import pytest
from litestar import Litestar, get, post
from litestar.testing import AsyncTestClient, RequestFactory

from api import security
from api.settings import Settings

SETTINGS = Settings(issuer="https://amana.example")
OURS = "https://amana.example"


@pytest.fixture
async def client():
    @post("/form", status_code=200)
    async def form() -> str:
        return "taken"

    @post("/v1/answers", status_code=200)
    async def answers() -> str:
        return "answered"

    @get("/page")
    async def page() -> str:
        return "page"

    app = Litestar(
        [form, answers, page],
        middleware=[security.SameOrigin(OURS)],
        before_send=[security.response_headers(SETTINGS)],
        logging_config=None,
    )
    async with AsyncTestClient(app, base_url=OURS) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": OURS}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": OURS}, 200),
        ({"Origin": "null"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://amana.example.evil.example"}, 403),
        ({}, 200),
    ],
)
async def test_a_form_is_taken_from_our_own_pages_alone(client, headers, status):
    assert (await client.post("/form", headers=headers)).status_code == status


async def test_a_programme_calls_from_wherever_it_stands(client):
    headers = {"Origin": "https://programme.example", "Sec-Fetch-Site": "cross-site"}

    assert (await client.post("/v1/answers", headers=headers)).text == "answered"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/page"), ("GET", "/nowhere"), ("PUT", "/page")]
)
async def test_every_answer_carries_the_hard_headers(client, method, path):
    headers = (await client.request(method, path)).headers

    assert headers["content-security-policy"] == security.CSP
    assert headers["strict-transport-security"] == security.HSTS
    assert headers["cache-control"] == "no-store"
    assert len(headers["x-request-id"]) == 16


def test_cookies_are_of_this_host_alone_where_browsers_come_by_https():
    cookie = security.session_cookie(SETTINGS, "session", "x").to_header(header="")

    assert cookie.startswith("__Host-amana-session=x;")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "caller"),
    [
        ("", "203.0.113.9", "", "203.0.113.9"),
        ("", "203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.2", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.0/8", "10.0.0.2", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.0/8", "10.0.0.2", "198.51.100.7, 10.0.0.3", "198.51.100.7"),
        ("10.0.0.0/8", "203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.0/8", "10.0.0.2", "nonsense", "nonsense"),
    ],
)
def test_only_a_proxy_of_ours_says_who_called(proxies, peer, forwarded, caller):
    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded} if forwarded else {})
    request.scope["client"] = (peer, 1)
    settings = Settings(issuer=OURS, trusted_proxies=proxies)

    assert security.caller(request, settings) == caller
