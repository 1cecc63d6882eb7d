"""`amana bench oauth`: tokens and introspection, beside npm's oidc-provider, a core each.

Ours reads who asks anew in its store before it gives a token; the other keeps all in memory. Ours
gives no token that is not bound: the plain one is to the certificate of the connection, as a proxy
passes it on, where the other's is to nothing.
"""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import click
import msgspec

from api import children, settings
from api.bench import ground, load, stores
from api.bench.asking import KID, Programme, Shown, Signer
from api.bench.ground import AGREEMENT, CLIENT, PURPOSE
from api.bench.load import Asker, Round
from api.bench.wire import Wires, WrongAnswerError
from api.children import Spec
from api.cli import terminal
from api.running import Running

HERE: Final = Path(__file__).parent / "oidc_provider"
FILES: Final = ("package.json", "package-lock.json", "server.mjs")
INSTALL_SECONDS: Final = 300
START_SECONDS: Final = 20
SERVER_CORE: Final = 0
"""Both servers: one is idle while the other is asked."""
JWT, OPAQUE = "urn:bench:jwt", "urn:bench:opaque"
GOALS: Final = {"token": 1.2, "token, DPoP": 1.8, "introspection": 1.2}
DETAILS: Final = msgspec.json.encode(
    [
        {
            "type": "amana_disclosure",
            "agreement": AGREEMENT,
            "purpose": PURPOSE,
            "attributes": {"given_name": "match", "birth_date": "match"},
        }
    ]
).decode()


@click.command()
@click.option("--askers", default=16, show_default=True, help="Requests in flight at once.")
@click.option("--rounds", default=5, show_default=True, help="Of each way, alternating.")
@click.option("--seconds", default=2.0, show_default=True, help="Of each round.")
@click.option("--redis-url", default="", metavar="URL", help="Default: memory of the server.")
@stores.on_a_server
def oauth(*, askers: int, rounds: int, seconds: float, redis_url: str, database_url: str) -> None:
    """Tokens and introspections a second.

    Beside npm's oidc-provider in the same run, each on one core; it is installed for the run, which
    needs node and npm. Goals: 1.2 times its tokens, 1.8 times those with DPoP, 1.2 times its
    introspections.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise click.ClickException("node and npm are needed: on Debian, apt-get install nodejs npm")
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as place:
        _install(npm, Path(place))
        terminal.run(
            _bench((node, Path(place)), askers, rounds, seconds, (database_url, redis_url))
        )


def _install(npm: str, place: Path) -> None:
    for name in FILES:
        shutil.copy(HERE / name, place)
    done = subprocess.run(  # noqa: S603  (npm, as it was found)
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=place, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise click.ClickException(f"oidc-provider was not installed:\n{done.stderr[-500:]}")


async def _bench(
    other: tuple[str, Path], askers: int, rounds: int, seconds: float, at: tuple[str, str]
) -> None:
    key = Signer()
    async with AsyncExitStack() as stack:
        held = await stack.enter_async_context(stores.thrown_away(at[0]))
        await ground.register(held, key.public | {"kid": KID, "use": "sig"})
        ours = await stack.enter_async_context(_ours(held, at[1], key))
        theirs = await stack.enter_async_context(_theirs(*other, key))
        _take_other_cores()
        made: dict[str, dict[str, Asker]] = {}
        for name, port, prefix in (("ours", ours, "/oauth"), ("theirs", theirs, "")):
            wires = await stack.enter_async_context(Wires.opened(port, askers))
            programme = Programme(wires, f"http://127.0.0.1:{port}", CLIENT, key)
            made[name] = await (_of_ours if name == "ours" else _of_theirs)(programme, prefix)
        # The two of a kind side by side: what a neighbour takes, it takes from both.
        ways = {f"{name}: {way}": asks[way] for way in GOALS for name, asks in made.items()}
        await load.warm_up(ways, askers=askers)
        with terminal.progress("rounds") as report:
            ran = await load.alternate(
                ways, askers=askers, rounds=rounds, seconds=seconds, report=report
            )
        stores.tell(held)
        _tell(ran, askers)


async def _of_ours(programme: Programme, prefix: str) -> dict[str, Asker]:
    form = {"grant_type": "client_credentials", "authorization_details": DETAILS}

    async def token(_: int) -> None:
        await programme.post(f"{prefix}/token", form, Shown.CERTIFICATE)

    async def bound(_: int) -> None:
        await programme.post(f"{prefix}/token", form, Shown.PROOF)

    given = await programme.post(f"{prefix}/token", form, Shown.PROOF)
    question = {"token": msgspec.json.decode(given.body)["access_token"]}

    async def introspection(_: int) -> None:
        _see(await programme.post(f"{prefix}/introspect", question))

    return {"token": token, "token, DPoP": bound, "introspection": introspection}


async def _of_theirs(programme: Programme, prefix: str) -> dict[str, Asker]:
    form = {"grant_type": "client_credentials", "resource": JWT, "scope": "ask"}

    async def token(_: int) -> None:
        await programme.post(f"{prefix}/token", form)

    async def bound(_: int) -> None:
        await programme.post(f"{prefix}/token", form, Shown.PROOF)

    given = await programme.post(f"{prefix}/token", form | {"resource": OPAQUE}, Shown.PROOF)
    question = {"token": msgspec.json.decode(given.body)["access_token"]}

    async def introspection(_: int) -> None:
        _see(await programme.post(f"{prefix}/token/introspection", question))

    return {"token": token, "token, DPoP": bound, "introspection": introspection}


def _see(answer: object) -> None:
    body = getattr(answer, "body", b"")
    if not msgspec.json.decode(body).get("active"):
        raise WrongAnswerError(f"a token that was just given is not active: {body!r}")


def _tell(ran: Mapping[str, list[Round]], askers: int) -> None:
    click.echo(
        f"load     {askers} requests in flight, kept-alive connections, a core for the server"
    )
    click.echo(f"{'':<24}{'per second':>12}{'p50 ms':>10}{'p99 ms':>10}{'answers':>10}")
    for way, rounds in ran.items():
        told = load.summary(rounds)
        click.echo(
            f"{way:<24}{told.rate:>12,.0f}{told.p50:>10.1f}{told.p99:>10.1f}{told.answers:>10}"
        )
    for way, goal in GOALS.items():
        ratio = load.ratio(ran[f"ours: {way}"], ran[f"theirs: {way}"])
        click.echo(f"ratio    {way}: {ratio:.2f} times oidc-provider (goal: {goal})")


@asynccontextmanager
async def _ours(held: Running, redis_url: str, key: Signer) -> AsyncIterator[int]:
    port = _free_port()
    authorities = held.settings.data_dir / "authorities.pem"
    authorities.write_text(ssl.DER_cert_to_PEM_cert(key.certificate), encoding="ascii")
    chosen = msgspec.structs.replace(
        held.settings,
        issuer=f"http://127.0.0.1:{port}",
        redis_url=redis_url,
        outbound="off",
        client_authorities=authorities,
        client_certificates="proxy",
        trusted_proxies="127.0.0.1/32",
        log_level="warning",
    )
    spec = Spec(front="public", port=port, environ=settings.to_environ(chosen))
    async with children.running([spec]) as servers:
        # The server's worker is a child of the child.
        _pin(*(pid for child in servers.children for pid in _family(child.process.pid)))
        yield port


@asynccontextmanager
async def _theirs(node: str, place: Path, key: Signer) -> AsyncIterator[int]:
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        node,
        "server.mjs",
        cwd=place,
        env={"PATH": os.defpath, "NODE_ENV": "production"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        told = {
            "port": port,
            "client": {"id": CLIENT, "jwks": {"keys": [key.public | {"kid": KID, "use": "sig"}]}},
            "keys": {"keys": [Signer().private | {"kid": "own", "use": "sig", "alg": "ES256"}]},
        }
        if process.stdin is None or process.stdout is None:
            raise WrongAnswerError("oidc-provider has no pipes")
        process.stdin.write(msgspec.json.encode(told) + b"\n")
        async with asyncio.timeout(START_SECONDS):
            if await process.stdout.readline() != b"listening\n":
                raise WrongAnswerError("oidc-provider did not start")
        _pin(process.pid)
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _family(pid: int) -> list[int]:
    """A process and its children."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    below = listed.read_text(encoding="ascii").split() if listed.exists() else []
    return [pid, *(each for child in below for each in _family(int(child)))]


def _pin(*pids: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {SERVER_CORE})


def _take_other_cores() -> None:
    if hasattr(os, "sched_setaffinity"):
        others = os.sched_getaffinity(0) - {SERVER_CORE}
        os.sched_setaffinity(0, others or {SERVER_CORE})


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
