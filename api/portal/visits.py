"""A citizen on their own pages: who they are, in which language, in which transaction."""

import hmac
import math
from typing import Final

import msgspec
from litestar.di import NamedDependency, Provide
from litestar.exceptions import TooManyRequestsException

from api.rendering import Page
from api.wording import Words
from identity.login.sessions import CitizenSession
from policies.catalogue import Catalogue
from policies.vocabulary import Language, SubjectId
from vault.database import Transaction
from vault.framing import framed
from vault.keyring import Keyring
from vault.short_lived import ShortLived

DAY_SECONDS: Final = 86_400


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What every page of a citizen's own needs. There is none without a session."""

    citizen: CitizenSession
    page: Page
    tx: Transaction
    words: Words

    @property
    def subject(self) -> SubjectId:
        """Whose pages these are."""
        return self.citizen.subject

    @property
    def catalogue(self) -> Catalogue:
        """The purposes and programmes that the pages name."""
        return self.words.catalogue

    @property
    def keyring(self) -> Keyring:
        """The keys in use."""
        return self.words.keyring

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.page.language


async def visit(
    citizen: NamedDependency[CitizenSession],
    page: NamedDependency[Page],
    tx: NamedDependency[Transaction],
    keyring: NamedDependency[Keyring],
    catalogue: NamedDependency[Catalogue],
) -> Visit:
    """The visit of whoever is signed in."""
    words = Words(tongue=page.tongue, catalogue=catalogue, keyring=keyring)
    return Visit(citizen=citizen, page=page, tx=tx, words=words)


async def admit(visit: Visit, short_lived: ShortLived, what: str, times: int) -> None:
    """Count one more today of what a citizen may do so many times a day.

    Raises:
        TooManyRequestsException: there were enough; it says when to come back.
    """
    key = visit.keyring.secret("own rates")
    who = hmac.digest(key, framed(visit.subject.bytes, what.encode()), "sha256").hex()
    rate = await short_lived.hit(f"own:{who}", times, DAY_SECONDS)
    if not rate.allowed:
        raise TooManyRequestsException(headers={"Retry-After": str(math.ceil(rate.retry_after))})


def dependencies() -> dict[str, Provide]:
    """What the citizens' handlers may ask for by name."""
    return {"visit": Provide(visit)}
