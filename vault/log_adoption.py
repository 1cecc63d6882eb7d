"""A log that was put back goes on under a new name, and says after what.

The tree that the store has is kept. The link says both: where the new name begins, and how
far the older one had been signed; the entries between are lost, and nobody hides it.
"""

import base64

import msgspec
from sqlalchemy import insert

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import (
    access_log,
    jwk,
    key_epoch,
    log_note,
    log_origins,
    signer_guard,
    signing,
    transparency,
)
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring
from vault.log_note import Head
from vault.log_origins import log_origin
from vault.signer_guard import GuardError, Why

ACTOR = Actor(kind=ActorKind.SYSTEM, id="log")


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of name does."""

    why: Why
    signed: Head
    """What was signed last, under the older name."""
    begins: Head
    """Where the new name begins: what the store has."""

    @property
    def text(self) -> str:
        """What the link says: a checkpoint under the new name, and a line that names the older."""
        root = base64.b64encode(self.signed.root).decode()
        return f"{self.begins.text()}adopts {self.signed.origin} {self.signed.size} {root}\n"


async def planned(tx: Transaction, keyring: Keyring, signed: Head) -> Adoption | None:
    """What is to be done; None if the store continues what was signed last.

    Raises:
        TamperedError: a tile that would show it is not whole.
    """
    newest = transparency.head(keyring, await transparency.checkpoint(tx))
    try:
        await signer_guard.check(tx, signed, newest)
    except GuardError as refused:
        # Of what was signed last: a store that is put back twice never takes one name twice.
        name = keyring.origin_after(signed.text())
        begins = Head(name, newest.size, newest.root)
        return Adoption(why=refused.why, signed=signed, begins=begins)
    return None


async def adopt(tx: Transaction, keyring: Keyring, adoption: Adoption) -> str:
    """Take the new name, log it, and return the link. The guard is told after the commit."""
    taken = await log_origins.taken(tx)
    if taken and taken[-1].name == adoption.begins.origin:
        return taken[-1].note  # and the guard was not told
    note = await _link(tx, keyring, adoption)
    begins = adoption.begins
    row = {"number": len(taken) + 1, "name": begins.origin, "size": begins.size, "note": note}
    await tx.connection.execute(insert(log_origin).values(at=tx.now, **row))
    detail = f"{adoption.signed.origin} {adoption.signed.size}"
    line = Line(actor=ACTOR, action=Action.ADOPT, outcome=Outcome.GIVEN, detail=detail)
    await access_log.record(tx, keyring, [line])
    await key_epoch.advance(tx)  # every process reads the name again
    return note


async def _link(tx: Transaction, keyring: Keyring, adoption: Adoption) -> str:
    key = await signing.active(tx, keyring, "checkpoint")
    names = (adoption.begins.origin, adoption.signed.origin)
    return log_note.sign_text(adoption.text, names, jwk.octets(key.public_jwk), key.sign)
