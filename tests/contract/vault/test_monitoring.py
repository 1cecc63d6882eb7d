"""What a monitor outside says of a log that is whole, and of each way to lie."""

from datetime import timedelta

import httpx2
import msgspec
import pytest
from litestar import Litestar
from litestar.di import Provide
from sqlalchemy import delete

from api import monitoring, problems, public_log, verification
from api.monitoring import Fault, Memory, MonitorError, Seen, Trust, Watch, Wrong
from api.settings import Settings
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, keepsakes, log_note, transparency
from vault import database as db
from vault.access_log import Line
from vault.log_note import COSIGNATURE, Verifier
from vault.log_tables import access_log as lines
from vault.log_tree import log_checkpoint, log_entry, log_tile

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
)
NOW = db.instant()


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


@pytest.fixture
async def client(database, keyring, settings):
    """Asks the log over HTTP."""

    def given(value):
        return Provide(lambda: value, sync_to_thread=False)

    app = Litestar(
        [*public_log.handlers(), *verification.handlers()],
        dependencies={
            "database": given(database),
            "keyring": given(keyring),
            "settings": given(settings),
        },
        exception_handlers=problems.handlers(),
    )
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://log.example") as made:
        yield made


@pytest.fixture
async def trust(database, keyring):
    async with db.read(database) as tx:
        return msgspec.convert(await keepsakes.trust(tx, keyring), Trust)


@pytest.fixture
def watch(client, trust):
    return Watch(client=client, url="http://log.example", trust=trust)


@pytest.fixture
def grow(database, keyring):
    async def grow(count):
        async with db.begin(database) as tx:
            await access_log.record(tx, keyring, [LINE] * count)
        async with db.begin(database) as tx:
            await transparency.sequence(tx, keyring)

    return grow


@pytest.fixture
def begin_anew(database):
    """Forget the whole log, as a service that signs another one in its place."""

    async def forget():
        async with db.begin(database) as tx:
            for table in (log_checkpoint, log_entry, log_tile, lines):
                await tx.connection.execute(delete(table))

    return forget


def wrong(found):
    assert isinstance(found, Fault), found
    return found.wrong


async def test_a_log_that_grows_is_followed(watch, grow):
    assert wrong(await watch.look(None, NOW)) == Wrong.SILENT  # nothing is signed yet
    await grow(3)
    first = await watch.look(None, NOW)
    assert isinstance(first, Seen)
    assert first.memory.head.size == 3

    later = NOW + timedelta(hours=1)
    same = await watch.look(first.memory, later)
    assert same.memory == first.memory
    await grow(300)
    grown = await watch.look(first.memory, later)
    assert (grown.memory.head.size, grown.memory.grown_at) == (303, later)


async def test_threat_30_a_log_that_forked_is_named(watch, grow, begin_anew):
    await grow(5)
    seen = await watch.look(None, NOW)
    await begin_anew()
    await grow(5)
    assert wrong(await watch.look(seen.memory, NOW)) == Wrong.FORKED
    await grow(3)
    assert wrong(await watch.look(seen.memory, NOW)) == Wrong.FORKED


async def test_threat_29_a_log_that_was_cut_and_signed_anew_is_named(watch, grow, begin_anew):
    await grow(5)
    seen = await watch.look(None, NOW)
    await begin_anew()
    await grow(4)
    assert wrong(await watch.look(seen.memory, NOW)) == Wrong.ROLLED_BACK


async def test_another_key_and_another_name_are_named(watch, grow):
    await grow(2)
    seen = await watch.look(None, NOW)
    public = log_note.read_verifier(watch.trust.log[0]).public
    other = Verifier(seen.memory.head.origin, bytes(reversed(public))).vkey()
    stranger = msgspec.structs.replace(watch, trust=Trust(log=(other,)))
    assert wrong(await stranger.look(None, NOW)) == Wrong.FORGED

    renamed = msgspec.structs.replace(
        seen.memory, head=msgspec.structs.replace(seen.memory.head, origin="log.before")
    )
    assert wrong(await watch.look(renamed, NOW)) == Wrong.RENAMED


async def test_a_log_that_too_few_witnesses_cosigned_is_named(watch, grow):
    await grow(2)
    vkey = Verifier("court.example", bytes(range(32)), COSIGNATURE).vkey()
    strict = msgspec.structs.replace(watch.trust, witnesses=(vkey,))
    found = await msgspec.structs.replace(watch, trust=strict).look(None, NOW)
    assert (wrong(found), found.why) == (Wrong.UNWITNESSED, "0 of 1 witnesses cosigned")


async def test_what_is_no_checkpoint_and_no_answer_are_silence(watch, grow):
    await grow(2)
    elsewhere = msgspec.structs.replace(watch, url="http://log.example/elsewhere")
    assert wrong(await elsewhere.look(None, NOW)) == Wrong.SILENT


@pytest.mark.parametrize(("minutes", "late"), [(10, False), (11, True)])
async def test_a_log_that_stands_still_for_too_long_is_stale(watch, grow, minutes, late):
    await grow(2)
    seen = await watch.look(None, NOW)
    found = monitoring.stale(
        seen.memory, NOW + timedelta(minutes=minutes), timedelta(minutes=10, seconds=30)
    )
    assert (found is not None) is late
    if late:
        assert found.why == "2 entries, as 11 minutes ago"


async def test_what_was_seen_is_kept_whole_or_not_judged_by(watch, grow, tmp_path):
    place = tmp_path / "memory.json"
    assert monitoring.read_memory(place) is None
    await grow(2)
    seen = await watch.look(None, NOW)
    monitoring.remember(place, seen.memory)
    assert monitoring.read_memory(place) == seen.memory
    assert isinstance(seen.memory, Memory)
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(MonitorError, match="is not whole"):
        monitoring.read_memory(place)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"log": ["x"]}', b'{"log": []}'])
def test_a_trust_file_without_a_key_is_refused(tmp_path, content):
    place = tmp_path / "trust.json"
    place.write_bytes(content)
    with pytest.raises(MonitorError):
        monitoring.read_trust(place)
    with pytest.raises(MonitorError, match="fetch it from /log/trust"):
        monitoring.read_trust(tmp_path / "none.json")
