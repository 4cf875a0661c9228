"""A real program that plays an OpenAI model server, well or badly.

    python tests/fakes/model_server.py --socket /tmp/m.sock --text "Madrid." --misbehave cut

Needs the standard library only. Without --misbehave it answers at once with --text (or --tokens words), and says
what it was asked at GET /fake/asked and whether an asker hung up at GET /fake/abandoned (which waits for one).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

START = {
    "exit-at-start": "says why on stderr and ends",
    "oom": "runs out of GPU memory while loading",
    "slow-ready": "listens only after --after seconds",
    "never-ready": "never listens",
    "loading-503": "listens at once and answers 503 for --after seconds",
}
REPLY = {
    "asleep-200": "healthy and listed, but no question is ever answered",
    "hang": "takes the question and never answers",
    "hang-midway": "stops talking after half of the answer, and keeps the connection",
    "silent-truncation": "half of the answer, then [DONE] as if that were all",
    "cut": "closes the connection after half of the answer",
    "error-midway": "an error object after half of the answer",
    "garbage": "something that is not JSON in the stream",
    "html": "a page for people, with status 200",
    "not-streamed": "the whole answer in one JSON object",
    "status-500": "an error with a message",
    "status-503": "too busy",
    "status-401": "another API key is wanted",
    "no-event-end": "an event that never ends",
    "endless": "never stops talking",
    "bad-utf8": "bytes that are no text",
    "crash": "ends when it is asked",
    "empty": "stops at once, without a word",
}
MANNER = {
    "crlf": "carriage returns, comments and unknown fields in the stream",
    "bytewise": "every byte by itself",
    "multi-line": "JSON over several data lines",
    "no-usage": "does not count tokens, nor say [DONE]",
    "lingers": "keeps the connection after the end, without [DONE]",
    "pings": "comments only, for ever, to keep the connection alive",
}
PROCESS = {
    "ignore-sigterm": "does not end when asked to",
    "grandchild": "starts a process that does not end when asked to, and writes its number to --pid-file",
    "runaway": "the same, and that process has a session of its own, another parent, and an empty environment",
}
# Twice forked, as a program does that wants to be rid of whoever started it.
RUNAWAY = """
import os, signal, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""
ALL = START | REPLY | MANNER | PROCESS


class Server:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.misbehave = set(options.misbehave)
        self.asked: list[dict] = []
        self.good_left = options.good_requests
        self.was_asked = asyncio.Event()
        self.abandoned = asyncio.Event()
        self.loaded_at = asyncio.get_running_loop().time() + options.after

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.abandoned.set()
        finally:
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, *_ = head.split(" ", 2)
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        body = json.loads(await reader.readexactly(length)) if length else None
        if "loading-503" in self.misbehave and asyncio.get_running_loop().time() < self.loaded_at:
            await self.send_json(writer, 503, {"error": {"message": "Loading model"}})
        elif path.endswith("/chat/completions"):
            self.asked.append({"body": body, "head": head})
            self.was_asked.set()
            await self.chat(reader, writer, body)
        elif path == "/health":
            await self.send_json(writer, 200, {"status": "ok"})
        elif path.endswith("/models"):
            names = [] if self.options.model == "" else [{"id": self.options.model, "object": "model"}]
            await self.send_json(writer, 200, {"object": "list", "data": names})
        elif path == "/fake/asked":
            await self.send_json(writer, 200, self.asked)
        elif path == "/fake/abandoned":
            await self.abandoned.wait()
            await self.send_json(writer, 200, True)
        else:
            await self.send_json(writer, 404, {"error": {"message": f"no {method} {path}"}})

    async def chat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: dict) -> None:
        how = self.misbehave
        if self.good_left > 0:
            self.good_left -= 1
            how = how - set(REPLY) - set(MANNER)
        if "crash" in how:
            sys.stderr.write("Segmentation fault in the attention kernel\n")
            sys.stderr.flush()
            os._exit(139)
        if how & {"hang", "asleep-200"}:
            await self.until_abandoned(reader)
        elif "html" in how:
            await self.send(writer, 200, "text/html; charset=utf-8", b"<html><body>It works!</body></html>")
        elif "not-streamed" in how:
            await self.send_json(writer, 200, {"choices": [{"message": {"content": self.options.text}}]})
        elif "status-500" in how:
            await self.send_json(writer, 500, {"error": {"message": "CUDA error: an illegal memory access"}})
        elif "status-503" in how:
            await self.send_json(writer, 503, {"error": "all slots are busy"})
        elif "status-401" in how:
            await self.send_json(writer, 401, {"error": {"message": "Incorrect API key provided"}})
        else:
            await self.stream(reader, writer, body, how)

    async def stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: dict, how: set[str]
    ) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        words = ["word "] * self.options.tokens or [f"{word} " for word in self.options.text.split()]
        words = words[: body.get("max_tokens") or None]
        if "empty" in how:
            words = []
        half = max(1, len(words) // 2)
        await self.event(writer, how, self.chunk({"role": "assistant", "content": None}))
        if "pings" in how:
            while not reader.at_eof():
                writer.write(b": still here\n\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        if "endless" in how:
            while True:
                await self.event(writer, how, self.chunk({"content": "and so on " * 100}))
        for number, word in enumerate(words):
            if number == half and how & {"cut", "hang-midway", "silent-truncation", "error-midway"}:
                break
            if self.options.token_delay:
                await asyncio.sleep(self.options.token_delay)
            await self.event(writer, how, self.chunk({"content": word}))
        answered = body["messages"][-1]["role"] == "tool"
        for piece in [] if answered else json.loads(getattr(self.options, "calls", "") or "[]"):
            await self.event(writer, how, self.chunk({"tool_calls": [piece]}))
        if "garbage" in how:
            await self.event(writer, how, "{'choices': Traceback (most recent call last):")
        elif "bad-utf8" in how:
            writer.write(b'data: {"choices": "\xff\xfe"}\n\n')
        elif "no-event-end" in how:
            while not reader.at_eof():
                writer.write(b"data: " + b"x" * 65_536)
                await writer.drain()
        elif "error-midway" in how:
            await self.event(writer, how, json.dumps({"error": {"message": "EngineCore died unexpectedly"}}))
        elif "hang-midway" in how:
            await writer.drain()
            await self.until_abandoned(reader)
        elif "silent-truncation" in how:
            await self.event(writer, how, "[DONE]")
        elif "cut" not in how:
            reason = "length" if len(words) == body.get("max_tokens") else "stop"
            await self.event(writer, how, self.chunk({}, reason))
            if "lingers" in how:
                await self.until_abandoned(reader)
            elif "no-usage" not in how:
                usage = {"prompt_tokens": 7, "completion_tokens": len(words), "total_tokens": 7 + len(words)}
                await self.event(writer, how, json.dumps({"choices": [], "usage": usage, "model": self.options.model}))
                await self.event(writer, how, "[DONE]")
        await writer.drain()

    def chunk(self, delta: dict, reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return json.dumps({"model": self.options.model, "choices": [choice]}, ensure_ascii=False)

    async def event(self, writer: asyncio.StreamWriter, how: set[str], data: str) -> None:
        if "multi-line" in how:
            data = data.replace(", ", ",\ndata: ")
        sent = f"data: {data}\n\n".encode()
        if "crlf" in how:
            sent = b": a comment\r\nevent: message\r\nid: 1\r\n" + sent.replace(b"\n", b"\r\n")
        for piece in [sent[i : i + 1] for i in range(len(sent))] if "bytewise" in how else [sent]:
            writer.write(piece)
            await writer.drain()

    async def until_abandoned(self, reader: asyncio.StreamReader) -> None:
        await reader.read()
        self.abandoned.set()

    async def send_json(self, writer: asyncio.StreamWriter, status: int, answer: object) -> None:
        await self.send(writer, status, "application/json", json.dumps(answer).encode())

    async def send(self, writer: asyncio.StreamWriter, status: int, kind: str, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()


async def serve(options: argparse.Namespace) -> None:
    if "slow-ready" in options.misbehave:
        await asyncio.sleep(options.after)
    if "never-ready" in options.misbehave:
        await asyncio.Event().wait()
    server = Server(options)
    if options.socket:
        listening = await asyncio.start_unix_server(server.connected, options.socket)
    else:
        listening = await asyncio.start_server(server.connected, "127.0.0.1", options.port)
    async with listening:
        await listening.serve_forever()


def start_badly(misbehave: set[str], pid_file: Path | None) -> None:
    if "exit-at-start" in misbehave:
        sys.exit("no kernel image is available for execution on the device")
    if "oom" in misbehave:
        sys.stderr.write("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.25 GiB.\n")
        sys.exit("RuntimeError: Engine core initialization failed. See root cause above.")
    if "ignore-sigterm" in misbehave:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "grandchild" in misbehave:
        stubborn = (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
        )
        child = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
        child.stdout.readline()  # from now on it ignores SIGTERM
        if pid_file:
            pid_file.write_text(str(child.pid))
    if "runaway" in misbehave:
        with subprocess.Popen(
            [sys.executable, "-S", "-c", RUNAWAY], stdout=subprocess.PIPE, env={}, text=True
        ) as child:
            number = child.stdout.readline()
        if pid_file:
            pid_file.write_text(number.strip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", help="listen on this Unix socket")
    parser.add_argument("--port", type=int, default=0, help="or on this port of 127.0.0.1")
    parser.add_argument("--model", default="fake", help="name that it lists; empty: it lists none")
    parser.add_argument("--text", default="The capital of Spain is Madrid.", help="what it answers")
    parser.add_argument("--tokens", type=int, default=0, help="answer with so many words instead")
    parser.add_argument("--calls", default="", help="pieces of calls of tools, a JSON list; not after a result")
    parser.add_argument("--token-delay", type=float, default=0.0, help="seconds before each word")
    parser.add_argument("--misbehave", action="append", default=[], choices=ALL, help="may be given several times")
    parser.add_argument("--after", type=float, default=0.3, help="seconds, for slow-ready and loading-503")
    parser.add_argument("--good-requests", type=int, default=0, help="so many questions are answered well first")
    parser.add_argument("--once", type=Path, help="misbehave only in the life that finds no such file, and makes it")
    parser.add_argument("--pid-file", type=Path, help="where grandchild writes its number")
    options = parser.parse_args()
    if options.once is not None:
        if options.once.exists():
            options.misbehave = []
        options.once.touch()
    start_badly(set(options.misbehave), options.pid_file)
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
