"""Two programmes put all that they were ever sent side by side, and find nobody in both."""

import base64
import json
import random
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from identity.login.sessions import sessions
from vault import database as db

PEOPLE = 12
SHUFFLES = 2_000
AMO_ITEMS = {"eligibility": "decision", "address": "commune"}
COMMUNE = {"attributes": {"address": "commune"}}
MINHATY = {"agreement": "minhaty/scholarship", "purpose": "education/scholarship"}
AGREED = ("disclosure.values.", "eligibility.")
"""What the person agreed to tell both, or what both compute of them: no identifier of ours."""


def leaves(value, name):
    """Every value that is said, by where."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, f"{name}.{key}")
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from leaves(each, f"{name}.{at}")
    else:
        yield name, str(value)


def said_by(token):
    """What a token says to whoever reads it."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


async def export(programme, citizen, items, **details):
    """All that a programme is sent about a person who agrees, as one row."""
    asked = json.dumps([{"type": "amana_disclosure", "attributes": items} | details])
    code = await citizen.code(programme, "address", authorization_details=asked, scope="openid")
    granted = (await programme.redeem(code)).json()
    token = granted["access_token"]
    answers = {
        "token": granted,
        "claims": said_by(token),
        "identity": said_by(granted["id_token"]),
        "disclosure": await told(programme, token, "/v1/disclosures", COMMUNE),
        "eligibility": await told(programme, token, "/v1/eligibility", {}),
    }  # fmt: skip
    return dict(leaf for name, answer in answers.items() for leaf in leaves(answer, name))


async def told(programme, token, path, question):
    answer = await programme.ask(path, token, question)
    assert answer.status_code == 200, answer.text
    return answer.json()


def better_than_chance(ours, theirs, dice):
    """Pairs of columns whose equal values find the same person more often than shuffled rows do."""
    found = {}
    names = [(mine, other) for mine in ours[0] for other in theirs[0]]
    for mine, other in names:
        if mine.startswith(AGREED) or other.startswith(AGREED):
            continue
        left, right = [[row.get(name) for row in rows] for name, rows in
                       ((mine, ours), (other, theirs))]  # fmt: skip
        hits = sum(map(str.__eq__, map(str, left), map(str, right)))
        if hits == 0:
            continue
        as_many = 0
        for _ in range(SHUFFLES):
            dice.shuffle(right)
            as_many += sum(map(str.__eq__, map(str, left), map(str, right))) >= hits
        if as_many <= 1:
            found[mine, other] = hits
    return found


@pytest.fixture
async def people(house, new_citizen):
    """Citizens who signed in at moments of their own."""
    made = [await new_citizen(number) for number in range(PEOPLE)]
    async with db.begin(house.database) as tx:
        rows = (await tx.connection.execute(select(sessions.c.id))).scalars().all()
        for at, row in enumerate(rows):
            signed_in = {"auth_time": tx.now - timedelta(seconds=5 * at)}
            await tx.connection.execute(
                update(sessions).where(sessions.c.id == row).values(signed_in)
            )
    return made


async def test_threat_22_two_programmes_whole_exports_joined_on_every_column_find_nobody(
    people, amo, register_with
):
    from joserfc.jwk import ECKey

    dice = random.Random(22)  # noqa: S311  (a seeded shuffle)
    minhaty = await register_with(
        "minhaty", "minhaty/scholarship", ECKey.generate_key("P-256"), "ES256"
    )
    ours, theirs = [None] * PEOPLE, [None] * PEOPLE
    amo_agreement = {"agreement": "amo-tadamon/enrolment", "purpose": "social-support/health-cover"}
    for rows, programme, details in ((ours, amo, amo_agreement), (theirs, minhaty, MINHATY)):
        for at in dice.sample(range(PEOPLE), PEOPLE):
            rows[at] = await export(programme, people[at], AMO_ITEMS, **details)

    assert {"claims.1.sub", "claims.1.jti", "token.access_token"} <= ours[0].keys()
    assert len({row["claims.1.sub"] for row in ours + theirs}) == 2 * PEOPLE
    assert better_than_chance(ours, theirs, dice) == {}
    # The test would find a join: the same rows, with one value that is a person's own.
    leaked = [[row | {"leak": at} for at, row in enumerate(rows)] for rows in (ours, theirs)]
    assert set(better_than_chance(*leaked, dice)) == {("leak", "leak")}


async def test_a_persons_two_receipts_share_no_identifier(people, amo, register_with):
    from joserfc.jwk import ECKey

    minhaty = await register_with(
        "minhaty", "minhaty/scholarship", ECKey.generate_key("P-256"), "ES256"
    )
    for programme, details in (
        (amo, {"agreement": "amo-tadamon/enrolment", "purpose": "social-support/health-cover"}),
        (minhaty, MINHATY),
    ):
        await export(programme, people[0], AMO_ITEMS, **details)
    receipts = await _receipts(people[0])
    told = [
        {value for name, value in leaves(said_by(each)[1], "") if _names_somebody(name)}
        for each in receipts
    ]

    assert len(told) == 2
    assert told[0] & told[1] == set()


def _names_somebody(name):
    return (
        name.endswith(("_id", "sha256", "_time", "issued_at"))
        and "party" not in name
        and ("attribute" not in name)
    )


async def _receipts(citizen):
    import re

    found = []
    listed = (await citizen.browser.get("/en/agreements")).text
    for grant in dict.fromkeys(re.findall(r'href="(/en/agreements/[0-9a-f-]{36})"', listed)):
        page = (await citizen.browser.get(grant)).text
        address = re.search(r'href="(/en/receipts/[0-9a-f-]{36})"', page)[1]
        found.append((await citizen.browser.get(f"{address}/signed")).text)
    return found
