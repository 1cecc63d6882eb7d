"""A programme is registered whole or not at all, read with others, suspended at once."""

import pytest
from msgspec.structs import replace

from identity import programmes
from identity.programmes import ClientState, Registration, Unacceptable
from policies.vocabulary import AgreementId, ProgrammeId
from vault import database as db


@pytest.fixture
def registration(public_key):
    return Registration(
        client_id=ProgrammeId("minhaty"),
        name="Minhaty",
        jwks={"keys": [public_key]},
        redirect_uris=("https://programme.example/back?x=1", "http://127.0.0.1:9000/back"),
        agreements=(AgreementId("minhaty/scholarship"),),
    )


@pytest.fixture
async def tx(database):
    async with db.begin(database) as opened:
        yield opened


async def test_a_programme_is_read_as_it_was_registered(tx, catalogue, registration):
    client = await programmes.add(tx, catalogue, registration)

    assert (await programmes.read(tx, ["minhaty", "nobody"])) == {"minhaty": client}
    assert client.active
    assert client.programme == client.client_id == "minhaty"
    assert (client.jwks, client.redirect_uris, client.agreements, client.alg) == (
        registration.jwks,
        registration.redirect_uris,
        registration.agreements,
        registration.alg,
    )
    assert client.created_at == tx.now


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"client_id": "stranger", "agreements": ()}, "not one of a programme in the catalogue"),
        ({"agreements": ()}, "there is no agreement"),
        ({"agreements": ("asd/eligibility",)}, "asd/eligibility is not an agreement of this"),
        ({"agreements": ("minhaty/none",)}, "minhaty/none is not an agreement of this"),
        ({"jwks": {}}, "there is no key"),
        ({"redirect_uris": ("ftp://127.0.0.1/back",)}, "neither https nor http on"),
        ({"redirect_uris": ("/back",)}, "neither https nor http on"),
        ({"redirect_uris": ("https:///back",)}, "no plain host"),
        ({"redirect_uris": ("https://a@programme.example/",)}, "no plain host"),
        ({"redirect_uris": ("https://programme.example/ back",)}, "not a plain address"),
        ({"redirect_uris": ("https://programme.example/é",)}, "not a plain address"),
        ({"redirect_uris": ("https://programme.example/..;/x",)}, "dot segment"),
        ({"redirect_uris": ("https://programme.example/#x",)}, "has a fragment"),
        ({"redirect_uris": ("https://programme.example/#",)}, "has a fragment"),
        ({"redirect_uris": ("https://[bad/",)}, "is not a URI"),
        ({"redirect_uris": ("https://programme.example:99999/",)}, "is not a URI"),
        ({"redirect_uris": ("https://*.example/back",)}, "no plain host"),
    ],
)
async def test_one_defect_is_named_and_nothing_is_written(
    tx, catalogue, registration, change, problem
):
    answer = await programmes.add(tx, catalogue, replace(registration, **change))

    assert isinstance(answer, Unacceptable)
    assert any(problem in each for each in answer.problems), answer.problems
    assert await programmes.everyone(tx) == []


@pytest.mark.parametrize("host", ["programme.example", "10.0.0.1", "127.0.0.1.example", "[::2]"])
async def test_attack_33_over_http_nobody_is_sent_back_but_to_this_machine(
    tx, catalogue, registration, host
):
    elsewhere = replace(registration, redirect_uris=(f"http://{host}/back",))

    answer = await programmes.add(tx, catalogue, elsewhere)

    assert isinstance(answer, Unacceptable)
    assert "neither https nor http on" in answer.problems[0]
    assert await programmes.everyone(tx) == []


async def test_every_defect_is_named_at_once(tx, catalogue, registration):
    answer = await programmes.add(
        tx,
        catalogue,
        replace(
            registration,
            jwks={},
            agreements=("minhaty/none",),
            redirect_uris=("http://programme.example/#x",),
        ),
    )

    assert len(answer.problems) == 4


async def test_a_programme_is_registered_once(tx, catalogue, registration):
    await programmes.add(tx, catalogue, registration)

    answer = await programmes.add(tx, catalogue, registration)

    assert answer == Unacceptable(problems=("a programme with this id is registered already",))


async def test_a_programme_without_redirection_asks_under_the_law_alone(
    tx, catalogue, registration
):
    client = await programmes.add(tx, catalogue, replace(registration, redirect_uris=()))

    assert client.redirect_uris == ()


async def test_a_programme_is_suspended_and_goes_on(tx, catalogue, registration):
    await programmes.add(tx, catalogue, registration)

    assert not await programmes.resume(tx, "minhaty")
    assert await programmes.suspend(tx, "minhaty")
    assert not await programmes.suspend(tx, "minhaty")
    [suspended] = await programmes.everyone(tx)
    assert suspended.state is ClientState.SUSPENDED
    assert not suspended.active
    assert await programmes.resume(tx, "minhaty")
    assert (await programmes.read(tx, ["minhaty"]))["minhaty"].active
    assert not await programmes.suspend(tx, "nobody")
