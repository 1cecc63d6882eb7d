"""What tokens are worth at this moment, to the programme they were given to; to others, nothing."""

from collections.abc import Container, Sequence
from datetime import datetime

import msgspec

from consent import grants
from identity import subjects, tokens
from identity.tokens import AccessToken, RefreshToken
from policies.catalogue import Catalogue
from policies.vocabulary import ProgrammeId
from vault.database import Transaction
from vault.keyring import Keyring


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A programme asks about one token."""

    programme: ProgrammeId
    token: str
    access: AccessToken | None
    """What an access token says whose signature held; None of any other text."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A token that opens something: all of it was read anew, its consent under lock."""

    token: AccessToken | RefreshToken
    subject: str
    """Whom it is about, as its programme knows them; the programme itself under a law."""


async def introspect(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, questions: Sequence[Question]
) -> list[Standing | None]:
    """Answer each question, in order, in a constant number of statements."""
    found = await _found(tx, questions)
    standing = await _consented(tx, [each for each in found if each is not None])
    authorized = [each.authorized for each in standing.values()]
    names = await subjects.of(tx, keyring, catalogue, authorized)
    answers = {
        id_: Standing(token=token, subject=name)
        for (id_, token), name in zip(standing.items(), names, strict=True)
    }
    return [None if each is None else answers.get(each.id) for each in found]


def by_law(question: Question, given_back: Container[str], now: datetime) -> Standing | None:
    """What a token is worth that rests on no consent, to a programme that is active."""
    token = question.access
    if token is None or token.family is not None:
        return None
    stands = token.authorized.client_id == question.programme and token.expires_at > now
    if not stands or token.jti in given_back:
        return None
    return Standing(token=token, subject=token.authorized.client_id)


async def _found(
    tx: Transaction, questions: Sequence[Question]
) -> list[AccessToken | RefreshToken | None]:
    """The tokens that are valid and the asker's own."""
    shown = [each.access for each in questions if each.access is not None]
    others = [each.token for each in questions if each.access is None]
    accesses = await tokens.read(tx, shown) if shown else {}
    refreshes = await tokens.read_refresh(tx, others) if others else {}

    def found(each: Question) -> AccessToken | RefreshToken | None:
        access = each.access
        token = refreshes.get(each.token) if access is None else accesses.get(access.jti)
        return token if token and token.authorized.client_id == each.programme else None

    return [found(each) for each in questions]


async def _consented(
    tx: Transaction, found: Sequence[AccessToken | RefreshToken]
) -> dict[str, AccessToken | RefreshToken]:
    """Those, by id, whose consent still stands or that rest on none."""
    needed = [each.authorized.grant_id for each in found if each.authorized.grant_id is not None]
    consents = await grants.by_id(tx, list(dict.fromkeys(needed))) if needed else {}
    stands = {id_ for id_, grant in consents.items() if grant.discloses} | {None}
    return {each.id: each for each in found if each.authorized.grant_id in stands}
