"""The witness over HTTP: one address to submit to, one that says it is alive."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Litestar, Request, Response, get, post

from api.witness import judging, memory
from api.witness.judging import Refused, Submission
from api.witness.memory import Identity
from vault import log_note
from vault.log_note import Head, Verifier

BODY_LIMIT_BYTES: Final = 64 * 1024
"""A proof of 63 hashes, and a note under the signatures of many."""
SIZE_MEDIA_TYPE: Final = "text/x.tlog.size"
logger: Final = logging.getLogger("amana.witness")

Clock = Callable[[], float]


def _now() -> float:
    return time.time()  # noqa: TID251  (the witness is another machine: it has a clock of its own)


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """A witness at work. It alone writes in its folder."""

    folder: Path
    identity: Identity
    logs: Mapping[str, Sequence[Verifier]]
    clock: Clock = _now
    turns: dict[str, asyncio.Lock] = msgspec.field(default_factory=dict)
    """One submission of a log at a time: what is compared is what is then replaced."""

    async def answer(self, body: bytes) -> str | Refused:
        """The cosignature line for a submission, or why there is none."""
        given = judging.read(body)
        if isinstance(given, Refused):
            return given
        refused = judging.authentic(given, self.logs)
        if refused is not None:
            return refused
        async with self.turns.setdefault(given.head.origin, asyncio.Lock()):
            return await asyncio.to_thread(self._cosign, given)

    def _cosign(self, given: Submission) -> str | Refused:
        head = given.head
        refused = judging.grown(given, memory.latest(self.folder, head.origin))
        if refused is not None:
            # Signed by the log's own key, it may be the proof that the log shows two trees.
            logger.warning("refused (%s): %r", refused.why, given.note.text)
            return refused
        memory.keep(self.folder, Head(head.origin, head.size, head.root))
        signer, private = self.identity.verifier, self.identity.private
        return log_note.cosign(given.note.text, signer, int(self.clock()), private.sign).line()


def app(witness: Witness) -> Litestar:
    """The witness as an ASGI app, for one process."""

    @post("/add-checkpoint", media_type="text/plain", status_code=200)
    async def add_checkpoint(request: Request[Any, Any, Any]) -> Response[str]:
        answer = await witness.answer(await request.body())
        match answer:
            case Refused(size=int(size)):
                return Response(f"{size}\n", status_code=answer.status, media_type=SIZE_MEDIA_TYPE)
            case Refused():
                return Response(f"{answer.why}\n", status_code=answer.status)
            case _:
                return Response(answer)

    @get("/health/live", media_type="text/plain", sync_to_thread=False)
    def live() -> str:
        return "alive\n"

    return Litestar(
        route_handlers=[add_checkpoint, live],
        openapi_config=None,
        request_max_body_size=BODY_LIMIT_BYTES,
        logging_config=None,
    )
