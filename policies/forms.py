"""The forms of an attribute: raw → generalised → predicate. A lattice; never finer than agreed.

A coarser form is a function of each form it derives from: whoever holds `year` learns
nothing from `age_band`. A test holds this for every pair in the shipped catalogue.
"""

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from policies import legal_time
from policies.entries import Attribute
from policies.vocabulary import MATCH, RAW, AttributeId, FormId

DECISION: Final = FormId("decision")
"""The form of an answer computed on request: eligible or not, never what it was computed from."""

Derivation = Callable[[Any, date], Any]


class UnderivableError(Exception):
    """A comparison or a decision was asked to be read out of a value. A fault of ours."""


def covers(attribute: Attribute, allowed: FormId, asked: FormId) -> bool:
    """Whether who may have `allowed` may have `asked`: the same form, or one derived from it."""
    return asked in attribute.forms and allowed in at_least_as_fine(attribute, asked)


def at_least_as_fine(attribute: Attribute, form: FormId) -> frozenset[FormId]:
    """A form and every finer one of its attribute."""
    found = {form}
    waiting = [form]
    while waiting:
        new = set(attribute.forms.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return frozenset(found)


def meet(attribute: Attribute, *forms: FormId) -> FormId | None:
    """The finest form that is no finer than any of these; None if there is none."""
    if len(set(forms)) == 1 and forms[0] in attribute.forms:
        return forms[0]  # most often the form of the agreement is asked for
    below = coarser_than_all(attribute, *forms)
    return next(
        (form for form in below if all(covers(attribute, form, other) for other in below)), None
    )


def coarser_than_all(attribute: Attribute, *forms: FormId) -> list[FormId]:
    """The forms that are no finer than any of these."""
    return [
        form for form in attribute.forms if all(covers(attribute, given, form) for given in forms)
    ]


def derivable(attribute: AttributeId, form: FormId) -> bool:
    """Whether this module knows how to make, compare or decide the form."""
    return form in {RAW, MATCH, DECISION} or (attribute, form) in _DERIVATIONS


def derive(attribute: Attribute, form: FormId, value: Any, on: date) -> Any:
    """A raw value in a coarser form, JSON-able; None where the value cannot say.

    Args:
        attribute: whose lattice holds the form.
        form: the form permitted; `match` and `decision` are not read from a value.
        value: as the vault keeps it: text, or a mapping for an address.
        on: the legal day, for forms that depend on age.

    Raises:
        UnderivableError: the form is a comparison, a decision, or of another attribute.
    """
    if form not in attribute.forms:
        raise UnderivableError
    if form == RAW:
        return value
    derivation = _DERIVATIONS.get((attribute.id, form))
    if derivation is None:
        raise UnderivableError
    return derivation(value, on)


def _year(written: str, _on: date) -> int:
    return legal_time.possible_births(written)[0].year


def _age_band(written: str, on: date) -> str:
    """Five years of age, by year of birth alone, so that it tells no more than the year does."""
    reached = on.year - _year(written, on)
    return f"{reached // 5 * 5}-{reached // 5 * 5 + 4}"


def _over_18(written: str, on: date) -> bool | None:
    return legal_time.reached(written, legal_time.MAJORITY_YEARS, on)


def _last(count: int) -> Derivation:
    return lambda value, _on: str(value)[-count:]


def _masked_phone(number: str, _on: date) -> str:
    return "•" * (len(number) - 2) + number[-2:]


def _masked_email(address: str, _on: date) -> str:
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"


def _part(name: str) -> Derivation:
    return lambda value, _on: value.get(name)


def _size_band(size: int, _on: date) -> str:
    bands = ((1, "1"), (2, "2"), (4, "3-4"), (6, "5-6"))
    return next((band for limit, band in bands if size <= limit), "7+")


_DERIVATIONS: Final[Mapping[tuple[str, str], Derivation]] = MappingProxyType(
    {
        ("birth_date", "year"): _year,
        ("birth_date", "age_band"): _age_band,
        ("birth_date", "over_18"): _over_18,
        ("idcs", "last4"): _last(4),
        ("phone", "masked"): _masked_phone,
        ("email", "masked"): _masked_email,
        ("address", "commune"): _part("commune"),
        ("address", "province"): _part("province"),
        ("address", "region"): _part("region"),
        ("household_size", "band"): _size_band,
    }
)
