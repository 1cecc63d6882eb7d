"""Composes a notice: the fixed clauses that the DPO reviews, filled from the catalogue. Pure.

Singapore once issued 87,000 legally void documents for want of one mandated line: here a
clause without words in any language is found before anything is shown.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from policies.catalogue import Agreement, Catalogue, Texts
from policies.vocabulary import AttributeId, FormId, Language, LegalBasis


class Clause(StrEnum):
    """What a notice must say, in this order (Law 09-08, article 5; ISO/IEC 29184)."""

    WHO = "who"
    WHY = "why"
    WHAT = "what"
    OPTIONAL = "optional"
    UNTIL = "until"
    KEPT = "kept"
    BASIS = "basis"
    STOP = "stop"
    REFUSING = "refusing"
    COMPLAINT = "complaint"
    NOTICE = "notice"
    """Which agreement, version and channel: no two notices have the same words, nor hash."""


class ClauseWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fixed words of one clause."""

    heading: Texts
    text: Texts


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """All fixed words."""

    clauses: dict[Clause, ClauseWords]
    forms: dict[FormId, Texts]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One clause in words."""

    heading: str
    text: str


SEPARATOR: Final = "\n\n"
"""Between sections; inside one there is only the single line break."""


@cache
def shipped() -> Words:
    """The words that ship with this release, read once."""
    return read(resources.files("consent").joinpath("clauses.toml").read_bytes())


def read(octets: bytes) -> Words:
    """Words from TOML: one table per clause, and `forms`.

    Raises:
        msgspec.ValidationError: a clause is unknown, or has words missing in a language.
    """
    tables = msgspec.toml.decode(octets)
    forms = tables.pop("forms", {})
    return msgspec.convert({"clauses": tables, "forms": forms}, Words)


def missing(catalogue: Catalogue, agreement: Agreement, words: Words) -> tuple[str, ...]:
    """What is without words, as `language/part`: while anything is, no notice is published."""
    found = [
        f"{language}/{part}"
        for language in Language
        for part, text in _parts(catalogue, agreement, language, words)
        if not text.strip()
    ]
    return tuple(found if agreement.items else [*found, "items"])


def compose(
    catalogue: Catalogue, agreement: Agreement, language: Language, channel: str, words: Words
) -> tuple[Section, ...]:
    """The sections of a notice of which nothing is `missing`."""
    filled = _filled(catalogue, agreement, language, words)
    filled["notice"] = f"{agreement.id}, {agreement.version}, {channel}"
    return tuple(
        Section(
            heading=words.clauses[clause].heading.in_(language),
            text=words.clauses[clause].text.in_(language).format_map(filled),
        )
        for clause in _clauses(agreement)
    )


def _clauses(agreement: Agreement) -> list[Clause]:
    return [clause for clause in Clause if clause is not Clause.OPTIONAL or _optional(agreement)]


def _optional(agreement: Agreement) -> dict[AttributeId, FormId]:
    return {item: form for item, form in agreement.items.items() if item in agreement.optional}


def _parts(
    catalogue: Catalogue, agreement: Agreement, language: Language, words: Words
) -> Iterator[tuple[str, str]]:
    """Every part that must have words, and its words."""
    for clause in _clauses(agreement):
        found = words.clauses.get(clause)
        yield f"{clause} heading", found.heading.in_(language) if found else ""
        yield f"{clause} text", found.text.in_(language) if found else ""
    yield from _names(catalogue, agreement, language).items()
    for item, form in agreement.items.items():
        yield f"label of {item}", catalogue.attributes[item].label.in_(language)
        yield f"form {form}", words.forms[form].in_(language) if form in words.forms else ""


def _names(catalogue: Catalogue, agreement: Agreement, language: Language) -> dict[str, str]:
    programme = catalogue.programmes[agreement.programme]
    return {
        "programme": programme.name.in_(language),
        "body": programme.body.in_(language),
        "sentence": catalogue.purposes[agreement.purpose].sentence.in_(language),
        "reference": agreement.cndp_reference,
    }


def _filled(
    catalogue: Catalogue, agreement: Agreement, language: Language, words: Words
) -> dict[str, str]:
    def listed(items: dict[AttributeId, FormId]) -> str:
        return "\n".join(
            f"• {_flat(catalogue.attributes[item].label.in_(language))}"
            f" ({words.forms[form].in_(language)})"
            for item, form in items.items()
        )

    names = _names(catalogue, agreement, language)
    return {
        **{name: _flat(text) for name, text in names.items()},
        "items": listed(agreement.items),
        "optional": listed(_optional(agreement)),
        "days": str(agreement.consent_days),
        "retention": str(agreement.retention_days),
        "basis": _citation(agreement),
    }


def _citation(agreement: Agreement) -> str:
    # A citation that no lawyer has read is shown to the DPO alone.
    read_by_counsel = [
        basis.citation
        for basis in agreement.bases
        if basis.kind is LegalBasis.CONSENT and basis.verified
    ]
    return f" ({'; '.join(read_by_counsel)})" if read_by_counsel else ""


def _flat(text: str) -> str:
    """In one line: sections are told apart by their line breaks."""
    return " ".join(text.split())
