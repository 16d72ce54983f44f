#!/usr/bin/env python3
"""Writes the seed inputs of the targets peer, sdp and dcep: run it in fuzz/corpus/ after a change of form."""
import os
import struct


def write(name, data):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as f:
        f.write(data)


def step(kind, body=b"", length=None):
    return struct.pack(">BH", kind, len(body) if length is None else length) + body


def chunk(kind, flags, value):
    return struct.pack(">BBH", kind, flags, 4 + len(value)) + value + b"\0" * (-len(value) % 4)


def data_chunk(tsn, stream, ssn, ppid, value, flags=3):
    return chunk(0, flags, struct.pack(">IHHI", tsn, stream, ssn, ppid) + value)


dcep_open = struct.pack(">BBHIHH", 3, 0, 256, 0, 4, 0) + b"test"
write("dcep/open", dcep_open)
write("dcep/unordered", struct.pack(">BBHIHH", 3, 0x82, 0, 500, 1, 2) + b"abc")
write("dcep/ack", b"\x02")

fingerprint = ":".join(["AB"] * 32)
modern = (
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
    "a=candidate:1 1 udp 2130706431 192.0.2.1 54321 typ host\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n"
    f"a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:0\r\n"
    "a=sctp-port:5000\r\na=max-message-size:262144\r\n"
)
legacy = modern.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000").replace(
    "a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 65535")
write("sdp/modern", modern.encode())
write("sdp/legacy", legacy.encode())

stun = bytes.fromhex("000100002112a442") + bytes(12)
write("peer/stun", step(0, stun) + step(2, length=100))
write("peer/records", step(0, bytes.fromhex("17fefd0001000000000001001000") + bytes(15)) + step(0, b"\x16" * 40))
write("peer/data", step(1, data_chunk(1, 3, 0, 50, dcep_open)) + step(1, data_chunk(2, 3, 1, 51, b"hello")))
write("peer/chunks", b"".join(step(1, chunk(kind, 0, bytes(16))) for kind in range(16)))
write("peer/sack", step(1, chunk(3, 0, struct.pack(">IIHHHH", 1, 65536, 1, 0, 2, 3))) + step(2, length=2000))
write("peer/heartbeat", step(1, chunk(4, 0, struct.pack(">HH", 1, 12) + bytes(8))))
write("peer/shutdown", step(1, chunk(7, 0, bytes(4))) + step(2, length=3000))
write("peer/abort", step(1, chunk(6, 0, b"")))
write("peer/init", step(1, chunk(1, 0, struct.pack(">IIHHI", 7, 65536, 10, 10, 1))))
write("peer/reset", step(1, chunk(130, 0, struct.pack(">HHIIIH", 13, 18, 1, 1, 1, 1))))
write("peer/unknown", step(1, chunk(0xff, 0, b"x") + chunk(0x7f, 0, b"y")))
