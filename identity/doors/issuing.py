"""Access tokens are remembered here, many in one statement, before anyone holds them."""

from collections.abc import Sequence

import msgspec

from identity import tokens
from identity.registry import pseudonyms
from identity.tokens import AccessToken, Authorized, NewAccess
from policies.catalogue import Catalogue
from vault.database import Transaction
from vault.keyring import Keyring

Question = NewAccess


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A token that opens something from now on."""

    row: AccessToken
    subject: str
    """Whom it is about, as its programme knows them; the programme itself under a law."""


async def issue(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, questions: Sequence[Question]
) -> list[Issued]:
    """Remember each token, in order, in a constant number of statements."""
    rows = await tokens.issue_access(tx, questions)
    subjects = await subjects_of(tx, keyring, catalogue, [each.authorized for each in questions])
    return [Issued(row=row, subject=subject) for row, subject in zip(rows, subjects, strict=True)]


async def subjects_of(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, authorized: Sequence[Authorized]
) -> list[str]:
    """Whom tokens are about, as each one's programme knows them."""
    people = [
        (catalogue.audience(each.client_id), each.subject)
        for each in authorized
        if each.subject is not None
    ]
    names = await pseudonyms.pairwise_all(tx, keyring, people)
    return [
        each.client_id
        if each.subject is None
        else names[catalogue.audience(each.client_id), each.subject]
        for each in authorized
    ]
