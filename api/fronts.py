"""What the citizens' and the staff's pages share: their language, their menu, their way to fail."""

import dataclasses
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.di import Provide
from litestar.enums import MediaType
from litestar.exceptions import HTTPException, NotFoundException, ValidationException
from litestar.handlers import get
from litestar.params import FromPath
from litestar.router import Router
from litestar.types import ControllerRouterHandler, ExceptionHandlersMap

from api import i18n, observing, problems, rendering, security
from api.rendering import Front, Page, Pages, Sections
from api.security import SignInNeededError
from api.settings import Settings
from policies.vocabulary import Language
from vault.envelope_errors import KeysUnavailableError, TamperedError

FAULTS: Final = {
    HTTPStatus.BAD_REQUEST: "invalid-request",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "not-found",
    HTTPStatus.TOO_MANY_REQUESTS: "too-many-requests",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
"""Status → the words of the page that says so; all else is a fault of ours."""


FORGET_ALL: Final = {"Clear-Site-Data": '"cache", "cookies", "storage"'}
"""Empties the browser of all that came from us (W3C Clear Site Data)."""


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """Which button of a form was pressed."""

    answer: str = ""


class FrontDoor(msgspec.Struct, frozen=True, kw_only=True):
    """One front: its pages, its menu, and the cookie that opens it."""

    front: Front
    settings: Settings
    sections: Sections
    cookie: str
    """The part of the cookie's name that says whose session it is."""

    def router(
        self, handlers: list[ControllerRouterHandler], dependencies: dict[str, Provide]
    ) -> Router:
        """`/{lang}/…`: the same addresses in every language, and pages for what goes wrong."""
        pages = rendering.pages(self.front)
        return Router(
            path="/{lang:str}",
            route_handlers=[*handlers, _nothing_here],
            dependencies={
                "page": Provide(self._page_of(pages), sync_to_thread=False),
                **dependencies,
            },
            exception_handlers=self._exception_handlers(pages),
            include_in_schema=False,
        )

    def _page_of(self, pages: Pages) -> Any:
        def page(request: Request[Any, Any, Any], lang: FromPath[str]) -> Page:
            return self._page(pages, request, _known(lang))

        return page

    def _page(self, pages: Pages, request: Request[Any, Any, Any], language: Language) -> Page:
        # A cookie is enough to draw the menu; what it opens is decided where it is read.
        name = security.cookie_name(self.settings, self.cookie)
        return rendering.page(
            pages, request, language, signed_in=name in request.cookies, sections=self.sections
        )

    def _exception_handlers(self, pages: Pages) -> ExceptionHandlersMap:
        def spoken(request: Request[Any, Any, Any]) -> Page:
            return self._page(pages, request, _spoken(request.url.path) or _liked(request))

        def sign_in(request: Request[Any, Any, Any], _needed: SignInNeededError) -> Response[Any]:
            return _to_sign_in(request, spoken(request), forgotten(self.settings, self.cookie))

        def http(request: Request[Any, Any, Any], wrong: HTTPException) -> Response[Any]:
            if _is_machine(request):
                return problems.respond(FAULTS.get(HTTPStatus(wrong.status_code), "internal"))
            page = _fault(request, spoken(request), _status(request, wrong), wrong)
            page.headers.update(wrong.headers or {})
            return page

        def fault(request: Request[Any, Any, Any], wrong: Exception) -> Response[Any]:
            return _fault(request, spoken(request), HTTPStatus.INTERNAL_SERVER_ERROR, wrong)

        def away(request: Request[Any, Any, Any], wrong: Exception) -> Response[Any]:
            page = _fault(request, spoken(request), HTTPStatus.SERVICE_UNAVAILABLE, wrong)
            page.headers.update(problems.RETRY_AFTER)
            return page

        return {
            SignInNeededError: sign_in,
            # Named beside their parents: the app's own handlers of them answer machines.
            ValidationException: http,
            HTTPException: http,
            TamperedError: fault,
            KeysUnavailableError: away,
            Exception: fault,
        }


def see_other(address: str, **options: Any) -> Response[bytes]:
    """303: what was posted is done; read its outcome there (RFC 9110, 15.4.4)."""
    headers = {"Location": address, **options.pop("headers", {})}
    return Response(
        b"",
        status_code=HTTPStatus.SEE_OTHER,
        headers=headers,
        media_type=MediaType.TEXT,
        **options,
    )


def forgotten(settings: Settings, part: str) -> Cookie:
    """What makes a browser forget a session cookie: the same cookie, over."""
    return dataclasses.replace(security.session_cookie(settings, part, ""), max_age=0)


@get("/", include_in_schema=False)
async def first_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """To the front page, in the language the browser likes best."""
    return see_other(f"/{_liked(request)}", headers={"Vary": "Accept-Language"})


def inside(address: str) -> str:
    """An address of ours to go on to after signing in, or nothing: never another site's."""
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if plain and _spoken(address) and address.isprintable() else ""


@get("/{rest:path}", include_in_schema=False)
async def _nothing_here() -> None:
    raise NotFoundException


def _known(lang: str) -> Language:
    if lang not in set(Language):
        raise NotFoundException
    return Language(lang)


def _spoken(address: str) -> Language | None:
    """The language that an address begins with; read here also where no route was found."""
    first = address.partition("/")[2].partition("/")[0].partition("?")[0]
    return Language(first) if first in set(Language) else None


def _liked(request: Request[Any, Any, Any]) -> Language:
    return i18n.preferred(request.headers.get("accept-language", ""))


def _status(request: Request[Any, Any, Any], wrong: HTTPException) -> HTTPStatus:
    """What to answer: an address whose number is none leads nowhere, like any unknown one."""
    misread = request.method == "GET" and isinstance(wrong, ValidationException)
    return HTTPStatus.NOT_FOUND if misread else HTTPStatus(wrong.status_code)


def _is_machine(request: Request[Any, Any, Any]) -> bool:
    """Whether nobody reads the answer: no address of ours, and no wish for a page."""
    page = _spoken(request.url.path) or "text/html" in request.headers.get("accept", "")
    return not page


def _to_sign_in(request: Request[Any, Any, Any], page: Page, forgotten: Cookie) -> Response[Any]:
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = asked if request.method == "GET" else ""
    if page.signed_in:
        ended = page.signed_out().show(
            "portal/session_ended.html", status=HTTPStatus.UNAUTHORIZED, next=back
        )
        ended.set_cookie(forgotten)
        return ended
    return see_other(page.path("sign-in") + (f"?next={quote(back, safe='')}" if back else ""))


def _fault(
    request: Request[Any, Any, Any], page: Page, status: HTTPStatus, wrong: Exception
) -> Response[str]:
    number = observing.correlation(request.scope)
    kind = FAULTS.get(status, "internal")
    if kind == "internal":
        observing.logger.error("fault", correlation=number, exc_info=wrong)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
    shown = number if kind == "internal" else ""
    return page.show("portal/error.html", status=status, kind=kind, correlation=shown)
