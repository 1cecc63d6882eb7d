"""What must hold of an agreement before the DPO's signature means anything."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from policies.catalogue_checks import IDCS, INDEX, Problems, below, overlap, unknown, window
from policies.catalogue_lines import Place
from policies.catalogue_reading import Draft
from policies.entries import Agreement, Attribute, Programme, Purpose
from policies.vocabulary import AttributeId, LegalBasis, PurposeId

NEVER: Final = {
    INDEX: "the index is never given: a programme gets eligible or not (registries reference 3)",
    IDCS: "the IDCS is never given: a programme gets its own pairwise identifier (CNDP, 2020)",
}


def of_agreements(draft: Draft) -> Problems:
    """Every check of every agreement, then of the versions of one agreement together."""
    for placed in draft.all(Agreement):
        for check in (_of_names, _of_time, _of_bases, _of_optional, _of_attributes, _of_purposes):
            yield from check(draft, placed.entry, placed.place)
    for one, other in combinations(draft.all(Agreement), 2):
        if one.entry.id != other.entry.id:
            continue
        if one.entry.version == other.entry.version:
            yield other.place.problem(f"version {other.entry.version} is written twice", "version")
        elif overlap(one.entry, other.entry):
            yield other.place.problem(f"overlaps version {one.entry.version} in time", "effective")


def _of_names(draft: Draft, agreement: Agreement, place: Place) -> Problems:
    yield from unknown(draft, "programme", [agreement.programme], place, "programme")
    yield from unknown(draft, "purpose", [agreement.purpose], place, "purpose")
    if not agreement.id.startswith(f"{agreement.programme}/"):
        yield place.problem("the name must begin with the programme's and a slash")


def _of_time(_draft: Draft, agreement: Agreement, place: Place) -> Problems:
    yield from window(agreement, place)
    if not agreement.cndp_reference.strip():
        yield place.problem("the CNDP reference is missing", "cndp_reference")
    if agreement.cndp_expires < agreement.effective:
        yield place.problem("the CNDP reference expires before it is used", "cndp_expires")
    for position, basis in enumerate(agreement.bases):
        at = ("bases", str(position))
        if basis.valid_from > agreement.effective or basis.valid_until < agreement.ends:
            yield place.problem(f"{basis.citation} is not in force all the time", *at)


def _of_bases(draft: Draft, agreement: Agreement, place: Place) -> Problems:
    if not agreement.bases:
        yield place.problem("there is no legal basis", "bases")
    for position, basis in enumerate(agreement.bases):
        at = ("bases", str(position))
        if not basis.covers:
            yield place.problem("covers nothing", *at, "covers")
        for stray in set(basis.covers) - agreement.attributes.keys():
            yield place.problem(f"covers `{stray}`, which is not asked", *at, "covers")
        if basis.kind is LegalBasis.PUBLIC_TASK and _is_private(draft, agreement):
            yield place.problem("a private body has no public task", *at, "kind")
    for attribute in agreement.attributes:
        if agreement.bases and not any(basis.covering(attribute) for basis in agreement.bases):
            yield place.problem(f"`{attribute}` rests on no basis", "attributes", attribute)


def _of_optional(_draft: Draft, agreement: Agreement, place: Place) -> Problems:
    for item in agreement.optional:
        kinds = {basis.kind for basis in agreement.bases if basis.covering(item)}
        if item not in agreement.attributes:
            yield place.problem(f"`{item}` is optional, but not asked", "optional")
        elif kinds - {LegalBasis.CONSENT}:
            yield place.problem(f"`{item}` is optional: it must rest on consent alone", "optional")


def _of_attributes(draft: Draft, agreement: Agreement, place: Place) -> Problems:
    if not agreement.attributes:
        yield place.problem("asks nothing", "attributes")
    rules = draft.names["rule"]
    known = _attributes(draft)
    for asked, form in agreement.attributes.items():
        at = ("attributes", asked)
        yield from unknown(draft, "attribute", [asked], place, *at)
        if asked in NEVER:
            yield place.problem(NEVER[asked], *at)
        elif asked in known and form not in known[asked].forms:
            yield place.problem(f"`{asked}` has no form `{form}`", *at)
        if asked in known and known[asked].reads and agreement.programme not in rules:
            yield place.problem(f"`{asked}` needs a rule of `{agreement.programme}`", *at)


def _of_purposes(draft: Draft, agreement: Agreement, place: Place) -> Problems:
    """Data is used for what it was collected for, or for what that says is compatible."""
    known = _attributes(draft)
    for asked in agreement.attributes:
        for source in _sources(known, asked):
            if not _compatible(draft, source.collected_for, agreement.purpose):
                yield place.problem(
                    f"`{source.id}` was collected for `{source.collected_for}`, "
                    f"which does not allow `{agreement.purpose}`",
                    "attributes",
                    asked,
                )


def _sources(known: dict[AttributeId, Attribute], asked: AttributeId) -> Iterator[Attribute]:
    if asked in known:
        yield from (known[read] for read in (asked, *known[asked].reads) if read in known)


def _compatible(draft: Draft, collected_for: PurposeId, used_for: PurposeId) -> bool:
    purposes = {placed.entry.id: placed.entry for placed in draft.all(Purpose)}
    source = purposes.get(collected_for)
    if source is None or used_for not in purposes:
        return True  # an unknown purpose is a problem of its own
    reach = {used_for} | below(used_for, lambda at: _parent(purposes, at))
    allowed = {collected_for, *source.compatible_with}
    return bool(reach & allowed) and not reach & set(source.prohibited_with)


def _parent(purposes: dict[PurposeId, Purpose], at: PurposeId) -> list[PurposeId]:
    above = purposes[at].parent if at in purposes else None
    return [above] if above else []


def _attributes(draft: Draft) -> dict[AttributeId, Attribute]:
    return {placed.entry.id: placed.entry for placed in draft.all(Attribute)}


def _is_private(draft: Draft, agreement: Agreement) -> bool:
    return any(
        placed.entry.id == agreement.programme and placed.entry.kind == "private"
        for placed in draft.all(Programme)
    )
