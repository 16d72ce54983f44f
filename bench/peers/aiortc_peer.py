#!/usr/bin/python3
"""aiortc for bench/peers/peers.py; dpc_peer.c says what the lines mean.   usage: aiortc_peer.py offer|answer"""
import asyncio
import json
import sys
import time

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

BUFFERED_MAX = 1 << 16


def now():
    return time.monotonic_ns() // 1000


def say(**fields):
    print(json.dumps(fields), flush=True)


class Peer:
    def __init__(self, offerer):
        self.offerer = offerer
        self.pc = None
        self.bytes = self.messages = 0
        self.round_trips = []

    def create(self):
        self.begun = now()
        # No servers: nothing outside the machine is asked, whatever the default is.
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.on("datachannel", self.use)

    def use(self, channel):
        self.channel = channel
        self.echo = channel.label == "echo"
        channel.on("message", self.received)
        channel.bufferedAmountLowThreshold = BUFFERED_MAX // 2
        if channel.readyState == "open":
            self.opened()
        else:
            channel.on("open", self.opened)

    def opened(self):
        say(open=now(), begun=self.begun)
        if not self.offerer or not self.message:
            return
        if self.echo:
            self.ping()
        else:
            self.channel.on("bufferedamountlow", self.fill)
            self.fill()

    def ping(self):
        self.ping_sent = now()
        self.channel.send(self.message)

    def fill(self):
        while self.channel.readyState == "open":
            buffered = self.channel.bufferedAmount
            if buffered > 0 and buffered + len(self.message) > BUFFERED_MAX:
                return
            self.channel.send(self.message)

    def received(self, message):
        self.messages += 1
        self.bytes += len(message)
        if self.offerer:
            self.round_trips.append(now() - self.ping_sent)
            self.ping()
        elif self.echo:
            self.channel.send(message)

    async def describe(self, description):
        await self.pc.setLocalDescription(description)
        local = self.pc.localDescription
        say(signal={"description": {"type": local.type, "sdp": local.sdp}})

    async def handle(self, line):
        if "signal" in line:
            if not self.pc:
                self.create()
            await self.pc.setRemoteDescription(RTCSessionDescription(**line["signal"]["description"]))
            if not self.offerer:
                await self.describe(await self.pc.createAnswer())
        elif "connect" in line:
            self.create()
            self.message = bytes(line["size"])
            self.use(self.pc.createDataChannel(line["connect"]))
            await self.describe(await self.pc.createOffer())
        elif "count" in line:
            say(counted={"at": now(), "bytes": self.bytes, "messages": self.messages,
                         "round_trips": self.round_trips})
            self.round_trips = []
        elif "close" in line:
            if self.pc:
                await self.pc.close()
            self.pc = None
            say(closed=True)


async def main():
    peer = Peer(sys.argv[1] == "offer")
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await peer.handle(json.loads(line))


asyncio.run(main())
