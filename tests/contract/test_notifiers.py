"""What carries codes: a file, a mail server, a gateway; each says whether it took the message."""

import asyncio
import json
import stat
from contextlib import asynccontextmanager
from email import message_from_bytes, policy

import pytest

from api import i18n, notifiers
from api.notifiers import FileNotifier, SmsNotifier, SmtpNotifier
from api.settings import Settings
from identity.login.channels import Channel, Kind
from policies.vocabulary import Language

PHONE = Channel(kind=Kind.SMS, address="+212612345678")
MAIL = Channel(kind=Kind.EMAIL, address="fatima@example.ma")


def message(to, language=Language.EN):
    return notifiers.with_code(i18n.tongues()[language], to, "12345678")


@pytest.mark.parametrize("language", Language)
def test_a_message_holds_the_code_and_nothing_of_the_person(language):
    written = message(PHONE, language)

    assert "12345678" in written.text
    assert PHONE.address not in written.text
    assert "http" not in written.text
    assert len(written.text) < 160


async def test_a_file_takes_a_line_each_for_its_owner_alone(tmp_path):
    spool = tmp_path / "codes.jsonl"
    carrier = FileNotifier(spool)
    assert await carrier.send(message(PHONE))
    assert await carrier.send(message(MAIL))

    lines = [json.loads(line) for line in spool.read_text().splitlines()]
    assert [line["to"]["address"] for line in lines] == [PHONE.address, MAIL.address]
    assert stat.S_IMODE(spool.stat().st_mode) == 0o600
    assert not await FileNotifier(tmp_path).send(message(PHONE))


@asynccontextmanager
async def listening(answer):
    """A server of one test: gives its port; `answer` has each connection."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def mail_server(letters, *, refuses=""):
    """Speaks enough of SMTP to take a letter, or to refuse a recipient."""

    async def answer(reader, writer):
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                letters.append(await reader.readuntil(b"\r\n.\r\n"))
            if word == b"RCPT" and refuses:
                writer.write(f"{refuses} no\r\n".encode())
                continue
            writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                break
        writer.close()

    return answer


async def test_a_mail_server_takes_a_letter_that_nobody_s_absence_answers():
    letters = []
    async with listening(mail_server(letters)) as port:
        carrier = SmtpNotifier(f"smtp://127.0.0.1:{port}", "codes@amana.example", "")
        assert await carrier.send(message(MAIL, Language.AR))

    letter = message_from_bytes(letters[0][:-3], policy=policy.default)
    assert (letter["to"], letter["from"]) == (MAIL.address, "codes@amana.example")
    assert letter["auto-submitted"] == "auto-generated"
    assert "12345678" in letter.get_content()
    assert "12345678" not in letter["subject"]


async def test_a_mail_server_that_refuses_or_is_not_there_took_nothing():
    async with listening(mail_server([], refuses="550")) as port:
        carrier = SmtpNotifier(f"smtp://127.0.0.1:{port}", "codes@amana.example", "")
        assert not await carrier.send(message(MAIL))
    assert not await carrier.send(message(MAIL))


def gateway(seen, status):
    async def answer(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        seen.append((head, json.loads(await reader.readexactly(length))))
        writer.write(
            f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    return answer


@pytest.mark.parametrize(
    ("status", "taken"), [(202, True), (302, False), (401, False), (503, False)]
)
async def test_a_gateway_is_posted_the_number_and_the_text_with_its_token(status, taken):
    seen = []
    async with listening(gateway(seen, status)) as port:
        carrier = SmsNotifier(f"http://127.0.0.1:{port}/send", "s3cret")
        assert await carrier.send(message(PHONE)) is taken

    [(head, body)] = seen
    assert "authorization: bearer s3cret" in head.lower()
    assert body == {"to": PHONE.address, "text": message(PHONE).text}
    assert not await carrier.send(message(PHONE))


async def test_each_message_goes_to_the_carrier_of_its_kind(tmp_path):
    spool, token = tmp_path / "codes.jsonl", tmp_path / "token"
    token.write_text("s3cret\n")
    seen = []
    async with listening(gateway(seen, 200)) as port:
        carriers = notifiers.of(
            Settings(
                sms_gateway_url=f"http://127.0.0.1:{port}/",
                sms_gateway_token_file=token,
                notify_file=spool,
            )
        )
        assert await carriers.send(message(PHONE))
        assert await carriers.send(message(MAIL))
    assert len(seen) == 1
    assert MAIL.address in spool.read_text()
    assert PHONE.address not in spool.read_text()


async def test_without_a_carrier_nothing_is_sent():
    carriers = notifiers.of(Settings())

    assert carriers.kinds == frozenset()
    assert not await carriers.send(message(PHONE))
    by_mail = notifiers.of(Settings(smtp_url="smtps://mail.example", smtp_from="a@b.c"))
    assert by_mail.kinds == {Kind.EMAIL}
    assert not await by_mail.send(message(PHONE))
