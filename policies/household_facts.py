"""What a household declares, and the variables an index formula may count in it."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=1000)]
MOST_SPENT: Final = Decimal(100_000_000)
"""Dirhams a year; beyond it, a slip of the pen."""


class Milieu(StrEnum):
    """Where the dwelling stands; each has its own formula."""

    URBAN = "urban"
    RURAL = "rural"


class Region(StrEnum):
    """The twelve regions (decree 2-15-40)."""

    TANGER_TETOUAN_AL_HOCEIMA = "tanger-tetouan-al-hoceima"
    ORIENTAL = "oriental"
    FES_MEKNES = "fes-meknes"
    RABAT_SALE_KENITRA = "rabat-sale-kenitra"
    BENI_MELLAL_KHENIFRA = "beni-mellal-khenifra"
    CASABLANCA_SETTAT = "casablanca-settat"
    MARRAKECH_SAFI = "marrakech-safi"
    DRAA_TAFILALET = "draa-tafilalet"
    SOUSS_MASSA = "souss-massa"
    GUELMIM_OUED_NOUN = "guelmim-oued-noun"
    LAAYOUNE_SAKIA_EL_HAMRA = "laayoune-sakia-el-hamra"
    DAKHLA_OUED_ED_DAHAB = "dakhla-oued-ed-dahab"


class Education(StrEnum):
    """The highest schooling of the head of household."""

    NONE = "none"
    BASIC = "basic"
    SECONDARY = "secondary"
    HIGHER = "higher"


class Occupation(StrEnum):
    """What the head of household does."""

    NONE = "none"
    SENIOR_MANAGER = "senior-manager"
    MIDDLE_MANAGER = "middle-manager"
    EMPLOYER = "employer"
    RETIRED = "retired"
    MACHINE_OPERATOR = "machine-operator"
    CRAFTSMAN = "craftsman"
    FARMER = "farmer"
    OTHER = "other"


class Dwelling(StrEnum):
    """What the household lives in."""

    VILLA = "villa"
    FLAT = "flat"
    TRADITIONAL = "traditional"
    STONE = "stone"
    OTHER = "other"


class HouseholdFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a household declared, as the register keeps it."""

    milieu: Milieu
    region: Region
    size: Annotated[int, msgspec.Meta(ge=1, le=100)]
    rooms: Annotated[int, msgspec.Meta(ge=1, le=100)]
    dwelling: Dwelling = Dwelling.OTHER
    couple_without_children: bool = False
    several_nuclei: bool = False
    head_age: Annotated[int, msgspec.Meta(ge=0, le=130)]
    head_education: Education = Education.NONE
    head_occupation: Occupation = Occupation.NONE
    bath_or_shower: bool = False
    own_electricity_meter: bool = False
    computer: bool = False
    satellite_dish: bool = False
    landline: bool = False
    other_health_cover: bool = False
    """Any member covered by something other than RAMED."""
    loan: bool = False
    second_home: bool = False
    garage: bool = False
    business_premises: bool = False
    non_farm_land: bool = False
    irrigated_land: bool = False
    children_in_private_school: Count = 0
    """Aged 6 to 14, as the next."""
    children_in_public_school: Count = 0
    members_19_to_29: Count = 0
    members_30_to_59: Count = 0
    members_60_and_over: Count = 0
    without_diploma: Count = 0
    """Members of fifteen and over, as the six next."""
    with_technical_diploma: Count = 0
    with_higher_diploma: Count = 0
    literate: Count = 0
    earning: Count = 0
    operating_equipment: Count = 0
    in_trade: Count = 0
    senior_managers: Count = 0
    mobile_phones: Count = 0
    cars: Count = 0
    motorbikes: Count = 0
    cows: Count = 0
    butane: Decimal = Decimal(0)
    """Dirhams a year for the whole household, as the two next."""
    water_and_electricity: Decimal = Decimal(0)
    phone_and_internet: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        """Refuse spending that is no amount; msgspec bounds no decimals itself."""
        for spent in (self.butane, self.water_and_electricity, self.phone_and_internet):
            if not (spent.is_finite() and 0 <= spent <= MOST_SPENT):
                raise ValueError("spending is an amount from 0 to 100,000,000 dirhams")


Variable = Callable[[HouseholdFacts], Decimal | int | bool]

_SOLID: Final = frozenset({Dwelling.VILLA, Dwelling.FLAT, Dwelling.TRADITIONAL, Dwelling.STONE})

_SHARED: Final[dict[str, Variable]] = {
    "one_person_or_couple": lambda at: at.size == 1 or at.couple_without_children,
    "at_most_2_per_room": lambda at: at.size <= 2 * at.rooms,
    "head_senior_manager": lambda at: at.head_occupation is Occupation.SENIOR_MANAGER,
    "head_employer": lambda at: at.head_occupation is Occupation.EMPLOYER,
    "other_health_cover": lambda at: at.other_health_cover,
    "second_home": lambda at: at.second_home,
    "size": lambda at: at.size,
    "size_squared": lambda at: at.size**2,
    "butane_per_head": lambda at: at.butane / at.size,
    "water_and_electricity_per_head": lambda at: at.water_and_electricity / at.size,
    "phone_and_internet_per_head": lambda at: at.phone_and_internet / at.size,
}

_URBAN: Final[dict[str, Variable]] = {
    "several_nuclei": lambda at: at.several_nuclei,
    "bath_or_shower": lambda at: at.bath_or_shower,
    "own_electricity_meter": lambda at: at.own_electricity_meter,
    "head_higher_education": lambda at: at.head_education is Education.HIGHER,
    "head_middle_manager": lambda at: at.head_occupation is Occupation.MIDDLE_MANAGER,
    "head_retired": lambda at: at.head_occupation is Occupation.RETIRED,
    "computer": lambda at: at.computer,
    "satellite_dish": lambda at: at.satellite_dish,
    "landline": lambda at: at.landline,
    "loan": lambda at: at.loan,
    "garage": lambda at: at.garage,
    "business_premises": lambda at: at.business_premises,
    "head_age": lambda at: at.head_age,
    "head_age_squared": lambda at: at.head_age**2,
    "children_in_private_school": lambda at: at.children_in_private_school,
    "children_in_public_school": lambda at: at.children_in_public_school,
    "share_without_diploma": lambda at: _share(at.without_diploma, at),
    "share_with_technical_diploma": lambda at: _share(at.with_technical_diploma, at),
    "share_earning": lambda at: _share(at.earning, at),
    "share_operating_equipment": lambda at: _share(at.operating_equipment, at),
    "share_senior_managers": lambda at: _share(at.senior_managers, at),
    "mobile_phones": lambda at: at.mobile_phones,
    "cars": lambda at: at.cars,
    "motorbikes": lambda at: at.motorbikes,
}

_RURAL: Final[dict[str, Variable]] = {
    "solid_dwelling": lambda at: at.dwelling in _SOLID,
    "at_most_3_per_room": lambda at: at.size <= 3 * at.rooms,
    "head_basic_education": lambda at: at.head_education is Education.BASIC,
    "head_machine_operator": lambda at: at.head_occupation is Occupation.MACHINE_OPERATOR,
    "head_craftsman": lambda at: at.head_occupation is Occupation.CRAFTSMAN,
    "head_farmer": lambda at: at.head_occupation is Occupation.FARMER,
    "owns_car": lambda at: at.cars > 0,
    "owns_motorbike": lambda at: at.motorbikes > 0,
    "non_farm_land": lambda at: at.non_farm_land,
    "irrigated_land": lambda at: at.irrigated_land,
    "members_19_to_29": lambda at: at.members_19_to_29,
    "members_30_to_59": lambda at: at.members_30_to_59,
    "members_60_and_over": lambda at: at.members_60_and_over,
    "share_literate": lambda at: _share(at.literate, at),
    "share_with_higher_diploma": lambda at: _share(at.with_higher_diploma, at),
    "share_in_trade": lambda at: _share(at.in_trade, at),
    "cows": lambda at: at.cows,
}

VARIABLES: Final[Mapping[str, Variable]] = MappingProxyType(_SHARED | _URBAN | _RURAL)
"""Every variable a formula may name. A share is of all members, as the source writes it."""


def inconsistencies(facts: HouseholdFacts) -> Iterator[str]:
    """The facts that cannot be true together."""
    if facts.couple_without_children and facts.size != 2:  # noqa: PLR2004  (a couple is two)
        yield "couple_without_children"
    if facts.members_19_to_29 + facts.members_30_to_59 + facts.members_60_and_over > facts.size:
        yield "size"
    if facts.children_in_private_school + facts.children_in_public_school > facts.size:
        yield "children_in_public_school"
    for part in _PARTS_OF_SIZE:
        if getattr(facts, part) > facts.size:
            yield part


_PARTS_OF_SIZE: Final = (
    "without_diploma",
    "with_technical_diploma",
    "with_higher_diploma",
    "literate",
    "earning",
    "operating_equipment",
    "in_trade",
    "senior_managers",
)


def _share(part: int, facts: HouseholdFacts) -> Decimal:
    return Decimal(part) / facts.size
