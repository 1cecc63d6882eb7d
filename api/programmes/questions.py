"""From a token and a query to the question the door is asked. What a token lacks is not asked."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
from litestar import Response

from api import problems
from api.oauth import details
from api.oauth.details import Disclosure, Items
from api.oauth.errors import Denied
from api.programmes.callers import Caller, denied
from api.running import Running
from consent import grants
from identity import tokens
from identity.registry import pseudonyms
from identity.tokens import AccessToken, Authorized
from policies import disclosure
from policies.catalogue import Catalogue
from policies.disclosure import Ask, AskedForms, PersonFacts, Refusal
from policies.legal_time import legal_day
from policies.vocabulary import (
    Action,
    AttributeId,
    FormId,
    LegalBasis,
    Outcome,
    ProgrammeId,
    SubjectId,
)
from vault import access_log
from vault import database as db


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What a programme wants to know, before it is seen whether its token reaches that far."""

    action: Action
    attributes: Items
    case_reference: str | None

    @property
    def forms(self) -> AskedForms:
        """Attribute and form, in the order they were asked."""
        return tuple(self.attributes.items())


def asking(action: Action, wanted: Mapping[str, str], case_reference: str | None) -> Asking:
    """Attributes and forms as the policies name them; whether they exist, they decide."""
    return Asking(
        action=action,
        attributes={AttributeId(name): FormId(form) for name, form in wanted.items()},
        case_reference=case_reference,
    )


def granted(caller: Caller) -> Disclosure:
    """What the token is for."""
    return caller.claims.authorization_details[0]


def reaches(caller: Caller, wanted: Asking, catalogue: Catalogue) -> bool:
    """Whether the token covers all that is asked."""
    return details.covers(catalogue, granted(caller).attributes, wanted.attributes)


def basis(authorized: Authorized, wanted: Items, catalogue: Catalogue, day: date) -> LegalBasis:
    """What a question rests on: the consent the token stands for, or the law that has it all."""
    if authorized.grant_id is not None:
        return LegalBasis.CONSENT
    agreement = catalogue.agreement(authorized.agreement, day)
    laws = [kind for kind in LegalBasis if kind is not LegalBasis.CONSENT]
    reached = (kind for kind in laws if agreement and wanted.keys() <= agreement.under(kind).keys())
    # Where none has it all, the decision says so.
    return next(reached, LegalBasis.PUBLIC_TASK)


async def find(running: Running, caller: Caller, pairwise: str) -> SubjectId | None:
    """Whom a programme means by its own identifier; None asks like a person who is locked."""
    audience = running.catalogue.audience(ProgrammeId(caller.claims.client_id))
    async with db.read(running.database) as tx:
        found = await pseudonyms.resolve(tx, running.keyring, audience, [pairwise])
    return found.get(pairwise)


async def refuse_beyond(
    running: Running, caller: Caller, wanted: Asking, named: SubjectId | None
) -> Response[Any] | Denied:
    """Refuse what the token does not reach, with the reason that the decision gives, and log it."""
    async with db.begin(running.database) as tx:
        token = await tokens.still(tx, caller.claims.token)
        if token is None:
            return denied("invalid_token", "token-ended", caller.claims.client_id)
        grant_id = token.authorized.grant_id
        grant = (await grants.by_id(tx, [grant_id])).get(grant_id) if grant_id else None
        ask = _ask(token, wanted, named, running.catalogue, legal_day(tx.now))
        decided = disclosure.decide(ask, grant, PersonFacts(), running.catalogue, tx.now)
        if isinstance(decided, Refusal):
            await access_log.record(tx, running.keyring, [access_log.for_refusal(decided)])
            return problems.for_refusal(decided)
        # The person agreed to it, or a law has it, but this token was made for less.
        line = msgspec.structs.replace(
            access_log.for_permit(decided), outcome=Outcome.REFUSED, reasons=("token-too-narrow",)
        )
        await access_log.record(tx, running.keyring, [line])
    return problems.respond("forbidden", detail="the token is for less than this")


def _ask(
    token: AccessToken,
    wanted: Asking,
    named: SubjectId | None,
    catalogue: Catalogue,
    day: date,
) -> Ask:
    authorized = token.authorized
    return Ask(
        programme=authorized.client_id,
        subject=authorized.subject or named,
        agreement=authorized.agreement,
        purpose=authorized.purpose,
        basis=basis(authorized, wanted.attributes, catalogue, day),
        attributes=wanted.forms,
        action=wanted.action,
        case_reference=wanted.case_reference,
    )
