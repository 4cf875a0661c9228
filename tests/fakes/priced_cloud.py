"""A real program that plays a priced cloud: it bills each request, whatever then becomes of the answer.

    python tests/fakes/priced_cloud.py --words 20 --misbehave bills-without-finish

Listens on loopback and prints its port. GET /fake/bill tells what was billed so far, in tokens; GET /fake/asked the
bodies of the requests, as they came. Needs the standard library only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass, field

MISBEHAVIOUR = {
    "hang": "bills, and never answers",
    "hang-midway": "stops in the middle, and keeps the connection",
    "cut": "closes the connection in the middle",
    "garbage": "something that is not JSON in the middle",
    "bills-without-finish": "tells the usage, then ends without saying that it ended",
    "no-usage": "a whole answer, and no word about tokens",
    "bills-too-much": "more tokens than it was allowed to make",
    "thinks": "counts what it thought in the total only",
    "refuses": "400 with an error, in Gemini's shape; bills nothing",
    "busy": "429; bills nothing",
    "status-500": "fails after it billed",
}


@dataclass
class PricedCloud:
    """`words`: tokens of an answer (or the request's own `fake_words`), at most those allowed.

    A prompt has a token for four bytes of its texts.
    """

    misbehave: str = ""
    words: int = 20
    delay_s: float = 0.0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    asked: list[bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        body = await reader.readexactly(length)
        if "/fake/bill" in head.splitlines()[0]:
            bill = {
                "requests": self.requests,
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": self.completion_tokens,
            }
            await self._send(writer, 200, bill)
        elif "/fake/asked" in head.splitlines()[0]:
            await self._send(writer, 200, [one.decode() for one in self.asked])
        else:
            self.asked.append(body)
            self.heads.append(head)
            await self._chat(reader, writer, json.loads(body))

    async def _chat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: dict) -> None:
        if self.misbehave == "refuses":
            await self._send(writer, 400, [{"error": {"code": 400, "message": "Unsupported parameter"}}])
            return
        if self.misbehave == "busy":
            await self._send(writer, 429, {"error": {"message": "Rate limit reached"}})
            return
        limit = body.get("max_completion_tokens") or body["max_tokens"]
        words = min(body.get("fake_words") or self.words, limit)
        billed = limit + 1000 if self.misbehave == "bills-too-much" else words
        prompt = max(1, sum(len(message["content"].encode()) for message in body["messages"]) // 4)
        self.requests += 1
        self.prompt_tokens += prompt
        self.completion_tokens += billed
        if self.misbehave == "hang":
            await reader.read()
        elif self.misbehave == "status-500":
            await self._send(writer, 500, {"error": {"message": "internal"}})
        else:
            await self._stream(reader, writer, words, {"prompt_tokens": prompt, "completion_tokens": billed})

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: int, usage: dict[str, int]
    ) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number in range(words):
            if number == words // 2 and self.misbehave in {"hang-midway", "cut", "garbage"}:
                if self.misbehave == "garbage":
                    writer.write(b"data: Traceback (most recent call last)\n\n")
                await writer.drain()
                if self.misbehave == "hang-midway":
                    await reader.read()
                return
            await self._event(writer, {"choices": [{"delta": {"content": "word "}}]})
            await asyncio.sleep(self.delay_s / max(1, words))
        total = usage["prompt_tokens"] + usage["completion_tokens"]
        if self.misbehave == "thinks":
            total += 7
        if self.misbehave == "bills-without-finish":
            await self._event(writer, {"choices": [], "usage": {**usage, "total_tokens": total}})
            return
        await self._event(writer, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
        if self.misbehave != "no-usage":
            await self._event(writer, {"choices": [], "usage": {**usage, "total_tokens": total}})
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()

    async def _event(self, writer: asyncio.StreamWriter, data: object) -> None:
        writer.write(f"data: {json.dumps(data)}\n\n".encode())
        await writer.drain()

    async def _send(self, writer: asyncio.StreamWriter, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()


async def serve(options: argparse.Namespace) -> None:
    cloud = PricedCloud(options.misbehave, options.words, options.delay)
    listening = await asyncio.start_server(cloud.connected, "127.0.0.1", options.port, backlog=2048)
    print(listening.sockets[0].getsockname()[1], flush=True)
    async with listening:
        await listening.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--words", type=int, default=20, help="tokens of an answer")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that an answer takes")
    parser.add_argument("--misbehave", default="", choices=["", *MISBEHAVIOUR])
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
