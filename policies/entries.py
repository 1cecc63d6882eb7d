"""What a catalogue is made of: the words the DPO signs, as frozen structs."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from policies.eligibility import Rule
from policies.household_index import Formula, Milieu
from policies.vocabulary import (
    MATCH,
    AgreementId,
    AttributeId,
    Audience,
    FormId,
    GroupId,
    Language,
    LegalBasis,
    NumberKindId,
    ProgrammeId,
    PurposeId,
    SectorId,
)

Holder = Literal["person", "household"]
Words = Annotated[str, msgspec.Meta(pattern=r"\S")]
Positive = Annotated[int, msgspec.Meta(gt=0)]


class Texts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same words in each language of the portal."""

    ar: Words
    fr: Words
    en: Words

    def in_(self, language: Language) -> str:
        """The words in a language."""
        return str(getattr(self, language.value))


class Purpose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why data is used. A tree by `parent`; compatibility is explicit, directed, not inherited."""

    id: PurposeId
    dpv: str
    """IRI in the W3C Data Privacy Vocabulary 2."""
    title: Texts
    sentence: Texts
    parent: PurposeId | None = None
    compatible_with: tuple[PurposeId, ...] = ()
    """Data collected for this purpose may also be used for these."""
    prohibited_with: tuple[PurposeId, ...] = ()
    """Data collected for this purpose may never be used for these, or what is below them."""


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes sealed together in one blob, of a person or of a household."""

    id: GroupId
    holder: Holder


class Sensitivity(StrEnum):
    """How much harm a leak does; `HIGH` needs prior authorisation (Law 09-08, article 12)."""

    ORDINARY = "ordinary"
    HIGH = "high"


class Attribute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fact the registers hold, and the forms in which a programme may be given it."""

    id: AttributeId
    group: GroupId
    sensitivity: Sensitivity
    collected_for: PurposeId
    label: Texts
    forms: dict[FormId, tuple[FormId, ...]] = {}
    """Form → the finer forms it is derived from; the finest have none."""
    reads: tuple[AttributeId, ...] = ()
    """For an answer computed on request: the attributes it is computed from."""

    @property
    def match(self) -> bool:
        """Whether a claim about it may be compared (yes, partial, no)."""
        return MATCH in self.forms


class Sector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Programmes that know a person by one identifier between them. A widening: the DPO decides."""

    id: SectorId
    name: Texts
    decision: Words
    """The DPO's decision that allows it, by its reference."""
    decided: date


class NumberKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of number that a person makes and gives out in place of their own."""

    id: NumberKindId
    name: Texts
    sentence: Texts
    instances: Positive
    """How many a person may have at a time."""
    minutes: Positive | None = None
    """How long one lives; until it is stopped, if nothing is said."""
    uses: Positive | None = None
    """How many answers one opens; any number, if nothing is said."""
    bound: bool = False
    """Whether it is good at one programme alone, which the person names."""
    restored: bool = False
    """Whether a new one takes the place of one that is stopped."""


class Programme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks."""

    id: ProgrammeId
    name: Texts
    body: Texts
    kind: Literal["public", "private"]
    sector: SectorId | None = None
    """Whose identifiers it shares; it has its own where nothing is said."""


class Basis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A legal basis: dated and cited. When it lapses, so does the access."""

    kind: LegalBasis
    instrument: str
    article: str
    valid_from: date
    valid_until: date
    verified: bool
    """Whether a lawyer has read the citation; until then only the DPO sees it."""
    covers: tuple[AttributeId, ...]
    """Named one by one: an attribute added to an agreement falls under no law by itself."""

    @property
    def opposable(self) -> bool:
        """Whether a person may object (Law 09-08, article 9): not where the law imposes it."""
        return self.kind is not LegalBasis.LEGAL_OBLIGATION

    @property
    def citation(self) -> str:
        """The text and article, for the log and the history."""
        return f"{self.instrument}, {self.article}"

    def in_force(self, day: date) -> bool:
        """Whether the law stands on a day; both ends count."""
        return self.valid_from <= day <= self.valid_until

    def covering(self, attribute: AttributeId) -> bool:
        """Whether it reaches an attribute of its agreement."""
        return attribute in self.covers


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How, and how lately, a person must have signed in for what they agreed to to be answered."""

    within_seconds: Positive | None = None
    acr: tuple[Words, ...] = ()
    """Any of these ways; none named: every way will do."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one programme may ask, for one purpose, on which bases. Immutable once effective."""

    id: AgreementId
    version: Positive
    programme: ProgrammeId
    purpose: PurposeId
    bases: tuple[Basis, ...]
    attributes: dict[AttributeId, FormId]
    """Attribute → the finest form that may be asked."""
    optional: tuple[AttributeId, ...] = ()
    """Items of a consent that a person may leave out."""
    retention_days: Positive
    consent_days: Positive
    cndp_reference: str
    cndp_expires: date
    effective: date
    ends: date
    sign_in: SignIn | msgspec.UnsetType = msgspec.UNSET
    """Left out of the hash where it is left out of the text: older versions keep theirs."""
    content_hash: str = ""

    @property
    def items(self) -> dict[AttributeId, FormId]:
        """What a person is asked to agree to: the attributes that rest on consent."""
        return self.under(LegalBasis.CONSENT)

    def under(self, *kinds: LegalBasis) -> dict[AttributeId, FormId]:
        """The attributes that rest on a basis of any of these kinds."""
        bases = [basis for basis in self.bases if basis.kind in kinds]
        return {
            attribute: form
            for attribute, form in self.attributes.items()
            if any(basis.covering(attribute) for basis in bases)
        }

    def in_force(self, day: date) -> bool:
        """Whether the agreement stands on a day; both ends count."""
        return self.effective <= day <= self.ends


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The whole catalogue, checked. `hash` names it in every log line."""

    purposes: dict[PurposeId, Purpose]
    groups: dict[GroupId, Group]
    attributes: dict[AttributeId, Attribute]
    programmes: dict[ProgrammeId, Programme]
    agreements: dict[AgreementId, Agreement]
    """Each agreement in its newest version."""
    versions: dict[AgreementId, tuple[Agreement, ...]]
    """Every version of each agreement, oldest first."""
    rules: dict[ProgrammeId, Rule]
    formulas: dict[str, Formula]
    hash: str
    sectors: dict[SectorId, Sector] = {}
    numbers: dict[NumberKindId, NumberKind] = {}
    """The kinds of numbers a person may make, in the order they are offered."""

    def __hash__(self) -> int:
        """By its content, as it is named: what is worked out from one is kept by it."""
        return hash(self.hash)

    def audience(self, programme: ProgrammeId) -> Audience:
        """Whose identifiers a programme knows people by: its own, or its sector's."""
        known = self.programmes.get(programme)
        # No programme's name has a colon: none is taken for a sector.
        return Audience(f"sector:{known.sector}" if known and known.sector else programme)

    def sharing(self, audience: Audience) -> tuple[ProgrammeId, ...]:
        """The programmes of an audience."""
        return tuple(each for each in self.programmes if self.audience(each) == audience)

    def agreement(self, id_: AgreementId, on: date | None = None) -> Agreement | None:
        """An agreement as it stands on a day, else its newest version; None if unknown."""
        for version in self.versions.get(id_, ()):
            if on is not None and version.in_force(on):
                return version
        return self.agreements.get(id_)

    def formula(self, milieu: Milieu, on: date) -> Formula | None:
        """The formula of a milieu in force on a day."""
        return next(
            (
                formula
                for formula in self.formulas.values()
                if formula.milieu is milieu and formula.effective <= on <= formula.ends
            ),
            None,
        )
