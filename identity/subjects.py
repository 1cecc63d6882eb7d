"""Whom tokens are about, as each one's programme knows them; the programme itself under a law."""

from collections.abc import Sequence

from identity.registry import pseudonyms
from identity.tokens import Authorized
from policies.catalogue import Catalogue
from vault.database import Transaction
from vault.keyring import Keyring


async def of(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, authorized: Sequence[Authorized]
) -> list[str]:
    """The `sub` of each token, in order, in a constant number of statements."""
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
