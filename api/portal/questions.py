"""What a consent screen says: taken from the register of programmes, the notice, the own record."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from api.oauth.interactions import Interaction
from api.portal.visits import Visit
from consent import notices
from consent.notices import Notice, Section
from identity.doors import own_data
from policies import consent as policy
from policies.catalogue import Agreement
from policies.consent import Giving, May
from policies.legal_time import end_of, legal_day
from policies.vocabulary import AttributeId, FormId, GroupId, Language
from vault.attributes import Unreadable

IDENTITY: Final = GroupId("identity")
BIRTH_DATE: Final = AttributeId("birth_date")
WORRIES: Final = tuple(map(AttributeId, ("phone", "email", "address", "index")))
"""What people fear is sent along; the screen names those that are not (portal reference 2.1.1)."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is asked, with the citizen's own value, masked."""

    id: AttributeId
    label: str
    form: FormId
    own: str
    computed: bool
    """Worked out when asked: there is no value to show."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """All that the screen says."""

    interaction: str
    programme: str
    body: str
    kind: str
    purpose: str
    until: datetime
    required: list[Item]
    optional: list[Item]
    not_sent: list[str]
    notice: str
    sections: tuple[Section, ...]


async def asked(visit: Visit, interaction: Interaction) -> Question | None:
    """The question in words; None if its agreement or its notice is no longer to be had."""
    disclosure = interaction.pushed.disclosure
    agreement = visit.catalogue.agreement(disclosure.agreement, legal_day(visit.tx.now))
    notice = await notices.publish(visit.tx, visit.catalogue, disclosure.agreement, visit.language)
    if agreement is None or not isinstance(notice, Notice):
        return None
    own = await _own(visit, _groups(visit, disclosure.attributes))
    programme = visit.catalogue.programmes[interaction.pushed.client_id]
    return Question(
        interaction=interaction.id,
        programme=programme.name.in_(visit.language),
        body=programme.body.in_(visit.language),
        kind=programme.kind,
        purpose=visit.words.purpose(disclosure.purpose),
        until=_until(visit, agreement, interaction, own),
        required=_items(visit, interaction.required(visit.catalogue), own),
        optional=_items(visit, interaction.optional(visit.catalogue), own),
        not_sent=[visit.words.label(each) for each in WORRIES if each not in disclosure.attributes],
        notice=notice.hash,
        sections=notice.sections,
    )


async def birth_date(visit: Visit) -> str | None:
    """The citizen's, as the register has it; it decides whether they may consent."""
    return _birth_date(await _own(visit, {IDENTITY}))


async def _own(visit: Visit, groups: set[GroupId]) -> dict[AttributeId, Any]:
    """Part of one's own record, masked; the birth date in full: majority is counted from it."""
    opened = await own_data.profile(
        visit.tx, visit.keyring, visit.catalogue, visit.subject, groups=groups, shown=[IDENTITY]
    )
    if isinstance(opened, Unreadable):
        return {}
    return {name: value for group in opened for name, value in group.values.items()}


def _groups(visit: Visit, asked: Iterable[AttributeId]) -> set[GroupId]:
    """Where what is asked is kept, and the birth date; nothing is opened for what is computed."""
    known = [visit.catalogue.attributes[name] for name in asked]
    return {attribute.group for attribute in known if not attribute.reads} | {IDENTITY}


def _birth_date(own: dict[AttributeId, Any]) -> str | None:
    found = own.get(BIRTH_DATE)
    return None if found is None else str(found)


def _until(
    visit: Visit, agreement: Agreement, interaction: Interaction, own: dict[AttributeId, Any]
) -> datetime:
    """When the consent would end, as the policy counts it."""
    giving = Giving(
        subject=visit.subject,
        giver=visit.subject,
        birth_date=_birth_date(own),
        agreement=agreement,
        notice_version=agreement.version,
        items=interaction.required(visit.catalogue),
    )
    match policy.may_consent(giving, visit.tx.now):
        case May(expires_at=until):
            return until
        case _:
            return end_of(agreement.ends)


def _items(
    visit: Visit, items: dict[AttributeId, FormId], own: dict[AttributeId, Any]
) -> list[Item]:
    return [
        Item(
            id=name,
            label=visit.words.label(name),
            form=form,
            own=_written(own.get(name), visit.language),
            computed=bool(visit.catalogue.attributes[name].reads),
        )
        for name, form in items.items()
    ]


def _written(value: Any, language: Language) -> str:
    """A value of the register on one line: a name in the page's script, an address by its parts."""
    if isinstance(value, dict):
        script = "ar" if language is Language.AR else "latin"
        parts = [value[script]] if script in value else [each for each in value.values() if each]
        return ", ".join(map(str, parts))
    return "" if value is None else str(value)
