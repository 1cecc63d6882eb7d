"""Servers as children of this process: started, waited for until they answer, stopped cleanly.

A signal that comes while a server starts may be lost in it (measured with granian), so a
child is told to stop until it does, and is killed if it does not obey.
"""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import httpx2
import msgspec

from api.serving import GRACE_SECONDS, SERVERS, Front, Server

T = TypeVar("T")

START_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.1
KILL_AFTER_SECONDS: Final = GRACE_SECONDS + 5


class ChildDiedError(Exception):
    """A server ended by itself, or never answered. The message names it."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """One server to start."""

    front: Front
    port: int
    host: str = "127.0.0.1"
    workers: int = 1
    server: Server = SERVERS[0]
    environ: Mapping[str, str]
    """The whole environment of the child."""
    descriptors: tuple[int, ...] = ()
    """What it inherits of ours, beside the standard ones."""

    @property
    def ready(self) -> str:
        """Where it says that it is ready."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/health/ready"


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A server that was started."""

    spec: Spec
    process: asyncio.subprocess.Process


class Servers(msgspec.Struct, frozen=True, kw_only=True):
    """The servers of one supervisor, and whether it was told to stop."""

    children: tuple[Child, ...]
    told: asyncio.Event
    """Set by SIGINT, SIGTERM or SIGHUP, from before the first server was started."""


@asynccontextmanager
async def running(specs: Sequence[Spec]) -> AsyncIterator[Servers]:
    """Start servers and wait until all answer, or we are told to stop; stop them at the end.

    Raises:
        ChildDiedError: one ended or did not answer in time.
    """
    told = _listen()
    children: list[Child] = []
    try:
        for spec in specs:
            child = Child(spec=spec, process=await _start(spec))
            children.append(child)
        servers = Servers(children=tuple(children), told=told)
        await _first(asyncio.gather(*(_wait(child) for child in children)), told.wait())
        yield servers
    finally:
        await asyncio.gather(*(_stop(child) for child in children))


async def until_stopped(servers: Servers) -> None:
    """Wait until we are told to stop.

    Raises:
        ChildDiedError: a server ended by itself first.
    """
    ends = (_end(child) for child in servers.children)
    await _first(servers.told.wait(), *ends)


async def beside(servers: Servers, work: Coroutine[Any, Any, T]) -> T | None:
    """Do some work beside the servers; None if we are told to stop before it is done.

    Raises:
        ChildDiedError: a server ended by itself first.
    """
    task = asyncio.ensure_future(work)
    ends = (_end(child) for child in servers.children)
    await _first(task, servers.told.wait(), *ends)
    return None if task.cancelled() else task.result()


def _listen() -> asyncio.Event:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


async def _first(*waits: Awaitable[Any]) -> None:
    """Wait for the first; the others are given up. What it raises is raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.result()


async def _end(child: Child) -> None:
    await child.process.wait()
    raise ChildDiedError(f"the {child.spec.front} server ended by itself")


async def _start(spec: Spec) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api",
        "serve",
        spec.front,
        *("--host", spec.host),
        *("--port", str(spec.port)),
        *("--workers", str(spec.workers)),
        *("--server", spec.server),
        "--until-input-ends",
        env=spec.environ,
        pass_fds=spec.descriptors,
        # We hold the other end: if we are killed, they stop by themselves.
        stdin=asyncio.subprocess.PIPE,
        # A session of its own: Ctrl-C reaches us alone, and we stop the children in order.
        start_new_session=True,
    )


async def _wait(child: Child) -> None:
    deadline = time.monotonic() + START_SECONDS
    async with httpx2.AsyncClient(timeout=2, trust_env=False) as client:
        while time.monotonic() < deadline:
            if child.process.returncode is not None:
                raise ChildDiedError(f"the {child.spec.front} server did not start")
            with suppress(httpx2.TransportError):
                if (await client.get(child.spec.ready)).status_code == httpx2.codes.OK:
                    return
            await asyncio.sleep(LOOK_SECONDS)
    raise ChildDiedError(f"the {child.spec.front} server did not answer in {START_SECONDS} s")


async def _stop(child: Child) -> None:
    """SIGTERM, again and again: the first may come before the server knows what to do with it."""
    for _ in range(KILL_AFTER_SECONDS):
        with suppress(ProcessLookupError):
            child.process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await child.process.wait()
                return
    with suppress(ProcessLookupError):
        child.process.kill()
    await child.process.wait()
