"""What an erasure leaves in a folder: the salt, before; the certificate, after. So it resumes.

A batch names them by line, and each says by a salted hash whom it is about: another batch with
the same folder is refused, and not taken for one that is done.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from api import durable
from identity.registry import erasure_certificates

SALT_BYTES = 32


class SlipError(Exception):
    """The folder holds what another batch left."""


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """One person's salt and the name of their certificate, chosen before anything is erased."""

    certificate: UUID
    salt: bytes
    subject_hash: str
    """Under the salt, whom it is about; in the certificate too."""
    place: Path
    """Where the certificate goes; the slip itself lies beside it."""

    @property
    def is_done(self) -> bool:
        """Whether the certificate is there already."""
        return self.place.exists()

    @property
    def _beside(self) -> Path:
        return self.place.with_suffix(".slip")

    def write(self) -> None:
        """Keep the slip: a power cut after the commit must not lose the salt."""
        kept = _Kept(certificate=self.certificate, salt=self.salt.hex(), subject=self.subject_hash)
        durable.write(self._beside, msgspec.json.encode(kept))

    def finish(self, jws: str) -> None:
        """Keep the certificate."""
        durable.write(self.place, jws.encode() + b"\n")

    def discard(self) -> None:
        """Nothing was erased."""
        self._beside.unlink()


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    certificate: UUID
    salt: str
    subject: str


def slips(folder: Path, numbers: Sequence[str], *, numbered: bool) -> list[Slip]:
    """A slip for each; in a numbered batch, those that an earlier run left are taken up again.

    Raises:
        SlipError: an earlier run left them for somebody else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not numbered:
        return [_new(folder, number, None) for number in numbers]
    return [_read(folder, number, f"{line:06}") for line, number in enumerate(numbers, start=1)]


def _new(folder: Path, number: str, name: str | None) -> Slip:
    certificate, salt = uuid4(), secrets.token_bytes(SALT_BYTES)
    return Slip(
        certificate=certificate,
        salt=salt,
        subject_hash=erasure_certificates.subject_hash(salt, number),
        place=folder / f"{name or certificate}.jws",
    )


def _read(folder: Path, number: str, name: str) -> Slip:
    beside, place = folder / f"{name}.slip", folder / f"{name}.jws"
    if not beside.exists() and not place.exists():
        return _new(folder, number, name)
    try:
        kept = msgspec.json.decode(beside.read_bytes(), type=_Kept)
        salt = bytes.fromhex(kept.salt)
    except (FileNotFoundError, ValueError, msgspec.MsgspecError):
        raise SlipError(
            f"{beside} does not say whom {place.name} is about: another --out"
        ) from None
    if kept.subject != erasure_certificates.subject_hash(salt, number):
        raise SlipError(f"{beside} is about somebody else than line {int(name)}: another --out")
    return Slip(certificate=kept.certificate, salt=salt, subject_hash=kept.subject, place=place)
