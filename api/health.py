"""For those who run the service: alive, ready, figures. Nothing of a person."""

from ipaddress import ip_address
from typing import Any

from litestar import Response, get
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.plugins.prometheus import PrometheusController
from litestar.types import ControllerRouterHandler

from api import sequencer
from api.running import Running, store_answers


def handlers() -> list[ControllerRouterHandler]:
    """Routes for both listeners."""
    return [alive, is_ready, Figures]


@get("/health/live", opt={"no_session": True}, include_in_schema=False)
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@get("/health/ready", opt={"no_session": True}, include_in_schema=False)
async def is_ready(running: NamedDependency[Running]) -> Response[dict[str, str]]:
    """The process, its store and the keeper of its root keys answer; no erasure is forgotten."""
    answering = await store_answers(running) and await running.root_watch.well()
    ready = answering and running.gate.is_open()
    status = {"status": "ready" if ready else "waiting"}
    if answering and await sequencer.behind(running.database):
        status["warning"] = "log-behind"  # told, and never a reason to turn people away
    return Response(status, status_code=200 if ready else 503)


def _near(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Figures are for the machine itself: not through a proxy, not from elsewhere."""
    client = connection.client
    forwarded = "x-forwarded-for" in connection.headers or "forwarded" in connection.headers
    if client is None or forwarded or not ip_address(client.host).is_loopback:
        raise NotFoundException


class Figures(PrometheusController):
    """Prometheus metrics, to the machine itself only."""

    path = "/metrics"
    guards = [_near]  # noqa: RUF012  (Litestar's own way)
    include_in_schema = False
