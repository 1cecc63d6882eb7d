"""What a citizen took away, checked on a disk: the page in Chromium, the script beside it."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from datetime import datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from vault import jwk, log_chains, log_leaf, sparse_map
from vault.log_chains import Tip

pytestmark = pytest.mark.browser

ISOLATES = dict.fromkeys(map(ord, "\u2068\u2069"))
"""Round what a sentence is filled with, so that its direction is its own."""


@pytest.fixture(scope="module")
def kept(chromium, world, tmp_path_factory):
    """A folder with all that a citizen can download, after some looks at their data."""
    folder = tmp_path_factory.mktemp("kept")
    citizen = world.citizen()
    page = chromium.new_context(java_script_enabled=False, locale="en").new_page()
    page.set_default_timeout(20_000)

    def download(name, click):
        with page.expect_download() as taken:
            click()
        taken.value.save_as(folder / name)

    page.goto(f"{world.public}/en/sign-in")
    page.locator("#identifier").fill(citizen.identifier)
    page.locator("#password").fill(citizen.password)
    page.locator("main button").first.click()
    page.locator("#code").fill(citizen.code())
    page.locator("main button").first.click()
    page.wait_for_url("**/me")
    page.goto(f"{world.public}/en/history/keep")
    assert page.get_by_text(re.compile("lines? about you, none missing")).count() == 1
    for name, label in (
        ("visit.jws", "Download the receipt"),
        ("history.jws", "Download your history"),
        ("verify.html", "The checker, a page"),
        ("verify.py", "The checker, a Python script"),
        ("trust.json", "The public keys"),
    ):
        download(name, page.get_by_role("link", name=label).click)
    page.goto(f"{world.public}/en/history")
    page.get_by_role("link", name=re.compile("Details and proof")).first.click()
    for _ in range(50):
        if page.get_by_role("link", name="tlog-proof").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    download("entry.tlog-proof", page.get_by_role("link", name="tlog-proof").click)
    page.context.close()
    return folder


@pytest.fixture(scope="module")
def forge(kept):
    """Sign what a service would that lies: with a key that the forged `trusted.json` names."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwk.of(key.public_key())
    trust = json.loads((kept / "trust.json").read_text())
    trust["receipts"].append(public)
    (kept / "trusted.json").write_text(json.dumps(trust))

    def forge(name, change):
        header, payload, _ = (kept / name).read_text().split(".")
        typ = json.loads(unpadded(header))["typ"]
        record = json.loads(unpadded(payload))
        change(record)
        parts = ({"alg": "ES256", "kid": public["kid"], "typ": typ}, record)
        signed = ".".join(jwk.base64url(json.dumps(part).encode()) for part in parts)
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        found = kept / f"forged-{name}"
        found.write_text(f"{signed}.{jwk.base64url(raw)}")
        return found

    return forge


@pytest.fixture
def checker(chromium, kept):
    """The page from the disk, in a browser without a network; whatever it asks for fails."""
    context = chromium.new_context(locale="en", offline=True)
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto((kept / "verify.html").as_uri())
    yield page
    context.close()
    assert [url for url in asked if not url.startswith("file:")] == []


@pytest.fixture
def judged(checker, kept, forge):
    """What the page and the script say of these files: the faults, named the same by both."""

    def judged(*files, trust="trusted.json"):
        checker.locator("#trust").set_input_files(kept / trust)
        checker.locator("#files").set_input_files(files)
        checker.locator("#verdict[data-verdict]").wait_for()
        names = {each.get_attribute("data-fault") for each in checker.locator("li.fault").all()}
        checker.reload()
        ran = subprocess.run(
            [sys.executable, "-I", kept / "verify.py", kept / trust, *files],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = {
            word
            for line in ran.stdout.splitlines()
            if line.startswith("FAULT")
            for word in re.findall(r": ([a-z]+): ", line)
        }
        assert said == names
        assert ran.returncode == bool(names)
        return names

    return judged


def hide(record, until):
    """Hold back the first entry, as the service does, until then."""
    told = record["entries"][0]
    hashed = hashlib.sha256(b"\0" + base64.b64decode(told["leaf"])).hexdigest()
    kept = {"number": told["number"], "index": told["index"], "hashes": told["hashes"]}
    record["entries"][0] = kept | {"leaf_hash": hashed, "withheld_until": until}


def wait(record, issued):
    """Have the first entry wait to be sealed, still, at that time."""
    record["issued_at"] = issued
    record["entries"][0].update(index=None, hashes=[])


def first_hash(record):
    return hashlib.sha256(b"\0" + base64.b64decode(record["entries"][0]["leaf"])).hexdigest()


def counted(record, number, leaf_hash):
    """Put a map in it, folded just now and not sealed yet, that counts so many entries."""
    first = bytes.fromhex(first_hash(record))
    tip = Tip(number=number, leaf_hash=bytes.fromhex(leaf_hash), first=first)
    now = log_leaf.microseconds(datetime.fromisoformat(record["issued_at"]))
    root = sparse_map.root(first, log_chains.folded(bytes(16), tip), [bytes(32)] * 17)
    leaf = [2, bytes(16), now, "system", "log", "fold", "given", None, None, None, [], []]
    octets = msgspec.msgpack.encode([*leaf, root.hex(), None, b"", b"", b""])
    record["map"] = {
        "number": number,
        "leaf_hash": leaf_hash,
        "salt": "00" * 16,
        "path": ["00" * 32] * 17,
        "leaf": base64.b64encode(octets).decode(),
        "index": None,
        "hashes": [],
    }


def uncount(record):
    record["map"] = None


def years_later(record):
    record["issued_at"] = "2036-01-01T00:00:00+00:00"


def unpadded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(("language", "way"), [("ar", "rtl"), ("fr", "ltr"), ("en", "ltr")])
def test_the_page_works_from_a_disk_in_every_language(kept, checker, axe, language, way):
    checker.locator(f"nav button[lang={language}]").click()
    assert checker.locator("html").get_attribute("lang") == language
    assert checker.locator("html").get_attribute("dir") == way
    checker.locator("#trust").set_input_files(kept / "trust.json")
    checker.locator("#files").set_input_files(
        [kept / "visit.jws", kept / "history.jws", kept / "entry.tlog-proof"]
    )
    checker.locator("#verdict[data-verdict=sound]").wait_for()
    assert checker.locator("li.ok").count() == 3
    assert axe(checker) == []
    checker.set_viewport_size({"width": 320, "height": 640})
    assert checker.evaluate("document.documentElement.scrollWidth") <= 320


def test_all_that_was_taken_away_is_sound(kept, judged):
    files = [kept / "visit.jws", kept / "history.jws", kept / "entry.tlog-proof"]
    assert judged(*files, trust="trust.json") == set()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda it: it["entries"][0].update(case="other"), "edited"),
        (lambda it: it["entries"].pop(0), "missing"),
        (lambda it: it["entries"].pop(), "withheld"),
        (lambda it: it["entries"].append(it["entries"][0]), "twice"),
        (lambda it: it["entries"][1].update(previous="00" * 32), "broken"),
        (lambda it: it.update(leaf_hash="00" * 32), "replaced"),
        (lambda it: it.update(root="00" * 32), "forged"),
        (lambda it: it.update(issued_at="2026-01-01T00:00:00+00:00"), "backdated"),
        (lambda it: wait(it, "2036-01-01T00:00:00+00:00"), "unsealed"),
        (lambda it: hide(it, "2026-01-01T00:00:00+00:00"), "overdue"),
    ],
)
def test_threat_31_a_history_that_the_service_changed_is_named(forge, judged, change, named):
    assert named in judged(forge("history.jws", change))


def test_an_entry_that_is_held_back_is_counted_and_no_fault(kept, forge, judged, checker):
    def hold(record):
        then = datetime.fromisoformat(record["issued_at"]) + timedelta(days=3)
        hide(record, then.isoformat())

    history = forge("history.jws", hold)
    assert judged(history) == set()
    checker.locator("#trust").set_input_files(kept / "trusted.json")
    checker.locator("#files").set_input_files([history])
    checker.locator("#verdict[data-verdict=sound]").wait_for()
    assert "1 shown later" in checker.locator("li.ok").inner_text().translate(ISOLATES)


def test_threat_32_a_receipt_of_more_than_is_shown_is_named(kept, forge, judged):
    early = "2026-01-01T00:00:00+00:00"
    more = forge("visit.jws", lambda it: it.update(number=it["number"] + 2, issued_at=early))
    assert judged(more, kept / "history.jws") == {"withheld"}
    other = forge("visit.jws", lambda it: it.update(number=1, leaf_hash="00" * 32))
    assert judged(other, kept / "history.jws") == {"replaced"}


def test_a_history_that_the_daily_map_of_counts_contradicts_is_named(kept, forge, judged):
    def count(number, leaf_hash="00" * 32):
        return lambda record: counted(record, number, leaf_hash)

    assert judged(forge("history.jws", count(99))) == {"withheld"}
    assert judged(forge("history.jws", count(1))) == {"replaced"}
    assert judged(forge("history.jws", lambda it: count(1, first_hash(it))(it))) == set()
    assert judged(forge("history.jws", lambda it: count(9)(it) or it["map"].update(number=1))) == {
        "miscounted"
    }
    assert "uncounted" in judged(forge("history.jws", years_later))
    assert "uncounted" in judged(forge("history.jws", lambda it: uncount(it) or years_later(it)))
    assert judged(forge("history.jws", uncount)) == set()  # it began today


def test_a_signature_that_is_not_trusted_or_was_touched_is_forged(kept, forge, judged):
    assert judged(forge("visit.jws", lambda _: None), trust="trust.json") == {"forged"}
    signed, _, signature = (kept / "history.jws").read_text().rpartition(".")
    touched = kept / "touched.jws"
    touched.write_text(f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}")
    assert judged(touched) == {"forged"}


def test_a_proof_that_was_touched_is_named(kept, judged):
    text = (kept / "entry.tlog-proof").read_text(encoding="utf-8")
    proof, _, note = text.partition("\n\n")
    touched = kept / "touched.tlog-proof"
    rows = proof.split("\n")
    rows[2] = f"index {int(rows[2].split()[1]) + 1}"
    touched.write_text("\n".join(rows) + "\n\n" + note, encoding="utf-8")
    assert judged(touched) == {"edited"}
    origin, size, rest = note.split("\n", 2)
    touched.write_text(f"{proof}\n\n{origin}\n{int(size) + 1}\n{rest}", encoding="utf-8")
    assert judged(touched) == {"forged"}
    touched.write_text("nothing of ours", encoding="utf-8")
    assert judged(touched) == {"shape"}


def test_the_served_page_runs_under_a_policy_of_its_own(world, browse):
    page = browse(scripts=True)
    page.goto(f"{world.public}/log/verify")
    assert page.locator("h1").inner_text() == "Check your own log"
