#!/usr/bin/env python3
"""A small AI provider for demonstrations and tests, where none runs. It is no model and says so.

It speaks what a node asks of Ollama (/api/chat, /api/tags, /api/embed), of OpenAI's interface (/v1/chat/completions,
/v1/models, /v1/embeddings) and of Anthropic's (/v1/messages), as those programs do: streams, figures, errors. It listens
on loopback and prints its port as the first line.

    tests/tools/test_provider.py [--port N] [--model NAME ...] [--delay SECONDS] [--key KEY] [--only DIALECT]

Queries with a meaning of their own, for tests:
    "slow"     a word every 50 ms without end, until the asker goes away
    "flood"    the same with words of 64 KiB
    "break"    the connection breaks off after the first word
    "half"     the connection ends in the middle of a piece
    "hang"     one word, and then nothing
    "silent"   nothing at all
    "garbage"  a piece that is no JSON
    "fail"     an error in the middle of the answer
    "status"   status 500
    "long"     an answer of 5 MiB
It logs one line for each request to stderr, and "gone" when an asker left in the middle. A request to pull, create or
delete anything is logged as "FORBIDDEN"."""

import argparse
import base64
import http.server
import json
import select
import struct
import sys
import time

MODEL = "test-provider"
DIALECTS = ("ollama", "openai", "anthropic")


class Ask:
    """A question, in whichever form it came."""

    def __init__(self, body):
        turns = body["messages"]
        system = body.get("system") or ""
        self.model = body["model"]
        self.stream = body.get("stream")
        self.query = [turn["content"] for turn in turns if turn["role"] == "user"][-1]
        self.context = system + "".join(turn["content"] for turn in turns if turn["role"] == "system")
        self.turns = sum(turn["role"] != "system" for turn in turns)
        options = body.get("options") or body
        self.limit = options.get("num_predict") or options.get("max_tokens") or 10**9

    def words(self):
        text = f'This is the test provider of dpc, not a model. You asked: "{self.query}".'
        if self.context:
            text += f" Your context has {len(self.context)} characters."
        if self.turns > 1:
            text += f" We have had {self.turns} turns."
        words = text.split(" ")
        return ([word + " " for word in words[:-1]] + words[-1:])[:self.limit]


class Ollama:
    type = "application/x-ndjson"

    def __init__(self, model):
        self.model = model

    def line(self, content, **more):
        line = {"model": self.model, "created_at": "2026-01-01T00:00:00Z",
                "message": {"role": "assistant", "content": content}, "done": False}
        return json.dumps(line | more).encode() + b"\n"

    def begin(self, prompt):
        return []

    def delta(self, word):
        return self.line(word)

    def garbage(self):
        return b"this is no JSON\n"

    def error(self, text):
        return json.dumps({"error": text}).encode() + b"\n"

    def end(self, prompt, count):
        return [self.line("", done=True, done_reason="stop", prompt_eval_count=prompt, eval_count=count)]

    def whole(self, text, prompt, count):
        return json.loads(self.end(prompt, count)[0]) | {"message": {"role": "assistant", "content": text}}

    @staticmethod
    def failure(status, text):
        return {"error": text}


class OpenAi:
    type = "text/event-stream"

    def __init__(self, model):
        self.model = model

    def event(self, choices, **more):
        return b"data: " + json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1753000000,
                                       "model": self.model, "choices": choices} | more).encode() + b"\n\n"

    def begin(self, prompt):
        return [b": keep-alive\n\n", self.event([{"index": 0, "delta": {"role": "assistant", "content": None},
                                                  "finish_reason": None}])]

    def delta(self, word):
        return self.event([{"index": 0, "delta": {"content": word}, "finish_reason": None}])

    def garbage(self):
        return b"data: this is no JSON\n\n"

    def error(self, text):
        return b"data: " + json.dumps(self.failure(500, text)).encode() + b"\n\n"

    @staticmethod
    def usage(prompt, count):
        return {"prompt_tokens": prompt, "completion_tokens": count, "total_tokens": prompt + count}

    def end(self, prompt, count):
        return [self.event([{"index": 0, "delta": {}, "finish_reason": "stop"}]),
                self.event([], usage=self.usage(prompt, count)), b"data: [DONE]\n\n"]

    def whole(self, text, prompt, count):
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1753000000, "model": self.model,
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": self.usage(prompt, count)}

    @staticmethod
    def failure(status, text):
        return {"error": {"message": text, "type": "server_error", "code": status}}


class Anthropic:
    type = "text/event-stream"

    def __init__(self, model):
        self.model = model

    @staticmethod
    def event(kind, **fields):
        return f"event: {kind}\r\ndata: {json.dumps({'type': kind} | fields)}\r\n\r\n".encode()

    def begin(self, prompt):
        return [self.event("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "content": [],
                                                     "model": self.model, "usage": {"input_tokens": prompt, "output_tokens": 1}}),
                self.event("content_block_start", index=0, content_block={"type": "text", "text": ""}), self.event("ping")]

    def delta(self, word):
        return self.event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})

    def garbage(self):
        return b"event: message_delta\ndata: this is no JSON\n\n"

    def error(self, text):
        return self.event("error", error={"type": "overloaded_error", "message": text})

    def end(self, prompt, count):
        return [self.event("content_block_stop", index=0),
                self.event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": count}),
                self.event("message_stop")]

    def whole(self, text, prompt, count):
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "stop_reason": "end_turn",
                "content": [{"type": "text", "text": text}], "usage": {"input_tokens": prompt, "output_tokens": count}}

    @staticmethod
    def failure(status, text):
        return {"type": "error", "error": {"type": "api_error", "message": text}}


CHATS = {"/api/chat": ("ollama", Ollama), "/v1/chat/completions": ("openai", OpenAi), "/v1/messages": ("anthropic", Anthropic)}
LISTS = {"/api/tags": ("ollama", "models", "name"), "/v1/models": (None, "data", "id")}
EMBEDDINGS = {"/api/embed": "ollama", "/v1/embeddings": "openai"}


def vector_of(text):
    """Three numbers that a float of four bytes holds exactly."""
    return [len(text) / 4, text.count(" ") / 2, -0.5]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dpc-test-provider"

    def log_message(self, format, *args):
        print("test provider:", format % args, file=sys.stderr, flush=True)

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def speaks(self, dialect):
        return self.server.only in (None, dialect)

    def may(self):
        """Whether the request carries the key, where there is one."""
        key = self.server.key
        return not key or key in (self.headers.get("x-api-key"), (self.headers.get("Authorization") or "")[len("Bearer "):])

    def do_GET(self):
        path = self.path.split("?")[0]
        dialect, field, name = LISTS.get(path, (None, None, None))
        if path == "/":
            self.answer(200, {"message": "the test provider of dpc is running; it is no model"})
        elif not field or (dialect and not self.speaks(dialect)) or (not dialect and self.server.only == "ollama"):
            self.answer(404, {"error": "not found"})
        elif not self.may():
            self.answer(401, OpenAi.failure(401, "the key is wrong"))
        else:
            self.answer(200, {field: [{name: model, "object": "model"} for model in self.server.models]})

    def refuse(self):
        self.log_message("FORBIDDEN %s %s", self.command, self.path)
        self.answer(404, {"error": "not found"})

    do_DELETE = do_PUT = refuse

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        dialect, form = CHATS.get(self.path, (EMBEDDINGS.get(self.path), None))
        if not dialect or not self.speaks(dialect):
            self.refuse()
            return
        failure = dict(CHATS.values())[dialect].failure
        try:
            fields = json.loads(body)
            model = fields["model"]
            ask = Ask(fields) if form else None
        except (ValueError, KeyError, TypeError, IndexError):
            self.answer(400, failure(400, "the request is not understood"))
            return
        if not self.may():
            self.answer(401, failure(401, "the key is wrong"))
        elif model not in self.server.models:
            self.answer(404, failure(404, f"model '{model}' not found"))
        elif not form:
            self.embed(dialect, fields)
        elif ask.query == "status":
            self.answer(500, failure(500, "the machine is on fire"))
        elif ask.stream is None and dialect == "ollama" or ask.stream:
            self.stream(form(model), ask)
        else:
            words = ask.words()
            self.answer(200, form(model).whole("".join(words), len(ask.query.split()), len(words)))

    def embed(self, dialect, fields):
        texts = [fields["input"]] if isinstance(fields["input"], str) else fields["input"]
        vectors = [vector_of(text) for text in texts]
        tokens = sum(len(text.split()) for text in texts)
        if dialect == "ollama":
            self.answer(200, {"model": fields["model"], "embeddings": vectors, "prompt_eval_count": tokens})
            return
        if fields.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack(f"<{len(v)}f", *v)).decode() for v in vectors]
        self.answer(200, {"object": "list", "model": fields["model"], "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
                          "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]})

    def stream(self, form, ask):
        self.send_response(200)
        self.send_header("Content-Type", form.type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            if ask.query != "silent":
                for piece in form.begin(len(ask.query.split())):
                    self.chunk(piece)
            self.stream_pieces(form, ask)
        except (BrokenPipeError, ConnectionResetError):
            print("test provider: gone", file=sys.stderr, flush=True)
            self.close_connection = True

    def wait_until_gone(self):
        select.select([self.connection], [], [])
        raise ConnectionResetError

    def stream_pieces(self, form, ask):
        query = ask.query
        if query in ("slow", "flood"):
            while True:
                self.chunk(form.delta("word " if query == "slow" else "x" * 65536))
                if select.select([self.connection], [], [], 0.05)[0]:
                    raise ConnectionResetError
        if query in ("break", "half", "hang", "fail"):
            self.chunk(form.delta("word "))
        if query in ("hang", "silent"):
            self.wait_until_gone()
        if query in ("break", "half"):
            if query == "half":
                self.chunk(form.delta("word ")[:-8])
                self.chunk(b"")
            self.close_connection = True
            return
        if query in ("garbage", "fail"):
            self.chunk(form.garbage() if query == "garbage" else form.error("out of \x07memory"))
            self.chunk(b"")
            return
        if query == "long":
            for _ in range(80):
                self.chunk(form.delta("x" * 65536))
        words = ask.words()
        for word in words:
            self.chunk(form.delta(word))
            time.sleep(self.server.delay)
        for piece in form.end(len(query.split()), len(words)):
            self.chunk(piece)
        self.chunk(b"")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", action="append", dest="models")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between two words")
    parser.add_argument("--key", help="that every request must carry")
    parser.add_argument("--only", choices=DIALECTS, help="the one interface that it speaks")
    options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # who leaves is none of ours
    server.models = options.models or [MODEL]
    server.delay, server.key, server.only = options.delay, options.key, options.only
    print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
