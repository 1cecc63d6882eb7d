"""What programmes are told about tokens: errors, and introspection's answer."""

from typing import Any

import httpx2

from tests.contract.oauth.conftest import Programme

PHONE = {"eligibility": "decision", "phone": "raw"}


def error(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal, which nobody keeps on the way."""
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()["error"]


async def said_of(programme: Programme, token: str) -> dict[str, Any]:
    """What a token is worth to a programme."""
    answer = await programme.post("/oauth/introspect", programme.authenticated(token=token))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()
