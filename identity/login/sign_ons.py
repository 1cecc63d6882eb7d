"""Which programmes a session signed its citizen on to: they are told when it ends.

Each knows the session by a `sid` of its own: two of them cannot tell by it that they serve one
person (OpenID Connect Back-Channel Logout 1.0, section 2.1).
"""

import secrets
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Column, ForeignKey, Select, String, Table, select

from identity import programme_messages
from identity.programmes import clients
from policies.vocabulary import ProgrammeId
from vault.database import Transaction, insert_new, metadata, spread

SID_OCTETS: Final = 16

sign_ons: Final = Table(
    "sign_ons",
    metadata,
    Column("session", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), primary_key=True),
    Column("sid", String(32), nullable=False, unique=True),
)


async def note(tx: Transaction, session_id: str, client_id: ProgrammeId) -> str:
    """Remember that a session signed somebody on to a programme; the `sid` between the two."""
    sid = secrets.token_urlsafe(SID_OCTETS)
    row = {"session": session_id, "client_id": client_id, "sid": sid}
    await insert_new(tx, sign_ons, [row])
    known = await tx.connection.execute(_sid(session_id, client_id))
    return str(known.scalar_one())


async def of(tx: Transaction, session_id: str, client_id: str) -> str | None:
    """The `sid` of a session at a programme."""
    found: str | None = await tx.connection.scalar(_sid(session_id, client_id))
    return found


async def tell(tx: Transaction, session_ids: Sequence[str]) -> int:
    """Let every programme know that wishes to, these sessions having ended; how many messages."""
    query = (
        select(sign_ons.c.client_id, sign_ons.c.sid)
        .join(clients, clients.c.client_id == sign_ons.c.client_id)
        .where(
            sign_ons.c.session.in_(spread(session_ids)),
            clients.c.backchannel_logout_uri.is_not(None),
        )
    )
    ended = [(row.client_id, row.sid) for row in await tx.connection.execute(query)]
    await programme_messages.signed_out(tx, ended)
    return len(ended)


def _sid(session_id: str, client_id: str) -> Select[tuple[str]]:
    return select(sign_ons.c.sid).where(
        sign_ons.c.session == session_id, sign_ons.c.client_id == client_id
    )
