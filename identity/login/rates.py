"""How fast one may try to sign in: slows a guesser down, and never locks the person out for good.

Each limit refills evenly. An identifier that is attacked from everywhere is slow from
everywhere, but not from where its owner signed in before.
"""

import hmac
import math
from ipaddress import ip_network
from typing import Final

import msgspec

from vault.keyring import Keyring
from vault.short_lived import ShortLived


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """So many at once, refilled within so many seconds."""

    times: int
    seconds: int


FROM_ADDRESS: Final = Limit(times=300, seconds=300)
"""One a second on end: a mobile operator's customers share an address."""
AT_IDENTIFIER_FROM_ADDRESS: Final = Limit(times=5, seconds=300)
AT_IDENTIFIER: Final = Limit(times=20, seconds=3_600)
CODES: Final = Limit(times=5, seconds=900)
"""One in 3 min on end: three codes of a million are right at a time, so 0.2 % a day at most."""
KNOWN_SECONDS: Final = 30 * 86_400
"""How long a place counts as one the owner signs in from."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who tries, from where, as keyed hashes: the short-lived store holds neither."""

    identifier: str
    address: str
    pair: str


def caller(keyring: Keyring, identifier: str, address: str) -> Caller:
    """Name who tries without saying who it is."""
    key, network = keyring.secret("sign-in rates"), _network(address)

    def name(*parts: str) -> str:
        return hmac.digest(key, "\0".join(parts).encode(), "sha256").hex()

    return Caller(
        identifier=name("identifier", identifier),
        address=name("address", network),
        pair=name("pair", identifier, network),
    )


async def admit(short_lived: ShortLived, who: Caller) -> int:
    """Seconds to wait before this attempt may be made; 0: now, and it is counted."""
    limits = [
        (f"sign-in:from:{who.address}", FROM_ADDRESS),
        (f"sign-in:pair:{who.pair}", AT_IDENTIFIER_FROM_ADDRESS),
    ]
    if await short_lived.get(_known(who.pair)) is None:
        limits.append((f"sign-in:at:{who.identifier}", AT_IDENTIFIER))
    for key, limit in limits:
        if wait := await _wait(short_lived, key, limit):
            return wait
    return 0


async def admit_address(short_lived: ShortLived, who: Caller) -> int:
    """The same for an attempt that names nobody and can be guessed by nobody: a passkey's."""
    return await _wait(short_lived, f"sign-in:from:{who.address}", FROM_ADDRESS)


async def admit_code(short_lived: ShortLived, account: str) -> int:
    """The same for one more one-time code of an account."""
    return await _wait(short_lived, f"sign-in:code:{account}", CODES)


async def remember(short_lived: ShortLived, pair: str) -> None:
    """This is a place its owner signs in from."""
    await short_lived.put(_known(pair), b"1", KNOWN_SECONDS)


async def worth_a_line(short_lived: ShortLived, pair: str) -> bool:
    """Whether to log an attempt that was turned away: one a minute, lest the log be flooded."""
    return await short_lived.first(f"sign-in:logged:{pair}", 60)


async def _wait(short_lived: ShortLived, key: str, limit: Limit) -> int:
    rate = await short_lived.hit(key, limit.times, limit.seconds)
    return 0 if rate.allowed else max(1, math.ceil(rate.retry_after))


def _network(address: str) -> str:
    """What one customer has: an IPv4 address, or all of an IPv6 /64 (RFC 6177)."""
    try:
        return str(ip_network((address, 64 if ":" in address else 32), strict=False))
    except ValueError:
        return address


def _known(pair: str) -> str:
    return f"sign-in:known:{pair}"
