"""What a witness answers to a submission (c2sp.org/tlog-witness, `add-checkpoint`); pure."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final

import msgspec

from vault import log_note, merkle
from vault.log_note import Head, Verifier

PROOF_LINES: Final = 63
"""The most hashes a proof may have (c2sp.org/tlog-witness)."""
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint, and the proof that it grew from the one of an older size."""

    old: int
    proof: tuple[bytes, ...]
    note: log_note.Note
    head: Head


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """No cosignature, and why. `size` is told to who does not know the latest one."""

    status: HTTPStatus
    why: str
    size: int | None = None


Latest = Callable[[str], Head | None]
"""The largest tree cosigned for an origin; None before the first."""


def read(body: bytes) -> Submission | Refused:
    """Take a request apart."""
    try:
        before, _, note = body.decode().partition("\n\n")
        old, *proof = before.split("\n")
        hashes = tuple(base64.b64decode(line, validate=True) for line in proof)
    except ValueError:
        return _malformed("not text, or not base64")
    parts = log_note.take_apart(note)
    head = log_note.read_head(parts.text) if parts else None
    if not _OLD.fullmatch(old) or parts is None or head is None:
        return _malformed("no old size, or no checkpoint")
    if len(hashes) > PROOF_LINES or any(len(each) != merkle.HASH_BYTES for each in hashes):
        return _malformed("not a proof")
    return Submission(old=int(old.removeprefix("old ")), proof=hashes, note=parts, head=head)


def authentic(given: Submission, logs: Mapping[str, Sequence[Verifier]]) -> Refused | None:
    """Why a checkpoint is not one of a log we watch; None if it is."""
    if given.head.origin not in logs:
        return Refused(status=HTTPStatus.NOT_FOUND, why="unknown log")
    if not log_note.signed(given.note, logs[given.head.origin]):
        return Refused(status=HTTPStatus.FORBIDDEN, why="not signed by a key of this log")
    if given.old > given.head.size:
        return _malformed("the old size is the larger")
    return None


def grown(given: Submission, latest: Head | None) -> Refused | None:
    """Why a checkpoint does not continue the latest one; None if it does."""
    size = latest.size if latest else 0
    if given.old != size:
        return Refused(status=HTTPStatus.CONFLICT, why="another size is the latest", size=size)
    if latest and given.head.size == size and given.head.root != latest.root:
        return Refused(status=HTTPStatus.CONFLICT, why="another tree of this size", size=size)
    if not _continues(given, latest):
        return Refused(status=HTTPStatus.UNPROCESSABLE_ENTITY, why="the proof does not hold")
    return None


def _continues(given: Submission, latest: Head | None) -> bool:
    head = given.head
    if head.size == 0 and head.root != merkle.EMPTY_ROOT:
        return False
    if given.old == 0 or latest is None:
        return not given.proof
    return merkle.consistent(given.old, head.size, latest.root, head.root, given.proof)


def _malformed(why: str) -> Refused:
    return Refused(status=HTTPStatus.BAD_REQUEST, why=why)
