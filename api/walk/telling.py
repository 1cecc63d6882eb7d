"""Tells each step: what was sent, what was answered, secrets shortened; stops at a surprise."""

import json
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import click
import httpx2

SHOWN: Final = 10
"""Characters of a long value that are shown."""
LONG: Final = 60
WIDE: Final = 100
HIDDEN: Final = frozenset({"password", "code", "_csrf_token"})
"""Fields whose value is a secret however short."""
CUT: Final = frozenset(
    {"access_token", "refresh_token", "client_assertion", "code_verifier", "request_uri"}
)
"""Fields whose value is a secret: how long it is, is all that is told."""


class SurpriseError(Exception):
    """Something was not as the story has it: the story stops."""

    def __init__(self, expected: str, came: object) -> None:
        """Take what was expected, and what came instead."""
        super().__init__(f"expected {expected}; came: {short(str(came), WIDE * 4)}")


def expect(met: object, expected: str, came: object) -> None:
    """Go on only if it is as expected."""
    if not met:
        raise SurpriseError(expected, came)


def short(value: str, room: int = LONG) -> str:
    """A value that fits, its end left out."""
    return value if len(value) <= room else f"{value[:SHOWN]}…({len(value)} characters)"


class Teller:
    """Prints the story. Its hooks see every exchange of the clients it is given to."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Take whether to print the steps only."""
        self._quiet = quiet

    def step(self, number: int, title: str) -> None:
        """A new chapter."""
        click.echo(click.style(f"\n{number}. {title}", bold=True))

    def found(self, text: str) -> None:
        """Something that was to be shown, and is."""
        click.echo(f"   {click.style('ok', fg='green')} {text}")

    def waiting(self, for_what: str) -> None:
        """A pause, and why."""
        click.echo(f"   … waiting for {for_what}")

    def hooks(self) -> dict[str, list[Any]]:
        """Event hooks for an HTTP client."""

        def answered(response: httpx2.Response) -> None:
            response.read()
            self._answered(response)

        return {"request": [self._sent], "response": [answered]}

    def async_hooks(self) -> dict[str, list[Any]]:
        """The same for an asynchronous one."""

        async def sent(request: httpx2.Request) -> None:
            self._sent(request)

        async def answered(response: httpx2.Response) -> None:
            await response.aread()
            self._answered(response)

        return {"request": [sent], "response": [answered]}

    def _sent(self, request: httpx2.Request) -> None:
        if not self._quiet:
            parts = urlsplit(str(request.url))
            query = f"?{_pairs(parts.query)}" if parts.query else ""
            click.echo(f"   → {request.method} {parts.netloc}{parts.path}{query}")
            self._lines(_headers(request), _body(request))

    def _answered(self, response: httpx2.Response) -> None:
        if not self._quiet:
            location = response.headers.get("location")
            arrow = f" → {_address(location)}" if location else ""
            click.echo(f"   ← {response.status_code}{arrow}")
            self._lines(_json(response))

    def _lines(self, *lines: str) -> None:
        for line in filter(None, lines):
            click.echo(click.style(f"       {short(line, WIDE * 4)}", dim=True))


def _headers(request: httpx2.Request) -> str:
    shown = []
    if scheme := request.headers.get("authorization", "").partition(" ")[0]:
        shown.append(f"authorization: {scheme} {_cut(request.headers['authorization'])}")
    if "dpop" in request.headers:
        shown.append(f"dpop: {_cut(request.headers['dpop'])}")
    return "; ".join(shown)


def _body(request: httpx2.Request) -> str:
    kind = request.headers.get("content-type", "")
    if "json" in kind:
        return _shown_json(request.content)
    return _pairs(request.content.decode()) if "urlencoded" in kind else ""


def _json(response: httpx2.Response) -> str:
    kind = response.headers.get("content-type", "")
    return _shown_json(response.content) if "json" in kind else ""


def _shown_json(content: bytes) -> str:
    try:
        return json.dumps(_shortened(json.loads(content)), ensure_ascii=False)
    except ValueError:
        return "(no JSON)"


def _shortened(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _value(str(key), each) for key, each in value.items()}
        case list():
            return [_shortened(each) for each in value]
        case str():
            return short(value)
        case _:
            return value


def _pairs(encoded: str) -> str:
    pairs = parse_qsl(encoded, keep_blank_values=True)
    return "&".join(f"{name}={_value(name, value)}" for name, value in pairs)


def _value(name: str, value: Any) -> Any:
    if name in HIDDEN:
        return "•••"
    return _cut(value) if name in CUT and isinstance(value, str) else _shortened(value)


def _cut(secret: str) -> str:
    return f"…({len(secret)} characters)"


def _address(location: str) -> str:
    parts = urlsplit(location)
    query = f"?{_pairs(parts.query)}" if parts.query else ""
    return f"{parts.netloc}{parts.path}{query}"
