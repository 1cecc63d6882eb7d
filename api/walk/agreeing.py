"""Step 2: the citizen signs in, reads what is asked, and agrees to two of three items."""

from typing import Final

from api.walk.asking import THREE_ITEMS, details
from api.walk.browser import Browser
from api.walk.codes import Codes
from api.walk.credentials import Citizen
from api.walk.pages import Page
from api.walk.programme import Programme
from api.walk.telling import SurpriseError, Teller, expect

TRIES: Final = 2
"""A code that another sign-in used a moment ago is refused; the next one is not."""


def agree(
    programme: Programme,
    browser: Browser,
    citizen: Citizen,
    redirect_uri: str,
    *,
    codes: Codes,
    teller: Teller,
) -> None:
    """From the pushed request to a token that rests on the citizen's own choice."""
    pushed = programme.push(details(THREE_ITEMS), redirect_uri)
    teller.found("the request was pushed; the browser carries a reference only")
    page = sign_in(browser, browser.open(pushed.address), citizen, codes)
    teller.found(f"{citizen.name} signed in with password and one-time code")
    location = _choose(browser, page, teller)
    token = programme.redeem(pushed, location)
    expect(token.is_bound, "a DPoP-bound token", token.token_type)
    for granted in token.authorization_details:
        expect("phone" not in granted["attributes"], "what was agreed to, and no more", granted)
    teller.found("the code was exchanged for a token that says what was agreed to")


def sign_in(browser: Browser, page: Page, citizen: Citizen, codes: Codes) -> Page:
    """Both steps of the portal; the page that follows."""
    form = page.form("identifier", "password")
    if form is None:
        raise SurpriseError("the page to sign in", page.title)
    page = browser.send(form, identifier=citizen.identifier, password=citizen.password)
    for _ in range(TRIES):
        form = page.form("code")
        if form is None:
            break
        page = browser.send(form, code=codes.fresh(citizen.totp_secret))
    expect(page.form("code") is None and page.form("password") is None, "to be let in", page.words)
    return page


def _choose(browser: Browser, page: Page, teller: Teller) -> str:
    """Tick one of two optional items; where the way leads on."""
    form = page.form("item", "answer")
    if form is None:
        raise SurpriseError("the consent screen", page.title)
    boxes = [field for field in form.fields if field.name == "item"]
    expect({box.value for box in boxes} == {"phone", "address"}, "two optional items", boxes)
    expect(not any(box.chosen for box in boxes), "nothing ticked beforehand", boxes)
    expect(form.offers("answer") == ["agree", "refuse"], "two buttons, yes and no", form.buttons)
    teller.found("the consent screen: one item needed, two to choose from, nothing ticked")
    answered = browser.send(form, item=["address"], answer="agree")
    onward = answered.linking("/authorize/continue/")
    expect(len(onward) == 1, "one link back to the programme", answered.links)
    teller.found("agreed to two of three; the receipt is on the page")
    return browser.leave(onward[0])
