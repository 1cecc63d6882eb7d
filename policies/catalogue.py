"""Bytes → Catalogue, whole or not at all: a catalogue with one problem never starts the service."""

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from policies import agreement_checks, catalogue_checks, catalogue_reading
from policies.catalogue_lines import CatalogueProblem
from policies.catalogue_reading import Draft
from policies.eligibility import Rule
from policies.entries import (
    Agreement,
    Attribute,
    Basis,
    Catalogue,
    Group,
    NumberKind,
    Programme,
    Purpose,
    Sector,
    Sensitivity,
    Texts,
)
from policies.household_index import Formula
from policies.vocabulary import AgreementId

__all__ = [
    "Agreement",
    "Attribute",
    "Basis",
    "Catalogue",
    "CatalogueError",
    "CatalogueProblem",
    "Group",
    "NumberKind",
    "Programme",
    "Purpose",
    "Sector",
    "Sensitivity",
    "Texts",
    "compile",
]

CHECKS: Final = (
    catalogue_checks.of_purposes,
    catalogue_checks.of_attributes,
    catalogue_checks.of_programmes,
    catalogue_checks.of_numbers,
    catalogue_checks.of_rules,
    catalogue_checks.of_formulas,
    agreement_checks.of_agreements,
)


class CatalogueError(Exception):
    """The catalogue is not whole. Carries every problem at once, in reading order."""

    def __init__(self, problems: tuple[CatalogueProblem, ...]) -> None:
        """Take the problems; the text lists them one a line."""
        super().__init__("\n".join(f"{at.file}:{at.line}: {at.message}" for at in problems))
        self.problems = problems


def compile(files: Mapping[str, bytes]) -> Catalogue:  # noqa: A001  (reads catalogue.compile)
    """Compile a catalogue from its TOML files.

    Args:
        files: path inside the catalogue folder → content. Paths and comments leave no trace in
            the hash; what is said does.

    Raises:
        CatalogueError: with every problem found, in reading order.
    """
    draft = catalogue_reading.read(files)
    found = {problem for check in CHECKS for problem in check(draft)} | set(draft.problems)
    if not draft.entries:
        found.add(CatalogueProblem(file="", line=1, message="the catalogue is empty"))
    if found:
        raise CatalogueError(tuple(sorted(found)))
    catalogue = _assembled(draft)
    return msgspec.structs.replace(catalogue, hash=_digest(catalogue))


def _assembled(draft: Draft) -> Catalogue:
    versions = _versions(draft)
    return Catalogue(
        purposes={placed.entry.id: placed.entry for placed in draft.all(Purpose)},
        groups={placed.entry.id: placed.entry for placed in draft.all(Group)},
        attributes={placed.entry.id: placed.entry for placed in draft.all(Attribute)},
        programmes={placed.entry.id: placed.entry for placed in draft.all(Programme)},
        agreements={name: known[-1] for name, known in versions.items()},
        versions=versions,
        rules={placed.entry.programme: placed.entry for placed in draft.all(Rule)},
        formulas={placed.entry.id: placed.entry for placed in draft.all(Formula)},
        hash="",
        sectors={placed.entry.id: placed.entry for placed in draft.all(Sector)},
        numbers={placed.entry.id: placed.entry for placed in draft.all(NumberKind)},
    )


def _versions(draft: Draft) -> dict[AgreementId, tuple[Agreement, ...]]:
    found: dict[AgreementId, tuple[Agreement, ...]] = {}
    for placed in sorted(draft.all(Agreement), key=lambda placed: placed.entry.effective):
        bare = msgspec.structs.replace(placed.entry, content_hash="")
        sealed = msgspec.structs.replace(bare, content_hash=_digest(bare))
        found[sealed.id] = (*found.get(sealed.id, ()), sealed)
    return found


def _digest(content: Agreement | Catalogue) -> str:
    """SHA-256 of sorted-key JSON: for these types, what RFC 8785 makes of it."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
