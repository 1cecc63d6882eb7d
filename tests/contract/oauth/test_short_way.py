"""The short way answers as the whole way does: only sooner."""

import asyncio

import httpx2
import pytest
from litestar.datastructures import Headers

from api import erasures, observing, short_way
from api.app import BODY_LIMIT_BYTES
from vault.erasure_gate import Why

TOKEN, INTROSPECT = "/oauth/token", "/oauth/introspect"
FORM = {"content-type": "application/x-www-form-urlencoded"}
OWN = {"x-request-id", "dpop-nonce"}
"""Headers that are other ones each time."""


def alike(answer: httpx2.Response) -> tuple:
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    return answer.status_code, headers, answer.text


def test_what_is_asked_most_goes_the_short_way(house):
    assert set(house.app._short) == {("POST", TOKEN), ("POST", INTROSPECT)}


@pytest.mark.parametrize("path", [TOKEN, INTROSPECT])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        (FORM, b"grant_type=client_credentials"),
        (FORM, b"grant_type=a&grant_type=b"),
        ({"content-type": "application/json"}, b"{}"),
        (FORM, b"x" * (BODY_LIMIT_BYTES + 1)),
        (FORM, b"x=" + b"y" * 70_000),
        ([*FORM.items(), ("Content-Type", "application/json")], b"a=b"),
        ([("Content-Type", "application/json"), *FORM.items()], b"a=b"),
        ([*FORM.items(), ("Authorization", "Basic e9x="), ("DPoP", "a"), ("DPoP", "b")], b"a=b"),
    ],
    ids=[
        "nothing",
        "nobody",
        "twice",
        "json",
        "too-large",
        "form-too-large",
        "form-then-json",
        "json-then-form",
        "secret-and-proofs",
    ],
)
async def test_both_ways_refuse_alike(http, path, headers, body):
    # With a slash at its end an address is the same to the framework, and not to the short way.
    short, whole = [await http.post(path + end, content=body, headers=headers) for end in ("", "/")]
    assert alike(short) == alike(whole)
    assert short.status_code >= 400
    assert OWN - {"dpop-nonce"} <= short.headers.keys()


def test_headers_are_read_as_the_framework_reads_them():
    raw = [(b"a", b"1"), (b"b", "é".encode("latin-1")), (b"a", b"2"), (b"c", b"")]
    ours, theirs = short_way._Headers(raw), Headers(raw)
    for name in "abcd":
        assert ours.get(name) == theirs.get(name)
        assert ours.get(name, "x") == theirs.get(name, "x")
        assert ours.getall(name, []) == theirs.getall(name, [])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_another_method_goes_the_whole_way(http, method):
    answer = await http.request(method, TOKEN)
    assert answer.status_code == (204 if method == "OPTIONS" else 405)


async def test_both_ways_give_alike(http, house, amo):
    token = await amo.own_token()
    said = []
    for end in ("", "/"):
        form = amo.authenticated(token=token)
        said.append(alike(await http.post(INTROSPECT + end, data=form)))
    assert said[0] == said[1]
    assert said[0][0] == 200
    asked = await http.post(f"{INTROSPECT}?token=x", data={"a": "b"})
    assert (asked.status_code, asked.json()["error"]) == (400, "invalid_request")
    assert (await house.last_refusal()).reasons == ("query",)


async def test_a_fault_of_ours_is_a_problem_and_tells_nothing(http, house, amo, monkeypatch):
    async def broken(*_asked):
        raise ZeroDivisionError("what nobody must see")

    monkeypatch.setattr(type(house.running.doors), "known", lambda *_: None)
    monkeypatch.setattr(type(house.running.doors), "programme", broken)
    before = counted(500)
    forms = {end: amo.authenticated(token="x") for end in ("", "/")}
    said = [await http.post(INTROSPECT + end, data=form) for end, form in forms.items()]
    assert counted(500) == before + 2
    for answer in said:
        assert answer.status_code == 500
        assert answer.json()["type"] == "urn:amana:problem:internal"
        assert answer.json()["correlation"] == answer.headers["x-request-id"]
        assert "nobody" not in answer.text


def counted(status: int) -> float:
    labels = {"method": "POST", "path": INTROSPECT, "status_code": str(status)}
    return observing.requests.labels(**labels)._value.get()


async def test_a_closed_gate_is_closed_on_either_way(http, house, monkeypatch):
    monkeypatch.setattr(house.running.gate, "why", [Why.REVIVED])
    for end in ("", "/"):
        answer = await http.post(TOKEN + end, data={})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == str(int(erasures.LOOK_AGAIN.total_seconds()))


class Connection:
    """What a server hands to the app, message by message."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.sent = []

    async def receive(self):
        return self.messages.pop(0)

    async def send(self, message):
        self.sent.append(message)

    async def ask(self, app):
        headers = [(name.encode(), value.encode()) for name, value in FORM.items()]
        scope = {
            "type": "http",
            "method": "POST",
            "path": TOKEN,
            "raw_path": TOKEN.encode(),
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }
        await app(scope, self.receive, self.send)
        return self.sent[0]["status"], b"".join(each.get("body", b"") for each in self.sent)


async def test_a_body_that_comes_in_pieces_is_one_body(house):
    pieces = Connection(
        {"type": "http.request", "body": b"grant_type=a&", "more_body": True},
        {"type": "http.request", "body": b"grant_type=b", "more_body": True},
        {"type": "http.request"},
    )
    status, body = await pieces.ask(house.app)
    assert (status, b"a parameter repeats" in body) == (400, True)


async def test_a_body_without_end_is_cut_off_and_one_that_breaks_off_is_no_body(house):
    piece = {"type": "http.request", "body": b"x" * 65_536, "more_body": True}
    endless = Connection(*[piece] * 100)
    assert (await endless.ask(house.app))[0] == 413
    assert len(endless.messages) == 95
    broken = Connection(piece, {"type": "http.disconnect"})
    assert (await asyncio.wait_for(broken.ask(house.app), 5))[0] == 400
