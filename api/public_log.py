"""What anyone may see of the access log: signed sizes, the tree without its leaves, its keys."""

from typing import Annotated, Final

from litestar import Response, get
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.types import ControllerRouterHandler

from api.settings import Settings
from vault import database as db
from vault import log_cosignatures, log_origins, log_tiles, signing, transparency
from vault.database import Database
from vault.keyring import Keyring
from vault.log_origins import Origin

SHORT: Final = CacheControlHeader(public=True, max_age=3).to_header()
FOR_EVER: Final = CacheControlHeader(public=True, max_age=365 * 24 * 3600, immutable=True)
SIZE_LIMIT: Final = 2**63 - 1
OCTETS: Final = "application/octet-stream"

Size = Annotated[int, QueryParameter(ge=1, le=SIZE_LIMIT)]
AnySize = Annotated[int | None, QueryParameter(ge=1, le=SIZE_LIMIT)]


def handlers() -> list[ControllerRouterHandler]:
    """Routes of the public listener."""
    return [newest_checkpoint, consistency, tile, checkpoint_keys, names]


@get("/log/checkpoint", tags=["Log"], operation_id="readCheckpoint", media_type="text/plain")
async def newest_checkpoint(
    database: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Response[str]:
    """The newest checkpoint that enough witnesses cosigned: a C2SP signed note.

    While they are silent for too long, and where none is named, it is the newest of all.
    """
    async with db.read(database) as tx:
        newest = await log_cosignatures.published(tx, settings.witness_terms)
        if newest is None:
            raise NotFoundException
        note = await log_cosignatures.note(tx, newest)
    return _text(note)


@get("/log/consistency", tags=["Log"], operation_id="readConsistency", media_type="text/plain")
async def consistency(
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
    old: Size,
    new: AnySize = None,
) -> Response[str]:
    """The proof that the log of one size continues that of an older: `old`, hashes, checkpoint.

    It is written as c2sp.org/tlog-witness has it in `add-checkpoint`. `new` is a size that was
    signed; without it, that of `/log/checkpoint`.
    """
    async with db.read(database) as tx:
        if new is None:
            newest = await log_cosignatures.published(tx, settings.witness_terms)
        else:
            newest = await transparency.checkpoint(tx, new)
        if newest is None or newest.size < old:
            raise NotFoundException
        return _text(await log_cosignatures.growth(tx, old, newest))


@get("/log/tile/{level:str}/{name:path}", tags=["Log"], operation_id="readTile", media_type=OCTETS)
async def tile(
    level: FromPath[str], name: FromPath[str], database: NamedDependency[Database]
) -> Response[bytes]:
    """A tile of the tree (c2sp.org/tlog-tiles): up to 256 hashes, which never change.

    Level 0 is the hashes of the leaves; the leaves themselves are not public.
    """
    height, run = log_tiles.read_level(level), log_tiles.read_run(name.removeprefix("/"))
    if height is None or run is None:
        raise NotFoundException
    async with db.read(database) as tx:
        found = await log_tiles.hashes(tx, height, run)
    if found is None:
        raise NotFoundException
    return Response(found, media_type=OCTETS, headers={"Cache-Control": FOR_EVER.to_header()})


@get("/log/keys", tags=["Log"], operation_id="readCheckpointKeys")
async def checkpoint_keys(
    database: NamedDependency[Database], keyring: NamedDependency[Keyring]
) -> dict[str, list[dict[str, str]]]:
    """The public keys of checkpoints, as a JWK set (Ed25519)."""
    async with db.read(database) as tx:
        return {"keys": await signing.ever(tx, keyring, "checkpoint")}


@get("/log/names", tags=["Log"], operation_id="readLogNames")
async def names(
    database: NamedDependency[Database], keyring: NamedDependency[Keyring]
) -> dict[str, str | list[Origin]]:
    """The names the log has gone by: its first, and each that it took after a restore.

    The `note` of each is the link: signed under the name before too, it says how far that one was
    signed, and with it which entries were lost.
    """
    async with db.read(database) as tx:
        return {"first": keyring.first_origin, "taken": await log_origins.taken(tx)}


def _text(content: str) -> Response[str]:
    return Response(content, media_type="text/plain", headers={"Cache-Control": SHORT})
