"""Serves an app on a listener: uvicorn, or granian as the tested fallback. Blocks until stopped."""

import os
import signal
import ssl
import threading
import time
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec

from api import settings
from vault import process_memory

Front = Literal["public", "console"]
Server = Literal["uvicorn", "granian"]
SERVERS: Final[tuple[Server, ...]] = get_args(Server)
"""The usual one first."""
STANDARD_INPUT: Final = 0
CONNECTION: Final = "api.connections:Connection"
CERTIFIED: Final = "api.certified:CertifiedConnection"
"""By name: only the server that is used is imported."""
GRACE_SECONDS: Final = 10
"""How long requests in flight are waited for; what supervisors allow by default (Docker: 10 s)."""


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """What a TLS listener shows, and whose certificates it takes."""

    certificate: Path
    key: Path
    authorities: Path


def public() -> Any:
    """The public app with the settings of the environment; called in each worker."""
    from api import app  # noqa: PLC0415  (the process that watches the workers needs no app)

    process_memory.keep_inside()
    return app.public_app(settings.from_environ())


def console() -> Any:
    """The console app with the settings of the environment; called in each worker."""
    from api import app  # noqa: PLC0415  (as above)

    process_memory.keep_inside()
    return app.console_app(settings.from_environ())


def programmes() -> Any:
    """The programmes' app with the settings of the environment; called in each worker."""
    from api import app  # noqa: PLC0415  (as above)

    process_memory.keep_inside()
    return app.programmes_app(settings.from_environ())


def serve(front: Front, *, host: str, port: int, workers: int, server: Server) -> None:
    """Serve one front until SIGINT or SIGTERM; requests in flight are answered first."""
    target = f"{__name__}:{front}"
    match server:
        case "uvicorn":
            _uvicorn(target, host, port, workers, http=CONNECTION)
        case "granian":
            _granian(target, host, port, workers)


def serve_mutual_tls(tls: Tls, *, host: str, port: int, workers: int) -> None:
    """Serve programmes that have a certificate, until SIGINT or SIGTERM.

    Only uvicorn lets us see the certificate of a connection.
    """
    _uvicorn(
        f"{__name__}:programmes",
        host,
        port,
        workers,
        http=CERTIFIED,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
        ssl_ca_certs=tls.authorities,
        ssl_cert_reqs=ssl.CERT_OPTIONAL,
    )


def stop_when_input_ends() -> None:
    """Stop this process when its standard input closes: whoever started it is gone.

    A supervisor that is killed cannot stop its children; the pipe between them can.
    """

    def watch() -> None:
        # The descriptor, not sys.stdin: a worker is forked, and would inherit its lock held.
        while os.read(STANDARD_INPUT, 1):
            pass
        while True:  # one signal may be lost in a server that is just starting
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)

    threading.Thread(target=watch, daemon=True).start()


def _granian(target: str, host: str, port: int, workers: int) -> None:
    from granian import Granian  # noqa: PLC0415  (only the server that is used is imported)
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    Granian(
        target,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        factory=True,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=GRACE_SECONDS,
    ).serve()


def _uvicorn(target: str, host: str, port: int, workers: int, **more: Any) -> None:
    import uvicorn  # noqa: PLC0415

    uvicorn.run(
        target,
        host=host,
        port=port,
        workers=workers,
        factory=True,
        loop="uvloop",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # ours are read by `security.caller`, of trusted proxies alone
        timeout_graceful_shutdown=GRACE_SECONDS,
        **more,
    )
