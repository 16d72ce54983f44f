"""A hub that relays signals like the real one and then lies about them, for tests.

It lets everybody in without looking at proofs. `tamper(sender, target, payload)` is called for each
signal and returns the payloads to deliver instead.
"""
import base64
import hashlib
import json
import re
import socketserver
import struct
import threading

WEBSOCKET_GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


def swap_fingerprint(sdp):
    """The same description with another certificate's fingerprint."""
    return re.sub(r'(a=fingerprint:sha-256 )[0-9A-Fa-f:]+', lambda m: m.group(1) + ':'.join(['AB'] * 32), sdp)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline().decode('latin-1').split()
            if len(line) < 3:
                return
            headers = {}
            while True:
                header = self.rfile.readline().decode('latin-1').strip()
                if not header:
                    break
                name, _, value = header.partition(':')
                headers[name.strip().lower()] = value.strip()
            body = self.rfile.read(int(headers.get('content-length', 0)))
            if headers.get('upgrade', '').lower() == 'websocket':
                if self.server.refuses_sockets:
                    return
                self.serve_socket(headers)
                return
            self.answer(line[1], json.loads(body) if body else {})

    def answer(self, path, body):
        answers = {
            '/login/key/challenge': {'challenge': 'x' * 43, 'expires_in': 60},
            '/login/key': {'access_token': body.get('node_id', ''), 'refresh_token': 'r', 'expires_in': 1800,
                           'token_type': 'Bearer'},
            '/register-node-id': {'node_id': body.get('node_id', '')},
        }
        answers.update(self.server.answers)
        self.server.asked.append(path)
        text = json.dumps(answers.get(path, {})).encode()
        self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' % len(text)
                         + text)

    def serve_socket(self, headers):
        accept = base64.b64encode(hashlib.sha1(headers['sec-websocket-key'].encode() + WEBSOCKET_GUID).digest())
        self.wfile.write(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                         b'Sec-WebSocket-Accept: ' + accept + b'\r\n\r\n')
        self.node_id = headers['authorization'].split()[1]
        self.lock = threading.Lock()
        self.server.sockets[self.node_id] = self
        self.send({'type': 'auth_ok', 'message': 'welcome', 'node_id': self.node_id})
        while True:
            text = self.read_message()
            if text is None:
                return
            self.on_message(json.loads(text))

    def on_message(self, message):
        if message['type'] == 'ping':
            self.send({'type': 'pong', 'timestamp': message['timestamp']})
            return
        target = self.server.sockets.get(message['target_node_id'])
        if not target:
            self.send({'type': 'error', 'code': 'target_offline', 'message': 'not here',
                       'target_node_id': message['target_node_id']})
            return
        self.server.seen.append((self.node_id, message['payload']))
        for payload in self.server.tamper(self.node_id, message['target_node_id'], message['payload']):
            target.send({'type': 'signal', 'sender_node_id': self.node_id, 'payload': payload})

    def read_message(self):
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                return None
            size = head[1] & 127
            if size == 126:
                size, = struct.unpack('>H', self.rfile.read(2))
            elif size == 127:
                size, = struct.unpack('>Q', self.rfile.read(8))
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(size)))
            if head[0] & 15 == 1:
                return data.decode()
            if head[0] & 15 == 8:
                return None
            if head[0] & 15 == 9:
                self.write_frame(10, data)

    def send(self, message):
        self.write_frame(1, json.dumps(message).encode())

    def write_frame(self, opcode, data):
        size = len(data)
        head = struct.pack('>BB', 128 | opcode, size) if size < 126 else struct.pack('>BBH', 128 | opcode, 126, size)
        try:
            with self.lock:
                self.wfile.write(head + data)
        except OSError:
            pass


class HostileHub(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, tamper=lambda sender, target, payload: [payload]):
        super().__init__(('127.0.0.1', 0), Handler)
        self.tamper = tamper
        self.sockets = {}
        self.seen = []
        self.answers = {}  # by path, in place of the usual ones
        self.asked = []
        self.refuses_sockets = False
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A node that hangs up is nothing to talk about."""
