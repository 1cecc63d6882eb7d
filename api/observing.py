"""What we see of ourselves: one log line and two figures per request, and nothing of a person.

Paths are logged as route templates, so that no identifier in a path is ever written.
"""

import logging
import secrets
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import structlog
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Gauge, Histogram

logger: Final = structlog.stdlib.get_logger("amana")
_LOGGER: Final = logging.getLogger("amana")

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

requests: Final = Counter(
    "amana_requests_total", "Requests answered", ["method", "path", "status_code"]
)
request_seconds: Final = Histogram(
    "amana_request_duration_seconds", "Of requests", ["method", "path", "status_code"]
)


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


class Observed(ASGIMiddleware):
    """One line and two figures per request: route, method, status, duration, correlation id."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Time the request, and tell of it once it was answered."""
        began, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await next_app(scope, receive, watch)
        finally:
            route, method = route_template(scope), scope.get("method", "")
            seconds = time.perf_counter() - began
            count, duration = _figures(method, route, status)
            count.inc()
            duration.observe(seconds)
            if _LOGGER.isEnabledFor(logging.INFO):  # to be asked costs less than not to be heard
                logger.info(
                    "request",
                    route=route,
                    method=method,
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                    correlation=correlation(scope),
                )


@lru_cache(maxsize=4_096)  # to look labels up costs more than to count
def _figures(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    labels = (method, route, str(status))
    return requests.labels(*labels), request_seconds.labels(*labels)


def correlation(scope: Scope) -> str:
    """What the answer and our logs call this request: random, and the same when asked again."""
    state: dict[str, Any] = scope.setdefault("state", {})
    if "correlation" not in state:
        state["correlation"] = next(_names)
    return str(state["correlation"])


def _drawn() -> Iterator[str]:
    """Names of 16 hexadecimal digits, many from one draw."""
    digits, at_once = 16, 256
    while True:
        drawn = secrets.token_hex(digits * at_once // 2)
        for at in range(0, len(drawn), digits):
            yield drawn[at : at + digits]


_names: Final = _drawn()


def route_template(scope: Scope) -> str:
    """The route as it was declared, with parameter names where the values stood."""
    handler: Any = scope.get("route_handler")
    return str(scope.get("path_template") or (min(handler.paths) if handler else "unknown"))
