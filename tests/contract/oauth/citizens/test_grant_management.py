"""A programme adds to what people granted it, looks at it and gives it back (attack 97)."""

import json
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from consent import grant_rows, grants
from policies.vocabulary import Action
from vault import access_log
from vault import database as db

QUERY, REVOKE = "grant_management_query", "grant_management_revoke"
CREATE = {"grant_management_action": "create"}
BOTH = {"eligibility": "decision", "phone": "raw"}


async def granted(citizen, programme, *items, **change):
    """The answer of the token endpoint, the whole way gone."""
    code = await citizen.code(programme, *items, **(CREATE | change))
    answer = await programme.redeem(code)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def seeing(programme, *scopes):
    """A token that sees to the programme's own grants."""
    answer = await programme.token("client_credentials", scope=" ".join(scopes))
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def call(programme, method, grant_id, token):
    path = f"/oauth/grants/{grant_id}"
    proof = programme.proof(path, token=token, htm=method)
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
    return await programme.http.request(method, path, headers=headers)


def attributes(answer):
    return answer.json()["authorization_details"][0]["attributes"]


async def test_a_grant_is_named_to_who_asks_for_it_and_to_nobody_else(citizen, amo, query_of):
    answer = await granted(citizen, amo)
    assert UUID(answer["grant_id"])
    plain = (await amo.redeem(await citizen.code(amo))).json()
    assert "grant_id" not in plain


async def test_what_was_granted_is_read_with_a_token_for_it(citizen, amo):
    grant_id = (await granted(citizen, amo, "phone"))["grant_id"]
    token = await seeing(amo, QUERY)

    told = await call(amo, "GET", grant_id, token)
    assert (told.status_code, attributes(told)) == (200, BOTH)
    assert citizen.idcs not in told.text
    inspected = await amo.post("/oauth/introspect", amo.authenticated(token=token))
    said = inspected.json()
    assert (said["active"], said["scope"]) == (True, QUERY)
    assert said["aud"] == "https://amana.example/oauth/grants"


async def test_attack_97_after_it_is_given_back_nothing_of_it_works(house, citizen, amo):
    got = await granted(citizen, amo, "phone")
    token = await seeing(amo, QUERY, REVOKE)

    done = await call(amo, "DELETE", got["grant_id"], token)
    assert (done.status_code, done.content) == (204, b"")
    refreshed = await amo.token("refresh_token", refresh_token=got["refresh_token"])
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    inspected = await amo.post("/oauth/introspect", amo.authenticated(token=got["access_token"]))
    assert inspected.json() == {"active": False}
    question = {"attributes": {"phone": "raw"}}
    assert (await amo.ask("/v1/disclosures", got["access_token"], question)).status_code == 401
    for method in ("GET", "DELETE"):
        assert (await call(amo, method, got["grant_id"], token)).status_code == 404
    async with db.read(house.database) as tx:
        (grant,) = await grants.of_subject(tx, citizen.subject)
        event = (await grants.events(tx, grant.id))[-1]
        (line,) = await access_log.search(tx, access_log.Criteria(action=Action.WITHDRAW), limit=9)
    assert not grant.active
    assert (event.kind, event.actor.id, line.actor.id) == (
        "withdrawn",
        "amo-tadamon",
        "amo-tadamon",
    )


async def test_the_person_withdraws_and_the_programme_s_grant_is_gone(house, citizen, amo):
    grant_id = (await granted(citizen, amo))["grant_id"]
    await house.withdraw(citizen.subject)

    token = await seeing(amo, QUERY, REVOKE)
    for method in ("GET", "DELETE"):
        assert (await call(amo, method, grant_id, token)).status_code == 404


async def test_attack_97_without_the_scope_it_is_refused_and_logged(house, citizen, amo):
    grant_id = (await granted(citizen, amo))["grant_id"]
    for method, scope, needed in (("GET", REVOKE, QUERY), ("DELETE", QUERY, REVOKE)):
        answer = await call(amo, method, grant_id, await seeing(amo, scope))
        assert answer.status_code == 403
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert f'scope="{needed}"' in challenge
        assert (await house.refusals())[0] == ("scope-insufficient",)


async def test_attack_92_a_token_for_grants_asks_about_nobody_and_the_reverse(citizen, amo):
    got = await granted(citizen, amo, "phone")
    token = await seeing(amo, QUERY, REVOKE)
    claims = {"given_name": "Fatima"}
    for path, question in (
        ("/v1/disclosures", {"attributes": {"phone": "raw"}}),
        ("/v1/verifications", {"subject": {"idcs": citizen.idcs}, "claims": claims}),
        ("/v1/identifiers/exchange", {"identifiers": ["pt1_" + "0" * 26]}),
    ):
        assert (await amo.ask(path, token, question)).status_code == 401, path
    for other in (got["access_token"], await amo.own_token()):
        assert (await call(amo, "GET", got["grant_id"], other)).status_code == 401


async def test_a_token_for_grants_is_given_back_too(citizen, amo):
    got = await granted(citizen, amo, "phone")
    token = await seeing(amo, QUERY)
    assert (await call(amo, "GET", got["grant_id"], token)).status_code == 200

    assert (await amo.post("/oauth/revoke", amo.authenticated(token=token))).status_code == 200

    assert (await call(amo, "GET", got["grant_id"], token)).status_code == 401
    inspected = await amo.post("/oauth/introspect", amo.authenticated(token=token))
    assert inspected.json() == {"active": False}


async def test_attack_97_another_programme_s_grant_is_not_there(citizen, amo, asd):
    grant_id = (await granted(citizen, amo))["grant_id"]
    token = await seeing(asd, QUERY, REVOKE)
    for named in (grant_id, uuid4(), "x", "0" * 36):
        for method in ("GET", "DELETE"):
            assert (await call(asd, method, named, token)).status_code == 404
    assert (await call(amo, "GET", grant_id, await seeing(amo, QUERY))).status_code == 200


async def test_attack_97_a_grant_that_is_not_the_programme_s_own_is_not_changed(
    house, citizen, amo, asd
):
    grant_id = (await granted(citizen, amo))["grant_id"]
    for named in (str(uuid4()), "x"):
        answer = await amo.push(grant_management_action="merge", grant_id=named)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant_id")
    await house.withdraw(citizen.subject)
    answer = await amo.push(grant_management_action="replace", grant_id=grant_id)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant_id")


@pytest.mark.parametrize(
    "change",
    [
        {"grant_management_action": "create", "grant_id": "here"},
        {"grant_id": "here"},
        {"grant_management_action": "merge"},
        {"grant_management_action": "replace"},
        {"grant_management_action": "update", "grant_id": "here"},
        {"grant_management_action": "Create"},
    ],
)
async def test_attack_97_action_and_grant_go_together(citizen, amo, change):
    grant_id = (await granted(citizen, amo))["grant_id"]
    answer = await amo.push(**(change | ({"grant_id": grant_id} if "grant_id" in change else {})))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_merge_asks_for_what_there_is_and_more(citizen, amo):
    first = await granted(citizen, amo, "phone")
    asked = {"eligibility": "decision", "address": "commune"}
    change = {"grant_management_action": "merge", "grant_id": first["grant_id"]}
    page = await citizen.open(await amo.address(asked, **change))
    assert page.text.count('type="checkbox"') == 2  # the telephone from before, and the address

    done = await citizen.answer(page, "agree", "phone", "address")
    assert done.status_code == 200
    (onward,) = [part.split('"')[0] for part in done.text.split('href="/authorize/continue/')[1:]]
    location = (await citizen.browser.get(f"/authorize/continue/{onward}")).headers["location"]
    answer = (await amo.redeem(location.split("code=")[1].split("&")[0])).json()
    assert answer["authorization_details"][0]["attributes"] == BOTH | {"address": "commune"}
    assert answer["grant_id"] != first["grant_id"]  # a consent given anew is another one


async def test_a_replacement_leaves_nothing_of_what_was_before(citizen, amo):
    first = await granted(citizen, amo, "phone")
    change = {"grant_management_action": "replace", "grant_id": first["grant_id"]}
    answer = await granted(citizen, amo, **change)

    assert answer["authorization_details"][0]["attributes"] == {"eligibility": "decision"}
    token = await seeing(amo, QUERY)
    assert (await call(amo, "GET", first["grant_id"], token)).status_code == 404
    assert attributes(await call(amo, "GET", answer["grant_id"], token)) == {
        "eligibility": "decision"
    }


async def test_attack_97_nobody_changes_what_another_person_granted(
    citizen, new_citizen, amo, query_of
):
    grant_id = (await granted(citizen, amo))["grant_id"]
    other = await new_citizen(1)
    change = {"grant_management_action": "merge", "grant_id": grant_id}

    page = await other.open(await amo.address(**change))
    assert page.url.path.endswith("/sign-in")
    await other.code(amo)
    silent = await other.browser.get(await amo.address(prompt="none", **change))
    assert query_of(silent.headers["location"])["error"] == "login_required"


async def test_attack_97_a_grant_under_another_agreement_is_not_the_one_that_is_meant(
    house, citizen, amo
):
    grant_id = (await granted(citizen, amo))["grant_id"]
    async with db.begin(house.database) as tx:
        other = {"agreement": "amo-tadamon/other"}
        await tx.connection.execute(update(grant_rows.grants).values(other))
    for action in ("merge", "replace"):
        answer = await amo.push(grant_management_action=action, grant_id=grant_id)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant_id")


async def test_attack_92_a_token_for_grants_is_asked_for_the_grants_alone(amo):
    here, there = "https://amana.example/oauth/grants", "https://amana.example/v1"
    answer = await amo.token("client_credentials", scope=QUERY, resource=there)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    assert (await amo.token("client_credentials", scope=QUERY, resource=here)).status_code == 200


@pytest.mark.parametrize(
    "scope", ["grant_management", "openid", f"{QUERY} {QUERY}", f"{QUERY} openid", QUERY.upper()]
)
async def test_attack_44_no_other_scope_is_given(amo, scope):
    answer = await amo.token("client_credentials", scope=scope)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_a_token_for_grants_is_for_nothing_beside(amo):
    details = json.dumps([{"type": "amana_disclosure"}])
    answer = await amo.token("client_credentials", scope=QUERY, authorization_details=details)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
