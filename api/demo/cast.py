"""The cast of the demo: programmes with their keys, staff, and citizens with portal accounts."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
from joserfc.jwk import ECKey, KeyParameters

from api import accounts
from api.accounts import Opened, Password
from api.demo.ledger import Ledger, write_private
from api.running import Running
from identity import programmes
from identity.login import accounts as owners
from identity.login import staff
from identity.programmes import Registration, Unacceptable
from identity.registry.person import Person
from identity.registry.population import Population
from policies.staff import Role
from policies.vocabulary import AgreementId, Language, ProgrammeId, StaffId, SubjectId
from vault import database as db

CITIZENS: Final = 12
ADULT_YEARS: Final = 18
REGISTERED: Final = {
    "amo-tadamon": "amo-tadamon/enrolment",
    "asd": "asd/eligibility",
    "minhaty": "minhaty/scholarship",
}
"""Programme → the agreement it asks under."""


async def programme(held: Running, folder: Path, client_id: str) -> dict[str, Any]:
    """Register a programme with a key that is kept in the folder; what its credentials say."""
    file = folder / f"{client_id}.jwk"
    key = _key(file, client_id)
    agreement = REGISTERED[client_id]
    named = held.catalogue.programmes[ProgrammeId(client_id)].name.in_(Language.EN)
    # RFC 2606: a name that is nobody's. The demo's programmes have no site to return to.
    redirect_uri = f"https://{client_id}.example/callback"
    async with db.begin(held.database) as tx:
        if client_id not in await programmes.read(tx, [client_id]):
            asked = Registration(
                client_id=ProgrammeId(client_id),
                name=named,
                jwks={"keys": [key.as_dict(private=False)]},
                redirect_uris=(redirect_uri,),
                agreements=(AgreementId(agreement),),
            )
            done = await programmes.add(tx, held.catalogue, asked)
            if isinstance(done, Unacceptable):
                raise ValueError(f"{client_id}: {'; '.join(done.problems)}")
    return {
        "client_id": client_id,
        "jwk_file": file.name,
        "redirect_uri": redirect_uri,
        "agreements": [agreement],
    }


async def office(held: Running, role: Role) -> dict[str, str]:
    """Open an account of the console, or give it new secrets; its credentials."""
    name = StaffId(role.value)
    password = await accounts.new_password(held.desk.hashing, [name])
    async with db.begin(held.database) as tx:
        await staff.add(tx, name, role)
        made = await accounts.equip(
            tx, held.keyring, owners.of_staff(name), password, label=f"demo {name}"
        )
    return {"identifier": name, **_secrets(made)}


async def citizen(held: Running, ledger: Ledger, made: Population, at: int) -> dict[str, Any]:
    """Open a portal account for one of the population; its credentials."""
    person, entered = made.people[at], ledger.people[at]
    if entered is None:
        raise ValueError("nobody there")
    owner = owners.of_citizen(SubjectId(entered.subject))
    password: Password = await accounts.new_password(held.desk.hashing, [entered.idcs])
    name = f"{person.given_name_latin} {person.family_name_latin}"
    async with db.begin(held.database) as tx:
        opened = await accounts.equip(tx, held.keyring, owner, password, label=f"demo {name}")
    return {
        "identifier": entered.idcs,
        **_secrets(opened),
        "name": name,
        "person": {
            "given_name": person.given_name_latin,
            "family_name": person.family_name_latin,
            "given_name_arabic": person.given_name_ar,
            "family_name_arabic": person.family_name_ar,
            "birth_date": person.birth_date,
            "sex": person.sex.value,
        },
    }


def chosen(ledger: Ledger, made: Population) -> list[int]:
    """Whom the demo gives accounts: adults of different households with a telephone."""
    found: dict[str, int] = {}
    for at in _adults(ledger, made):
        person = made.people[at]
        # Different names, so that one is told from the other in the list.
        found.setdefault(f"{person.given_name_latin} {person.family_name_latin}", at)
        if len(found) == CITIZENS:
            break
    return list(found.values())


def _adults(ledger: Ledger, made: Population) -> Iterator[int]:
    for household in made.households:
        at = household.declarant
        person = made.people[at]
        if ledger.people[at] and person.phone and person.commune and _adult(person, ledger.day):
            yield at


def _adult(person: Person, on: date) -> bool:
    full = len(person.birth_date) == len("1990-05-01")
    return full and int(person.birth_date[:4]) < on.year - ADULT_YEARS


def _key(file: Path, client_id: str) -> ECKey:
    """The programme's private key, made the first time."""
    if file.is_file():
        return ECKey.import_key(msgspec.json.decode(file.read_bytes()))
    parameters = KeyParameters(use="sig", alg="ES256", kid=f"{client_id}-1")
    key = ECKey.generate_key("P-256", parameters)
    write_private(file, msgspec.json.encode(key.as_dict(private=True)))
    return key


def _secrets(opened: Opened) -> dict[str, str]:
    return {"password": opened.password, "totp_secret": opened.totp_secret}
