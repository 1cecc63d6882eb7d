"""What anyone checks the access log with, away from us: public keys, one page, one script."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.types import ControllerRouterHandler

from api.settings import Settings
from vault import database as db
from vault import keepsakes
from vault.database import Database
from vault.keyring import Keyring

FOLDER: Final = Path(__file__).parent / "verifier"
PAGE: Final = "verify.html"
SCRIPT: Final = "amana_verify.py"
_INLINE: Final = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def handlers() -> list[ControllerRouterHandler]:
    """Routes of the public listener."""
    return [trust, verifier_page, verifier_script]


@get("/log/trust", tags=["Log"], operation_id="readTrust")
async def trust(
    database: NamedDependency[Database],
    keyring: NamedDependency[Keyring],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """The public keys that what a citizen keeps is checked by: C2SP «vkey», JWKs of receipts.

    And those of the witnesses, with how many of them must have cosigned. Ask a witness for its
    own key: this list is ours.
    """
    async with db.read(database) as tx:
        ours = await keepsakes.trust(tx, keyring)
    outside = {
        "witnesses": [place.verifier.vkey() for place in settings.witness_places],
        "quorum": settings.witness_quorum,
    }
    return Response({**ours, **outside}, headers=_named("trust.json"))


@get("/log/verify", include_in_schema=False, media_type=MediaType.HTML)
async def verifier_page() -> Response[str]:
    """The page: whole in one file, so that it works from a disk and needs no network."""
    page = _read(PAGE)
    return Response(page, headers={"Content-Security-Policy": _policy(page)})


@get("/log/verify.py", include_in_schema=False, media_type=MediaType.TEXT)
async def verifier_script() -> Response[str]:
    """The script: one file of Python, for whoever would rather read what they run."""
    return Response(_read(SCRIPT), headers=_named(SCRIPT))


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def _policy(page: str) -> str:
    """This page's own style and script by their hashes, and nothing else: no network at all."""
    allowed = [
        f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
        for kind, inline in _INLINE.findall(page)
    ]
    return "; ".join(
        ("default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'",
         "frame-ancestors 'none'", "require-trusted-types-for 'script'")
    )  # fmt: skip


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
