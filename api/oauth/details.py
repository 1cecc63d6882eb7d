"""Rich authorization requests (RFC 9396): one type, `amana_disclosure`, by a strict schema.

What is granted is never more than the agreement has, and may be less than was asked; the
token, introspection and the log then show what was granted.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, Literal

import msgspec

from api.oauth import strict_json
from api.oauth.errors import Denied
from identity.programmes import Client
from identity.tokens import Authorized
from policies import forms
from policies.catalogue import Agreement, Catalogue
from policies.vocabulary import AgreementId, AttributeId, FormId, LegalBasis, ProgrammeId, PurposeId

PARAMETER: Final = "authorization_details"
TYPE: Final = "amana_disclosure"
DETAILS_CHARACTERS: Final = 16 * 1024
ITEMS: Final = 64

Items = dict[AttributeId, FormId]


class Disclosure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `amana_disclosure`: under which agreement, for what, which attributes in which form."""

    type: Literal["amana_disclosure"]
    agreement: AgreementId
    purpose: PurposeId
    attributes: Items


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """What of a registration says which agreements are its own."""

    programme: ProgrammeId
    agreements: tuple[AgreementId, ...]


def parse(text: str | None) -> Disclosure | Denied:
    """The one object of the parameter."""
    if text is None:
        return _wrong("details-missing", "authorization_details is required")
    if len(text) > DETAILS_CHARACTERS:
        return _wrong("details-too-large", "authorization_details is too large")
    found = strict_json.read(text.encode("utf-8", "replace"), list[Disclosure])
    if found is None:
        return _wrong("details-malformed", f"send one object of type {TYPE}, by its schema")
    if len(found) != 1 or not 0 < len(found[0].attributes) <= ITEMS:
        return _wrong("details-count", f"send one object of type {TYPE} with attributes")
    return found[0]


def under_law(
    text: str | None, client: Client, catalogue: Catalogue, day: date
) -> Disclosure | Denied:
    """What a programme may ask without the person: on bases other than consent alone."""
    return _under_law(text, _own(client), catalogue, day)


@lru_cache(maxsize=256)  # a programme asks the same each time
def _under_law(text: str | None, own: Own, catalogue: Catalogue, day: date) -> Disclosure | Denied:
    asked = parse(text)
    kinds = [kind for kind in LegalBasis if kind is not LegalBasis.CONSENT]
    return asked if isinstance(asked, Denied) else _narrowed(asked, own, catalogue, day, kinds)


def under_consent(
    asked: Disclosure, client: Client, catalogue: Catalogue, day: date
) -> Disclosure | Denied:
    """What a programme may ask a person to agree to: the agreement's items, in its forms.

    A notice says exactly what is agreed to, so less is asked by leaving out what is optional,
    and a coarser form is asked of the token.
    """
    granted = _narrowed(asked, _own(client), catalogue, day, [LegalBasis.CONSENT])
    agreement = catalogue.agreement(asked.agreement, day)
    if isinstance(granted, Denied) or agreement is None:
        return granted
    needed = agreement.items.keys() - set(agreement.optional)
    if not needed <= granted.attributes.keys():
        return _wrong("details-required", "the agreement needs an attribute that is left out")
    if not granted.attributes.items() <= agreement.items.items():
        return _wrong("details-form", "ask for the forms of the agreement")
    return granted


def within(
    asked: Disclosure | None, granted: Disclosure, catalogue: Catalogue
) -> Disclosure | Denied:
    """A part of what was granted (RFC 9396 §6.1), or all of it where no part is asked."""
    if asked is None:
        return granted
    same = (asked.agreement, asked.purpose) == (granted.agreement, granted.purpose)
    if not same or not covers(catalogue, granted.attributes, asked.attributes):
        return _wrong("details-wider", "more than was granted")
    return asked


def covers(catalogue: Catalogue, granted: Items, asked: Items) -> bool:
    """Whether what was granted reaches all that is asked, in its form or a finer one."""
    return all(_covered(catalogue, name, granted.get(name), form) for name, form in asked.items())


def meet(catalogue: Catalogue, left: Mapping[AttributeId, FormId], right: Items) -> Items:
    """What both have, each in the finest form that is finer than neither's."""
    both = {name: (form, right[name]) for name, form in left.items() if name in right}
    met = {
        name: forms.meet(catalogue.attributes[name], *pair)
        for name, pair in both.items()
        if name in catalogue.attributes
    }
    return {name: form for name, form in met.items() if form is not None}


def of(authorized: Authorized) -> list[Disclosure]:
    """What a token stands for, as `authorization_details`."""
    if authorized.scope:
        return []
    return [
        Disclosure(
            type=TYPE,
            agreement=authorized.agreement,
            purpose=authorized.purpose,
            attributes=authorized.attributes,
        )
    ]


def _narrowed(
    asked: Disclosure, own: Own, catalogue: Catalogue, day: date, kinds: Sequence[LegalBasis]
) -> Disclosure | Denied:
    agreement = catalogue.agreement(asked.agreement, day)
    if agreement is None or not _is_of(agreement, own, day):
        return _wrong("details-agreement", "no such agreement of yours is in force")
    if asked.purpose != agreement.purpose:
        return _wrong("details-purpose", "the agreement is for another purpose")
    granted = meet(catalogue, asked.attributes, agreement.under(*kinds))
    if granted.keys() != asked.attributes.keys():
        return _wrong("details-attributes", "the agreement does not cover these attributes so")
    return msgspec.structs.replace(asked, attributes=granted)


def _own(client: Client) -> Own:
    return Own(programme=client.programme, agreements=client.agreements)


def _is_of(agreement: Agreement, own: Own, day: date) -> bool:
    return (
        agreement.id in own.agreements
        and agreement.programme == own.programme
        and agreement.in_force(day)
    )


def _covered(
    catalogue: Catalogue, name: AttributeId, granted: FormId | None, asked: FormId
) -> bool:
    attribute = catalogue.attributes.get(name)
    return attribute is not None and granted is not None and forms.covers(attribute, granted, asked)


def _wrong(reason: str, description: str) -> Denied:
    return Denied(error="invalid_authorization_details", reason=reason, description=description)
