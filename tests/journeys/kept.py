"""What the small world of the journeys holds beside its people."""

import msgspec

from tests.journeys.conftest import CALLBACK, PROGRAMME


async def proposal(house, tx, number):
    from datetime import timedelta

    from identity import approvals
    from policies.approvals import FRAUD_CASE, Kind, Proposal
    from policies.staff import Role
    from policies.vocabulary import LegalBasis

    asked = Proposal(
        kind=Kind.RELINK,
        proposer="operator-0",
        role=Role.OPERATOR,
        programme="asd",
        other=PROGRAMME,
        purpose=FRAUD_CASE,
        basis=LegalBasis.PUBLIC_TASK,
        citation="Loi 72-18, art. 28",
        case_reference=f"F-2026-{number:04d}",
        tokens=("pt1_a", "pt1_b"),
        expires_at=tx.now + timedelta(days=7),
        embargo_until=tx.now + timedelta(days=30),
    )
    return str(await approvals.propose(tx, house.keyring, house.catalogue, asked))


async def known(house, tx, like):
    from identity.registry import people, pseudonyms
    from policies.vocabulary import Actor, ActorKind, Audience

    person = msgspec.structs.replace(like, birth_date="1971-03-02", document_number="YY43")
    actor = Actor(kind=ActorKind.SYSTEM, id="journey")
    done = await people.register(tx, house.keyring, person, by=actor)
    assert isinstance(done, people.Registered), done
    issued = await pseudonyms.pairwise(tx, house.keyring, Audience(PROGRAMME), [done.subject])
    return issued[done.subject]


async def ailing(house, tx):
    """A programme whose address went silent, whose last key ends, and which is not reached."""
    from datetime import timedelta

    from joserfc.jwk import ECKey

    from identity import client_keys, programme_messages, programmes

    address, now = "https://minhaty.example/keys", tx.now
    client = programmes.Registration(
        client_id="minhaty",
        name="Minhaty",
        jwks_uri=address,
        notify_url="https://minhaty.example/events",
        redirect_uris=(CALLBACK,),
        agreements=("minhaty/scholarship",),
    )
    registered = await programmes.add(tx, house.catalogue, client)
    assert isinstance(registered, programmes.Client), registered
    key = ECKey.generate_key("P-256", {"kid": "minhaty-1", "use": "sig"}).as_dict(private=False)
    keys = {"keys": [key | {"exp": int((now + timedelta(days=6)).timestamp())}]}
    before = msgspec.structs.replace(tx, now=now - timedelta(days=2))
    await client_keys.found(before, "minhaty", address, keys)
    await client_keys.failed(tx, "minhaty", "network")
    await programme_messages.warn(tx)
    for message in await programme_messages.due(tx):
        due = await programme_messages.try_now(tx, message)
        await programme_messages.tried(tx, due.message, "time")
