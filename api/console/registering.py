"""The operator's desk: a person is typed in, read back, compared with look-alikes, entered."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody

from api import lookups
from api.console import comparing
from api.console.shifts import Shift
from api.lookups import Lookup
from api.portal.history import id_or_none
from identity.registry import people, person, twins
from identity.registry.people import Duplicate, Registered
from identity.registry.person import DocumentKind, Invalid, Person, Problem, Sex
from policies.legal_time import legal_day
from policies.staff import Duty
from policies.vocabulary import Action, SubjectId
from vault.short_lived import ShortLived

FIELDS: Final = {
    "given_name_ar": "person.given_ar",
    "given_name_latin": "person.given",
    "family_name_ar": "person.family_ar",
    "family_name_latin": "person.family",
    "birth_date": "person.birth_date",
    "sex": "person.sex",
    "birth_place": "person.birth_place",
    "nationality": "person.nationality",
    "document_kind": "person.document_kind",
    "document_number": "person.document",
    "civil_registry": "person.civil_registry",
    "legal_representative": "person.representative",
    "witnesses": "person.witnesses",
    "phone": "person.phone",
}
"""The fields of the form and what each is called, in the order they are read back."""


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as typed; kept whole on every step, so that nothing is typed twice."""

    given_name_ar: str = ""
    given_name_latin: str = ""
    family_name_ar: str = ""
    family_name_latin: str = ""
    birth_date: str = ""
    sex: str = ""
    birth_place: str = ""
    nationality: str = "MAR"
    document_kind: str = ""
    document_number: str = ""
    civil_registry: str = ""
    legal_representative: str = ""
    witnesses: str = ""
    phone: str = ""
    file: str = ""
    """The desk's own file number: comparing with other records needs one."""
    step: str = ""
    distinct: str = ""
    """Records that were compared and are other people, with spaces between."""


@get("/desk")
async def desk(shift: NamedDependency[Shift]) -> Response[str]:
    """What can be done here."""
    if not shift.has(Duty.REGISTER_PERSON):
        return await _refused(shift)
    return shift.page.show("console/desk.html", section="desk")


@get("/desk/person/new")
async def blank(shift: NamedDependency[Shift]) -> Response[str]:
    """The empty form."""
    if not shift.has(Duty.REGISTER_PERSON):
        return await _refused(shift)
    return _form(shift, Typed())


@post("/desk/person/new", status_code=200)
async def typed(
    data: URLEncodedBody[Typed],
    shift: NamedDependency[Shift],
    short_lived: NamedDependency[ShortLived],
) -> Response[str]:
    """One step further: read back, compare, enter; or back to the form."""
    if not shift.has(Duty.REGISTER_PERSON):
        return await _refused(shift)
    if data.step == "change":
        return _form(shift, data)
    written = person.parse(_values(data), on=legal_day(shift.tx.now))
    found = _problems(shift, data, written)
    if isinstance(written, Invalid) or found:
        return _form(shift, data, found)
    if data.step in {"register", "distinct"}:
        if await _over_quota(shift, short_lived):
            return shift.page.show(
                "portal/error.html",
                status=HTTPStatus.TOO_MANY_REQUESTS,
                kind="too-many-requests",
                correlation="",
            )
        return await _register(shift, data, written)
    return _read_back(shift, data)


async def _over_quota(shift: Shift, short_lived: ShortLived) -> bool:
    """Whether this operator has looked for too many people: what they type is looked for."""
    by = Lookup(by=shift.actor, action=Action.REGISTER, limit=lookups.OF_ONE_PERSON)
    if await lookups.charge(short_lived, by) == 0:
        return False
    await lookups.alarm_in(shift.tx, shift.keyring, short_lived, by)
    return True


async def _register(shift: Shift, data: Typed, written: Person) -> Response[str]:
    match await people.register(
        shift.tx,
        shift.keyring,
        written,
        by=shift.actor,
        distinct_from=_distinct(data) if data.step == "distinct" else (),
        case_reference=data.file.strip(),
    ):
        case Registered() as done:
            return _slip(shift, data, done)
        case Duplicate() as found:
            return await _compare(shift, data, written, found)
        case Invalid(problems=wrong):
            # Which numbers are on the register can be seen from this: so that is seen too.
            case = data.file.strip()
            await shift.begin(Duty.REGISTER_PERSON, detail="refused", case_reference=case)
            return _form(shift, data, _keys(shift, wrong))


def _form(shift: Shift, data: Typed, problems: Mapping[str, str] | None = None) -> Response[str]:
    tongue = shift.page.tongue
    choose = ("", tongue.t("person.choose"))
    return shift.page.show(
        "console/person.html",
        section="register",
        problems=problems or {},
        it=data,
        sexes=[choose, *((each.value, tongue.t(f"person.sex.{each}")) for each in Sex)],
        kinds=[choose, *((each.value, tongue.t(f"person.kind.{each}")) for each in DocumentKind)],
    )


def _read_back(shift: Shift, data: Typed) -> Response[str]:
    return shift.page.show(
        "console/person_check.html",
        section="register",
        shown=[
            (label, _shown(shift, name, getattr(data, name)), _script(name))
            for name, label in FIELDS.items()
        ],
        kept=_kept(data),
    )


async def _compare(shift: Shift, data: Typed, written: Person, found: Duplicate) -> Response[str]:
    opened = await comparing.identities(shift, found.candidates, data.file.strip())
    # Short tags collide: who was found by that alone is shown to nobody, and stands in no way.
    recorded = [each for each in opened if found.certain or twins.alike(written, each)]
    distinct = " ".join(dict.fromkeys([*data.distinct.split(), *map(str, found.candidates)]))
    compared = msgspec.structs.replace(data, distinct=distinct)
    if not recorded and not found.more:
        return await _register(shift, msgspec.structs.replace(compared, step="distinct"), written)
    return shift.page.show(
        "console/duplicates.html",
        section="register",
        wide=True,
        candidates=recorded,
        compared=[
            (FIELDS[name], getattr(data, name), [each.get(name, "") for each in recorded])
            for name in comparing.COMPARED
        ],
        certain=found.certain,
        more=found.more,
        kept=_kept(compared),
    )


def _slip(shift: Shift, data: Typed, done: Registered) -> Response[str]:
    return shift.page.show(
        "console/slip.html",
        section="register",
        status=201,
        name_ar=f"{data.given_name_ar} {data.family_name_ar}",
        name=f"{data.given_name_latin} {data.family_name_latin}",
        idcs=done.idcs,
        file=data.file.strip(),
        at=shift.tx.now,
    )


async def _refused(shift: Shift) -> Response[str]:
    await shift.begin(Duty.REGISTER_PERSON)
    return shift.refused()


def _values(data: Typed) -> dict[str, object]:
    return {name: getattr(data, name) for name in FIELDS}


def _problems(shift: Shift, data: Typed, written: Person | Invalid) -> dict[str, str]:
    found = _keys(shift, written.problems) if isinstance(written, Invalid) else {}
    return found if data.file.strip() else found | {"file": "person.problem.missing"}


def _keys(shift: Shift, wrong: tuple[Problem, ...]) -> dict[str, str]:
    """Field → the sentence that says what is wrong; the first of each field."""
    tongue = shift.page.tongue
    return {each.field: tongue.key_of("person.problem", each.reason) for each in reversed(wrong)}


def _kept(data: Typed) -> list[tuple[str, str]]:
    fields = msgspec.structs.asdict(data)
    return [(name, value) for name, value in fields.items() if name != "step" and value]


def _distinct(data: Typed) -> tuple[SubjectId, ...]:
    compared = map(id_or_none, data.distinct.split())
    return tuple(SubjectId(each) for each in compared if each is not None)


def _shown(shift: Shift, name: str, value: str) -> Any:
    match name:
        case "sex":
            return shift.page.tongue.t(f"person.sex.{value}")
        case "document_kind" if value:
            return shift.page.tongue.t(f"person.kind.{value}")
        case _:
            return value


def _script(name: str) -> str:
    """The language a name is written in, for those who have pages read to them."""
    if name.endswith("_ar"):
        return "ar"
    return "fr" if name.endswith("_latin") else ""
