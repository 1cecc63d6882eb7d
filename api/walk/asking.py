"""Steps 1 and 3: a programme asks, and gets the smallest lawful answer."""

from collections.abc import Sequence
from typing import Any, Final

import httpx2

from api.client import Asking
from api.walk.credentials import Citizen
from api.walk.programme import Programme
from api.walk.telling import SurpriseError, Teller, expect

AGREEMENT: Final = "amo-tadamon/enrolment"
PURPOSE: Final = "social-support/health-cover"
PROBLEM: Final = "urn:amana:problem:"
NOT_CONSENTED: Final = "attribute-not-consented"
NAMES_AND_DATE: Final = {"given_name": "match", "family_name": "match", "birth_date": "match"}
THREE_ITEMS: Final = {"eligibility": "decision", "phone": "raw", "address": "commune"}
HIDDEN_FACTS: Final = ("index", "score", "points", "threshold", "income")
"""No answer about eligibility may have such a member, however deep."""


def details(attributes: dict[str, str]) -> Asking:
    """What is asked for."""
    return Asking(agreement=AGREEMENT, purpose=PURPOSE, attributes=attributes)


def verify_identity(
    programme: Programme, citizens: Sequence[Citizen], case: str, teller: Teller
) -> Citizen:
    """Is this person who they say they are? Yes, partial and no, in either script; about whom."""
    token = programme.authenticate(details(NAMES_AND_DATE))
    expect(token.is_bound, "a DPoP-bound token", token.token_type)
    teller.found("a token in the programme's own name, bound to its key")
    citizen = _recognised(programme, citizens, case, teller)
    said, other = citizen.person, _another(citizen, citizens).person
    french = {"given_name": said.given_name, "family_name": said.family_name}
    born, wrong = {"birth_date": said.birth_date}, {"birth_date": _another_day(said.birth_date)}
    strange = {"given_name": other.given_name, "family_name": other.family_name}
    for claims, answer, words in (
        (french | born, "yes", "the French spelling and the birth date"),
        (french | strange | born, "partial", "the right birth date and another's name"),
        (strange | wrong, "no", "another's name and a wrong birth date"),
    ):
        result = _verify(programme, citizen, claims, case)
        expect(result == answer, answer, result)
        teller.found(f"{words}: {result}")
    return citizen


def ask_eligibility(programme: Programme, teller: Teller) -> None:
    """Is the aid open to this person? Yes or no with reasons; no figure it was computed from."""
    answer = programme.ask("/v1/eligibility", {})
    expect(answer.status_code == httpx2.codes.OK, "an answer", answer.text)
    said = answer.json()
    expect({"eligible", "reasons"} <= said.keys(), "a decision with reasons", said)
    shown = [name for name in _members(said) if any(part in name for part in HIDDEN_FACTS)]
    expect(not shown, "no index and nothing it is made of", shown)
    teller.found(f"eligible: {said['eligible']}, reasons {said['reasons']}, and no index")


def ask_agreed(programme: Programme, teller: Teller) -> None:
    """Ask for what was agreed to."""
    answer = programme.ask("/v1/disclosures", {"attributes": {"address": "commune"}})
    expect(answer.status_code == httpx2.codes.OK, "the commune", answer.text)
    teller.found("the commune, which was agreed to, is given")


def ask_not_agreed(programme: Programme, teller: Teller) -> None:
    """Ask for what was not agreed to: refused by problem details."""
    answer = programme.ask("/v1/disclosures", {"attributes": {"phone": "raw"}})
    problem = refused(answer)
    expect(problem == NOT_CONSENTED, NOT_CONSENTED, problem)
    teller.found(f"the telephone number, which was not agreed to, is refused: {problem}")


def refused(answer: httpx2.Response) -> str:
    """The type of the problem that an answer is (RFC 9457)."""
    expect(answer.status_code == httpx2.codes.FORBIDDEN, "403", answer.status_code)
    kind = answer.headers.get("content-type", "").partition(";")[0]
    expect(kind == "application/problem+json", "application/problem+json", kind)
    problem = str(answer.json().get("type", ""))
    expect(problem.startswith(PROBLEM), f"a type below {PROBLEM}", problem)
    return problem.removeprefix(PROBLEM)


def _recognised(
    programme: Programme, citizens: Sequence[Citizen], case: str, teller: Teller
) -> Citizen:
    """The first who is recognised by an Arabic spelling and a birth date.

    Who was asked about wrongly too often today is not recognised, and nothing says so: a walk
    that is repeated goes on with the next person.
    """
    for citizen in citizens:
        said = citizen.person
        claims = {
            "given_name": said.given_name_arabic,
            "family_name": said.family_name_arabic,
            "birth_date": said.birth_date,
        }
        if _verify(programme, citizen, claims, case) == "yes":
            teller.found("the Arabic spelling and the birth date: yes")
            return citizen
    raise SurpriseError("somebody who is recognised", "no, of everybody")


def _another(citizen: Citizen, citizens: Sequence[Citizen]) -> Citizen:
    """Somebody with another name."""
    own = {citizen.person.given_name, citizen.person.family_name}
    for each in citizens:
        if not own & {each.person.given_name, each.person.family_name}:
            return each
    raise SurpriseError("somebody with another name", "nobody")


def _verify(programme: Programme, citizen: Citizen, claims: dict[str, str], case: str) -> str:
    question = {
        "subject": {"idcs": citizen.identifier},
        "claims": claims,
        "case_reference": case,
    }
    answer = programme.ask("/v1/verifications", question)
    expect(answer.status_code == httpx2.codes.OK, "a verification", answer.text)
    said = answer.json()
    expect(
        set(said) <= {"result", "attributes", "subject"}, "yes, partial or no and no value", said
    )
    return str(said["result"])


def _another_day(day: str) -> str:
    """The same day, some decades away."""
    year = int(day[:4])
    return f"{year - 31 if year > 1950 else year + 31}{day[4:]}"  # noqa: PLR2004  (a year)


def _members(value: Any) -> list[str]:
    match value:
        case dict():
            return [*value, *(name for each in value.values() for name in _members(each))]
        case list():
            return [name for each in value for name in _members(each)]
        case _:
            return []
