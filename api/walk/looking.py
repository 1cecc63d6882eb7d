"""Step 4: the citizen sees who looked, checks a proof without trusting anyone, and stops it."""

import base64
import time
from typing import Any, Final

from api.walk import asking, proof
from api.walk.browser import Browser
from api.walk.programme import Programme
from api.walk.telling import SurpriseError, Teller, expect

BY_LAW: Final = "By law"
WITH_AGREEMENT: Final = "With your agreement"
WHY: Final = "health cover"
"""Words of the purpose, as a citizen reads it in English."""
ENTRIES: Final = 12
"""How many entries are opened to find the two."""
SEALED_WITHIN_SECONDS: Final = 10.0
STOPPED_WITHIN_SECONDS: Final = 1.0
WITHDRAWN: Final = "consent-withdrawn"
"""What a programme is told whose token still stands and whose consent does not."""


def history(browser: Browser, case: str, teller: Teller) -> str:
    """Both accesses, with purpose and legal basis; the address of the one under consent.

    The one under the law names the case it was made for.
    """
    page = browser.open("/en/history?who=machines")
    found: dict[str, str] = {}
    for link in page.linking("/history/entry/")[:ENTRIES]:
        entry = browser.open(link)
        basis = next((each for each in (WITH_AGREEMENT, BY_LAW) if each in entry.words), None)
        if (
            basis
            and WHY in entry.words.lower()
            and (basis == WITH_AGREEMENT or case in entry.words)
        ):
            found.setdefault(basis, link)
    expect(set(found) == {BY_LAW, WITH_AGREEMENT}, "an access of each kind", sorted(found))
    teller.found("the check under the law and the answer under consent, each with its purpose")
    return found[WITH_AGREEMENT]


def check_proof(browser: Browser, entry: str, teller: Teller) -> None:
    """Check that the entry is in the sealed log, by mathematics of our own."""
    given = _proof(browser, entry)
    path = [bytes.fromhex(each) for each in given["hashes"]]
    leaf, index, size = bytes.fromhex(given["leaf_hash"]), given["index"], given["size"]
    computed = proof.root(index, size, leaf, path)
    expect(computed is not None, "a path that fits the tree", given)
    expect(proof.checkpoint(given["checkpoint"]) == (size, computed), "the signed root", given)
    keys = [base64.urlsafe_b64decode(f"{key['x']}==") for key in _keys(browser)]
    signed = any(proof.signed_by(given["checkpoint"], key) for key in keys)
    expect(signed, "a signature by a published key", given["checkpoint"])
    altered = bytes([leaf[0] ^ 1]) + leaf[1:]
    expect(proof.root(index, size, altered, path) != computed, "another root", "the same one")
    teller.found(f"entry {index} of {size} leads by {len(path)} hashes to the signed root")


def stop(browser: Browser, programme: Programme, teller: Teller) -> None:
    """Withdraw; the next request is refused within a second."""
    page = browser.open("/en/agreements")
    addresses = [link for link in page.linking("/agreements/") if link.endswith("/stop")]
    expect(addresses, "a consent that can be stopped", page.links)
    asked = browser.open(addresses[0])
    form = asked.form("answer")
    if form is None:
        raise SurpriseError("the page that stops it", asked.title)
    expect("stop" in form.offers("answer"), "a button that stops it", form.buttons)
    browser.send(form, answer="stop")
    began = time.monotonic()
    answer = programme.ask("/v1/eligibility", {})
    seconds = time.monotonic() - began
    expect(seconds < STOPPED_WITHIN_SECONDS, "a refusal within 1 s", f"{seconds:.2f} s")
    why = asking.refused(answer)
    expect(why == WITHDRAWN, WITHDRAWN, why)
    teller.found(f"withdrawn; the next request was refused after {seconds * 1000:.0f} ms: {why}")


def opened_by_staff(browser: Browser, case: str, teller: Teller) -> None:
    """See that a member of staff opened an entry, and under which case."""
    page = browser.open("/en/history?who=people")
    entries = [browser.open(link) for link in page.linking("/history/entry/")[:ENTRIES]]
    seen = [entry for entry in entries if case in entry.words]
    expect(seen, f"the entry of case {case}", [entry.title for entry in entries])
    teller.found(f"the citizen sees that an entry was opened, for case {case}")


def _proof(browser: Browser, entry: str) -> dict[str, Any]:
    """The proof; an entry is sealed a moment after it was made."""
    deadline = time.monotonic() + SEALED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        links = [link for link in browser.open(entry).links if link.endswith("/proof")]
        if links:
            downloaded: dict[str, Any] = browser.download(links[0]).json()
            return downloaded
        time.sleep(0.5)
    raise SurpriseError(f"a proof within {SEALED_WITHIN_SECONDS:.0f} s", "none")


def _keys(browser: Browser) -> list[dict[str, str]]:
    keys: list[dict[str, str]] = browser.download("/log/keys").json()["keys"]
    return [key for key in keys if key.get("crv") == "Ed25519"]
