"""What a hostile network throws at our ports: each flood keeps at it, and says what it did.

Sockets that are held stay open on this side until close(); whether the other side has let go of them
is its own business.
"""
import errno
import os
import select
import socket
import ssl
import struct
import time

# Bytes of a drip: one to each socket, then a pause.
DRIP_SECONDS = 0.02


def place(number):
    """An address of 127/8 that is not the honest ones'."""
    return f'127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}'


def client_hello():
    """A whole one, as a TLS 1.3 client sends it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(['dpc/1'])
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


class Held:
    """Connections that are held open."""

    def __init__(self):
        self.sockets = []

    def add(self, port, count, spread=False):
        """Opens `count` more, without waiting for each; those that were accepted by the kernel."""
        fresh = []
        for number in range(count):
            one = socket.socket()
            one.setblocking(False)
            if spread:
                one.bind((place(number), 0))
            if one.connect_ex(('127.0.0.1', port)) not in (0, errno.EINPROGRESS):
                one.close()
                continue
            fresh.append(one)
            if number % 200 == 199:
                self.settle(fresh[-200:])
        self.settle(fresh)
        self.sockets += fresh
        return fresh

    def settle(self, fresh):
        poll = select.poll()
        for one in fresh:
            poll.register(one, select.POLLOUT)
        deadline = time.monotonic() + 1
        waiting = len(fresh)
        while waiting and time.monotonic() < deadline:
            for descriptor, _ in poll.poll(100):
                poll.unregister(descriptor)
                waiting -= 1

    def count_open(self):
        """How many the other side still holds open, too."""
        count = 0
        for one in self.sockets:
            try:
                count += one.recv(1, socket.MSG_PEEK) != b''
            except BlockingIOError:
                count += 1
            except OSError:
                pass
        return count

    def say(self, sockets, *texts):
        """Each says one of the texts."""
        for number, one in enumerate(sockets):
            try:
                one.send(texts[number % len(texts)])
            except OSError:
                pass

    def drip(self, sockets, text, seconds):
        """All of them say the text byte by byte, as far as they come."""
        deadline = time.monotonic() + seconds
        for at in range(len(text)):
            if time.monotonic() > deadline:
                return
            self.say(sockets, text[at:at + 1])
            time.sleep(DRIP_SECONDS)

    def close(self):
        for one in self.sockets:
            one.close()
        self.sockets = []


def datagrams(random):
    """Endlessly: noise, and things that begin like STUN, DTLS or TURN."""
    cookie = b'\x21\x12\xa4\x42'
    while True:
        noise = random.randbytes(random.choice((0, 1, 2, 19, 20, 100, 1200)))
        yield noise
        yield struct.pack('!HH', 1, len(noise) & ~3) + cookie + random.randbytes(12) + noise
        yield struct.pack('!HH', 0x0101, 0xffff) + cookie + random.randbytes(12)
        name = random.randbytes(12).hex().encode()
        user = struct.pack('!HH', 6, len(name)) + name
        yield struct.pack('!HH', 1, len(user)) + cookie + random.randbytes(12) + user
        yield struct.pack('!HH', 1, 8) + cookie + random.randbytes(12) + struct.pack('!HH', 6, 0xffff) + b'aaaa'
        yield b'\x16\xfe\xfd' + b'\0' * 8 + b'\xff\xff' + noise
        yield b'\x17\xfe\xfd' + random.randbytes(8) + struct.pack('!H', len(noise)) + noise
        yield b'\x40\x00\xff\xff' + noise
        yield b'\0' * 60000


def udp_flood(port, random, seconds):
    """As fast as one sender can; how many were sent."""
    deadline = time.monotonic() + seconds
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    count = 0
    for datagram in datagrams(random):
        try:
            senders[count % 8].sendto(datagram, ('127.0.0.1', port))
            count += 1
        except OSError:
            pass
        if count % 64 == 0 and time.monotonic() > deadline:
            break
    for sender in senders:
        sender.close()
    return count


def bad_http(random):
    """Requests, none of which may cost more than its answer."""
    head = b'POST /login/key HTTP/1.1\r\nHost: x\r\n'
    return [random.randbytes(200), client_hello(), b'\0' * 100, b'GET', head,
            head + b'Content-Length: 4294967296\r\n\r\n{', head + b'Content-Length: 18446744073709551616\r\n\r\n{',
            head + b'Content-Length: -1\r\n\r\n', head + b'Content-Length: 16384\r\n\r\n{"node_id":',
            head + b'Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n', head + b'X: y\r\n' * 2000,
            b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\n', b'GET /ws/signal HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n',
            b'GET / HTTP/1.1\r\nHost: x\r\n\r\n' * 50]


def bad_frames(random):
    """Websocket bytes: none is, or ever becomes, a frame that the hub takes."""
    return [random.randbytes(1000), b'\x81\xff' + struct.pack('!Q', 1 << 63) + b'aaaa', b'\x81\x05hello',
            b'\x81\xff' + struct.pack('!Q', 1 << 32) + b'aaaa' + b'x' * 100000, b'\x81\xfe\xff\xff', b'\x81',
            b'\xf1\x80aaaa', b'\x83\x80aaaa', b'\x01\x80aaaa' + b'\x00\x80aaaa' * 20000, b'\x89\xfeaa',
            b'\x89\x80aaaa' * 5000, b'\x88\x81aaaab', b'\x81\x82aaaa\xff\xfe', b'\x01\xfe\xff\xffaaaa' + b'x' * 65535,
            b'\x81\x81aaaa\x1a' * 20, b'\x82\x80aaaa' * 20]


def tls_starts(random):
    """What a TLS port may get to hear first."""
    hello = client_hello()
    return [random.randbytes(500), hello[:len(hello) // 2], b'\x16\x03\x01\xff\xff' + random.randbytes(600),
            b'\x16\x03\x01\x02\x00\x01\xff\xff\xff' + random.randbytes(100), b'\xff' * 8 + os.urandom(100),
            b'GET / HTTP/1.1\r\n\r\n', hello + hello, hello]
