"""What a stranger is handed: the file that the demo writes, read by a definition of our own."""

from pathlib import Path
from typing import Any

import msgspec


class Spellings(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of themselves at a counter."""

    given_name: str
    family_name: str
    given_name_arabic: str
    family_name_arabic: str
    birth_date: str
    sex: str


class Citizen(msgspec.Struct, frozen=True, kw_only=True):
    """A citizen with a portal account."""

    identifier: str
    password: str
    totp_secret: str
    name: str
    person: Spellings


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the console."""

    identifier: str
    password: str
    totp_secret: str


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """A registered programme and where its private key is."""

    client_id: str
    jwk_file: str
    redirect_uri: str
    agreements: tuple[str, ...]


class Offices(msgspec.Struct, frozen=True, kw_only=True):
    """Who works there."""

    dpo: Staff
    operator: Staff
    controller: Staff
    agency: Staff

    @property
    def everybody(self) -> tuple[Staff, ...]:
        """All of them."""
        return (self.dpo, self.operator, self.controller, self.agency)


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    citizens: tuple[Citizen, ...]
    staff: Offices
    programmes: tuple[Programme, ...]

    def programme(self, client_id: str) -> Programme:
        """One programme.

        Raises:
            ValueError: it is not in the file.
        """
        for each in self.programmes:
            if each.client_id == client_id:
                return each
        raise ValueError(f"no programme {client_id} in the credentials")


def read(file: Path) -> Handed:
    """Read the file.

    Raises:
        ValueError: it does not say what it must.
        OSError: it cannot be read.
    """
    handed = msgspec.json.decode(file.read_bytes(), type=Handed)
    if not handed.citizens:
        raise ValueError("no citizen in the credentials")
    return handed


def key(programme: Programme, beside: Path) -> dict[str, Any]:
    """A programme's private key; a relative path is beside the credentials file."""
    return msgspec.json.decode(
        (beside.parent / programme.jwk_file).read_bytes(), type=dict[str, Any]
    )
