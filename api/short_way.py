"""The short way: routes that programmes ask a thousand times a second, without all the layers.

Such a route is declared and documented like any other, with `opt=SHORT`; its handler takes the
request alone and gives a `Response` with neither cookies nor work for afterwards. It is answered
behind the few layers it needs: no cookie, no page and no unit of work has any part in it. Whatever
is not exactly its method and its address goes the whole way.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from litestar import Litestar, MediaType, Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import ClientException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.routes import HTTPRoute
from litestar.serialization import default_serializer
from litestar.types import ASGIApp, Message, Receive, Scope, Send

SHORT: Final[Mapping[str, Any]] = {"short_way": True}
"""The `opt` of a route that is answered so."""


class App(Litestar):
    """Litestar with a short way, which has layers of its own."""

    def __init__(self, *, short_layers: Sequence[ASGIMiddleware], **whole: Any) -> None:
        """Take what Litestar takes, and the layers of the short way from the outermost on."""
        super().__init__(**whole)
        self._short = {
            (method, route.path): handler
            for route in self.routes
            if isinstance(route, HTTPRoute)
            for method, (handler, _) in route.route_handler_map.items()
            if "short_way" in handler.opt
        }
        self._short_way: ASGIApp = _answer
        for layer in reversed(short_layers):
            self._short_way = layer(self._short_way)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer by the short way, or by the whole."""
        handler = (
            self._short.get((scope["method"], scope["path"]))
            if scope["type"] == ScopeType.HTTP
            else None
        )
        if handler is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = scope["litestar_app"] = self
        scope.setdefault("state", {})
        scope["path_params"], scope["path_template"] = {}, scope["path"]
        scope["route_handler"] = handler
        await self._short_way(scope, receive, self._wrap_send(send, scope))


class _Headers:
    """Those of a request, each decoded when it is asked for: most never are."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a header, the first where it was sent more than once."""
        return next(iter(self.getall(name, [])), default)

    def getall(self, name: str, default: list[str]) -> list[str]:
        """All values of a header."""
        key = name.encode("latin-1")
        return [value.decode("latin-1") for sent, value in self._raw if sent == key] or default


class _Request(Request[Any, Any, Any]):
    @property
    def headers(self) -> Any:
        """As Litestar's, as far as handlers of the short way read them."""
        return _Headers(self.scope["headers"])

    async def body(self) -> bytes:
        """All of it, up to the bound that any body has."""
        limit, body, more = self.route_handler.resolve_request_max_body_size(), b"", True
        while more:
            message: Any = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientException("the connection ended before the body did")
            body += message.get("body", b"")
            if limit is not None and len(body) > limit:
                raise RequestEntityTooLarge
            more = message.get("more_body", False)
        return body


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    handler = cast("HTTPRouteHandler", scope["route_handler"])
    request = _Request(scope, receive, send)
    try:
        answer: Response[Any] = await handler.fn(request)
    except Exception as fault:  # noqa: BLE001  (whoever is to tell of it is looked up)
        answer = _told(handler, request, fault)
    kind = str(answer.media_type or MediaType.JSON.value)
    body = answer.render(answer.content, kind, default_serializer)
    headers = {"content-type": kind, "content-length": str(len(body)), **answer.headers}
    start: Message = {
        "type": "http.response.start",
        "status": answer.status_code or handler.status_code,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _told(handler: HTTPRouteHandler, request: Request[Any, Any, Any], fault: Exception) -> Any:
    tellers = handler.resolve_exception_handlers()
    teller = next(tellers[kind] for kind in type(fault).__mro__ if kind in tellers)
    return teller(request, fault)
