"""Ready is who can answer: with its store, and with the keeper of its root keys."""


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
