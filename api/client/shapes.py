"""What a programme gives and gets. Members that a newer Amana adds are left out."""

from datetime import date, datetime
from typing import Any

import msgspec


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: one `amana_disclosure` (RFC 9396)."""

    agreement: str
    purpose: str
    attributes: dict[str, str]
    """Attribute → form."""

    @property
    def details(self) -> list[dict[str, Any]]:
        """As `authorization_details`."""
        return [{"type": "amana_disclosure", **msgspec.structs.asdict(self)}]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An access token and what came with it (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""
    authorization_details: list[dict[str, Any]] = []
    """What was granted, which may be less than was asked."""
    refresh_token: str = ""
    scope: str = ""
    id_token: str = ""
    grant_id: str = ""

    @property
    def is_bound(self) -> bool:
        """Whether it opens something only to who holds the key (RFC 9449)."""
        return self.token_type == "DPoP"  # noqa: S105  (a kind of token)


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was pushed (RFC 9126): where the person goes, and what to keep until then."""

    address: str
    state: str
    verifier: str
    redirect_uri: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a person is who they say they are."""

    result: str
    """`yes`, `partial` or `no`: unknown, locked and wrong look alike."""
    attributes: dict[str, str]
    """The same of each claim."""
    subject: str | None
    """The programme's identifier for the person, where the result is yes."""


class Eligibility(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the programme's aid is open to a person."""

    eligible: bool | None
    until: date | None
    """How long the answer may be relied on."""
    reasons: tuple[str, ...]


class Disclosure(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes of a person, in the forms asked for."""

    values: dict[str, Any]
    """Null where the register holds none."""
    hold_until: datetime | None
    """When they must have been erased."""


class Idcs(msgspec.Struct, frozen=True):
    """A person by the number they gave."""

    idcs: str


class Virtual(msgspec.Struct, frozen=True):
    """A person by a number that they made to give in its place."""

    virtual: str


class Pairwise(msgspec.Struct, frozen=True):
    """A person by the programme's own identifier, from a verification."""

    pairwise: str


Subject = Idcs | Virtual | Pairwise
