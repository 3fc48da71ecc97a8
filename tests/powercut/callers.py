"""Callers that ask in every way there is, and their journal of what they were told and when."""

import asyncio
import itertools
import json
import time

KEY = "test-key-of-the-suite-0123456789"
ENDS = ("completed", "incomplete", "failed", "cancelled")


class Journal:
    """Of each run, when a caller first had its name in full, and when its terminal state."""

    def __init__(self):
        self.named = {}
        self.ended = {}

    def shown(self, run):
        now = time.monotonic()
        self.named.setdefault(run["id"], now)
        if run.get("status") in ENDS:
            self.ended.setdefault(run["id"], (now, run["status"]))


async def request(port, method, path, body=None, key=None):
    """Sends a request on a connection of its own; the status and, piece by piece, the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = b"" if body is None else json.dumps(body).encode()
    head = (f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(data)}\r\n")
    if key:
        head += f"idempotency-key: {key}\r\n"
    writer.write(head.encode() + b"\r\n" + data)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status, is_chunked = int(head.split(" ", 2)[1]), "transfer-encoding: chunked" in head

    async def pieces():
        try:
            if not is_chunked:
                yield await reader.read(-1)
                return
            while size := int(await reader.readline(), 16):
                yield (await reader.readexactly(size + 2))[:-2]
        finally:
            writer.close()

    return status, pieces()


async def whole(port, method, path, body=None, key=None):
    """Sends a request; the status and the JSON of the whole answer."""
    status, pieces = await request(port, method, path, body, key)
    text = b"".join([piece async for piece in pieces])
    return status, json.loads(text)


class Callers:
    def __init__(self, port, random):
        self.port = port
        self.random = random
        self.journal = Journal()
        self.numbers = itertools.count()
        self.refused = {}

    async def live(self):
        while True:
            marker = f"marker-{next(self.numbers):07}"
            body = {"agent": "acp:a", "input": marker, "metadata": {"marker": marker}}
            way = self.random.choice(["whole", "stream", "background"])
            key = self.random.choice([None, f"key-{marker}"])
            if way != "whole":
                body[way] = True
            try:
                await self.ask(body, key)
            except (ConnectionError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)

    async def ask(self, body, key):
        if not body.get("stream"):
            status, answer = await whole(self.port, "POST", "/v1/runs", body, key)
            if status in (200, 202):
                return self.journal.shown(answer)
            name = f"{status} {answer.get('code')}"
            self.refused[name] = self.refused.get(name, 0) + 1
            return None
        _, pieces = await request(self.port, "POST", "/v1/runs", body, key)
        text = b""
        async for piece in pieces:
            text += piece
            while b"\n\n" in text:
                block, text = text.split(b"\n\n", 1)
                for line in block.split(b"\n"):
                    if line.startswith(b"data: "):
                        data = json.loads(line[6:])
                        self.journal.shown(data.get("run") or {"id": data["run_id"]})
        return None
