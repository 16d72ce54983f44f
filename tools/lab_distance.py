"""A switch that takes its time: distance for kernels without netem.

Every plug is a TAP device in somebody's namespace. A frame that comes in at one goes out at that of
its destination, or at all others while that is unknown, after half a round trip. Questions for
neighbours take no time: the internet between two routers asks none.
"""
import ctypes
import fcntl
import heapq
import os
import select
import struct
import threading
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME_MAX = 65536
QUEUE_MAX = 20000  # frames on their way; beyond they are lost, as in a router
GROUP = 1          # of an address's first byte: to many
ARP, IPV6, ICMPV6 = b'\x08\x06', b'\x86\xdd', 58
DISCOVERY = range(133, 138)  # of ICMPv6, RFC 4861: who is where


def open_tap(space, device):
    """A TAP device in another namespace: only a thread of its own may go there."""
    found = []

    def work():
        libc = ctypes.CDLL(None, use_errno=True)
        namespace = os.open(f'/run/netns/{space}', os.O_RDONLY)
        if libc.setns(namespace, CLONE_NEWNET) == 0:
            tap = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(tap, TUNSETIFF, struct.pack('16sH22x', device.encode(), IFF_TAP | IFF_NO_PI))
            found.append(tap)
        os.close(namespace)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if not found:
        raise OSError(f'no TAP device can be made in {space}')
    return found[0]


def asks_for_neighbour(frame):
    """An ARP frame, or one of IPv6's neighbour discovery, which has no extension headers."""
    kind = frame[12:14]
    return kind == ARP or (kind == IPV6 and len(frame) > 54 and frame[20] == ICMPV6 and frame[54] in DISCOVERY)


class Switch:
    def __init__(self, round_trip_ms):
        self.delay = round_trip_ms / 2000
        self.ports, self.port_of, self.frames, self.count = [], {}, [], 0
        self.poll = select.poll()
        threading.Thread(target=self.work, daemon=True).start()

    def plug(self, space, device):
        tap = open_tap(space.name, device)
        space.ip('link', 'set', device, 'up')
        self.ports.append(tap)
        self.poll.register(tap, select.POLLIN)

    def work(self):
        while True:
            wait = self.frames[0][0] - time.monotonic() if self.frames else 0.01
            for tap, _ in self.poll.poll(max(0, min(wait, 0.01)) * 1000):
                self.receive(tap)
            self.send()

    def receive(self, tap):
        try:
            frame = os.read(tap, FRAME_MAX)
        except OSError:
            return
        destination, self.port_of[frame[6:12]] = frame[:6], tap
        known = None if frame[0] & GROUP else self.port_of.get(destination)
        if len(self.frames) < QUEUE_MAX:
            self.count += 1
            delay = 0 if asks_for_neighbour(frame) else self.delay
            heapq.heappush(self.frames, (time.monotonic() + delay, self.count, tap, known, frame))

    def send(self):
        while self.frames and self.frames[0][0] <= time.monotonic():
            _, _, source, known, frame = heapq.heappop(self.frames)
            for tap in list(self.ports) if known is None else [known]:
                if tap != source:
                    try:
                        os.write(tap, frame)
                    except OSError:
                        pass
