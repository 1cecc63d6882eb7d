"""What a synthetic household could declare: the richer, the more of everything."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from identity.registry.dice import Dice
from identity.registry.sample_names import Pair
from policies.household_index import (
    Dwelling,
    Education,
    HouseholdFacts,
    Milieu,
    Occupation,
    Region,
)

FIFTEEN: Final = 15


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One of those who live together."""

    given: Pair
    family: Pair
    age: int
    man: bool


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Where, and how well off in hundredths."""

    commune: str
    province: str
    region: str
    town: bool
    wealth: int
    family: Pair


def declared(dice: Dice, home: Home, members: Sequence[Member]) -> HouseholdFacts:
    """The facts of a household, the head first among the members."""
    ages = [each.age for each in members]
    size, wealth = len(members), home.wealth
    over_15 = sum(age >= FIFTEEN for age in ages)
    at_school = sum(6 <= age <= 14 for age in ages)  # noqa: PLR2004  (registries reference 2.4)
    private = min(at_school, dice.between(0, 2)) if wealth > 60 else 0  # noqa: PLR2004  (well off)
    earning = dice.between(min(1, over_15), max(1, over_15 // 2)) if over_15 else 0

    def has(percent: float) -> bool:
        """As likely as that for the middling; less for the poor, more for the rich."""
        return dice.chance(percent * wealth / 50)

    return HouseholdFacts(
        milieu=Milieu.URBAN if home.town else Milieu.RURAL,
        region=Region(home.region),
        size=size,
        rooms=dice.between(1, 2 + wealth // 25),
        dwelling=_dwelling(dice, home),
        couple_without_children=size == 2 and members[0].man and not members[1].man,  # noqa: PLR2004
        several_nuclei=size > 4 and dice.chance(30),  # noqa: PLR2004  (three generations)
        head_age=ages[0],
        head_education=_education(dice, wealth),
        head_occupation=_occupation(dice, home, ages[0]),
        bath_or_shower=has(55),
        own_electricity_meter=has(85),
        computer=has(30),
        satellite_dish=has(80),
        landline=has(10),
        other_health_cover=has(25),
        loan=has(12),
        second_home=has(4),
        garage=has(8),
        business_premises=has(7),
        non_farm_land=has(5),
        irrigated_land=not home.town and has(20),
        children_in_private_school=private,
        children_in_public_school=at_school - private,
        members_19_to_29=sum(19 <= age <= 29 for age in ages),  # noqa: PLR2004
        members_30_to_59=sum(30 <= age <= 59 for age in ages),  # noqa: PLR2004
        members_60_and_over=sum(age >= 60 for age in ages),  # noqa: PLR2004
        without_diploma=over_15 * (100 - wealth) // 120,
        with_technical_diploma=over_15 * wealth // 400,
        with_higher_diploma=over_15 * wealth // 300,
        literate=over_15 * (40 + wealth // 2) // 100,
        earning=earning,
        operating_equipment=int(has(4)) if over_15 else 0,
        in_trade=int(has(12)) if over_15 else 0,
        senior_managers=int(has(3)) if over_15 else 0,
        mobile_phones=dice.between(min(1, over_15), max(1, over_15)),
        cars=int(has(18 if home.town else 6)),
        motorbikes=int(has(15)),
        cows=dice.between(0, 4) if not home.town and has(40) else 0,
        butane=_spent(dice, wealth, size, 240, 480),
        water_and_electricity=_spent(dice, wealth, size, 500, 1400),
        phone_and_internet=_spent(dice, wealth, size, 300, 1200),
    )


def _spent(dice: Dice, wealth: int, size: int, least: int, most: int) -> Decimal:
    """Dirhams a year for so many people."""
    per_head = least + (most - least) * wealth // 100 + dice.between(-least // 4, least // 4)
    return Decimal(per_head * (1 + size) // 2)


def _dwelling(dice: Dice, home: Home) -> Dwelling:
    if dice.chance(home.wealth / 10):
        return Dwelling.VILLA
    if home.town:
        return dice.one_of((Dwelling.FLAT, Dwelling.TRADITIONAL, Dwelling.OTHER))
    return dice.one_of((Dwelling.STONE, Dwelling.TRADITIONAL, Dwelling.OTHER, Dwelling.OTHER))


def _education(dice: Dice, wealth: int) -> Education:
    ladder = (Education.NONE, Education.BASIC, Education.SECONDARY, Education.HIGHER)
    return ladder[min(3, max(0, wealth // 25 + dice.between(-1, 1)))]


def _occupation(dice: Dice, home: Home, age: int) -> Occupation:
    if age >= 63 and dice.chance(60):  # noqa: PLR2004  (retirement age of public servants)
        return Occupation.RETIRED
    if dice.chance(home.wealth / 5):
        return dice.one_of(
            (Occupation.SENIOR_MANAGER, Occupation.MIDDLE_MANAGER, Occupation.EMPLOYER)
        )
    if not home.town and dice.chance(50):
        return Occupation.FARMER
    return dice.one_of(
        (Occupation.NONE, Occupation.CRAFTSMAN, Occupation.MACHINE_OPERATOR, Occupation.OTHER)
    )
