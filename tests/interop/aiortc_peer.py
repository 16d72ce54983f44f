#!/usr/bin/python3
"""aiortc at the end of a pipe; peer.mjs and dpc_peer.c say what the lines mean."""
import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

BUFFERED_MAX = 1 << 18
FLOOD_MESSAGE = 16384
FLOOD_LOW = 65536
TAG = 8  # so many digits at the start of a tagged message are its number
CHARACTERS = "ü€😀".encode()
PROBE = 0.02  # seconds


def say(**fields):
    print(json.dumps(fields), flush=True)


def mix(x):
    x = ((x ^ x >> 16) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ x >> 15) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ x >> 16


def as_bytes(message):
    return message.encode() if isinstance(message, str) else message


class Job:
    """What a channel sends and expects back."""

    def __init__(self, options):
        self.count, self.max = options["count"], options["max"]
        self.partial = options.get("partial", False)
        self.tagged = self.partial or options.get("tagged", False)
        self.ordered = options.get("ordered", False)
        self.answer_max = options.get("answerMax")
        self.sent = self.back = self.next = self.bytes = 0
        self.seen = set()
        self.done = False

    def make(self, index):
        """Message `index`: text and binary in turn."""
        least = TAG + 1 if self.tagged else 1
        size = min(least + mix(index + 7777) % (1 << mix(index) % 19), self.max)
        if index == 0 or index >= self.count:
            size = least
        elif index == 1:
            size = self.max
        if self.max == 0:
            size = 0
        head = b"%0*d" % (TAG, index) if self.tagged else b""
        if size >= len(head) + len(CHARACTERS):
            head += CHARACTERS
        block = bytes(mix(index * 31 + i) & 0xFF for i in range(min(size, 1009)))
        if index % 2 == 0:
            block = bytes(97 + byte % 26 for byte in block)
        data = (head + block * (size // max(len(block), 1) + 1))[:size]
        return data if index % 2 else data.decode()

    def is_answer(self, sent, message):
        """It came back, or (see dpc_peer.c) a summary of what was too large to come back."""
        data = as_bytes(sent)
        if self.answer_max and len(data) > self.answer_max:
            return message == f"{len(data)} bytes, sum {sum(data)}"
        return message == sent

    def check(self, message):
        """What is wrong with what came back, or None."""
        number = int(as_bytes(message)[:TAG]) if self.tagged else self.next
        if number >= self.sent:
            return "a message came back that was not sent"
        if self.tagged and number in self.seen:
            return "a message came back twice"
        if self.ordered and number < self.next:
            return "a message came back out of order"
        if not self.is_answer(self.make(number), message):
            return "a message came back as another"
        self.seen.add(number)
        self.next = number + 1
        if number < self.count:
            self.back += 1
            self.bytes += len(as_bytes(message))
        self.done = number >= self.count if self.partial else self.back == self.count
        return None


class Peer:
    """A connection. aiortc gives a label's channel no name of its own, so the label is the key."""

    def __init__(self, options):
        self.offers = options["offer"]
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc._sctpLegacySdp = options.get("legacy", False)
        self.channels, self.jobs, self.sunk, self.tasks = {}, {}, {}, set()
        self.pc.on("datachannel", lambda channel: self.use(channel, True))
        self.pc.on("connectionstatechange", lambda: say(state=self.pc.connectionState))

    def use(self, channel, remote):
        self.channels[channel.label] = channel
        self.jobs.pop(channel.label, None)
        self.sunk[channel.label] = 0
        channel.on("message", lambda message: self.received(channel, message))
        channel.on("close", lambda: self.channel_closed(channel))
        if channel.readyState == "open":
            self.opened(channel, remote)
        else:
            channel.on("open", lambda: self.opened(channel, remote))

    def opened(self, channel, remote):
        say(open=channel.label, remote=remote, id=channel.id, ordered=channel.ordered, protocol=channel.protocol,
            maxRetransmits=channel.maxRetransmits, maxPacketLifeTime=channel.maxPacketLifeTime)

    def channel_closed(self, channel):
        if self.channels.get(channel.label) is channel:
            del self.channels[channel.label]
        say(channel_closed=channel.label)

    def received(self, channel, message):
        job = self.jobs.get(channel.label)
        if channel.label.startswith("sink"):
            self.sink(channel, message)
        elif not job:
            channel.send(message)
        elif wrong := job.check(message):
            say(error=wrong)
        elif job.done:
            say(echoed=channel.label, sent=job.count, back=job.back, bytes=job.bytes)
            del self.jobs[channel.label]
            channel.remove_all_listeners("message")

    def sink(self, channel, message):
        if isinstance(message, str):
            say(sunk=channel.label, bytes=self.sunk[channel.label])
        else:
            self.sunk[channel.label] += len(message)

    async def send_all(self, channel, job):
        while channel.readyState == "open" and not job.done and (job.partial or job.sent < job.count):
            if channel.bufferedAmount > BUFFERED_MAX or job.sent >= job.count:
                await asyncio.sleep(PROBE if job.sent >= job.count else 0.005)
                if job.sent < job.count:
                    continue
            channel.send(job.make(job.sent))
            job.sent += 1
            if job.sent % 16 == 0:
                await asyncio.sleep(0)

    def flood(self, label, size):
        channel = self.channels[label]
        channel.bufferedAmountLowThreshold = FLOOD_LOW
        peak = 0
        while size > 0:
            channel.send(bytes(min(size, FLOOD_MESSAGE)))
            size -= FLOOD_MESSAGE
            peak = max(peak, channel.bufferedAmount)
        channel.once("bufferedamountlow", lambda: say(low=label, peak=peak))
        channel.send("end")

    async def describe(self, description):
        await self.pc.setLocalDescription(description)
        say(description=self.pc.localDescription.sdp)

    async def begin(self):
        if self.offers:
            self.use(self.pc.createDataChannel("first"), False)
            await self.describe(await self.pc.createOffer())

    async def set_description(self, sdp):
        kind = "answer" if self.offers else "offer"
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, kind))
        if not self.offers:
            await self.describe(await self.pc.createAnswer())

    async def add_candidate(self, text):
        if text:
            candidate = candidate_from_sdp(text.split(":", 1)[1])
            candidate.sdpMid = "0"
            await self.pc.addIceCandidate(candidate)

    def open(self, label, **options):
        self.use(self.pc.createDataChannel(label, **options), False)

    def send(self, options):
        channel = self.channels[options["label"]]
        job = self.jobs[channel.label] = Job(options)
        task = asyncio.ensure_future(self.send_all(channel, job))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def handle(self, line):
        key, value = next(iter(line.items()))
        if key == "description":
            await self.set_description(value)
        elif key == "candidate":
            await self.add_candidate(value)
        elif key == "open":
            self.open(**value)
        elif key == "send":
            self.send(value)
        elif key == "flood":
            self.flood(value["label"], value["bytes"])
        elif key == "close_channel":
            self.channels[value].close()
        elif key == "close":
            await self.pc.close()
            say(closed="here")
        else:
            say(error=f"a line that is none of the known: {key}")


async def main():
    peer = None
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        message = json.loads(line)
        try:
            if "begin" in message:
                peer = Peer(message["begin"])
                await peer.begin()
            else:
                await peer.handle(message)
        except Exception as error:  # whatever the implementation raises is what the test wants to know
            say(error=f"{next(iter(message))}: {error!r}")


asyncio.run(main())
