"""How many people a caller may look for in a minute: who can compute tags can walk all numbers.

Charged here at the edge, before anyone is looked for, so that a refusal says nothing of
anybody. Each refusal counts in the figures; the first of a minute is a line of the log and
an alarm.
"""

import math
from typing import Final

import msgspec

from api import observing
from identity.login.rates import Limit
from policies.vocabulary import Action, Actor, Outcome
from vault import access_log
from vault import database as db
from vault.access_log import Line
from vault.database import Database, Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived

OF_A_PROGRAMME: Final = Limit(times=600, seconds=60)
"""Ten a second on end, for all its counters: the 10^9 telephones of a country in three years,
and the first alarm after a minute (reference §3.7, threat 20)."""
OF_ONE_PERSON: Final = Limit(times=30, seconds=60)
"""More than an operator types; a script at their desk is stopped at once."""
ALARM_SECONDS: Final = 60
REASON: Final = "too-many-attempts"


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asks for tags to be computed."""

    by: Actor
    action: Action
    limit: Limit
    times: int = 1
    """How many values."""


async def charge(short_lived: ShortLived, lookup: Lookup) -> int:
    """Seconds to wait before this may be looked for; 0: now, and it is counted."""
    limit, key = lookup.limit, f"lookups:{lookup.by.kind}:{lookup.by.id}"
    for _ in range(lookup.times):
        rate = await short_lived.hit(key, limit.times, limit.seconds)
        if not rate.allowed:
            observing.lookups_refused.labels(lookup.by.kind).inc()
            return max(1, math.ceil(rate.retry_after))
    return 0


async def alarm(
    database: Database, keyring: Keyring, short_lived: ShortLived, lookup: Lookup
) -> None:
    """Log a refusal in a transaction of its own, once a minute."""
    if await _first(short_lived, lookup):
        async with db.begin(database) as tx:
            await _log(tx, keyring, lookup)


async def alarm_in(
    tx: Transaction, keyring: Keyring, short_lived: ShortLived, lookup: Lookup
) -> None:
    """The same in the caller's transaction, which is to be committed."""
    if await _first(short_lived, lookup):
        await _log(tx, keyring, lookup)


async def _first(short_lived: ShortLived, lookup: Lookup) -> bool:
    key = f"lookups:alarm:{lookup.by.kind}:{lookup.by.id}"
    return await short_lived.first(key, ALARM_SECONDS)


async def _log(tx: Transaction, keyring: Keyring, lookup: Lookup) -> None:
    observing.logger.warning(
        "alarm", alarm="index-quota", actor_kind=lookup.by.kind.value, actor=lookup.by.id
    )
    line = Line(
        actor=lookup.by,
        action=lookup.action,
        outcome=Outcome.REFUSED,
        reasons=(REASON,),
        detail="index-quota",
    )
    await access_log.record(tx, keyring, [line])
