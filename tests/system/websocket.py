"""A WebSocket client (RFC 6455) of a few lines, which can also misbehave. Blocking."""
import base64
import json
import os
import socket
import struct


_sockets = []


def close_all():
    """Closes every socket that was made here."""
    while _sockets:
        _sockets.pop().close()


class Closed(Exception):
    """The other side closed: code (None without a close frame) and reason."""

    def __init__(self, code, reason):
        super().__init__(f'{code} {reason}')
        self.code, self.reason = code, reason


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status, head, body):
        super().__init__(f'{status} {body}')
        self.status, self.head, self.body = status, head, body


def frame(opcode, payload, final=True, reserved=0):
    """One as a client sends it, masked."""
    mask, size = os.urandom(4), len(payload)
    head = bytes([opcode | reserved << 4 | (0x80 if final else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + struct.pack('!H', size)
    else:
        head += bytes([0x80 | 127]) + struct.pack('!Q', size)
    masks = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, 'big') ^ int.from_bytes(masks, 'big')
    return head + mask + masked.to_bytes(size, 'big')


class WebSocket:
    def __init__(self, port, path, headers=(), timeout=10, context=None, path_of_socket=None):
        """With an ssl.SSLContext it is wss; with the path of a unix socket it is there."""
        self.rest = b''
        if path_of_socket:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(path_of_socket))
        else:
            self.socket = socket.create_connection(('127.0.0.1', port), timeout=timeout)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname='127.0.0.1')
        _sockets.append(self.socket)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f'GET {path} HTTP/1.1', f'Host: 127.0.0.1:{port}', 'Upgrade: websocket', 'Connection: Upgrade',
                 'Sec-WebSocket-Version: 13', f'Sec-WebSocket-Key: {key}', *headers, '', '']
        self.socket.sendall('\r\n'.join(lines).encode())
        while b'\r\n\r\n' not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b'\r\n\r\n', 1)
        self.head = head.decode()
        status = int(self.head.split()[1])
        if status != 101:
            size = next((int(line.split(':')[1]) for line in self.head.split('\r\n')
                         if line.lower().startswith('content-length:')), 0)
            while len(self.rest) < size:
                self._more()
            self.socket.close()
            raise Refused(status, self.head, self.rest.decode())

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b''
        if not data:
            raise Closed(None, 'end of connection')
        self.rest += data

    def _take(self, size):
        while len(self.rest) < size:
            self._more()
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def send_frame(self, opcode, payload, final=True):
        self.socket.sendall(frame(opcode, payload, final))

    def send_text(self, text):
        self.send_frame(1, text if isinstance(text, bytes) else text.encode())

    def send(self, value):
        self.send_text(json.dumps(value))

    def receive_frame(self):
        """Opcode and payload of the next frame, whatever it is."""
        first, second = self._take(2)
        size = second & 0x7f
        if size == 126:
            size, = struct.unpack('!H', self._take(2))
        elif size == 127:
            size, = struct.unpack('!Q', self._take(8))
        return first & 0x0f, self._take(size)

    def receive_text(self):
        """The next text; pings are answered on the way."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == 8:
                code = struct.unpack('!H', payload[:2])[0] if len(payload) >= 2 else None
                raise Closed(code, payload[2:].decode())
            if opcode == 9:
                self.send_frame(10, payload)
            elif opcode == 1:
                return payload

    def receive(self):
        return json.loads(self.receive_text())

    def close(self):
        self.socket.close()
