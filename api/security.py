"""What the edge holds against the network: headers, same origin, CSRF, and who is calling."""

import re
import secrets
from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from litestar import Request
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import Cookie, Headers
from litestar.di import NamedDependency, Provide
from litestar.enums import ScopeType
from litestar.exceptions import PermissionDeniedException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api import observing
from api.settings import Settings, networks_of
from identity.login import sessions
from identity.login.sessions import CitizenSession, StaffSession
from vault.database import Transaction

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HSTS: Final = "max-age=63072000; includeSubDomains"
"""Two years, as browsers' preload lists ask."""

COOKIELESS: Final = (
    r"^/oauth/",
    r"^/v1/",
    r"^/log/",
    r"^/health/",
    r"^/metrics",
    r"^/end-session$",
)
"""Routes that no cookie opens: a token or assertion does, or all may read; CSRF has no hold."""
_COOKIELESS: Final = re.compile("|".join(COOKIELESS))
CITIZEN_COOKIE: Final = "session"
STAFF_COOKIE: Final = "console"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def response_headers(settings: Settings) -> Callable[[Message, Scope], Awaitable[None]]:
    """A hook that puts the same hard headers on every answer, also on those no route gave."""
    hard = HEADERS | {"Cache-Control": "no-store"}
    hard |= {"Strict-Transport-Security": HSTS} if settings.secure else {}
    encoded = [(name.lower().encode(), value.encode()) for name, value in hard.items()]

    async def add(message: Message, scope: Scope) -> None:
        """Add what the handler did not set itself."""
        if message["type"] == "http.response.start":
            own = [*message.get("headers", ())]
            named = {name for name, _ in own}  # in lower case, by ASGI
            message["headers"] = [
                *own,
                *(header for header in encoded if header[0] not in named),
                (b"x-request-id", observing.correlation(scope).encode()),
            ]

    return add


class SameOrigin(ASGIMiddleware):
    """A form of ours is posted by a page of ours; the CSRF token is the second lock, not the only.

    Source: Fetch Metadata (W3C), OWASP CSRF cheat sheet.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, origin: str) -> None:
        """Take the origin that browsers reach this app by."""
        self._ours = {origin, "null"}  # under no-referrer, a form of ours says «null»

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Refuse an unsafe request that another site started."""
        unsafe = scope.get("method") not in SAFE_METHODS
        if unsafe and not _COOKIELESS.match(scope["path"]) and self._foreign(scope):
            raise PermissionDeniedException("another site sent this form")
        await next_app(scope, receive, send)

    def _foreign(self, scope: Scope) -> bool:
        headers = Headers.from_scope(scope)
        if site := headers.get("sec-fetch-site"):
            return site not in {"same-origin", "none"}
        return headers.get("origin", "null") not in self._ours


def csrf(settings: Settings) -> CSRFConfig:
    """Double-submit token in a `__Host-` cookie; at start the keyring's secret replaces this."""
    return CSRFConfig(
        secret=secrets.token_hex(),
        cookie_name=cookie_name(settings, "csrf"),
        cookie_secure=settings.secure,
        cookie_httponly=True,
        cookie_samesite="strict",
        exclude=list(COOKIELESS),
    )


def cookie_name(settings: Settings, part: str) -> str:
    """`__Host-amana-…` by https; without the prefix on a loopback http address (RFC 6265bis)."""
    return f"{'__Host-' if settings.secure else ''}amana-{part}"


def session_cookie(settings: Settings, part: str, token: str) -> Cookie:
    """A session cookie: this host only, out of reach of scripts, gone with the browser.

    Lax, not Strict: a citizen arrives at /authorize from the programme's site.
    """
    return Cookie(
        key=cookie_name(settings, part),
        value=token,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


def caller(request: Request[Any, Any, Any], settings: Settings) -> str:
    """The network address a request came from: the nearest that is no proxy of ours."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for", "")
    hops = [peer, *(hop.strip() for hop in reversed(forwarded.split(",")) if hop.strip())]
    return next((hop for hop in hops if not is_proxy(hop, settings)), hops[-1])


def is_proxy(address: str, settings: Settings) -> bool:
    """Whether a network address is one of our proxies'."""
    return _is_within(address, settings.trusted_proxies)


@lru_cache(maxsize=1024)
def _is_within(address: str, networks: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks_of(networks))


class SignInNeededError(Exception):
    """The page is for someone who is signed in. The fronts answer with their sign-in page."""


async def citizen(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    tx: NamedDependency[Transaction],
) -> CitizenSession:
    """The citizen whose session this is.

    Raises:
        SignInNeededError: there is no session, or it has ended.
    """
    token = request.cookies.get(cookie_name(settings, CITIZEN_COOKIE), "")
    session = await sessions.citizen(tx, token)
    if session is None:
        raise SignInNeededError
    return session


async def staff(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    tx: NamedDependency[Transaction],
) -> StaffSession:
    """The member of staff whose session this is.

    Raises:
        SignInNeededError: there is no session, or it has ended.
    """
    token = request.cookies.get(cookie_name(settings, STAFF_COOKIE), "")
    session = await sessions.staff(tx, token)
    if session is None:
        raise SignInNeededError
    return session


def dependencies() -> dict[str, Provide]:
    """Who is calling, by name."""
    return {"citizen": Provide(citizen), "staff": Provide(staff)}
