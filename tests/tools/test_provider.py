#!/usr/bin/env python3
"""A small AI provider for demonstrations and tests, where no Ollama runs. It is no model and says so.

It speaks the part of Ollama's HTTP API that a node uses: POST /api/chat with streaming, and
GET /api/tags. It listens on loopback and prints its port as the first line.

    tests/tools/test_provider.py [--port N] [--model NAME ...] [--delay SECONDS]

Queries with a meaning of their own, for tests:
    "slow"     a word every 50 ms without end, until the asker goes away
    "break"    the connection breaks off after the first word
    "garbage"  a line that is no JSON
    "fail"     an error in the middle of the answer
    "long"     an answer of 5 MiB
It logs one line for each request to stderr, and "gone" when an asker left in the middle."""

import argparse
import http.server
import json
import sys
import time

MODEL = "test-provider"


def words_of(query, context):
    text = f'This is the test provider of dpc, not a model. You asked: "{query}".'
    if context:
        text += f" Your context has {len(context)} characters."
    return [word + " " for word in text.split(" ")[:-1]] + text.split(" ")[-1:]


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

    def piece(self, model, content, **more):
        line = {"model": model, "message": {"role": "assistant", "content": content}, "done": False}
        self.chunk(json.dumps(line | more).encode() + b"\n")

    def do_GET(self):
        if self.path == "/api/tags":
            self.answer(200, {"models": [{"name": name} for name in self.server.models]})
        elif self.path == "/":
            self.answer(200, {"message": "the test provider of dpc is running; it is no model"})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/api/chat":
            self.answer(404, {"error": "not found"})
            return
        try:
            ask = json.loads(body)
            model, messages = ask["model"], ask["messages"]
            query = [m["content"] for m in messages if m["role"] == "user"][-1]
            context = "".join(m["content"] for m in messages if m["role"] == "system")
        except (ValueError, KeyError, TypeError, IndexError):
            self.answer(400, {"error": "the request is not understood"})
            return
        if model not in self.server.models:
            self.answer(404, {"error": f"model '{model}' not found"})
        elif ask.get("stream", True):
            self.stream(model, query, context)
        else:
            text = "".join(words_of(query, context))
            self.answer(200, {"model": model, "message": {"role": "assistant", "content": text}, "done": True})

    def stream(self, model, query, context):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.stream_lines(model, query, context)
        except (BrokenPipeError, ConnectionResetError):
            print("test provider: gone", file=sys.stderr, flush=True)
            self.close_connection = True

    def stream_lines(self, model, query, context):
        if query == "slow":
            while True:
                self.piece(model, "word ")
                time.sleep(0.05)
        if query == "break":
            self.piece(model, "word ")
            self.close_connection = True
            return
        if query == "garbage":
            self.chunk(b"this is no JSON\n")
            self.chunk(b"")
            return
        if query == "fail":
            self.piece(model, "word ")
            self.chunk(json.dumps({"error": "out of \x07memory"}).encode() + b"\n")
            self.chunk(b"")
            return
        if query == "long":
            for _ in range(80):
                self.piece(model, "x" * 65536)
        words = words_of(query, context)
        for word in words:
            self.piece(model, word)
            time.sleep(self.server.delay)
        self.piece(model, "", done=True, done_reason="stop", prompt_eval_count=len(query.split()),
                   eval_count=len(words))
        self.chunk(b"")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", action="append", dest="models")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between two words")
    options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    server.models = options.models or [MODEL]
    server.delay = options.delay
    print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
