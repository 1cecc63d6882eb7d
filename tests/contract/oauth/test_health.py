"""Ready is who can answer: with its store, and with the keeper of its root keys."""

from api import sequencer
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log
from vault import database as db
from vault.access_log import Line


class Away:
    def healthy(self):
        return False


async def test_threat_38_nobody_is_ready_while_the_root_keys_are_away(house, http):
    watch = house.running.root_watch
    ready = await http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})

    watch._keys, held, watch._until = Away(), watch._keys, 0
    away = await http.get("/health/ready")
    assert (away.status_code, away.json()) == (503, {"status": "waiting"})
    assert (await http.get("/health/live")).status_code == 200

    watch._keys, watch._until = held, 0
    assert (await http.get("/health/ready")).status_code == 200


async def test_threat_50_who_is_ready_says_that_the_log_is_behind(house, http, monkeypatch):
    line = Line(
        actor=Actor(kind=ActorKind.SYSTEM, id="test"), action=Action.TOKEN, outcome=Outcome.GIVEN
    )
    async with db.begin(house.database) as tx:
        await access_log.record(tx, house.running.keyring, [line] * 3)
    monkeypatch.setattr(sequencer, "BEHIND", 2)
    told = await http.get("/health/ready")
    assert (told.status_code, told.json()) == (200, {"status": "ready", "warning": "log-behind"})
