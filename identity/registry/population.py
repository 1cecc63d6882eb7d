"""A synthetic population from a seed: the same people each time, and none of them real.

Families of plausible ages under one roof, rich and poor, in town and in the country, so
that their indexes lie on both sides of every threshold.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import msgspec

from identity.registry import sample_facts
from identity.registry.dice import Dice
from identity.registry.person import DocumentKind, MaritalStatus, Person, Sex
from identity.registry.sample_facts import Home, Member
from identity.registry.sample_names import FAMILIES, MEN, PLACES, WOMEN, Pair
from policies.household_index import HouseholdFacts

MAJORITY: Final = 18


class SyntheticHousehold(msgspec.Struct, frozen=True, kw_only=True):
    """People who live together, by their place in the population, and what they declare."""

    members: tuple[int, ...]
    declarant: int
    facts: HouseholdFacts


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """People and their households; `members` are indexes into `people`."""

    people: tuple[Person, ...]
    households: tuple[SyntheticHousehold, ...]


def population(seed: str, *, people: int = 2000, on: date) -> Population:
    """Make a population as it could be on a day; 3.3 people to a household."""
    dice = Dice(seed)
    made: list[Person] = []
    households: list[SyntheticHousehold] = []
    while len(made) < people:
        home = _home(dice)
        members = list(_family(dice, home))[: people - len(made)]
        first = len(made)
        made += [_person(dice, home, each, first + at, on) for at, each in enumerate(members)]
        households.append(
            SyntheticHousehold(
                members=tuple(range(first, len(made))),
                declarant=first,
                facts=sample_facts.declared(dice, home, members),
            )
        )
    return Population(people=tuple(made), households=tuple(households))


def _home(dice: Dice) -> Home:
    commune, province, region, town = dice.one_of(PLACES)
    # The smaller of two throws, twice: many poor, few rich.
    wealth = (min(dice.below(100), dice.below(100)) + dice.below(30)) // 2
    return Home(
        commune=commune, province=province, region=region, town=town, wealth=wealth,
        family=dice.one_of(FAMILIES),
    )  # fmt: skip


def _family(dice: Dice, home: Home) -> Iterator[Member]:
    """Who lives there, the head first."""
    head_age = dice.between(26, 78)
    head = _member(dice, home, head_age, dice.chance(80))
    yield head
    if dice.chance(7):
        return  # alone
    if head.man or dice.chance(25):
        # A wife keeps the name of her own family.
        theirs = msgspec.structs.replace(home, family=dice.one_of(FAMILIES))
        yield _member(dice, theirs, max(22, head_age - dice.between(0, 8)), man=not head.man)
    for _ in range(dice.one_of((0, 1, 2, 2, 3, 3, 4, 5))):
        age = head_age - dice.between(22, 38)
        if 0 <= age <= 32:  # noqa: PLR2004  (children of this age still live at home)
            yield _member(dice, home, age, dice.chance(50))
    if dice.chance(8):
        yield _member(dice, home, min(95, head_age + dice.between(20, 28)), man=False)


def _member(dice: Dice, home: Home, age: int, man: bool) -> Member:
    given = dice.one_of(MEN if man else WOMEN)
    return Member(given=given, family=home.family, age=age, man=man)


def _person(dice: Dice, home: Home, member: Member, number: int, on: date) -> Person:
    adult = member.age >= MAJORITY
    foreign = adult and dice.chance(1.5)
    return Person(
        given_name_ar=member.given[0],
        given_name_latin=member.given[1],
        family_name_ar=member.family[0],
        family_name_latin=member.family[1],
        sex=Sex.MALE if member.man else Sex.FEMALE,
        birth_date=_birth_date(dice, member.age, on),
        birth_place=dice.one_of(PLACES)[0],
        nationality=dice.one_of(("SEN", "CIV", "FRA", "SYR")) if foreign else "MAR",
        document_kind=_document_kind(adult=adult, foreign=foreign),
        document_number=_document_number(dice, number) if adult else "",
        civil_registry=f"{on.year - member.age}/{1000 + number}",
        father=_spelled(dice.one_of(MEN), member.family),
        mother=_spelled(dice.one_of(WOMEN), dice.one_of(FAMILIES)),
        marital_status=_marital_status(dice, member),
        address=f"{dice.between(1, 180)}, rue {dice.between(1, 60)}",
        commune=home.commune,
        province=home.province,
        region=home.region,
        centre=f"CSC {home.commune}",
        # 05 28 and 06 00: not to be someone's, the last six digits count the people
        phone=f"+212600{number:06d}" if adult and dice.chance(88) else "",
        email=f"personne{number}@exemple.invalid" if adult and dice.chance(35) else "",
        synthetic=True,
    )


def _birth_date(dice: Dice, age: int, on: date) -> str:
    """A day on which they are so old; of the old, sometimes only the year or month is known."""
    born = on.replace(year=on.year - age, day=min(on.day, 28)) - timedelta(days=dice.below(364))
    full = born.isoformat()
    if age > 50 and dice.chance(12):  # noqa: PLR2004  (born before registers were complete)
        return full[: dice.one_of((4, 4, 7))]
    return full


def _document_kind(*, adult: bool, foreign: bool) -> DocumentKind | None:
    if not adult:
        return None
    return DocumentKind.RESIDENCE_TITLE if foreign else DocumentKind.CNIE


def _document_number(dice: Dice, number: int) -> str:
    return f"{dice.one_of(('A', 'BE', 'BK', 'C', 'D', 'EE', 'F', 'JB', 'K', 'L'))}{500000 + number}"


def _marital_status(dice: Dice, member: Member) -> MaritalStatus | None:
    if member.age < MAJORITY:
        return None
    if member.age < 26:  # noqa: PLR2004  (mean age at marriage: HCP, 2024 census)
        return MaritalStatus.SINGLE
    statuses = [MaritalStatus.MARRIED] * 7 + list(MaritalStatus)
    return dice.one_of(statuses)


def _spelled(given: Pair, family: Pair) -> str:
    return f"{given[1]} {family[1]}"
