"""What anyone may see of the access log: its newest signed size, and the key that signs it."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.types import ControllerRouterHandler

from vault import database as db
from vault import log_cosignatures, signing, transparency
from vault.database import Database
from vault.keyring import Keyring


def handlers() -> list[ControllerRouterHandler]:
    """Routes of the public listener."""
    return [newest_checkpoint, checkpoint_keys]


@get("/log/checkpoint", tags=["Log"], operation_id="readCheckpoint", media_type="text/plain")
async def newest_checkpoint(database: NamedDependency[Database]) -> Response[str]:
    """The newest checkpoint: a C2SP signed note, with the cosignatures of its witnesses."""
    async with db.read(database) as tx:
        newest = await transparency.checkpoint(tx)
        if newest is None:
            raise NotFoundException
        cosigned = await log_cosignatures.lines(tx, newest.size)
    return Response("".join([newest.note, *cosigned]), media_type="text/plain")


@get("/log/keys", tags=["Log"], operation_id="readCheckpointKeys")
async def checkpoint_keys(
    database: NamedDependency[Database], keyring: NamedDependency[Keyring]
) -> dict[str, list[dict[str, str]]]:
    """The public keys of checkpoints, as a JWK set (Ed25519)."""
    async with db.read(database) as tx:
        return {"keys": await signing.ever(tx, keyring, "checkpoint")}
