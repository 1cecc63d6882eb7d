"""Watches a log from outside: what it signs now must continue what it signed before.

A monitor is a witness without a key. It asks the log and not the other way round, remembers
the largest tree it saw, and says what is wrong; it never forgets a tree to go on.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from api import durable
from api.witness import judging
from api.witness.judging import Refused, Submission
from vault import log_note
from vault.log_note import COSIGNATURE, Head, Verifier

TIMEOUT_SECONDS: Final = 10.0
ANSWER_BYTES: Final = 64 * 1024


class MonitorError(Exception):
    """The trust file or the memory is not fit to judge by. The message says what to do."""


class Wrong(StrEnum):
    """What a log can do that it must not."""

    SILENT = "silent"
    """It does not answer, or with something else than a checkpoint. It may come back."""
    FORGED = "forged"
    """No key we trust signed the checkpoint."""
    RENAMED = "renamed"
    """It goes on under another name than the one that is remembered."""
    ROLLED_BACK = "rolled-back"
    """It is smaller than it was."""
    FORKED = "forked"
    """It does not continue what it was."""
    UNWITNESSED = "unwitnessed"
    """Fewer witnesses cosigned it than it takes."""
    STALE = "stale"
    """It has not grown for longer than is allowed."""


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whose signatures count; the file that `/log/trust` gives."""

    log: tuple[str, ...]
    witnesses: tuple[str, ...] = ()
    quorum: int = 1

    @property
    def logs(self) -> dict[str, list[Verifier]]:
        """The keys of each name the log had."""
        found: dict[str, list[Verifier]] = {}
        for vkey in self.log:
            key = log_note.read_verifier(vkey)
            found.setdefault(key.name, []).append(key)
        return found

    @property
    def witness_keys(self) -> list[Verifier]:
        """The keys of the witnesses."""
        return [log_note.read_verifier(vkey, COSIGNATURE) for vkey in self.witnesses]


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """The largest tree seen, and when it was first seen at that size."""

    head: Head
    grown_at: datetime


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, and in which words."""

    wrong: Wrong
    why: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The log as it is now, and what is to be remembered of it."""

    memory: Memory
    cosigned: tuple[str, ...] = ()
    """Which witnesses did."""


def read_trust(place: Path) -> Trust:
    """Read and check the trust file.

    Raises:
        MonitorError: it is not there, or names no key.
    """
    try:
        trust = msgspec.json.decode(place.read_bytes(), type=Trust)
        _ = trust.logs, trust.witness_keys
    except (OSError, ValueError, msgspec.MsgspecError):
        raise MonitorError(f"{place} is no trust file; fetch it from /log/trust") from None
    if not trust.log:
        raise MonitorError(f"{place} names no key of a log")
    return trust


def read_memory(place: Path) -> Memory | None:
    """What was seen last; None before the first look.

    Raises:
        MonitorError: it is not whole. To forget it would allow a fork.
    """
    try:
        return msgspec.json.decode(place.read_bytes(), type=Memory)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        raise MonitorError(f"{place} is not whole: what was seen is not known") from None


def remember(place: Path, memory: Memory) -> None:
    """Keep it, durably, before anything is said of it."""
    durable.write(place, msgspec.json.encode(memory))


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One log, and whose signatures count for it."""

    client: httpx2.AsyncClient
    url: str
    trust: Trust

    async def look(self, memory: Memory | None, now: datetime) -> Seen | Fault:
        """Ask for the newest checkpoint, and for the proof that it continues the last."""
        note = await _text(self.client, f"{self.url}/log/checkpoint")
        newest = None if note is None else _read(f"old 0\n\n{note}")
        if newest is None:
            return Fault(wrong=Wrong.SILENT, why="the log does not answer with a checkpoint")
        fault = self._unauthentic(newest) or (memory and _unlike(memory.head, newest.head))
        if fault:
            return fault
        if memory and newest.head.size == memory.head.size:
            return Seen(memory=memory, cosigned=self._cosigned(newest))
        if memory:
            return await self._grown(memory.head, now)
        return Seen(memory=Memory(head=newest.head, grown_at=now), cosigned=self._cosigned(newest))

    async def _grown(self, last: Head, now: datetime) -> Seen | Fault:
        proof = await _text(self.client, f"{self.url}/log/consistency?old={last.size}")
        given = None if proof is None else _read(proof)
        if given is None:
            why = f"no proof that {last.size} entries were continued"
            return Fault(wrong=Wrong.SILENT, why=why)
        if fault := self._unauthentic(given) or _unlike(last, given.head):
            return fault
        if judging.grown(given, last) is not None:
            why = f"{given.head.size} entries do not continue the {last.size} there were"
            return Fault(wrong=Wrong.FORKED, why=why)
        return Seen(memory=Memory(head=given.head, grown_at=now), cosigned=self._cosigned(given))

    def _unauthentic(self, given: Submission) -> Fault | None:
        if judging.authentic(given, self.trust.logs) is not None:
            return Fault(wrong=Wrong.FORGED, why="no key we trust signed the checkpoint")
        cosigned = self._cosigned(given)
        if self.trust.witnesses and len(cosigned) < self.trust.quorum:
            why = f"{len(cosigned)} of {self.trust.quorum} witnesses cosigned"
            return Fault(wrong=Wrong.UNWITNESSED, why=why)
        return None

    def _cosigned(self, given: Submission) -> tuple[str, ...]:
        return tuple(
            witness.name
            for witness in self.trust.witness_keys
            if any(
                log_note.cosigned_at(given.note.text, line, witness) is not None
                for line in given.note.signatures
            )
        )


def stale(memory: Memory, now: datetime, patience: timedelta) -> Fault | None:
    """Whether the log stood still for too long."""
    still = now - memory.grown_at
    if still <= patience:
        return None
    minutes = still // timedelta(minutes=1)
    why = f"{memory.head.size} entries, as {minutes} minutes ago"
    return Fault(wrong=Wrong.STALE, why=why)


def _unlike(last: Head, head: Head) -> Fault | None:
    if head.origin != last.origin:
        why = f"{head.origin}, and it was {last.origin}: see its link before you forget that"
        return Fault(wrong=Wrong.RENAMED, why=why)
    if head.size < last.size:
        why = f"{head.size} entries, and there were {last.size}"
        return Fault(wrong=Wrong.ROLLED_BACK, why=why)
    if head.size == last.size and head.root != last.root:
        return Fault(wrong=Wrong.FORKED, why=f"another tree of {last.size} entries")
    return None


def _read(text: str) -> Submission | None:
    found = judging.read(text.encode())
    return None if isinstance(found, Refused) else found


async def _text(client: httpx2.AsyncClient, url: str) -> str | None:
    try:
        async with client.stream("GET", url) as answer:
            if answer.status_code != httpx2.codes.OK:
                return None
            octets = b""
            async for part in answer.aiter_bytes():
                octets += part
                if len(octets) > ANSWER_BYTES:
                    return None
            return octets.decode()
    except (httpx2.HTTPError, UnicodeDecodeError):
        return None
