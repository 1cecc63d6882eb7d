"""The whole finite domain is decided, against an oracle that reads the TOML by itself.

Programmes × agreements × purposes × attributes × forms × bases, each with a consent that covers
it; what is permitted so, also without the consent and against an opposition. The oracle shares
no line with what it judges: it makes the set of all that is allowed, and the rest is refused.
"""

import tomllib
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

from policies import catalogue as catalogues
from policies.disclosure import Ask, Permit, PersonFacts, decide
from policies.vocabulary import Action, GrantState, LegalBasis

FOLDER = Path(catalogues.__file__).parent / "catalogue"
FILES = {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PERSON, HOUSEHOLD = UUID(int=1), UUID(int=2)
IMPOSED = "legal-obligation"


def tables(kind: str) -> dict[str, dict]:
    read = [tomllib.loads(content.decode()) for content in FILES.values()]
    return {name: entry for file in read for name, entry in file.get(kind, {}).items()}


def coarser(attribute: str, form: str) -> set[str]:
    """A form and all that is made from it, by the edges of the file read backwards."""
    edges = tables("attribute")[attribute]["forms"]
    found = {form}
    while more := {made for made, finer in edges.items() if found & set(finer)} - found:
        found |= more
    return found


def everything_allowed() -> set[tuple[str, ...]]:
    """(programme, agreement, purpose, attribute, form, basis) that the catalogue allows."""
    return {
        (agreement["programme"], name, agreement["purpose"], attribute, form, basis["kind"])
        for name, agreement in tables("agreement").items()
        for basis in agreement["bases"]
        for attribute in basis["covers"]
        for form in coarser(attribute, agreement["attributes"][attribute])
    }


def consent_to(agreement: str, programme: str, purpose: str) -> SimpleNamespace:
    return SimpleNamespace(
        subject=PERSON,
        programme=programme,
        agreement=agreement,
        purpose=purpose,
        items=tables("agreement")[agreement]["attributes"],
        state=GrantState.GIVEN,
        expires_at=NOON + timedelta(days=1),
    )


def action_of(form: str) -> Action:
    return {"match": Action.VERIFY, "decision": Action.ELIGIBILITY}.get(form, Action.READ)


def questions():
    forms = {form for entry in tables("attribute").values() for form in entry.get("forms", {})}
    return product(
        sorted(tables("programme")),
        sorted(tables("agreement")),
        sorted(tables("purpose")),
        sorted(tables("attribute")),
        sorted(forms | {"raw"}),
        LegalBasis,
    )


def test_the_whole_domain_is_decided_as_the_oracle_says(capsys):
    catalogue = catalogues.compile(FILES)
    allowed = everything_allowed()
    at_peace, opposed = PersonFacts(), PersonFacts(opposed=True)
    grants = {
        (programme, agreement, purpose): consent_to(agreement, programme, purpose)
        for programme, agreement, purpose in product(
            tables("programme"), tables("agreement"), tables("purpose")
        )
    }
    cases, permitted, wrong = 0, set(), []
    for question in questions():
        programme, agreement, purpose, attribute, form, basis = question
        ask = Ask(
            programme=programme,
            subject=PERSON,
            household=HOUSEHOLD,
            agreement=agreement,
            purpose=purpose,
            basis=basis,
            attributes=((attribute, form),),
            action=action_of(form),
            case_reference="C-1",
        )
        grant = grants[programme, agreement, purpose]
        inside = question in allowed
        by_consent = basis is LegalBasis.CONSENT
        standings = [(grant, at_peace, inside)]
        if inside:
            standings += [(None, at_peace, not by_consent), (grant, opposed, basis == IMPOSED)]
        for given, person, expected in standings:
            cases += 1
            decided = decide(ask, given, person, catalogue, NOON)
            if isinstance(decided, Permit) != expected:
                wrong.append((question, given is not None, person.opposed))
            elif expected:
                permitted.add(question)
    with capsys.disabled():
        print(f"\n{cases:,} disclosures decided, {len(permitted)} kinds permitted")

    assert wrong == []
    assert permitted == allowed


def test_no_programme_is_ever_allowed_the_index_the_idcs_or_the_declarations():
    never = {"index", "idcs", "household_facts", "document_number"}

    assert not {question for question in everything_allowed() if question[3] in never}


def test_housing_aid_is_allowed_nothing_of_the_household():
    of_household = {
        name
        for name, entry in tables("attribute").items()
        if entry["group"] in {"household", "index"}
    }
    asked = {question[3] for question in everything_allowed() if question[0] == "daam-sakane"}

    assert asked
    assert not asked & of_household
