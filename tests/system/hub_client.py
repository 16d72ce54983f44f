"""What a node does at a hub, written a second time: keys, certificates, proofs, login, signals."""
import base64
import datetime
import hashlib
import http.client
import itertools
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import time
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from websocket import WebSocket


class Hub:
    """A real dpc-hub on a free port of loopback, with a data directory of its own; or the cluster that is named
    in the environment (tools/cluster.py), where the settings are the cluster's."""

    def __new__(cls, program, directory=None, *words, config='', context=None):
        if 'DPC_CLUSTER' not in os.environ:
            return super().__new__(cls)
        if directory or words or config or context:
            raise unittest.SkipTest('a hub with settings of its own')
        return ClusterHub()

    def __init__(self, program, directory=None, *words, config='', context=None):
        """With an ssl.SSLContext it is asked by https; the certificate is the configuration's."""
        self.temporary = None
        self.context = context
        if directory is None:
            self.temporary = tempfile.TemporaryDirectory(prefix='dpc-hub-')
            directory = self.temporary.name
        self.directory = pathlib.Path(directory)
        port_file = self.directory / 'port'
        port_file.unlink(missing_ok=True)
        config_file = self.directory / 'hub.ini'
        config_file.write_text(config)
        self.log = open(self.directory / 'log', 'ab')
        self.process = subprocess.Popen(
            [program, '--config', str(config_file), '--listen', '127.0.0.1:0', '--data', str(self.directory),
             '--port-file', str(port_file), *words], stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.line = self.process.stdout.readline()
        deadline = time.monotonic() + 10
        while not (port_file.exists() and port_file.read_text().endswith('\n')):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError('the hub does not start: ' + self.log_text())
            time.sleep(0.01)
        self.port = int(port_file.read_text())
        self.origin = f'{"https" if context else "http"}://127.0.0.1:{self.port}'

    def log_text(self):
        return (self.directory / 'log').read_text(errors='replace')

    def stop(self):
        """The exit status."""
        self.process.terminate()
        status = self.process.wait(30)
        self.process.stdout.close()
        self.log.close()
        if status != 0:
            print(self.log_text())
        if self.temporary:
            self.temporary.cleanup()
        return status

    def ask(self, method, path, body=None, token=None, headers=None, port=None):
        """Status and decoded body (None when it is empty)."""
        if self.context:
            connection = http.client.HTTPSConnection('127.0.0.1', self.port, timeout=10, context=self.context)
        else:
            connection = http.client.HTTPConnection('127.0.0.1', port or self.port, timeout=10)
        headers = dict(headers or {})
        if token:
            headers['Authorization'] = f'Bearer {token}'
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None


class ClusterHub:
    """Several hubs as if they were one: each request and each socket goes to the next of them. What a hub of
    one's own is needed for skips the test."""

    context = None
    ask = Hub.ask

    def __init__(self):
        self.ports = itertools.cycle([int(port) for port in os.environ['DPC_CLUSTER_HUBS'].split()])
        self.origin = os.environ['DPC_CLUSTER']
        # As if it had just been set up.
        subprocess.run(['psql', '-q', os.environ['DPC_CLUSTER_STORE'], '-c', 'TRUNCATE users CASCADE'], check=True,
                       env={**os.environ, 'PGOPTIONS': '-c client_min_messages=error'})

    @property
    def port(self):
        return next(self.ports)

    @property
    def line(self):
        raise unittest.SkipTest('it starts a hub of its own')

    @property
    def process(self):
        raise unittest.SkipTest('it ends a hub of its own')

    @property
    def directory(self):
        raise unittest.SkipTest('it looks at the files of a hub of its own')

    def log_text(self):
        raise unittest.SkipTest('it reads the log of a hub of its own')

    def stop(self):
        return 0


class NodeKey:
    """A node's key and certificate; each part of the certificate can be made wrong."""

    def __init__(self, key=None, common_name=None, signer=None, start_days=-1, end_days=365):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        public = self.key.public_key()
        self.public_key = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.pin = hashlib.sha256(self.public_key.encode()).hexdigest()
        self.node_id = 'dpc-node-' + self.pin[:16]
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name or self.node_id)])
        now = datetime.datetime.utcnow()
        self.certificate = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(
            public).serial_number(x509.random_serial_number()).not_valid_before(
            now + datetime.timedelta(days=start_days)).not_valid_after(
            now + datetime.timedelta(days=end_days)).sign(signer or self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM).decode()

    @staticmethod
    def rsa(bits):
        return NodeKey(rsa.generate_private_key(65537, bits))

    def sign(self, purpose, hub, challenge, node_id=None, context='dpc-proof-v1'):
        message = context.encode() + b'\n'
        for field in (purpose, hub, node_id or self.node_id, challenge):
            message += struct.pack('!H', len(field)) + field.encode()
        return self.sign_bytes(message)

    def sign_bytes(self, message):
        if isinstance(self.key, rsa.RSAPrivateKey):
            signature = self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        else:
            signature = self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        return base64.b64encode(signature).decode()

    def challenge(self, hub, purpose, node_id=None):
        status, body = hub.ask('POST', '/login/key/challenge', {'node_id': node_id or self.node_id, 'purpose': purpose})
        assert status == 200, body
        return body['challenge']

    def login_body(self, hub, **changes):
        challenge = changes.pop('challenge', None) or self.challenge(hub, 'login')
        body = {'node_id': self.node_id, 'certificate': self.certificate, 'challenge': challenge,
                'signature': self.sign('login', hub.origin, challenge)}
        body.update(changes)
        return body

    def registration_body(self, hub, **changes):
        challenge = changes.pop('challenge', None) or self.challenge(hub, 'register')
        signature = changes.pop('signature', None) or self.sign('register', hub.origin, challenge)
        body = {'node_id': self.node_id, 'public_key': self.public_key, 'certificate': self.certificate,
                'proof': {'challenge': challenge, 'signature': signature}}
        body.update(changes)
        return body

    def login(self, hub):
        """The hub's tokens."""
        status, body = hub.ask('POST', '/login/key', self.login_body(hub))
        assert status == 200, body
        return body

    def register(self, hub, tokens):
        return hub.ask('POST', '/register-node-id', self.registration_body(hub), tokens['access_token'])

    def connect(self, hub, tokens=None):
        """A signalling socket past auth_ok."""
        if tokens is None:
            tokens = self.login(hub)
            status, body = self.register(hub, tokens)
            assert status == 200, body
        socket = WebSocket(hub.port, '/ws/signal', [f'Authorization: Bearer {tokens["access_token"]}'],
                           context=hub.context)
        first = socket.receive()
        assert first['type'] == 'auth_ok' and first['node_id'] == self.node_id, first
        return socket


def descriptor_limit():
    """Raises the limit of open files of this process as far as it goes; what it is then."""
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def garbage(size):
    return os.urandom(size)
