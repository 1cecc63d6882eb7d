"""Every address of the citizens' portal."""

from typing import Final

from litestar.types import ControllerRouterHandler

from api import security
from api.fronts import FrontDoor, first_page
from api.portal import (
    agreements,
    asking,
    authenticator,
    by_law,
    code_channel,
    doorsteps,
    erasure,
    history,
    home,
    keeping,
    leaving,
    means,
    new_password,
    numbers,
    open_sessions,
    own_passkeys,
    receipts,
    recovery,
    second_step,
    signing_in,
    visits,
)
from api.settings import Settings

MENU: Final = (
    ("me", "me"),
    ("agreements", "agreements"),
    ("history", "history"),
    ("lock", "lock"),
)


def handlers(settings: Settings) -> list[ControllerRouterHandler]:
    """`/{lang}/…` for citizens; `/` leads to the language their browser likes best."""
    front = FrontDoor(
        front="portal", settings=settings, sections=MENU, cookie=security.CITIZEN_COOKIE
    )
    router = front.router(
        [
            home.public_home,
            home.my_space,
            home.read_lock,
            home.turn_lock,
            erasure.read_erasure,
            erasure.ask_erasure,
            erasure.cancel_erasure,
            erasure.read_answer,
            erasure.download_certificate,
            signing_in.ask_password,
            signing_in.take_password,
            signing_in.take_passkey,
            second_step.ask_code,
            second_step.send_code,
            second_step.take_code,
            signing_in.sign_out,
            new_password.read_password,
            new_password.change_password,
            recovery.read_recovery,
            recovery.make_recovery,
            means.read_means,
            authenticator.read_app,
            authenticator.offer_app,
            authenticator.take_app,
            code_channel.read_channel,
            code_channel.offer_channel,
            code_channel.take_channel,
            code_channel.end_channel,
            own_passkeys.list_passkeys,
            own_passkeys.make_passkey,
            own_passkeys.end_passkey,
            open_sessions.list_sessions,
            open_sessions.end_session,
            agreements.list_agreements,
            agreements.one_agreement,
            agreements.ask_stop,
            agreements.stop,
            agreements.stopped,
            by_law.one_by_law,
            by_law.object_or_lift,
            history.list_history,
            history.one_entry,
            history.download_proof,
            numbers.list_numbers,
            numbers.make_number,
            numbers.stop_number,
            numbers.ask_renew,
            numbers.renew,
            keeping.keep,
            keeping.download_visit,
            keeping.download_history,
            keeping.download_bundle,
            receipts.read_receipt,
            receipts.download_receipt,
            asking.read_request,
            asking.answer_request,
            asking.answered,
            leaving.ask_leave,
            leaving.leave,
        ],
        visits.dependencies()
        | doorsteps.dependencies()
        | asking.dependencies()
        | leaving.dependencies(),
    )
    return [first_page, router]
