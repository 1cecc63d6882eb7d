"""Checks what Amana gave a person to keep: proofs, visit receipts, whole histories.

One file, the standard library alone, nothing of Amana's: read it, then run it.

    python amana_verify.py trust.json FILE...

`trust.json` holds the public keys (`/log/trust`): fetch it once, compare it with others', keep it.
Where it names witnesses, a proof must be cosigned by enough of them.
Receipts are held against the histories named with them, and every file against the others: one
log has one tree. To compare those of two sizes, add `/log/consistency?old=SIZE&new=SIZE`.
Exit code 0: all is as it must be.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

BUNDLE = "c2sp.org/tlog-proof@v1"
GROWTH = "old "
VISIT, HISTORY = "visit-receipt+jwt", "access-history+jwt"
DAY, LONGEST, SKEW = timedelta(days=1), timedelta(days=180), timedelta(seconds=1)
"""How soon an entry is sealed, how long one may be held back, how clocks may differ."""
FIELDS = (
    "format", "id", "at", "actor_kind", "actor", "action", "outcome", "purpose", "basis",
    "agreement", "attributes", "reasons", "detail", "catalogue", "handle", "sealed", "link",
)  # fmt: skip


class FaultError(Exception):
    """What is wrong, by name and in words."""


class Trust(NamedTuple):
    """The public keys: of log and witnesses by name and key hash, of receipts by key id."""

    log: dict[tuple[str, bytes], bytes]
    receipts: dict[str, tuple[int, int]]
    witnesses: dict[tuple[str, bytes], bytes]
    quorum: int


class Head(NamedTuple):
    """A tree, signed."""

    origin: str
    size: int
    root: bytes


class Growth(NamedTuple):
    """That a tree continues an older one."""

    old: int
    head: Head
    proof: list[bytes]


class Told(NamedTuple):
    """What the files say that is then held against one another."""

    receipts: list[dict[str, Any]]
    histories: list[dict[str, Any]]
    heads: list[tuple[str, Head]]
    growths: list[tuple[str, Growth]]


def main(arguments: list[str]) -> int:
    """Check the files; 1 if anything is wrong, 2 if nothing was to check."""
    if len(arguments) < 2:
        sys.stderr.write(__doc__ or "")
        return 2
    trust = read_trust(json.loads(Path(arguments[0]).read_bytes()))
    faults: list[str] = []
    told = Told([], [], [], [])
    for name in arguments[1:]:
        try:
            said = check(trust, name, Path(name).read_text("utf-8"), told)
            sys.stdout.write(f"ok      {name}: {said}\n")
        except FaultError as fault:
            faults += [f"{name}: {each}" for each in str(fault).split("\n")]
        except (ValueError, OverflowError, LookupError, TypeError, AttributeError):
            faults.append(f"{name}: shape: this is no file of Amana's, or it was cut")
    faults += [each for held in told.histories for each in held_against(held, told.receipts)]
    faults += forks(told)
    sys.stdout.writelines(f"FAULT   {each}\n" for each in faults)
    return 1 if faults else 0


def check(trust: Trust, name: str, text: str, told: Told) -> str:
    """Check one file by itself; what it says."""
    if text.startswith(BUNDLE):
        head, said = check_bundle(trust, text)
        told.heads.append((name, head))
        return said
    if text.startswith(GROWTH):
        growth = read_growth(trust, text)
        told.growths.append((name, growth))
        told.heads.append((name, growth.head))
        return f"growth of the log from {growth.old} to {growth.head.size} entries"
    kind, record = read_jws(trust, text.strip())
    if stand := check_stand(trust, record):
        told.heads.append((name, stand))
    if kind == VISIT:
        told.receipts.append(record)
        return f"receipt of {record['issued_at'][:16]}: {record['number']} entries"
    told.histories.append(record)
    if faults := history_faults(trust, record):
        raise FaultError("\n".join(faults))
    waiting = sum(each["index"] is None for each in record["entries"])
    held = [each["withheld_until"] for each in record["entries"] if "withheld_until" in each]
    said = f"history as of {record['issued_at'][:16]}: {record['number']} entries, none missing"
    later = f"; {len(held)} shown later, the last on {max(held)[:10]}" if held else ""
    return f"{said}; {waiting} wait to be sealed{later}"


def check_bundle(trust: Trust, text: str) -> tuple[Head, str]:
    """A proof of one entry (c2sp.org/tlog-proof)."""
    proof, _, note = text.partition("\n\n")
    _, extra, index, *hashes = proof.split("\n")
    leaf = base64.b64decode(extra.removeprefix("extra "), validate=True)
    said = read_leaf(leaf)
    head = read_note(trust, note)
    path = [base64.b64decode(each, validate=True) for each in hashes]
    number = int(index.removeprefix("index "))
    if not includes(number, head.size, leaf_hash(leaf), path, head.root):
        raise FaultError("edited: the entry is not in the log that the note signs")
    seen = cosigned(trust, note)
    if len(seen) < trust.quorum:
        few = f"{len(seen)} of {trust.quorum} witnesses cosigned"
        raise FaultError(f"unwitnessed: {few}; fetch the proof again later")
    by = f"; cosigned by {', '.join(seen)}" if seen else ""
    return head, f"entry {number} of {head.size}: {in_words(said)}{by}"


def read_growth(trust: Trust, text: str) -> Growth:
    """A proof of growth, in the form of c2sp.org/tlog-witness."""
    proof, _, note = text.partition("\n\n")
    old, *hashes = proof.split("\n")
    path = [base64.b64decode(each, validate=True) for each in hashes]
    return Growth(int(old.removeprefix(GROWTH)), read_note(trust, note), path)


def forks(told: Told) -> list[str]:
    """What shows that there are two logs: two trees of a size, or one that was not continued."""
    found = []
    first: dict[tuple[str, int], tuple[str, Head]] = {}
    for name, head in told.heads:
        other, same = first.setdefault((head.origin, head.size), (name, head))
        if head != same:
            found.append(f"{name}: forked: another tree of {head.size} entries than in {other}")
    for name, (old, new, proof) in told.growths:
        for other, head in told.heads:
            if (head.origin, head.size) == (new.origin, old) and not continues(head, new, proof):
                found.append(f"{name}: forked: it does not continue the {old} entries of {other}")
    return found


def history_faults(trust: Trust, record: dict[str, Any]) -> list[str]:
    """All that is wrong with a whole history."""
    head, issued = check_stand(trust, record), datetime.fromisoformat(record["issued_at"])
    found = [fault for entry in record["entries"] for fault in entry_faults(head, issued, entry)]
    counted: dict[int, tuple[str | None, str]] = {}
    for entry in record["entries"]:
        number = entry["number"]
        if number in counted:
            found.append(f"twice: entry {number} is there twice")
        if number:  # those of format 1 have no number
            counted[number] = (entry.get("previous"), hash_of(entry).hex())
    newest = max(counted, default=0)
    missing = [number for number in range(1, newest) if number not in counted]
    found += [f"missing: entry {number} is missing" for number in missing]
    for number, (previous, _) in sorted(counted.items()):
        before = counted.get(number - 1, ("", previous if number > 1 else ""))[1]
        if previous not in {None, before}:  # of one that is held back it is not told
            found.append(f"broken: entry {number} does not name the one before it")
    if record["number"] != newest:
        found.append(withheld(newest, record["number"]))
    elif newest and counted[newest][1] != record["leaf_hash"]:
        found.append(f"replaced: entry {newest} is not the one that was counted")
    return found + map_faults(head, issued, record)


def map_faults(head: Head | None, issued: datetime, record: dict[str, Any]) -> list[str]:
    """What the newest daily map of counts, which the log commits to, says against a history."""
    hashes = {each["number"]: hash_of(each) for each in record["entries"]}
    first, newest, held = hashes.get(1), max(hashes, default=0), record["map"]
    if first is None:
        return []  # the map is found by entry 1: that it is missing is said already
    uncounted = "uncounted: no map of the last two days counts these entries"
    if held is None:
        ones = [each for each in record["entries"] if each["number"] == 1 and "leaf" in each]
        old = any(written_at(each) < issued - 2 * DAY for each in ones)
        return [uncounted] if old else []
    octets = base64.b64decode(held["leaf"], validate=True)
    said, path = read_leaf(octets), [bytes.fromhex(each) for each in held["hashes"]]
    size = held["number"].to_bytes(8, "big")
    parts = (b"vault/log/map/v1", first, size, bytes.fromhex(held["leaf_hash"]))
    root = map_root(first, leaf_hash(framed(*parts, bytes.fromhex(held["salt"]))), held["path"])
    if (said["action"], said["detail"]) != ("fold", root.hex()) or not (
        held["index"] is None
        or (head and includes(held["index"], head.size, leaf_hash(octets), path, head.root))
    ):
        return ["miscounted: the daily map of counts is not in the log that the note signs"]
    found = []
    if moment(said) < issued - (DAY if held["index"] is None else 2 * DAY):
        found.append(uncounted)
    if held["number"] > newest:
        found.append(withheld(newest, held["number"]))
    elif hashes.get(held["number"], b"").hex() not in {"", held["leaf_hash"]}:
        found.append(f"replaced: entry {held['number']} is not the one that the map names")
    return found


def map_root(place: bytes, found: bytes, path: list[str]) -> bytes:
    """The root that a path through a sparse Merkle map leads to; bits of the place are turns."""
    for depth, beside in zip(range(len(path) - 1, -1, -1), path):  # noqa: B905  (of one length)
        right = place[depth >> 3] >> (7 - (depth & 7)) & 1
        pair = bytes.fromhex(beside) + found if right else found + bytes.fromhex(beside)
        found = hashlib.sha256(b"\x01" + pair).digest()
    return found


def entry_faults(head: Head | None, issued: datetime, entry: dict[str, Any]) -> list[str]:
    """What is wrong with one entry of a history, by itself."""
    number, path = entry["number"], [bytes.fromhex(each) for each in entry["hashes"]]
    found = []
    if entry["index"] is not None and not (
        head and includes(entry["index"], head.size, hash_of(entry), path, head.root)
    ):
        found.append(f"edited: entry {number} is not in the log that the note signs")
    if "withheld_until" in entry:
        until = datetime.fromisoformat(entry["withheld_until"])
        if not issued < until <= issued + LONGEST:
            found.append(f"overdue: entry {number} is held back until {until:%Y-%m-%d}")
        return found
    said = read_leaf(base64.b64decode(entry["leaf"], validate=True))
    if said["format"] != 1 and said["link"] != link(entry):
        found.append(f"edited: entry {number} is not what it commits to")
    if moment(said) > issued + SKEW:
        found.append(f"backdated: entry {number} is newer than the history says of itself")
    if entry["index"] is None and moment(said) < issued - DAY:
        found.append(f"unsealed: entry {number} waits to be sealed for more than a day")
    return found


def held_against(history: dict[str, Any], receipts: list[dict[str, Any]]) -> list[str]:
    """What receipts of earlier visits say that a history does not."""
    hashes = {each["number"]: hash_of(each).hex() for each in history["entries"]}
    newest = max(hashes, default=0)
    found = []
    for receipt in receipts:
        number, of = receipt["number"], f"receipt of {receipt['issued_at'][:16]}"
        # Its own date is the service's word; the size of the tree that it stands on is signed.
        older = receipt["issued_at"] <= history["issued_at"] or receipt["size"] < history["size"]
        if number > newest and older:
            found.append(f"{of}: {withheld(newest, number)}")
        elif number in hashes and number and hashes[number] != receipt["leaf_hash"]:
            found.append(f"{of}: replaced: entry {number} is not the one that the receipt names")
    return found


def withheld(shown: int, counted: int) -> str:
    """The words for entries that are not there at the end."""
    return f"withheld: the newest entries are withheld: {shown} shown, {counted} counted"


def check_stand(trust: Trust, record: dict[str, Any]) -> Head | None:
    """The checkpoint in a receipt or a history; None: there was none yet."""
    if not record["checkpoint"]:
        return None
    head = read_note(trust, record["checkpoint"])
    if head != Head(record["log"], record["size"], bytes.fromhex(record["root"])):
        raise FaultError("forged: the file says another size or root than its checkpoint")
    return head


def hash_of(entry: dict[str, Any]) -> bytes:
    """The hash of an entry's leaf; of one that is held back, all that is told of it."""
    if "withheld_until" in entry:
        return bytes.fromhex(entry["leaf_hash"])
    return leaf_hash(base64.b64decode(entry["leaf"], validate=True))


def link(entry: dict[str, Any]) -> bytes:
    """What an entry's leaf must commit to."""
    case = b"" if entry["case"] is None else b"=" + entry["case"].encode()
    parts = (
        b"vault/log/link/v2",
        bytes.fromhex(entry["salt"]),
        entry["number"].to_bytes(8, "big"),
        bytes.fromhex(entry["previous"]),
        bytes.fromhex(entry["written"]),
        case,
    )
    return hashlib.sha256(framed(*parts)).digest()


def framed(*parts: bytes) -> bytes:
    """Parts end to end, each after its length."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def read_leaf(octets: bytes) -> dict[str, Any]:
    """The fields of an entry, from its bytes."""
    values, end = unpack(octets, 0)
    if end != len(octets) or values[0] not in {1, 2}:
        raise ValueError
    return dict(zip(FIELDS, values))  # noqa: B905  (format 1 has no link)


def moment(said: dict[str, Any]) -> datetime:
    """When an entry was written."""
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=said["at"])


def written_at(entry: dict[str, Any]) -> datetime:
    """When an entry of a history was written."""
    return moment(read_leaf(base64.b64decode(entry["leaf"], validate=True)))


def in_words(said: dict[str, Any]) -> str:
    """An entry, for a line on the screen."""
    told = (said["actor_kind"], said["actor"], said["action"], said["outcome"], said["purpose"])
    return f"{moment(said):%Y-%m-%d %H:%M} " + " ".join(str(each) for each in told if each)


def unpack(octets: bytes, at: int) -> tuple[Any, int]:
    """Read one MessagePack value, of the kinds that an entry has."""
    kind = octets[at]
    at += 1
    sizes = {0xC4: 1, 0xC5: 2, 0xD9: 1, 0xDA: 2, 0xDC: 2, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
    width = sizes.get(kind, 0)
    number = int.from_bytes(octets[at : at + width], "big")
    at += width
    if kind < 0x80:
        return kind, at
    if kind == 0xC0:
        return None, at
    if kind in {0xCC, 0xCD, 0xCE, 0xCF}:
        return number, at
    if kind in {0xC4, 0xC5}:
        return octets[at : at + number], at + number
    if 0xA0 <= kind < 0xC0 or kind in {0xD9, 0xDA}:
        size = number if width else kind & 31
        return octets[at : at + size].decode(), at + size
    if 0x90 <= kind < 0xA0 or kind == 0xDC:
        values = []
        for _ in range(number if width else kind & 15):
            value, at = unpack(octets, at)
            values.append(value)
        return values, at
    raise ValueError


def read_trust(told: dict[str, Any]) -> Trust:
    """The public keys."""
    witnesses = told.get("witnesses", [])
    quorum = told.get("quorum", 1) if witnesses else 0
    receipts = {
        key["kid"]: (
            int.from_bytes(base64url(key["x"]), "big"),
            int.from_bytes(base64url(key["y"]), "big"),
        )
        for key in told["receipts"]
    }
    return Trust(read_vkeys(told["log"]), receipts, read_vkeys(witnesses), quorum)


def read_vkeys(vkeys: list[str]) -> dict[tuple[str, bytes], bytes]:
    """Public keys (c2sp.org/signed-note) by name and key hash."""
    found = {}
    for vkey in vkeys:
        name, hashed, key = vkey.split("+", 2)
        found[name, bytes.fromhex(hashed)] = base64.b64decode(key)[1:]
    return found


def read_note(trust: Trust, note: str) -> Head:
    """A checkpoint (c2sp.org/tlog-checkpoint), if a key we trust signed it."""
    text, _, signatures = note.partition("\n\n")
    origin, size, root = text.split("\n")
    for line in signatures.splitlines():
        _, name, encoded = line.split(" ")
        signature = base64.b64decode(encoded)
        key = trust.log.get((name, signature[:4]))
        if key and name == origin and ed25519(key, f"{text}\n".encode(), signature[4:]):
            return Head(origin, int(size), base64.b64decode(root, validate=True))
    raise FaultError("forged: no key we trust signed the checkpoint")


def cosigned(trust: Trust, note: str) -> list[str]:
    """Which witnesses we know cosigned a checkpoint (c2sp.org/tlog-cosignature), and when."""
    text, _, signatures = note.partition("\n\n")
    found = {}
    for line in signatures.splitlines():
        _, name, encoded = line.split(" ")
        octets = base64.b64decode(encoded)
        if key := trust.witnesses.get((name, octets[:4])):
            at = int.from_bytes(octets[4:12], "big")
            if not ed25519(key, f"cosignature/v1\ntime {at}\n{text}\n".encode(), octets[12:]):
                raise FaultError(f"forged: {name} did not cosign the checkpoint")
            found[name] = f"{name} {datetime.fromtimestamp(at, timezone.utc):%Y-%m-%d %H:%M}"
    return list(found.values())


def read_jws(trust: Trust, compact: str) -> tuple[str, dict[str, Any]]:
    """A signed record (RFC 7515, ES256) and its kind, if a key we trust signed it."""
    header, payload, signature = compact.split(".")
    told = json.loads(base64url(header))
    key = trust.receipts.get(told.get("kid", ""))
    sound = told.get("alg") == "ES256" and told.get("typ") in {VISIT, HISTORY}
    if not (key and sound and es256(key, f"{header}.{payload}".encode(), base64url(signature))):
        raise FaultError("forged: no key we trust signed this file")
    return told["typ"], json.loads(base64url(payload))


def base64url(text: str) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 §2.1."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def includes(index: int, size: int, found: bytes, proof: list[bytes], root: bytes) -> bool:
    """Whether the proof leads from a leaf's hash to the root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last = index, size - 1
    for hashed in proof:
        if not last:
            return False
        if at & 1 or at == last:
            found = hashlib.sha256(b"\x01" + hashed + found).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + hashed).digest()
        at, last = at >> 1, last >> 1
    return not last and found == root


def continues(old: Head, new: Head, proof: list[bytes]) -> bool:
    """Whether the proof leads from an older tree to a newer one (RFC 9162 §2.1.4.2)."""
    if old.size >= new.size or not old.size:
        return old == new and not proof
    path = list(proof) if old.size & (old.size - 1) else [old.root, *proof]
    at, last = old.size - 1, new.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path:
        return False
    before = after = path[0]
    for hashed in path[1:]:
        if not last:
            return False
        if at & 1 or at == last:
            before = hashlib.sha256(b"\x01" + hashed + before).digest()
            after = hashlib.sha256(b"\x01" + hashed + after).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = hashlib.sha256(b"\x01" + after + hashed).digest()
        at, last = at >> 1, last >> 1
    return not last and before == old.root and after == new.root


# Curves, for verifying alone: nothing here is secret, so it need not take constant time.

Q = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, Q) % Q
BASE_Y = 4 * pow(5, -1, Q) % Q


def ed25519(key: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032 §5.1.7, without the cofactor."""
    scalar = int.from_bytes(signature[32:], "little")
    point, commitment = edwards_point(key), edwards_point(signature[:32])
    if len(signature) != 64 or scalar >= ORDER or point is None or commitment is None:
        return False
    hashed = hashlib.sha512(signature[:32] + key + message).digest()
    base = edwards_point(BASE_Y.to_bytes(32, "little"))
    left = edwards_times(scalar, base)
    right = edwards_add(commitment, edwards_times(int.from_bytes(hashed, "little") % ORDER, point))
    return all((left[i] * right[2] - right[i] * left[2]) % Q == 0 for i in (0, 1))


def edwards_point(octets: bytes) -> Any:
    """A point from its 32 bytes, as (X, Y, Z, T); None if it is none."""
    y = int.from_bytes(octets, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, Q) % Q
    x = pow(square, (Q + 3) // 8, Q)
    if (x * x - square) % Q:
        x = x * pow(2, (Q - 1) // 4, Q) % Q
    if y >= Q or (x * x - square) % Q or (not x and sign):
        return None
    x = Q - x if x & 1 != sign else x
    return x, y, 1, x * y % Q


def edwards_add(one: Any, two: Any) -> Any:
    """RFC 8032 §5.1.4."""
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % Q, (one[1] + one[0]) * (two[1] + two[0]) % Q
    c, d = 2 * one[3] * two[3] * D % Q, 2 * one[2] * two[2] % Q
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % Q, g * h % Q, f * g % Q, e * h % Q


def edwards_times(scalar: int, point: Any) -> Any:
    """A multiple of a point."""
    found = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = edwards_add(found, point)
        point, scalar = edwards_add(point, point), scalar >> 1
    return found


P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def es256(key: tuple[int, int], message: bytes, signature: bytes) -> bool:
    """ECDSA over P-256 (FIPS 186-5 §6.4.2)."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not (0 < r < N and 0 < s < N):
        return False
    hashed, inverse = int.from_bytes(hashlib.sha256(message).digest(), "big"), pow(s, -1, N)
    point = add(times(hashed * inverse % N, G), times(r * inverse % N, key))
    return point is not None and point[0] % N == r


def add(one: Any, two: Any) -> Any:
    """The sum of two points of P-256; None is the neutral one."""
    if one is None or two is None:
        return one or two
    if one[0] == two[0]:
        if (one[1] + two[1]) % P == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, P) % P
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, P) % P
    x = (slope * slope - one[0] - two[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(scalar: int, point: Any) -> Any:
    """A multiple of a point of P-256."""
    found = None
    while scalar:
        if scalar & 1:
            found = add(found, point)
        point, scalar = add(point, point), scalar >> 1
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
