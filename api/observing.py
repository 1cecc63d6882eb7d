"""What we see of ourselves: one log line and two figures per request, and nothing of a person.

Paths are logged as route templates, so that no identifier in a path is ever written.
"""

import logging
import secrets
import time
from typing import Any, Final

import structlog
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.plugins.prometheus import PrometheusConfig
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Gauge

logger: Final = structlog.stdlib.get_logger("amana")

decisions: Final = Counter(
    "amana_decisions_total", "Disclosure decisions", ["action", "outcome", "reason"]
)
lookups_refused: Final = Counter(
    "amana_lookups_refused_total", "Look-ups over the quota of who asked", ["actor_kind"]
)
log_size: Final = Gauge("amana_log_entries", "Entries under the newest checkpoint")
log_backlog: Final = Gauge("amana_log_pending", "Entries that wait for the sequencer")
log_behind: Final = Gauge("amana_log_behind", "1 if more entries wait than one second seals")
cosignature_age: Final = Gauge(
    "amana_log_cosignature_age_seconds", "Since a witness last cosigned the log", ["witness"]
)
cosignature_missing: Final = Gauge(
    "amana_log_cosignature_missing", "1 if too few witnesses cosigned the log lately"
)

root_overdue: Final = Gauge(
    "amana_root_overdue_seconds", "Since a root had to be rotated or destroyed for an erasure"
)

figures: Final = PrometheusConfig(app_name="amana", prefix="amana", group_path=True)


# One list for good: loggers that were used before a second call, or a test, keep hold of it.
_PROCESSORS: Final[list[structlog.typing.Processor]] = [
    structlog.stdlib.filter_by_level,
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
]


def configure_logging(level: str) -> None:
    """JSON lines on standard error. Libraries log from WARNING up: some print tokens below it."""
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(format="%(message)s", level=logging.WARNING, force=True)
    logging.getLogger("amana").setLevel(level.upper())


class RequestLog(ASGIMiddleware):
    """One line per request: route, method, status, duration, correlation id."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Time the request and log it when its response starts."""
        began, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await next_app(scope, receive, watch)
        finally:
            logger.info(
                "request",
                route=route_template(scope),
                method=scope.get("method"),
                status=status,
                milliseconds=round((time.perf_counter() - began) * 1000, 1),
                correlation=correlation(scope),
            )


def correlation(scope: Scope) -> str:
    """What the answer and our logs call this request: random, and the same when asked again."""
    state: dict[str, Any] = scope.setdefault("state", {})
    return str(state.setdefault("correlation", secrets.token_hex(8)))


def route_template(scope: Scope) -> str:
    """The route as it was declared, with parameter names where the values stood."""
    handler: Any = scope.get("route_handler")
    return str(scope.get("path_template") or (min(handler.paths) if handler else "unknown"))
