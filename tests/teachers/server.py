"""A server on loopback that speaks the vendors' formats and misbehaves as it is told to.

OpenAI's chat completions; Gemini's generateContent, and its files and batches as far as batch jobs need
them. What it answers to a prompt and a seed is always the same, so runs can be compared.

  python server.py --port=8123 [--rate=0.1 --seed=0]    # as a process of its own; prints its address
"""

import argparse
import asyncio
import collections
import email.utils
import json
import os
import random
import re
import threading
import time

from wire import bad_key, completion, read_request, reply_text, response, solution_text

# Whatever proxy is set, it cannot reach us.
os.environ.setdefault("NO_PROXY", "127.0.0.1")

# 200 and a reply, or no HTTP answer, or an error status; what each does is in `Server._misbehave`.
TRANSIENT = (
    "429",
    "429-after",
    "500",
    "503-html",
    "drop",
    "drop-late",
    "truncated",
    "html-200",
    "retry-info",
)
PERMANENT = ("400", "blocked", "max-tokens")


def random_plan(seed, rate, faults):
    """A plan in which each try of each request fails with that rate."""

    def plan(prompt, seed_, attempt):
        draw = random.Random(f"{seed}/{prompt}/{seed_}/{attempt}")
        return draw.choice(faults) if draw.random() < rate else "ok"

    return plan


def scripted_plan(*faults):
    """A plan in which the first tries of every request fail in that way, and the next succeeds."""
    return lambda prompt, seed, attempt: faults[attempt] if attempt < len(faults) else "ok"


class Server:
    """In a thread of the tests' process, so that they can read what it has counted.

    Attributes:
      plan: (prompt, seed, attempt from 0) -> name of a fault, or "ok".
      key: the API key that it accepts; "" accepts all, and none.
      tries: how often each (prompt, seed) was asked.
      replies: how often each was given a whole reply, which is what a vendor charges for.
      jobs, files: of the batch API.
      polls: looks at a job until it is done.
      write: makes the text of a reply from the prompt and the seed.
    """

    write = staticmethod(reply_text)

    def __init__(self, plan=None, key="", port=0):
        self.plan, self.key, self.port = plan or scripted_plan(), key, port
        self.tries = collections.Counter()
        self.replies = collections.Counter()
        self.bodies = []  # The last request bodies.
        self.headers = {}
        self.files, self.jobs = {}, {}
        self.polls = 2
        self.delay = 0.0
        self.busy = self.busiest = 0

    def __enter__(self):
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *exc):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def _main(self, ready):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, path, _ = head[0].split(" ", 2)
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.headers = headers
                self.busy += 1
                self.busiest = max(self.busy, self.busiest)
                try:
                    if not await self._answer(writer, method, path, headers, body):
                        break
                finally:
                    self.busy -= 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer, method, path, headers, body):
        """Answers a call. Returns whether the connection is to stay."""
        path = re.sub(r"/v1(beta)?/", "/", path.partition("?")[0], count=1)
        google = not path.endswith("/chat/completions")
        sent = headers.get("x-goog-api-key" if google else "authorization", "").removeprefix("Bearer ")
        # An upload goes to an address that is the permission.
        if self.key and sent != self.key and not path.startswith("/upload/session/"):
            return self._send(writer, *bad_key(google, sent))
        if path.startswith("/stats"):
            return self._send(writer, 200, {"tries": sum(self.tries.values()), "replies": len(self.replies)})
        if path.endswith("/chat/completions") or path.endswith(":generateContent"):
            return await self._complete(writer, google, path, json.loads(body))
        return self._send(writer, *self._batches(method, path, headers, body))

    async def _complete(self, writer, google, path, body):
        prompt, seed = read_request(google, body)
        self.bodies = [*self.bodies[-9:], body]
        attempt = self.tries[prompt, seed]
        self.tries[prompt, seed] += 1
        fault = self.plan(prompt, seed, attempt)
        if self.delay:
            await asyncio.sleep(self.delay)
        record = completion(google, prompt, seed, fault, self.write)
        if fault in ("ok", "blocked", "max-tokens", "empty", "thinking", "drip"):
            self.replies[prompt, seed] += 1
            if fault == "drip":
                return await self._drip(writer, record)
            return self._send(writer, 200, record)
        if fault == "400-echo":
            message = f"you sent {self.key}, I want something else"
            return self._send(writer, 400, {"error": {"message": message}})
        return await self._misbehave(writer, fault, record)

    async def _misbehave(self, writer, fault, record):
        message = {"error": {"message": f"this is {fault}", "code": fault, "status": "X"}}
        match fault:
            case "429":
                return self._send(writer, 429, message)
            case "429-after":
                return self._send(writer, 429, message, {"Retry-After": "0.05"})
            case "429-half":
                return self._send(writer, 429, message, {"Retry-After": "0.5"})
            case "429-long":
                return self._send(writer, 429, message, {"Retry-After": "7"})
            case "429-date":
                date = email.utils.formatdate(time.time() + 9, usegmt=True)
                return self._send(writer, 429, message, {"Retry-After": date})
            case "retry-info":
                info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.05s"}
                return self._send(writer, 429, {"error": message["error"] | {"details": [info]}})
            case "quota":
                return self._send(writer, 429, {"error": {"message": "pay", "code": "insufficient_quota"}})
            case "503-html":
                page = "<html><head><title>503</title></head><body><h1>Over&amp;loaded</h1></body></html>"
                return self._send(writer, 503, page)
            case "html-200":
                return self._send(writer, 200, "<html><body>Please log in</body></html>")
            case "truncated":
                return self._send(writer, 200, json.dumps(record)[:-20].encode())
            case "hang":
                await asyncio.sleep(3600)
            case "drop":
                return False
            case "drop-late":
                whole = response(200, record)
                writer.write(whole[: len(whole) - 20])
                await writer.drain()
                return False
            case "crash":
                writer.transport.abort()
                return False
            case _:
                return self._send(writer, int(fault), message)

    async def _drip(self, writer, record):
        for byte in response(200, record):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.002)
        return True

    def _send(self, writer, status, body, headers=None):
        writer.write(response(status, body, headers))
        return True

    def _batches(self, method, path, headers, body):
        """Files and batch jobs. Returns (status, body, headers)."""
        if path == "/upload/files":
            name = f"files/in{len(self.files)}"
            self.files[name] = b""
            return 200, {}, {"X-Goog-Upload-URL": f"{self.url}/upload/session/{name}"}
        if path.startswith("/upload/session/"):
            name = path.removeprefix("/upload/session/")
            self.files[name] += body
            final = "finalize" in headers["x-goog-upload-command"]
            return 200, {"file": {"name": name}}, {"X-Goog-Upload-Status": "final" if final else "active"}
        if path.endswith(":batchGenerateContent"):
            batch = json.loads(body)["batch"]
            name = f"batches/b{len(self.jobs)}"
            source = self.files[batch["inputConfig"]["fileName"]]
            self.jobs[name] = {"title": batch["displayName"], "polls": 0, "source": source}
            self.on_create(name)
            return 200, self._job(name), {}
        if path == "/batches":
            return 200, {"operations": [self._job(name) for name in self.jobs]}, {}
        name = path.removeprefix("/")
        if name in self.jobs:
            self.jobs[name]["polls"] += 1
            return 200, self._job(name), {}
        if name.endswith(":download") and name.removesuffix(":download") in self.files:
            return 200, self.files[name.removesuffix(":download")], {}
        return 404, {"error": {"code": 404, "message": f"no {name}", "status": "NOT_FOUND"}}, {}

    def on_create(self, name):
        """Called when a job is created; for tests to replace."""

    def _job(self, name):
        job = self.jobs[name]
        state = job.get("state") or (
            "BATCH_STATE_SUCCEEDED" if job["polls"] >= self.polls else "BATCH_STATE_RUNNING"
        )
        metadata = {"displayName": job["title"], "state": state}
        if state == "BATCH_STATE_SUCCEEDED":
            results = f"files/out-{name.rpartition('/')[2]}"
            if results not in self.files:
                self.files[results] = self._results(job["source"])
            metadata["output"] = {"responsesFile": results}
        return {"name": name, "metadata": metadata, "done": state != "BATCH_STATE_RUNNING"}

    def _results(self, source):
        lines = []
        for line in source.splitlines():
            record = json.loads(line)
            prompt, seed = read_request(True, record["request"])
            fault = self.plan(prompt, seed, self.tries[prompt, seed])
            self.tries[prompt, seed] += 1
            if fault == "missing":
                continue
            if fault in ("400", "500"):
                lines.append(
                    {"key": record["key"], "error": {"code": int(fault), "message": "this is wrong"}}
                )
                continue
            self.replies[prompt, seed] += 1
            lines.append({"key": record["key"], "response": completion(True, prompt, seed, fault)})
        lines.reverse()  # Nobody promises an order.
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--steps", action="store_true", help="solve the problem of the benchmark")
    arguments = parser.parse_args()
    plan = random_plan(arguments.seed, arguments.rate, TRANSIENT) if arguments.rate else scripted_plan()
    server = Server(plan, port=arguments.port)
    server.delay = arguments.delay
    if arguments.steps:
        server.write = solution_text
    with server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
