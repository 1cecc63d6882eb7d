"""Asks → permits and refusals: the facts of all in a few statements, each decided alone."""

from collections.abc import Mapping, Sequence

import msgspec

from consent import grants, oppositions
from consent.grants import Grant, Pair
from consent.oppositions import PersonState
from identity.registry import households, people
from identity.registry.people import Status
from policies import disclosure
from policies.catalogue import Catalogue
from policies.disclosure import Ask, Permit, PersonFacts, Refusal
from policies.vocabulary import LegalBasis, SubjectId
from vault.database import Transaction


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    households: Mapping[SubjectId, SubjectId]
    statuses: Mapping[SubjectId, Status]
    oppositions: Mapping[SubjectId, PersonState]
    grants: Mapping[Pair, Grant]


async def decided(
    tx: Transaction,
    catalogue: Catalogue,
    asks: Sequence[Ask],
    *,
    instead: Sequence[SubjectId | None] = (),
) -> list[Permit | Refusal]:
    """Decide each ask, in order, in at most four statements; the ask's household is found here.

    `instead` are looked up where an ask is about nobody, so that it is as much work.
    """
    others = instead or [None] * len(asks)
    about = [ask.subject or other for ask, other in zip(asks, others, strict=True)]
    facts = await _facts(tx, catalogue, list(zip(asks, about, strict=True)))
    return [_decided(tx, catalogue, ask, facts) for ask in asks]


async def _facts(
    tx: Transaction, catalogue: Catalogue, asked: Sequence[tuple[Ask, SubjectId | None]]
) -> _Facts:
    subjects = list({about for _, about in asked if about is not None})
    at_home = {about for ask, about in asked if about and _of_household(catalogue, ask)}
    return _Facts(
        households=await households.household_of(tx, list(at_home)),
        statuses=await people.statuses(tx, subjects),
        oppositions=await oppositions.facts(tx, subjects) if subjects else {},
        grants=await grants.latest(tx, [pair for each in asked if (pair := _pair(*each))]),
    )


def _decided(tx: Transaction, catalogue: Catalogue, ask: Ask, facts: _Facts) -> Permit | Refusal:
    if ask.subject is None:
        return disclosure.decide(ask, None, PersonFacts(), catalogue, tx.now)
    whole = msgspec.structs.replace(ask, household=facts.households.get(ask.subject))
    pair = _pair(ask, ask.subject)
    person = facts.oppositions[ask.subject].facts(
        ask.agreement, active=facts.statuses.get(ask.subject) is Status.ACTIVE
    )
    return disclosure.decide(
        whole, facts.grants.get(pair) if pair else None, person, catalogue, tx.now
    )


def _pair(ask: Ask, about: SubjectId | None) -> Pair | None:
    if about is None or ask.basis is not LegalBasis.CONSENT:
        return None
    return about, ask.programme, ask.agreement


def _of_household(catalogue: Catalogue, ask: Ask) -> bool:
    """Whether the household's record is opened to answer."""
    asked = [
        catalogue.attributes[name] for name, _ in ask.attributes if name in catalogue.attributes
    ]
    read = [catalogue.attributes[name] for each in asked for name in each.reads] + asked
    return any(catalogue.groups[each.group].holder == "household" for each in read)
