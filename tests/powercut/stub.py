"""A platform that outlives every gateway: it answers as ACP does, after a while, and keeps a journal
of the markers of all runs that it was asked for."""

import asyncio
import json


class Platform:
    def __init__(self, random):
        self.asked = {}
        self.random = random
        self.port = None

    async def start(self):
        server = await asyncio.start_server(self.converse, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def converse(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                body = json.loads(await reader.readexactly(int(fields["content-length"])))
                marker = body["input"]
                self.asked[marker] = self.asked.get(marker, 0) + 1
                await asyncio.sleep(self.random.uniform(0, 0.05))
                await self.answer(writer, marker, body.get("stream"))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def answer(self, writer, marker, is_stream):
        if not is_stream:
            body = json.dumps({"id": marker, "status": "completed", "output": f"done with {marker}",
                               "stopReason": "goal_complete"}).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            return await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                     b"transfer-encoding: chunked\r\n\r\n")
        for event in ({"type": "text", "text": "done with "}, {"type": "text", "text": marker},
                      {"type": "done"}):
            piece = f"data: {json.dumps(event)}\n\n".encode()
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(self.random.uniform(0, 0.01))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
