"""What a person keeps of the access log, to check without us: a receipt, a proof, the whole.

A receipt of a visit says how many entries there were: whoever withholds the newest ones
later is found by it. A history holds every entry with what is sealed in it and the salt
that shows the tree committed to just that; no identifier of the person, and no key. Of
an entry under embargo it holds the hash alone, and until when: so there is no gap.
"""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from policies.vocabulary import SubjectId
from vault import (
    day_map,
    jwk,
    log_chain,
    log_chains,
    log_leaf,
    log_note,
    log_origins,
    log_tree,
    merkle,
    signing,
    sparse_map,
    statements,
    transparency,
)
from vault.database import Transaction
from vault.day_map import Folded
from vault.envelope_errors import TamperedError
from vault.keyring import Keyring
from vault.log_chain import Chain, Link
from vault.log_chains import Tip
from vault.log_tree import Tiles
from vault.transparency import Checkpoint, Proof

VISIT: Final = "visit-receipt+jwt"
HISTORY: Final = "access-history+jwt"
BUNDLE: Final = "c2sp.org/tlog-proof@v1"


async def receipt(tx: Transaction, keyring: Keyring, subject: SubjectId) -> str:
    """Sign how many entries there are about a person, and which is the newest.

    Raises:
        KeyLostError: the person has no log key.
    """
    chain = await log_chain.read(tx, keyring, subject)
    newest = await transparency.checkpoint(tx)
    return await statements.sign(tx, keyring, VISIT, _stand(tx, keyring, chain, newest))


async def history(tx: Transaction, keyring: Keyring, subject: SubjectId) -> str:
    """All entries about a person, with their proofs in the newest tree, signed.

    Raises:
        KeyLostError: the person has no log key.
        TamperedError: a tile that a proof needs is not whole.
    """
    chain = await log_chain.read(tx, keyring, subject)
    folded = await day_map.newest(tx)
    newest = await transparency.checkpoint(tx)
    size = newest.size if newest else 0
    places = [each.sequence for each in (*chain.links, folded) if each]
    tiles = await log_tree.for_inclusion(tx, [each for each in places if each is not None], size)
    root = newest.root if newest else merkle.EMPTY_ROOT
    counted = await _counted(tx, keyring, subject, chain, folded) if folded else None
    record = _stand(tx, keyring, chain, newest) | {
        "entries": [_entry(link, tx.now) | _place(link, tiles, root) for link in chain.links],
        "map": counted | _place(folded, tiles, root) if counted and folded else None,
    }
    return await statements.sign(tx, keyring, HISTORY, record)


async def seen(tx: Transaction, keyring: Keyring, compact: str) -> dict[int, bytes] | None:
    """What a receipt of ours says of a chain, for `log_chain.faults`; None if it is not ours."""
    record = await statements.verify(tx, keyring, VISIT, compact)
    if record is None:
        return None
    return {record["number"]: bytes.fromhex(record["leaf_hash"])} if record["number"] else {}


async def trust(tx: Transaction, keyring: Keyring) -> Mapping[str, Any]:
    """The public keys that all of it is checked by: of checkpoints (C2SP «vkey») and receipts."""
    logs = [jwk.octets(key) for key in await signing.ever(tx, keyring, "checkpoint")]
    names = [keyring.first_origin, *(each.name for each in await log_origins.taken(tx))]
    return {
        "log": [log_note.verifier_key(name, key) for name in names for key in logs],
        "receipts": await signing.ever(tx, keyring, "receipt"),
    }


def bundle(proof: Proof, leaf: bytes, cosigned: Iterable[str] = ()) -> str:
    """The proof of one entry as text (c2sp.org/tlog-proof); the leaf's bytes are its extra data."""
    note = "".join([proof.note, *cosigned])
    hashes = "".join(f"{_base64(each)}\n" for each in proof.hashes)
    return f"{BUNDLE}\nextra {_base64(leaf)}\nindex {proof.index}\n{hashes}\n{note}"


def _stand(
    tx: Transaction, keyring: Keyring, chain: Chain, newest: Checkpoint | None
) -> dict[str, Any]:
    end = chain.end or Tip()  # altered: what is signed claims nothing, and the entries show it
    return {
        "schema": "amana/1",
        "issued_at": tx.now.isoformat(),
        "log": keyring.log_origin,
        "number": end.number,
        "leaf_hash": end.leaf_hash.hex(),
        "size": newest.size if newest else 0,
        "root": newest.root.hex() if newest else "",
        "checkpoint": newest.note if newest else "",
    }


def _entry(link: Link, now: datetime) -> dict[str, Any]:
    if link.is_held(now) and link.embargo:
        until = link.embargo.isoformat()
        return {"number": link.number, "leaf_hash": link.hash.hex(), "withheld_until": until}
    return {
        "number": link.number,
        "previous": link.content.previous.hex(),
        "written": log_leaf.written(link.content).hex(),
        "case": link.content.case_reference,
        "salt": link.salt.hex(),
        "leaf": _base64(link.octets),
    }


async def _counted(
    tx: Transaction, keyring: Keyring, subject: SubjectId, chain: Chain, folded: Folded
) -> dict[str, Any] | None:
    """What the newest map says of a person, with what leads from there to its root."""
    first = next((link.hash for link in chain.links if link.number == 1), b"")
    count = await day_map.count(tx, first)
    if count is None:
        return None
    keys = await keyring.subject(tx, [subject], "log")
    tip = Tip(number=count.number, leaf_hash=count.leaf_hash, first=first)
    salt = log_chains.salt(keys[subject], tip)
    if sparse_map.root(first, log_chains.folded(salt, tip), count.path) != folded.root:
        raise TamperedError
    return {
        "leaf": _base64(folded.octets),
        "number": count.number,
        "leaf_hash": count.leaf_hash.hex(),
        "salt": salt.hex(),
        "path": [each.hex() for each in count.path],
    }


def _place(link: Link | Folded, tiles: Tiles, root: bytes) -> dict[str, Any]:
    index = link.sequence
    if index is None:
        return {"index": None, "hashes": []}  # it waits to be sealed in
    path = tuple(merkle.inclusion(index, tiles.size, tiles.node))
    if not merkle.includes(index, tiles.size, link.hash, path, root):
        raise TamperedError  # a proof that proves nothing would accuse an honest log
    return {"index": index, "hashes": [each.hex() for each in path]}


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
