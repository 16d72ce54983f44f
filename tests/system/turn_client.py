"""As much of TURN (RFC 8656) over UDP as it takes to ask a server whom it would carry to, written a second time."""
import base64
import hashlib
import hmac
import ipaddress
import os
import socket
import struct
import time

COOKIE = 0x2112A442
ALLOCATE, CREATE_PERMISSION = 0x003, 0x008
USERNAME, INTEGRITY, ERROR_CODE, REALM, NONCE = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015
PEER_ADDRESS, REQUESTED_TRANSPORT = 0x0012, 0x0019


def credentials(secret, node_id, seconds=600):
    """As the hub makes them."""
    username = f'{int(time.time()) + seconds}:{node_id}'
    return username, base64.b64encode(hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()).decode()


class TurnClient:
    def __init__(self, port, username, password):
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.connect(('127.0.0.1', port))
        self.socket.settimeout(10)
        self.username, self.password = username, password
        self.realm = self.nonce = b''

    def close(self):
        self.socket.close()

    def message(self, method, attributes):
        body = b''
        if self.nonce:
            attributes = [*attributes, (USERNAME, self.username.encode()), (REALM, self.realm), (NONCE, self.nonce)]
        for kind, value in attributes:
            body += struct.pack('!HH', kind, len(value)) + value + b'\0' * (-len(value) % 4)
        size = len(body) + (24 if self.nonce else 0)
        text = struct.pack('!HHI', method, size, COOKIE) + os.urandom(12) + body
        if not self.nonce:
            return text
        key = hashlib.md5(f'{self.username}:{self.realm.decode()}:{self.password}'.encode()).digest()
        return text + struct.pack('!HH', INTEGRITY, 20) + hmac.new(key, text, hashlib.sha1).digest()

    def ask(self, method, *attributes):
        """0, or the code of the error."""
        for _ in range(3):
            request = self.message(method, attributes)
            self.socket.send(request)
            answer = self.socket.recv(2048)
            while answer[4:20] != request[4:20]:
                answer = self.socket.recv(2048)
            values, at = {}, 20
            while at + 4 <= len(answer):
                kind, size = struct.unpack_from('!HH', answer, at)
                values[kind] = answer[at + 4:at + 4 + size]
                at += 4 + size + -size % 4
            if ERROR_CODE not in values:
                return 0
            code = values[ERROR_CODE][2] * 100 + values[ERROR_CODE][3]
            fresh = values.get(NONCE, self.nonce) != self.nonce
            self.realm, self.nonce = values.get(REALM, self.realm), values.get(NONCE, self.nonce)
            if code not in (401, 438) or not fresh:
                return code
        return code

    def allocate(self):
        return self.ask(ALLOCATE, (REQUESTED_TRANSPORT, b'\x11\0\0\0'))

    def permit(self, address):
        """What the server says to a permission for an IPv4 address. Nothing is sent there."""
        ip = int(ipaddress.IPv4Address(address)) ^ COOKIE
        return self.ask(CREATE_PERMISSION, (PEER_ADDRESS, struct.pack('!BBHI', 0, 1, 9 ^ COOKIE >> 16, ip)))
