"""What an erasure leaves in a folder: the salt, before; the certificate, after. So it resumes."""

import os
import secrets
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

SALT_BYTES = 32


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """One person's salt and the name of their certificate, chosen before anything is erased."""

    certificate: UUID
    salt: bytes
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
        octets = msgspec.json.encode({"certificate": self.certificate, "salt": self.salt.hex()})
        _write(self._beside, octets)

    def finish(self, jws: str) -> None:
        """Keep the certificate."""
        _write(self.place, jws.encode() + b"\n")

    def discard(self) -> None:
        """Nothing was erased."""
        self._beside.unlink()


def slips(folder: Path, count: int, *, numbered: bool) -> list[Slip]:
    """A slip for each; in a numbered batch, those that an earlier run left are taken up again."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not numbered:
        return [_new(folder, None) for _ in range(count)]
    return [_read(folder, f"{number:06}") for number in range(1, count + 1)]


def _new(folder: Path, name: str | None) -> Slip:
    certificate = uuid4()
    place = folder / f"{name or certificate}.jws"
    return Slip(certificate=certificate, salt=secrets.token_bytes(SALT_BYTES), place=place)


def _read(folder: Path, name: str) -> Slip:
    beside = folder / f"{name}.slip"
    if not beside.exists():
        return _new(folder, name)
    kept = msgspec.json.decode(beside.read_bytes(), type=dict[str, str])
    return Slip(
        certificate=UUID(kept["certificate"]),
        salt=bytes.fromhex(kept["salt"]),
        place=folder / f"{name}.jws",
    )


def _write(place: Path, octets: bytes) -> None:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
