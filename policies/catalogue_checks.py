"""What must hold across a catalogue's purposes, attributes, rules and formulas.

Each check yields problems and never stops; agreements have theirs in `agreement_checks`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import combinations
from typing import Final, Protocol, TypeVar

from policies import forms
from policies.catalogue_lines import CatalogueProblem, Place
from policies.catalogue_reading import Draft
from policies.eligibility import Rule
from policies.entries import Attribute, NumberKind, Programme, Purpose
from policies.forms import DECISION
from policies.household_facts import VARIABLES, Region
from policies.household_index import Formula
from policies.vocabulary import AttributeId, FormId

Problems = Iterator[CatalogueProblem]
Node = TypeVar("Node", bound=str)

INDEX: Final = AttributeId("index")
IDCS: Final = AttributeId("idcs")
DPV: Final = "https://w3id.org/dpv"
"""W3C Data Privacy Vocabulary 2 and its sector extensions."""


class Dated(Protocol):
    """Anything that stands for a time."""

    @property
    def effective(self) -> date: ...
    @property
    def ends(self) -> date: ...


def of_purposes(draft: Draft) -> Problems:
    """References, a tree without cycles, IRIs, and no purpose both compatible and prohibited."""
    purposes = draft.all(Purpose)
    parents = {placed.entry.id: [placed.entry.parent] for placed in purposes if placed.entry.parent}
    for placed in purposes:
        purpose, place = placed.entry, placed.place
        if purpose.parent:
            yield from unknown(draft, "purpose", [purpose.parent], place, "parent")
        yield from unknown(draft, "purpose", purpose.compatible_with, place, "compatible_with")
        yield from unknown(draft, "purpose", purpose.prohibited_with, place, "prohibited_with")
        if purpose.id in below(purpose.id, lambda at: parents.get(at, ())):
            yield place.problem(f"purpose `{purpose.id}` is above itself", "parent")
        if not purpose.dpv.startswith(DPV):
            yield place.problem(f"expected an IRI in {DPV}", "dpv")
        for both in set(purpose.compatible_with) & set(purpose.prohibited_with):
            yield place.problem(f"`{both}` is both compatible and prohibited", "prohibited_with")


def of_attributes(draft: Draft) -> Problems:
    """References, lattices, and the two attributes no programme may be given."""
    computed = {placed.entry.id for placed in draft.all(Attribute) if placed.entry.reads}
    for placed in draft.all(Attribute):
        attribute, place = placed.entry, placed.place
        yield from unknown(draft, "group", [attribute.group], place, "group")
        yield from unknown(draft, "purpose", [attribute.collected_for], place, "collected_for")
        yield from unknown(draft, "attribute", attribute.reads, place, "reads")
        yield from _of_lattice(attribute, place)
        for read in attribute.reads:
            if read in computed:
                yield place.problem(f"`{read}` is itself computed", "reads")
        if bool(attribute.reads) != (DECISION in attribute.forms):
            yield place.problem("a decision is computed from what it reads, and nothing else is")
        if attribute.id == INDEX and attribute.forms:
            yield place.problem("the index has no form that a programme may be given", "forms")


def of_programmes(draft: Draft) -> Problems:
    """A sector that a programme is of is declared, with the decision that allows it."""
    for placed in draft.all(Programme):
        if placed.entry.sector is not None:
            yield from unknown(draft, "sector", [placed.entry.sector], placed.place, "sector")


def of_numbers(draft: Draft) -> Problems:
    """A number that can be used without end has a programme, a time or a person to stop it."""
    for placed in draft.all(NumberKind):
        kind, place = placed.entry, placed.place
        if kind.restored and (kind.minutes is not None or kind.uses is not None):
            yield place.problem("a number that ends by itself is not restored", "restored")
        if kind.uses is None and kind.minutes is None and kind.instances > 1 and not kind.bound:
            yield place.problem("one at a time, of a number that never ends", "instances")


def of_rules(draft: Draft) -> Problems:
    """Each rule names a programme and a time."""
    for placed in draft.all(Rule):
        yield from unknown(draft, "programme", [placed.entry.programme], placed.place)
        yield from window(placed.entry, placed.place)


def of_formulas(draft: Draft) -> Problems:
    """Each formula counts known variables, covers every region, and stands alone in its time."""
    for placed in draft.all(Formula):
        formula, place = placed.entry, placed.place
        yield from window(formula, place)
        for name in (*formula.coefficients, *formula.unknown):
            if name not in VARIABLES:
                yield place.problem(f"unknown variable `{name}`", "coefficients", name)
        for name in set(formula.unknown) & formula.coefficients.keys():
            yield place.problem(f"`{name}` is said to be unknown", "coefficients", name)
        if missing := set(Region) - formula.regions.keys():
            yield place.problem(f"no effect for {', '.join(sorted(missing))}", "regions")
    for one, other in combinations(draft.all(Formula), 2):
        if one.entry.milieu is other.entry.milieu and overlap(one.entry, other.entry):
            yield other.place.problem(f"overlaps `{one.entry.id}` in time", "effective")


def unknown(draft: Draft, kind: str, named: Iterable[str], place: Place, *deeper: str) -> Problems:
    """The names that stand for nothing."""
    for name in named:
        if name not in draft.names[kind]:
            yield place.problem(f"unknown {kind} `{name}`", *deeper)


def window(entry: Dated, place: Place) -> Problems:
    """An end that is not before the beginning."""
    if entry.ends < entry.effective:
        yield place.problem("ends before it takes effect", "ends")


def overlap(one: Dated, other: Dated) -> bool:
    """Whether two entries stand on a common day."""
    return one.effective <= other.ends and other.effective <= one.ends


def below(node: Node, following: Callable[[Node], Iterable[Node]]) -> set[Node]:
    """Every node that can be reached from one, itself only through a cycle."""
    found: set[Node] = set()
    waiting = list(following(node))
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += following(at)
    return found


def _of_lattice(attribute: Attribute, place: Place) -> Problems:
    cyclic = False
    for form, finer in attribute.forms.items():
        for missing in set(finer) - attribute.forms.keys():
            yield place.problem(f"unknown form `{missing}`", "forms", form)
        if form in below(form, lambda at: attribute.forms.get(at, ())):
            cyclic = True
            yield place.problem(f"form `{form}` is derived from itself", "forms", form)
        if not forms.derivable(attribute.id, form):
            yield place.problem(f"no way is known to make `{form}`", "forms", form)
    for one, other in () if cyclic else combinations(attribute.forms, 2):
        yield from _of_meet(attribute, one, other, place)


def _of_meet(attribute: Attribute, one: FormId, other: FormId, place: Place) -> Problems:
    """What two restrictions leave must be one form, or nothing."""
    if forms.coarser_than_all(attribute, one, other) and not forms.meet(attribute, one, other):
        yield place.problem(f"`{one}` and `{other}` leave more than one form", "forms", other)
