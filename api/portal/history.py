"""Who looked at my data: month by month, each line with its proof."""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api import wording
from api.portal import folding
from api.portal.folding import Who
from api.portal.visits import Visit
from vault import access_log, transparency
from vault.transparency import Proof

MONTHS: Final = 6
"""How many months are linked; older ones are reached by their address."""
LINES: Final = 400
"""Lines read at once: a page folds them to a handful; more is a link to older ones."""
ICONS: Final = {
    Who.ALL: "eye",
    Who.PEOPLE: "people",
    Who.MACHINES: "machine",
    Who.ME: "self",
    Who.REFUSED: "refused",
}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A proof as the page shows it and the download writes it: hexadecimal."""

    index: int
    size: int
    leaf: str
    root: str


@get("/history")
async def list_history(
    visit: NamedDependency[Visit], request: Request[Any, Any, Any]
) -> Response[str]:
    """One month, people before machines, repeated checks folded."""
    linked = wording.months(visit.tx.now, MONTHS)
    month = _month(request.query_params.get("month", ""), linked[0])
    who = _who(request.query_params.get("who", ""))
    before = id_or_none(request.query_params.get("before", ""))
    lines = await access_log.of_subject(
        visit.tx, visit.keyring, visit.subject, [month], limit=LINES, before=before
    )
    words = await visit.words.naming(visit.tx, lines)
    told = [words.entry(line) for line in lines]
    return visit.page.show(
        "portal/history.html",
        section="history",
        total=len(told),
        month=month,
        who=who.value,
        chips=[(each.value, len(folding.chosen(told, each)), ICONS[each]) for each in Who],
        folds=folding.fold(folding.chosen(told, who)),
        more=str(lines[-1].id) if len(lines) == LINES else "",
        months=linked if month in linked else [month, *linked],
    )


@get("/history/entry/{entry_id:str}")
async def one_entry(entry_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Response[str]:
    """One line about me: who, what, why, and its proof."""
    entry = await access_log.about(visit.tx, visit.keyring, visit.subject, entry_id)
    if entry is None:
        raise NotFoundException
    words = await visit.words.naming(visit.tx, [entry])
    proof = await transparency.inclusion(visit.tx, entry_id)
    return visit.page.show(
        "portal/entry.html",
        section="history",
        it=words.entry(entry),
        month=f"{entry.at:%Y-%m}",
        proof=shown(proof) if proof else None,
    )


@get("/history/entry/{entry_id:str}/proof")
async def download_proof(
    entry_id: FromPath[UUID], visit: NamedDependency[Visit]
) -> Response[dict[str, Any]]:
    """What it takes to check, without us, that the line is in the sealed log (RFC 6962, 2.1.1)."""
    entry = await access_log.about(visit.tx, visit.keyring, visit.subject, entry_id)
    proof = await transparency.inclusion(visit.tx, entry_id) if entry else None
    if proof is None:
        raise NotFoundException
    name = f'attachment; filename="amana-proof-{entry_id}.json"'
    return Response(written(entry_id, proof), headers={"Content-Disposition": name})


def shown(proof: Proof) -> Shown:
    """A proof, short enough for a page; lines are counted from 1 there."""
    return Shown(
        index=proof.index + 1, size=proof.size, leaf=proof.leaf_hash.hex(), root=proof.root.hex()
    )


def written(entry_id: UUID, proof: Proof) -> dict[str, Any]:
    """A proof, whole. Hashes are SHA-256 in hexadecimal; `index` counts from 0."""
    return {
        "entry": str(entry_id),
        "index": proof.index,
        "size": proof.size,
        "leaf_hash": proof.leaf_hash.hex(),
        "hashes": [each.hex() for each in proof.hashes],
        "root": proof.root.hex(),
        "checkpoint": proof.note,
    }


def _month(asked: str, current: str) -> str:
    year, _, month = asked.partition("-")
    sound = year.isdecimal() and len(year) == len("2026") and month.isdecimal()
    return asked if sound and asked in {f"{year}-{each:02d}" for each in range(1, 13)} else current


def _who(asked: str) -> Who:
    return Who(asked) if asked in set(Who) else Who.ALL


def id_or_none(asked: str) -> UUID | None:
    """An identifier from an address, if it is one."""
    try:
        return UUID(asked)
    except ValueError:
        return None
