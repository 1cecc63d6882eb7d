"""A citizen on their own pages: who they are, in which language, in which transaction."""

import msgspec
from litestar.di import NamedDependency, Provide

from api.rendering import Page
from api.wording import Words
from identity.login.sessions import CitizenSession
from policies.catalogue import Catalogue
from policies.vocabulary import Language, SubjectId
from vault.database import Transaction
from vault.keyring import Keyring


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


def dependencies() -> dict[str, Provide]:
    """What the citizens' handlers may ask for by name."""
    return {"visit": Provide(visit)}
