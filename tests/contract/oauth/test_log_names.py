"""The names of the log are anyone's to read, with the notes that link them."""

from vault import database as db
from vault import log_adoption
from vault.log_note import Head


async def test_a_name_that_was_taken_is_published_with_its_link(house, http):
    keyring = house.running.keyring
    first = {"first": keyring.first_origin, "taken": []}
    assert (await http.get("/log/names")).json() == first

    lost = Head(keyring.log_origin, 9, bytes(32))  # signed, and not in this store any more
    async with db.begin(house.database) as tx:
        planned = await log_adoption.planned(tx, keyring, lost)
        note = await log_adoption.adopt(tx, keyring, planned)

    begins = {"name": planned.begins.origin, "size": 0, "note": note}
    assert (await http.get("/log/names")).json() == first | {"taken": [begins]}
    assert f"adopts {keyring.first_origin} 9 " in note
