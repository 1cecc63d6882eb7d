"""The citizen's page of numbers: make one, stop one, and a new one at a programme."""

import re

import pytest

from api.portal import numbers
from identity.registry import pseudonyms
from policies.vocabulary import Action, Audience
from vault import access_log
from vault import database as db

ISSUER = "https://amana.example"
SAME_SITE = {"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}
CLAIMS = {"given_name": "Fatima", "family_name": "El Alaoui", "birth_date": "1990-05-01"}
NUMBER = re.compile(r'<bdi class="code" dir="ltr">((?:\d{4} ?){4})</bdi>')
AMO = Audience("amo-tadamon")


@pytest.fixture
def page(citizen):
    """Opens a page of the citizen's, in a language."""

    async def read(path="/numbers", language="en"):
        return await citizen.browser.get(f"/{language}{path}")

    return read


@pytest.fixture
def send(citizen, page):
    """Sends a form of the page of numbers, and reads what comes of it."""

    async def do(path, **form):
        token = re.search(r'name="_csrf_token" value="([^"]+)"', (await page()).text)[1]
        answer = await citizen.browser.post(
            f"/en{path}", data={"_csrf_token": token} | form, headers=SAME_SITE
        )
        return await citizen.open(answer.headers["location"]) if answer.is_redirect else answer

    return do


@pytest.fixture
async def verified(amo, citizen):
    """Whether AMO Tadamon is told «yes»; the citizen's identifier there if so."""

    async def verify(**named):
        question = {"subject": named, "claims": CLAIMS, "case_reference": "C-1"}
        answer = await amo.ask("/v1/verifications", await amo.own_token(), question)
        return answer.json()["subject"]

    return verify


async def actions(house, citizen):
    async with db.read(house.database) as tx:
        month = tx.now.strftime("%Y-%m")
        lines = await access_log.of_subject(tx, house.running.keyring, citizen.subject, [month])
    return [(line.action, line.detail) for line in lines]


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
async def test_the_page_says_each_kind_in_the_language_of_the_page(house, page, language):
    answer = await page(language=language)

    assert answer.status_code == 200
    for kind in house.running.catalogue.numbers.values():
        assert getattr(kind.sentence, language).replace("'", "&#39;") in answer.text


async def test_a_number_that_is_made_verifies_until_it_is_stopped(house, citizen, send, verified):
    made = await send("/numbers", kind="timed", programme="")
    (number,) = NUMBER.findall(made.text)
    assert await verified(virtual=number)
    assert (Action.NUMBER, "timed") in await actions(house, citizen)

    row = re.search(r'name="number" value="([^"]+)"', made.text)[1]
    stopped = await send("/numbers/stop", number=row)
    again = await send("/numbers/stop", number=row)
    assert f'value="{row}"' not in stopped.text
    assert again.status_code == 200
    assert await verified(virtual=number) is None
    assert (Action.NUMBER_STOP, "timed") in await actions(house, citizen)


async def test_nobody_stops_a_number_that_is_anothers(send, verified, new_citizen):
    made = await send("/numbers", kind="timed")
    row = re.search(r'name="number" value="([^"]+)"', made.text)[1]
    (number,) = NUMBER.findall(made.text)
    other = await new_citizen(1)
    theirs = await other.browser.get("/en/numbers")
    token = re.search(r'name="_csrf_token" value="([^"]+)"', theirs.text)[1]
    form = {"_csrf_token": token, "number": row}
    answer = await other.browser.post("/en/numbers/stop", data=form, headers=SAME_SITE)

    assert answer.status_code == 303
    assert NUMBER.findall(theirs.text) == []
    assert await verified(virtual=number)


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({}, "Choose a kind from the list"),
        ({"kind": "no-such"}, "Choose a kind from the list"),
        ({"kind": "programme"}, "Choose the programme"),
        ({"kind": "programme", "programme": "no-such"}, "Choose the programme"),
    ],
)
async def test_a_form_that_is_not_filled_in_is_told_where(send, form, problem):
    answer = await send("/numbers", **form)

    assert answer.status_code == 400
    assert problem in answer.text
    assert NUMBER.findall(answer.text) == []


async def test_a_bound_number_names_its_programme_and_there_are_only_so_many(send, verified):
    bound = await send("/numbers", kind="programme", programme="amo-tadamon")
    assert "AMO Tadamon</bdi>" in bound.text
    (number,) = NUMBER.findall(bound.text)
    assert await verified(virtual=number)
    await send("/numbers", kind="standing", programme="asd")
    second = await send("/numbers", kind="standing")
    assert second.status_code == 400
    assert "stop one first" in second.text


async def test_a_new_number_at_a_programme_ends_the_old_one_for_good(
    house, citizen, page, send, verified
):
    old = await verified(idcs=citizen.idcs)
    asked = await page("/numbers/at/amo-tadamon")
    assert "never comes back" in asked.text
    kept = await send("/numbers/at/amo-tadamon", answer="keep")
    assert await verified(pairwise=old) == old
    assert "names nobody" not in kept.text

    done = await send("/numbers/at/amo-tadamon", answer="renew")
    assert "The old one names nobody any more" in done.text
    assert await verified(pairwise=old) is None
    new = await verified(idcs=citizen.idcs)
    assert new != old
    assert (Action.RENUMBER, AMO) in await actions(house, citizen)
    again = await send("/numbers/at/amo-tadamon", answer="renew")
    assert again.status_code == 200
    async with db.read(house.database) as tx:
        found = await pseudonyms.resolve(tx, house.running.keyring, AMO, [old, new])
    assert found == {}


async def test_where_one_is_not_known_there_is_nothing_to_renew(page, send):
    assert "No programme has a number for you yet" in (await page()).text
    for programme in ("asd", "no-such"):
        assert (await page(f"/numbers/at/{programme}")).status_code == 404
        assert (await send(f"/numbers/at/{programme}", answer="renew")).status_code == 404


async def test_a_programme_is_not_made_to_check_a_person_again_all_day(citizen, send, verified):
    await verified(idcs=citizen.idcs)
    for _ in range(numbers.RENEWED_A_DAY):
        assert (await send("/numbers/at/amo-tadamon", answer="renew")).status_code == 200
    known = await verified(idcs=citizen.idcs)

    assert (await send("/numbers/at/amo-tadamon", answer="renew")).status_code == 429
    assert await verified(pairwise=known) == known


async def test_a_confirmation_of_what_did_not_happen_is_not_shown(page):
    for renewed in ("<script>", "no-such", "asd", "amo-tadamon"):
        answer = await page(f"/numbers?renewed={renewed}")

        assert "<script>" not in answer.text
        assert 'role="status"' not in answer.text
