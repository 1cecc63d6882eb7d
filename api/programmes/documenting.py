"""How a question of a programme is described: its answer, and the problems it may meet."""

from http import HTTPStatus
from typing import Final

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from api import problems
from api.problems import Problem

PROBLEMS: Final = {
    HTTPStatus.BAD_REQUEST: "The question is not well formed.",
    HTTPStatus.UNAUTHORIZED: "No valid token, or no proof of its key; see WWW-Authenticate.",
    HTTPStatus.FORBIDDEN: "Refused: by the agreement, the law, or the person.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many questions that name a stand-in number; ask later.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault of ours; `correlation` names it.",
}


def documented(answer: type[msgspec.Struct]) -> dict[int, ResponseSpec]:
    """Its answer, and the problems that may come in its place."""
    # No made-up examples: they would be other ones at each start.
    given = ResponseSpec(
        answer, description=(answer.__doc__ or "").strip(), generate_examples=False
    )
    refused = {
        int(status): ResponseSpec(
            Problem, description=why, media_type=problems.MEDIA_TYPE, generate_examples=False
        )
        for status, why in PROBLEMS.items()
    }
    return {200: given, **refused}
