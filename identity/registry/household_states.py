"""What a household declared and the index computed from it: sealed, replaced, and never forgotten.

What stands now is one group each for facts and index; each state is kept beside them, so
that an index can be replayed digit by digit. The index leaves only as «eligible or not».
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from policies import household_index
from policies.catalogue import Catalogue
from policies.household_index import HouseholdFacts, Index, IndexUnknown
from policies.legal_time import legal_day
from policies.vocabulary import GroupId, SubjectId
from vault import attributes, histories
from vault.attributes import Group
from vault.database import Transaction
from vault.keyring import Keyring

DECLARED: Final = GroupId("household")
INDEX: Final = GroupId("index")


class RequestKind(StrEnum):
    """Why an index was computed."""

    REGISTRATION = "registration"
    DECLARATION = "declaration"
    REVIEW = "review"
    CORRECTION = "correction"


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """One index in a household's history, with the facts it was computed from: replayable."""

    at: datetime
    request: RequestKind
    facts: HouseholdFacts
    index: Index | IndexUnknown
    catalogue: str
    """Hash of the catalogue whose formula was used."""


async def keep(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    declared: Mapping[SubjectId, HouseholdFacts],
    request: RequestKind,
) -> dict[SubjectId, Index | IndexUnknown]:
    """Compute and seal, as what stands now and as one more state of the history."""
    day = legal_day(tx.now)
    indexes = {
        household: household_index.compute(catalogue.formula(facts.milieu, day), facts)
        for household, facts in declared.items()
    }
    now, past = [], []
    for household, facts in declared.items():
        written = msgspec.to_builtins(facts)
        index = msgspec.to_builtins(indexes[household])
        stands = {"household_size": facts.size, "household_facts": written}
        state = {
            "at": tx.now.isoformat(),
            "request": request.value,
            "facts": written,
            "index": index,
            "catalogue": catalogue.hash,
        }
        now.append(Group(record=household, group=DECLARED, values=stands))
        now.append(Group(record=household, group=INDEX, values={"index": index}))
        past.append(Group(record=household, group=INDEX, values=state))
    await attributes.store_all(tx, keyring, now)
    await histories.append(tx, keyring, past)
    return indexes


def index_from(kept: Mapping[str, Any]) -> Index | IndexUnknown:
    """An index as the vault gives it back."""
    if "reason" in kept:
        return msgspec.convert(dict(kept), IndexUnknown)
    return msgspec.convert(dict(kept), Index)


def past_from(kept: Mapping[str, Any]) -> Past:
    """A state of the history as the vault gives it back."""
    return Past(
        at=datetime.fromisoformat(kept["at"]),
        request=RequestKind(kept["request"]),
        facts=msgspec.convert(kept["facts"], HouseholdFacts),
        index=index_from(kept["index"]),
        catalogue=kept["catalogue"],
    )
