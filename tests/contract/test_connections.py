"""Who sends no end of a request is cut off; who sends whole ones is not."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from api import connections, serving

ASK = b"GET / HTTP/1.1\r\nhost: here\r\n"


async def app(scope, _receive, send):
    assert scope["type"] == "http"
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served():
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=serving.CONNECTION, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def wire():
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield reader, writer
        writer.close()


async def answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1]), await reader.readexactly(2)


async def until_closed(reader):
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def test_whole_requests_are_answered_on_one_connection(wire, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_OCTETS", 200)
    reader, writer = wire
    for _ in range(20):  # far more in all than one head may have
        writer.write(ASK + b"\r\n")
        assert await answer(reader) == (200, b"ok")


async def test_a_head_that_comes_in_pieces_is_answered(wire):
    reader, writer = wire
    for octet in ASK + b"\r\n":
        writer.write(bytes([octet]))
        await writer.drain()
        await asyncio.sleep(0)  # a read of its own
    assert await answer(reader) == (200, b"ok")


@pytest.mark.parametrize(
    "endless",
    [b"x" * 1024, b"x: y\r\n" * 200],
    ids=["one header", "many headers"],
)
async def test_a_head_without_end_is_cut_off(wire, endless):
    reader, writer = wire
    writer.write(ASK + b"x-long: ")
    sent = 0
    try:
        while sent < 4 * connections.HEAD_OCTETS:
            writer.write(endless)
            await writer.drain()
            sent += len(endless)
    except ConnectionError:
        pass
    said = await until_closed(reader)
    assert said.startswith(b"HTTP/1.1 431") or said == b""
    assert b"200" not in said


async def test_a_head_that_is_just_so_long_is_answered(wire):
    reader, writer = wire
    long = b"x" * (connections.HEAD_OCTETS - len(ASK) - 200)
    writer.write(ASK + b"x-long: " + long + b"\r\n\r\n")
    assert await answer(reader) == (200, b"ok")


@pytest.mark.parametrize("begun", [b"", ASK], ids=["nothing", "half a head"])
async def test_who_sends_no_end_in_time_is_cut_off(monkeypatch, begun):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        said = await until_closed(reader)
        assert said.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in said
        writer.close()


async def test_who_asks_a_second_time_has_the_time_anew(monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            await asyncio.sleep(0.2)  # less than a head may take, and twice it is more
            writer.write(ASK + b"\r\n")
            assert await answer(reader) == (200, b"ok")
        writer.write(ASK)
        assert (await until_closed(reader)).startswith(b"HTTP/1.1 408")
        writer.close()
