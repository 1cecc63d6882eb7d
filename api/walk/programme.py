"""The programme of the story: the client that real ones use, one call at a time."""

import asyncio
from functools import partial
from typing import Any, Self

import httpx2

from api.client import Asking, Pushed, Token
from api.client import Programme as Client
from api.walk.telling import SurpriseError, Teller


class Programme:
    """One programme and the token at hand."""

    def __init__(self, origin: str, client_id: str, key: dict[str, Any], teller: Teller) -> None:
        """Take who it is, and where Amana is."""
        self._runner = asyncio.Runner()
        self._arriving = partial(
            Client.at, origin.rstrip("/"), client_id, key, teller.async_hooks()
        )
        self._token: Token | None = None

    def __enter__(self) -> Self:
        """Read the server's metadata (RFC 8414)."""
        try:
            self._amana = self._runner.run(self._arriving())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._runner.run(self._amana.aclose())
        self._runner.close()

    @property
    def issuer(self) -> str:
        """The server's issuer identifier."""
        return self._amana.issuer

    def authenticate(self, asking: Asking) -> Token:
        """A token in the programme's own name."""
        self._token = self._runner.run(self._amana.by_law(asking))
        return self._token

    def push(self, asking: Asking, redirect_uri: str) -> Pushed:
        """Push an authorization request (RFC 9126)."""
        return self._runner.run(self._amana.push(asking, redirect_uri))

    def redeem(self, pushed: Pushed, answered: str) -> Token:
        """Exchange the code of an answer for tokens."""
        self._token = self._runner.run(self._amana.redeem(pushed, answered))
        return self._token

    def ask(self, path: str, question: dict[str, Any]) -> httpx2.Response:
        """Ask the resource API with the token at hand."""
        if self._token is None:
            raise SurpriseError("a token", "none")
        return self._runner.run(self._amana.ask(self._token, path, question))
