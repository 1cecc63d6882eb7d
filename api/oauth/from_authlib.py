"""What we take from Authlib, typed here once: its error bodies, its S256, its RFC 8414 model.

Its server classes are synchronous and lack PAR, DPoP and RAR: those are ours.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
"""RFC 7636 §4.1."""
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9\-_]{43}")
"""RFC 7636 §4.2 with S256: 32 octets in base64url, so shorter than Authlib's own pattern."""


def error_body(error: str, description: str) -> dict[str, str]:
    """The JSON of RFC 6749 §5.2; refuses a description that the RFC's alphabet does not have."""
    body: list[tuple[str, str]] = OAuth2Error(error=error, description=description).get_body()
    return dict(body)


def is_challenge(text: str) -> bool:
    """Whether this can be an S256 code challenge."""
    return _CHALLENGE.fullmatch(text) is not None


def is_verifier(text: str) -> bool:
    """Whether this can be a code verifier."""
    return _VERIFIER.fullmatch(text) is not None


def s256(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    challenge: str = create_s256_code_challenge(verifier)
    return challenge


def check_metadata(document: Mapping[str, Any]) -> None:
    """See that a metadata document is one (RFC 8414 §2).

    Raises:
        ValueError: it is not; the message names the member.
    """
    AuthorizationServerMetadata(document).validate()
