"""A passkey in Chromium, from its making to a sign-in without a password; and pages without one."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def device():
    """Gives a page a phone's authenticator."""

    def give(page, **change):
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        made = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | change})
        return session, made["authenticatorId"]

    return give


def test_a_passkey_signs_in_without_password_and_code(browse, world, sign_in, device):
    page, account = browse(scripts=True), world.citizen()
    sign_in(page, account)
    page.wait_for_url("**/me")
    device(page)
    page.goto(f"{world.public}/en/security/passkeys")
    page.locator("#code").fill(account.code())
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_role("button", name="End this one").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/en?out=1")

    page.goto(f"{world.public}/en/sign-in?next=/en/history")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{world.public}/en/history")
    assert "Sign-in with a passkey" in page.locator("main").inner_text()

    # Whoever came with a passkey needs no code to change how they sign in.
    page.goto(f"{world.public}/en/security/passkeys")
    assert page.locator("#code").count() == 0
    page.get_by_role("button", name="End this one").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/en?out=1")
    page.goto(f"{world.public}/en/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("alert").get_by_text("This passkey did not work").first.wait_for()


def test_a_device_that_does_not_know_its_owner_makes_nothing(browse, world, sign_in, device):
    page, account = browse(scripts=True), world.citizen()
    sign_in(page, account)
    page.wait_for_url("**/me")
    device(page, isUserVerified=False)
    page.goto(f"{world.public}/en/security/passkeys")
    page.locator("#code").fill(account.code())
    page.get_by_role("button", name="Make a passkey").click()

    page.get_by_text("The device made nothing").wait_for()
    assert page.get_by_role("button", name="End this one").count() == 0


def test_without_javascript_there_is_no_button_that_does_nothing(browse, world, sign_in):
    page = browse()
    page.goto(f"{world.public}/en/sign-in")
    assert not page.get_by_role("button", name="Sign in with a passkey").is_visible()
    sign_in(page, world.citizen())
    page.goto(f"{world.public}/en/security/passkeys")
    assert not page.get_by_role("button", name="Make a passkey").is_visible()
    assert page.get_by_text("needs JavaScript").is_visible()
