"""The parameters of a form (RFC 6749 §3.1, appendix B): each once, plain, none in the URL."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus

import msgspec

from api.oauth.errors import Denied

FORM: Final = "application/x-www-form-urlencoded"
FORM_BYTES: Final = 64 * 1024
"""Largest form: an assertion, 16 kB of details, and room."""
FIELDS: Final = 64
DETAILS: Final = "authorization_details"
SAID_AGAIN: Final = frozenset({DETAILS, "client_assertion_type"})
"""What is encoded, no secret, and the same in a programme's next request."""
_PLAIN: Final = re.compile(r"[\x20-\x7e]*")
"""VSCHAR and space (RFC 6749 appendix A): what any parameter but JSON may hold."""


class Parameters(msgspec.Struct, frozen=True):
    """Name → value. One without a value counts as left out (RFC 6749 §3.1)."""

    values: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        """The value of a parameter, if it was given."""
        return self.values.get(name)


def of_form(media_type: str, query: str, body: bytes) -> Parameters | Denied:
    """The parameters of a POST.

    Args:
        media_type: the Content-Type header.
        query: of the URL: must be empty, since URLs are logged everywhere.
        body: as it was received.
    """
    if media_type.partition(";")[0].strip().lower() != FORM:
        return Denied(error="invalid_request", reason="not-a-form", description=f"send {FORM}")
    if query:
        return Denied(
            error="invalid_request", reason="query", description="no parameters in the URL"
        )
    if len(body) > FORM_BYTES:
        return Denied(error="invalid_request", reason="form-too-large", status=413)
    return parse(body)


def parse(encoded: bytes) -> Parameters | Denied:
    """The parameters of a form or of a query."""
    fields = encoded.split(b"&", FIELDS)
    try:
        pairs = [_pair(field.decode("ascii")) for field in fields if field]
    except ValueError:  # not ASCII, or not UTF-8 below it
        return Denied(error="invalid_request", reason="form-malformed")
    if len(fields) > FIELDS:
        return Denied(error="invalid_request", reason="form-malformed")
    values = dict(pairs)
    if len(values) < len(pairs):
        return Denied(error="invalid_request", reason="repeated", description="a parameter repeats")
    if not all(_acceptable(name, value) for name, value in pairs):
        return Denied(
            error="invalid_request", reason="characters", description="printable ASCII only"
        )
    return Parameters({name: value for name, value in pairs if value})


def _pair(field: str) -> tuple[str, str]:
    name, _, value = field.partition("=")
    return _decoded(name), _decoded_again(value) if name in SAID_AGAIN else _decoded(value)


def _decoded(part: str) -> str:
    return unquote_plus(part, errors="strict") if "%" in part or "+" in part else part


_decoded_again: Final = lru_cache(maxsize=1_024)(_decoded)


def _acceptable(name: str, value: str) -> bool:
    plain = value if name != DETAILS else ""
    return _PLAIN.fullmatch(name) is not None and _PLAIN.fullmatch(plain) is not None
