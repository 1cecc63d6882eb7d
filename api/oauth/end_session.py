"""Sign out from a programme's site (OpenID Connect RP-Initiated Logout 1.0): to a page of ours.

The browser is sent on to a page that reads the session: no cookie is read here, so that whoever
sends somebody's browser here ends nothing by it.
"""

import secrets
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import RawBody

from api import fronts, i18n
from api.oauth import id_tokens, keys, par, parameters
from api.oauth.calls import AtHand
from api.oauth.errors import Denied
from api.oauth.parameters import Parameters
from identity import programmes
from vault.short_lived import ShortLived

PATH: Final = "/end-session"
LIFE: Final = timedelta(minutes=10)
"""Time to answer whether to sign out."""


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent somebody to sign out, as far as an ID token of ours shows it."""

    client_id: str = ""
    sid: str = ""
    """The session that the ID token was made in; empty where there was none."""
    onward: str = ""
    """Where the browser may go in the end: a registered address, with the programme's state."""


@get(PATH, include_in_schema=False)
async def end_session(
    request: Request[Any, Any, Any], at_hand: NamedDependency[AtHand]
) -> Response[bytes]:
    """To the page that signs out."""
    return await _on(request, at_hand, parameters.parse(request.scope["query_string"]))


@post(PATH, include_in_schema=False, status_code=303)
async def end_session_by_form(
    request: Request[Any, Any, Any], body: RawBody, at_hand: NamedDependency[AtHand]
) -> Response[bytes]:
    """The same, by a form of the programme's."""
    kind = request.headers.get("content-type", "")
    return await _on(request, at_hand, parameters.of_form(kind, request.url.query, body))


async def find(short_lived: ShortLived, id_: str) -> Leaving:
    """What stands behind an address of the page; nothing where it is unknown or too old."""
    found = await short_lived.get(_name(id_))
    return Leaving() if found is None else msgspec.json.decode(found, type=Leaving)


async def _on(
    request: Request[Any, Any, Any], at_hand: AtHand, given: Parameters | Denied
) -> Response[bytes]:
    asked = Parameters({}) if isinstance(given, Denied) else given
    id_ = secrets.token_urlsafe(16)
    leaving = msgspec.json.encode(await _leaving(at_hand, asked))
    await at_hand.short_lived.put(_name(id_), leaving, LIFE.total_seconds())
    liked = i18n.preferred(request.headers.get("accept-language", ""))
    language = par.language(asked.get("ui_locales") or "") or liked
    return fronts.see_other(f"/{language}/leave/{id_}")


async def _leaving(at_hand: AtHand, asked: Parameters) -> Leaving:
    """Without an ID token of ours nobody is sent anywhere: anyone may have made up the rest."""
    known = await keys.verifying(at_hand.tx, at_hand.keyring)
    hint = id_tokens.hint(asked.get("id_token_hint") or "", known, at_hand.settings.issuer)
    if hint is None or asked.get("client_id") not in {None, hint.aud}:
        return Leaving()
    client = (await programmes.read(at_hand.tx, [hint.aud])).get(hint.aud)
    if client is None or not client.active:
        return Leaving()
    onward = asked.get("post_logout_redirect_uri") or ""
    if onward not in client.post_logout_redirect_uris:
        onward = ""
    state = asked.get("state")
    if onward and state is not None and len(state) <= par.STATE_CHARACTERS:
        joint = "&" if urlsplit(onward).query else "?"
        onward = f"{onward}{joint}{urlencode({'state': state})}"
    return Leaving(client_id=client.client_id, sid=hint.sid, onward=onward)


def _name(id_: str) -> str:
    return f"leaving:{id_}"
