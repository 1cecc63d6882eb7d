"""Step 5: the DPO finds what was refused, opens it for a reason, and verifies the log."""

import secrets
import time
from typing import Final

from api.walk.asking import AGREEMENT, PURPOSE
from api.walk.browser import Browser
from api.walk.codes import Codes
from api.walk.credentials import Staff
from api.walk.looking import WITHDRAWN
from api.walk.pages import Page
from api.walk.telling import SurpriseError, Teller, expect

TRIES: Final = 2
WHOLE: Final = "The log is whole"
VERIFIED_WITHIN_SECONDS: Final = 60.0


def review(browser: Browser, dpo: Staff, client_id: str, codes: Codes, teller: Teller) -> str:
    """Sign in, search, open; the case under which it was opened."""
    _sign_in(browser, dpo, codes)
    teller.found("the DPO signed in on the console")
    found = _search(browser, client_id)
    teller.found(f"the refused request is in the log: {WITHDRAWN}")
    case = f"DPO-{secrets.token_hex(4)}"
    closed = browser.open(found)
    form = closed.form("reason", "case")
    if form is None:
        raise SurpriseError("the question why it should be opened", closed.title)
    opened = browser.send(form, reason=form.offers("reason")[0], case=case)
    for part in (AGREEMENT, WITHDRAWN):
        expect(part in opened.words, f"{part} inside the entry", opened.words)
    teller.found(f"opened for a reason, as an act of its own, under case {case}")
    return case


def verify_log(browser: Browser, teller: Teller) -> None:
    """Have the whole log verified."""
    page = browser.open("/en/dpo/integrity")
    form = next((form for form in page.forms if form.action.endswith("/integrity")), None)
    if form is None:
        raise SurpriseError("a button that verifies the log", page.title)
    page = browser.send(form)
    deadline = time.monotonic() + VERIFIED_WITHIN_SECONDS
    while WHOLE not in page.words and time.monotonic() < deadline:
        time.sleep(0.5)
        page = browser.open("/en/dpo/integrity")
    expect(WHOLE in page.words, f"«{WHOLE}»", page.words)
    teller.found("the log was verified end to end, and is whole")


def _sign_in(browser: Browser, dpo: Staff, codes: Codes) -> Page:
    page = browser.open("/en/sign-in")
    for _ in range(TRIES):
        form = page.form("identifier", "password", "code")
        if form is None:
            break
        page = browser.send(
            form,
            identifier=dpo.identifier,
            password=dpo.password,
            code=codes.fresh(dpo.totp_secret),
        )
    expect(page.form("password") is None, "to be let in", page.words)
    return page


def _search(browser: Browser, client_id: str) -> str:
    """Search by the page's own form; the newest entry that was refused to the programme."""
    page = browser.open("/en/dpo/log")
    form = page.form("actor", "outcome")
    if form is None:
        raise SurpriseError("the search form", page.title)
    actor = next((each for each in form.offers("actor") if each.endswith(client_id)), "")
    expect(actor, f"{client_id} among those one may search for", form.offers("actor"))
    expect(PURPOSE in form.offers("purpose"), "the purpose of the request", form.offers("purpose"))
    page = browser.send(form, actor=actor, outcome="refused", purpose=PURPOSE)
    expect(WITHDRAWN in page.words, f"the reason {WITHDRAWN}", page.words)
    found = page.linking("/dpo/log/")
    expect(found, "a refused request", "none")
    return found[0]
