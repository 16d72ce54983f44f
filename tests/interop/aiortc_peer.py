#!/usr/bin/python3
"""The other end of a pipe for tests/interop: aiortc, with the same JSON lines as dpc_peer.c.

    aiortc_peer.py --offer|--answer [--modern] [--send N] [--close] [--size-max BYTES]
"""
import argparse
import asyncio
import json
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

BUFFERED_MAX = 1 << 20
ANNOUNCED_MAX = 65536


def say(**fields):
    print(json.dumps(fields), flush=True)


def mix(x):
    x = ((x ^ x >> 16) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ x >> 15) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ x >> 16


def make_message(index, most):
    """A message of 1 to `most` bytes that follows from its index, text and binary in turn."""
    if index < 2:
        size = 1 if index == 0 else most
    else:
        size = min(1 + mix(index + 7777) % (1 << mix(index) % 19), most)
    seed = bytes(mix(index * 31 + i) & 0xFF for i in range(min(size, 1009)))
    data = (seed * (size // len(seed) + 1))[:size]
    return data if index % 2 else "".join(chr(97 + b % 26) for b in data)


def make_answer(message):
    """What comes back: of a message beyond what aiortc announces, a summary (see dpc_peer.c)."""
    if len(message) <= ANNOUNCED_MAX:
        return message
    data = message.encode() if isinstance(message, str) else message
    return f"{len(data)} bytes, sum {sum(data)}"


class Peer:
    def __init__(self, args):
        self.args = args
        self.pc = RTCPeerConnection()
        self.pc._sctpLegacySdp = not args.modern
        self.done = asyncio.Event()
        self.verified = 0
        self.bytes = 0
        self.failed = False
        self.pc.on("datachannel", self.use)
        self.pc.on("connectionstatechange", self.changed)

    def changed(self):
        say(state=self.pc.connectionState)
        if self.pc.connectionState in ("closed", "failed"):
            self.done.set()

    def use(self, channel):
        say(open=channel.label)
        channel.on("message", lambda message: self.received(channel, message))
        channel.on("close", self.done.set)
        if self.args.send:
            asyncio.ensure_future(self.send_all(channel))

    async def send_all(self, channel):
        for i in range(self.args.send):
            while channel.bufferedAmount > BUFFERED_MAX:
                await asyncio.sleep(0.005)
            channel.send(make_message(i, self.args.size_max))
            if i % 16 == 0:
                await asyncio.sleep(0)

    def received(self, channel, message):
        if not self.args.send:
            channel.send(message)
            return
        sent = make_message(self.verified, self.args.size_max)
        if message != make_answer(sent):
            self.failed = True
            print(f"message {self.verified} came back as another", file=sys.stderr)
            self.done.set()
            return
        self.verified += 1
        self.bytes += len(sent)
        if self.verified == self.args.send:
            say(verified=self.verified, bytes=self.bytes)
            if self.args.close:
                self.done.set()

    async def describe(self, description):
        await self.pc.setLocalDescription(description)
        say(description=self.pc.localDescription.sdp)

    async def read(self, reader):
        kind = "answer" if self.args.offer else "offer"
        while True:
            line = await reader.readline()
            if not line:
                self.done.set()
                return
            message = json.loads(line)
            if "description" in message:
                await self.pc.setRemoteDescription(RTCSessionDescription(message["description"], kind))
                if not self.args.offer:
                    await self.describe(await self.pc.createAnswer())
            elif message.get("candidate"):
                candidate = candidate_from_sdp(message["candidate"].split(":", 1)[1])
                candidate.sdpMid = "0"
                await self.pc.addIceCandidate(candidate)

    async def run(self):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=1 << 20)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        if self.args.offer:
            self.use_when_open(self.pc.createDataChannel("test"))
            await self.describe(await self.pc.createOffer())
        reading = asyncio.ensure_future(self.read(reader))
        await self.done.wait()
        reading.cancel()
        await self.pc.close()
        say(closed="aiortc", verified=self.verified)
        return 1 if self.failed or self.verified < self.args.send else 0

    def use_when_open(self, channel):
        channel.on("open", lambda: self.use(channel))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--offer", action="store_true")
    parser.add_argument("--answer", action="store_true")
    parser.add_argument("--modern", action="store_true")
    parser.add_argument("--send", type=int, default=0)
    parser.add_argument("--close", action="store_true")
    parser.add_argument("--size-max", type=int, default=65536)
    sys.exit(asyncio.run(Peer(parser.parse_args()).run()))


main()
