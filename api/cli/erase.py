"""`amana erase`: people out of the registers for ever, with a certificate each, and kept out."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from api.cli import erasing_files, store, terminal
from api.cli.erasing_files import Slip, SlipError
from api.erasures import BY
from api.running import Running
from identity.registry import erasing, erasure_certificates, erasure_holds, people
from identity.registry.erasing import Done, NotThere, Preview
from policies.retention import Held, Hold
from policies.vocabulary import Action, Outcome, SubjectId
from vault import access_log, erasure_gate, erasure_journal, signing
from vault import database as db
from vault.access_log import Line
from vault.envelope_errors import TamperedError
from vault.keyring import Keyring

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
PERSON: Final = click.option("--idcs", required=True, help="The person's number.")
KIND: Final = click.option(
    "--kind",
    type=click.Choice([each.value for each in Hold]),
    required=True,
    help="Why the record must be kept.",
)


@click.group(invoke_without_command=True)
@click.option("--idcs", help="Whom to erase: the person's number.")
@click.option("--file", "file", type=FILE, help="Whom to erase: one number per line.")
@click.option("--case", help="The file number of the decision; in the log, sealed.")
@click.option("--out", type=FOLDER, default=".", help="Where certificates and salts go.")
@click.option("--dry-run", is_flag=True, help="Say what would go; erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def erase(
    context: click.Context,
    *,
    idcs: str | None,
    file: Path | None,
    case: str | None,
    out: Path,
    dry_run: bool,
    yes: bool,
) -> None:
    """Erase people for ever, and see that they stay erased."""
    if context.invoked_subcommand is not None:
        return
    numbers = _numbers(idcs, file)
    if dry_run:
        terminal.run(_preview(numbers))
        return
    if not case:
        raise click.UsageError("--case: the file number of the decision is missing")
    if not yes:
        click.confirm(f"Erase {len(numbers)} for ever?", abort=True, err=True)
    try:
        slips = erasing_files.slips(out, numbers, numbered=file is not None)
    except SlipError as wrong:
        raise click.UsageError(str(wrong)) from None
    with terminal.progress("erasing") as report:
        kept = terminal.run(_erase(list(zip(numbers, slips, strict=True)), case, report))
    if kept:
        raise click.ClickException("not erased:\n  " + "\n  ".join(kept))


@erase.command()
@click.argument("journal", type=FILE, required=False)
@click.option("--without-journal", is_flag=True, help="It is lost: whom it alone named comes back.")
def replay(journal: Path | None, *, without_journal: bool) -> None:
    """After a restore: erase again whom JOURNAL and the log name; then the service opens.

    Where the journal itself is missing, JOURNAL is a copy from elsewhere, and a new one begins.
    """
    with terminal.progress("erasing again") as report:
        found, again, why = terminal.run(_replay(journal, report, anew=without_journal))
    click.echo(f"{found} tombstones put back, {again} records erased again")
    if why:
        raise click.ClickException("the service stays closed: " + ", ".join(why))


@erase.command()
def check() -> None:
    """Whether store, log and journal agree, and nothing of an erased record is there."""
    if why := terminal.run(_look()):
        raise click.ClickException("the service stays closed: " + ", ".join(why))
    click.echo("open: every erasure is remembered")


@erase.command()
@click.argument("file", type=FILE)
@click.option("--keys", type=FILE, help="Public keys (RFC 7517). Default: those of the store.")
@click.option("--idcs", help="See whether it is about this number; needs --salt.")
@click.option("--salt", help="The salt that the person was given, hexadecimal.")
def verify(file: Path, keys: Path | None, idcs: str | None, salt: str | None) -> None:
    """See whether the certificate in FILE is ours, and print what it says."""
    known = msgspec.json.decode(keys.read_bytes())["keys"] if keys else terminal.run(_keys())
    compact = file.read_text(encoding="ascii", errors="replace").strip()
    found = erasure_certificates.verify(compact, known)
    if found is None:
        raise click.ClickException("this is no certificate of ours")
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    if idcs is not None:
        hashed = erasure_certificates.subject_hash(bytes.fromhex(salt or ""), idcs)
        if hashed != found.subject:
            raise click.ClickException("it is about somebody else")
        click.echo("it is about this number", err=True)


@erase.command()
def keys() -> None:
    """Print the public keys that certificates are verified with (RFC 7517)."""
    click.echo(msgspec.json.encode({"keys": terminal.run(_keys())}).decode())


@erase.command()
@PERSON
@KIND
def hold(idcs: str, kind: str) -> None:
    """Keep a person's record for a reason: until it is lifted, nobody erases it."""
    terminal.run(_hold(idcs, Hold(kind), keep=True))


@erase.command()
@PERSON
@KIND
def lift(idcs: str, kind: str) -> None:
    """Keep a person's record no longer for a reason."""
    terminal.run(_hold(idcs, Hold(kind), keep=False))


@erase.command()
def logs() -> None:
    """Destroy the log keys of those erased longer ago than the log's term."""
    with terminal.progress("log keys") as report:
        done = terminal.run(_logs(report))
    click.echo(f"{done} log keys destroyed")


def _numbers(idcs: str | None, file: Path | None) -> list[str]:
    if (idcs is None) == (file is None):
        raise click.UsageError("one of --idcs and --file says whom to erase")
    if idcs is not None:
        return [idcs]
    assert file is not None  # noqa: S101  (one of the two is)
    return [line.strip() for line in file.read_text().splitlines() if line.strip()]


async def _preview(numbers: Sequence[str]) -> None:
    async with store.opened() as held, db.read(held.database) as tx:
        for at, number in enumerate(numbers, start=1):
            subject = await _whose(tx, held.keyring, number)
            found = await erasing.preview(tx, subject) if subject else NotThere()
            match found:
                case Preview():
                    counts = ", ".join(f"{count} {kind}" for kind, count in found.rows.items())
                    also = "; the household too" if found.household else ""
                    click.echo(f"{at}: would erase {counts}{also}")
                case Held() | NotThere():
                    click.echo(f"{at}: {_why(found)}")


async def _erase(work: Sequence[tuple[str, Slip]], case: str, report: terminal.Report) -> list[str]:
    kept = []
    async with store.opened() as held:
        await _must_be_open(held)
        for at, (number, slip) in enumerate(work, start=1):
            if held.gate.why:  # the journal went missing since: nobody else until it is found
                raise click.ClickException("the service is closed: " + ", ".join(held.gate.why))
            if not slip.is_done:
                slip.write()
                if why := await _erase_one(held, number, slip, case):
                    kept.append(f"{at}: {why}")
            report(at, len(work))
    return kept


async def _erase_one(held: Running, number: str, slip: Slip, case: str) -> str | None:
    async with db.begin(held.database) as tx:
        subject = await _whose(tx, held.keyring, number)
        done: Done | Held | NotThere = NotThere()
        if subject is not None:
            done = await erasing.erase(
                tx,
                held.keyring,
                subject,
                subject_hash=slip.subject_hash,
                by=BY,
                case_reference=case,
                certificate=slip.certificate,
            )
        # Erased just before a power cut: the certificate is in the store.
        jws = await erasure_certificates.one(tx, slip.certificate)
    await held.gate.keep()
    if jws is None:
        slip.discard()
        assert not isinstance(done, Done)  # noqa: S101  (what is done has a certificate)
        return _why(done)
    slip.finish(jws)
    click.echo(f"certificate: {slip.place}  salt: {slip.salt.hex()}")
    return None


async def _replay(
    journal: Path | None, report: terminal.Report, *, anew: bool
) -> tuple[int, int, list[str]]:
    async with store.opened() as held:
        told = erasure_journal.read(journal or held.gate.journal)
        if told is None and not anew:
            raise click.ClickException(
                f"no journal at {held.gate.journal}: fetch it from its other place and name it; "
                "if there is none left, --without-journal"
            )
        async with db.begin(held.database) as tx:
            try:
                found = await erasure_gate.replay(tx, held.keyring, told or [])
            except TamperedError:
                raise click.ClickException(
                    "journal, log and store tell different stories"
                ) from None
            await held.keyring.reload(tx)
            again = await erasing.erase_again(tx, held.keyring, report)
            if found or again:
                detail = f"replayed {found}, again {again}"
                line = Line(actor=BY, action=Action.ERASE, outcome=Outcome.GIVEN, detail=detail)
                await access_log.record(tx, held.keyring, [line])
        if journal or anew:
            erasure_journal.begin(held.gate.journal)
        return found, again, [why.value for why in await held.gate.look()]


async def _look() -> list[str]:
    async with store.opened() as held:
        return [why.value for why in await held.gate.look()]


async def _must_be_open(held: Running) -> None:
    if why := await held.gate.glance():
        raise click.ClickException(f"`amana erase replay` comes first: {', '.join(why)}")


async def _keys() -> list[dict[str, str]]:
    async with store.opened() as held, db.read(held.database) as tx:
        return await signing.ever(tx, held.keyring, "receipt")


async def _hold(idcs: str, kind: Hold, *, keep: bool) -> None:
    async with store.opened() as held, db.begin(held.database) as tx:
        subject = await _whose(tx, held.keyring, idcs)
        if subject is None:
            raise click.ClickException("no such number on the register")
        if keep:
            await erasure_holds.place(tx, subject, kind)
        elif not await erasure_holds.lift(tx, subject, kind):
            raise click.ClickException("it was not kept for this reason")


async def _logs(report: terminal.Report) -> int:
    done = 0
    async with store.opened() as held:
        await store.must_edit_the_log(held)
        while True:
            async with db.begin(held.database) as tx:
                gone = await erasing.forget_logs(tx, held.keyring)
            if not gone:
                return done
            done += gone
            report(done, 0)


async def _whose(tx: db.Transaction, keyring: Keyring, number: str) -> SubjectId | None:
    return (await people.by_idcs(tx, keyring, [number])).get(number)


def _why(found: Held | NotThere) -> str:
    match found:
        case Held():
            until = f" until {found.until:%Y-%m-%d}" if found.until else ""
            return "kept: " + ", ".join(_words(found.reasons)) + until
        case NotThere():
            return "no such number on the register"


def _words(reasons: Iterable[Hold]) -> list[str]:
    return [reason.value for reason in reasons]
