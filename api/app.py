"""The composition root: an ASGI app, and a listener, for each audience."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from litestar import Litestar
from litestar.config.csrf import CSRFConfig
from litestar.openapi.config import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from api import (
    client_sets,
    collecting,
    erasures,
    forgetting,
    health,
    key_watch,
    observing,
    openapi,
    problems,
    public_log,
    running,
    security,
    static_files,
    telling,
    units,
    verification,
    witnessing,
)
from api.console import routes as console
from api.fetching import Fetcher
from api.oauth import routes as oauth
from api.portal import routes as portal
from api.programmes import routes as programmes
from api.settings import Settings
from api.short_way import App

BODY_LIMIT_BYTES = 256 * 1024
"""Largest request body: a pushed request or a form; imports go by the command line."""


def public_app(settings: Settings) -> Litestar:
    """Citizens' portal, authorization server and resource API."""
    return _app(
        settings,
        (
            *portal.handlers(settings),
            *oauth.handlers(settings),
            *programmes.handlers(settings),
            *public_log.handlers(),
            *verification.handlers(),
            *openapi.handlers(),
        ),
        origin=settings.issuer,
        documented=openapi.config(settings),
        seals=True,
    )


def programmes_app(settings: Settings) -> Litestar:
    """What programmes reach by their certificates: no page, no cookie, no task of the house."""
    return _app(
        settings,
        (*oauth.for_programmes(settings), *programmes.handlers(settings)),
        origin=settings.mutual_tls_origin,
        documented=None,
        seals=False,
    )


def console_app(settings: Settings) -> Litestar:
    """DPO and operators. A listener of its own, so that one compromise is not both."""
    return _app(
        settings,
        console.handlers(settings),
        origin=settings.console_origin,
        documented=None,
        seals=False,
    )


def _app(
    settings: Settings,
    handlers: Sequence[ControllerRouterHandler],
    *,
    origin: str,
    documented: OpenAPIConfig | None,
    seals: bool,
) -> Litestar:
    observing.configure_logging(settings.log_level)
    csrf = security.csrf(settings)
    return App(
        short_layers=[erasures.Gatekeeper(), observing.Observed()],
        route_handlers=[*handlers, *health.handlers(), *static_files.handlers()],
        dependencies=running.dependencies() | security.dependencies(),
        lifespan=[_lifespan(settings, csrf, seals=seals)],
        middleware=[
            erasures.Gatekeeper(),
            security.SameOrigin(origin),
            observing.Observed(),
            units.EndOfUnit(),
        ],
        before_send=[security.response_headers(settings)],
        csrf_config=csrf,
        exception_handlers=problems.handlers(),
        openapi_config=documented,
        request_max_body_size=BODY_LIMIT_BYTES,
        logging_config=None,
    )


def _lifespan(
    settings: Settings, csrf: CSRFConfig, *, seals: bool
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(running.opened(settings))
            # Litestar wants the secret at construction; ours comes with the keys, the same
            # for every worker.
            csrf.secret = opened.keyring.secret("csrf").hex()
            app.state.running = opened
            await stack.enter_async_context(erasures.guarding(opened.gate))
            watching = key_watch.running(opened.database, opened.keyring)
            await stack.enter_async_context(watching)
            if seals:
                await stack.enter_async_context(running.sealing(opened))
                await stack.enter_async_context(witnessing.watching(opened.database, settings))
                await stack.enter_async_context(forgetting.forgetting(opened.database))
                await stack.enter_async_context(
                    erasures.carrying_out(opened.database, opened.keyring, opened.gate)
                )
                if settings.outbound == "on":
                    fetcher = Fetcher()
                    await stack.enter_async_context(
                        client_sets.reading(opened.database, opened.short_lived, fetcher)
                    )
                    await stack.enter_async_context(
                        telling.telling(opened.database, opened.keyring, fetcher, settings.issuer)
                    )
            stack.enter_context(collecting.settled())
            yield

    return lifespan
