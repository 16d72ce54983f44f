#!/usr/bin/env python3
"""TLS in the hub itself: what is taken, certificates that are renewed while it runs, websockets, and a node that logs in."""
import http.client
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest
import urllib.request

import harness
from authority import Authority
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from stage import wait_until
from websocket import WebSocket, close_all


def config_for(directory):
    return f'[hub]\nlog = debug\ntls_certificate = {directory}/server.pem\ntls_key = {directory}/server.key\n'


class Tls(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-tls-'))
        self.authority = Authority(self.directory)
        self.authority.issue(self.directory)
        self.context = self.authority.context()
        self.hub = Hub(PROGRAM_HUB, config=config_for(self.directory), context=self.context)

    def tearDown(self):
        close_all()
        self.assertEqual(self.hub.stop(), 0)
        shutil.rmtree(self.directory)

    def shake_hands(self, context):
        """The version and the certificate that were agreed on."""
        with socket.create_connection(('127.0.0.1', self.hub.port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname='127.0.0.1') as secure:
                return secure.version(), secure.getpeercert()['serialNumber'], secure.selected_alpn_protocol()

    def test_it_says_where_it_listens_and_tells_browsers_to_stay(self):
        self.assertEqual(self.hub.line, f'dpc-hub listens on {self.hub.origin}\n')
        with urllib.request.urlopen(self.hub.origin + '/', timeout=10, context=self.context) as answer:
            self.assertEqual(answer.headers['Strict-Transport-Security'], 'max-age=31536000')

    def test_versions_and_protocols(self):
        self.assertEqual(self.shake_hands(self.context)[0], 'TLSv1.3')
        context = self.authority.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(['h2', 'http/1.1'])
        self.assertEqual(self.shake_hands(context)[::2], ('TLSv1.2', 'http/1.1'))
        for change in (lambda c: setattr(c, 'maximum_version', ssl.TLSVersion.TLSv1_1),
                       lambda c: c.set_alpn_protocols(['h2'])):
            context = self.authority.context()
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.set_ciphers('DEFAULT:@SECLEVEL=0')
            change(context)
            with self.assertRaises(ssl.SSLError):
                self.shake_hands(context)
        # One without TLS gets no answer, and is counted.
        plain = http.client.HTTPConnection('127.0.0.1', self.hub.port, timeout=10)
        plain.request('GET', '/')
        with self.assertRaises((http.client.HTTPException, OSError)):
            plain.getresponse()
        plain.close()
        with urllib.request.urlopen(self.hub.origin + '/metrics', timeout=10, context=self.context) as answer:
            text = answer.read().decode()
        self.assertIn('dpc_hub_connections_dropped_total{reason="tls"} 3\n', text)
        self.assertRegex(text, r'dpc_hub_tls_certificate_expires_seconds 1\d{9}\n')

    def test_many_requests_on_one_connection_and_bodies(self):
        connection = http.client.HTTPSConnection('127.0.0.1', self.hub.port, timeout=10, context=self.context)
        for size in (1, 16000, 300):
            body = ' ' * size + '{"node_id":"dpc-node-0123456789abcdef"}'
            connection.request('POST', '/login/key/challenge', body)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
        # Two requests in one record: the second waits inside TLS while the first is handled.
        connection.sock.sendall(b'GET /health HTTP/1.1\r\nHost: a\r\n\r\n' * 2)
        text = b''
        while text.count(b'"status":"ok"') < 2:
            text += connection.sock.recv(65536)
        connection.close()
        if shutil.which('curl'):
            done = subprocess.run(['curl', '-sS', '--cacert', str(self.authority.path), self.hub.origin + '/health'],
                                  capture_output=True, text=True, timeout=30)
            self.assertIn('"status":"ok"', done.stdout, done.stderr)

    def test_signals_pass_and_a_great_many(self):
        alice, bob = NodeKey(), NodeKey()
        at_alice, at_bob = alice.connect(self.hub), bob.connect(self.hub)
        text = 'x' * 60000
        for i in range(100):
            at_alice.send({'type': 'signal', 'target_node_id': bob.node_id, 'payload': {'i': i, 'text': text}})
            signal_ = at_bob.receive()
            self.assertEqual((signal_['sender_node_id'], signal_['payload']), (alice.node_id, {'i': i, 'text': text}))
        at_bob.close()
        wait_until('the socket is gone', lambda: self.hub.ask('GET', '/health')[1]['nodes_connected'] == 1, 10)

    def test_who_does_not_read_is_closed(self):
        alice, bob = NodeKey(), NodeKey()
        at_alice, _ = alice.connect(self.hub), bob.connect(self.hub)
        message = {'type': 'signal', 'target_node_id': bob.node_id, 'payload': {'text': 'x' * 60000}}
        for _ in range(300):
            at_alice.send(message)
        wait_until('the socket is closed', lambda: self.hub.ask('GET', '/health')[1]['nodes_connected'] == 1, 60)
        at_alice.send(message)
        codes = set()
        while 'target_offline' not in codes:
            codes.add(at_alice.receive()['code'])
        self.assertEqual(codes, {'rate_limited', 'target_offline'})

    def test_a_new_certificate_is_used_without_a_restart(self):
        _, first, _ = self.shake_hands(self.context)
        socket_ = NodeKey().connect(self.hub)
        self.authority.issue(self.directory)
        self.hub.process.send_signal(signal.SIGHUP)
        wait_until('the new one', lambda: self.shake_hands(self.context)[1] != first, 10)
        # It is found without being told, too.
        _, second, _ = self.shake_hands(self.context)
        self.authority.issue(self.directory)
        wait_until('the next one', lambda: self.shake_hands(self.context)[1] != second, 30)
        _, third, _ = self.shake_hands(self.context)
        # One that is none changes nothing.
        (self.directory / 'server.key').write_text('nonsense')
        self.hub.process.send_signal(signal.SIGHUP)
        wait_until('it says so', lambda: 'the certificate stays the old one' in self.hub.log_text(), 10)
        self.assertEqual(self.shake_hands(self.context)[1], third)
        socket_.send({'type': 'ping', 'timestamp': 1})
        self.assertEqual(socket_.receive(), {'type': 'pong', 'timestamp': 1})

    def test_silence_and_half_a_handshake_end(self):
        silent = socket.create_connection(('127.0.0.1', self.hub.port), timeout=30)
        half = socket.create_connection(('127.0.0.1', self.hub.port), timeout=30)
        half.sendall(b'\x16\x03\x01\x02\x00\x01')
        self.assertEqual((silent.recv(1), half.recv(1)), (b'', b''))
        silent.close()
        half.close()


class Settings(unittest.TestCase):
    def test_what_is_wrong_is_said(self):
        with tempfile.TemporaryDirectory(prefix='dpc-tls-') as name:
            directory = pathlib.Path(name)
            Authority(directory).issue(directory)
            other = ec_key()
            (directory / 'other.key').write_bytes(other)
            cases = (('tls_certificate = {d}/server.pem\n', 'tls_certificate and tls_key belong together'),
                     ('tls_certificate = {d}/none\ntls_key = {d}/server.key\n', "/none' as a certificate"),
                     ('tls_certificate = {d}/server.pem\ntls_key = {d}/other.key\n', "/other.key' as the certificate's key"),
                     ('tls_certificate = {d}/server.pem\ntls_key = {d}/server.key\n', None))
            for text, part in cases:
                (directory / 'hub.ini').write_text('[hub]\n' + text.format(d=directory))
                done = subprocess.run([PROGRAM_HUB, '--config', str(directory / 'hub.ini'), '--check-config'],
                                      capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 1 if part else 0, done.stderr)
                self.assertIn(part or '', done.stderr)
                self.assertEqual(done.stderr.count('\n'), 1 if part else 0, done.stderr)


def ec_key():
    done = subprocess.run(['openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout'], capture_output=True,
                          check=True, timeout=30)
    return done.stdout


class WithNode(harness.StageTest):
    def test_a_node_logs_in_at_a_hub_whose_authority_it_knows(self):
        authority = Authority(self.directory)
        authority.issue(self.directory)
        data = self.directory / 'hub'
        data.mkdir()
        hub = Hub(PROGRAM_HUB, data, config=config_for(self.directory), context=authority.context())
        self.addCleanup(hub.stop)
        stranger = self.node('stranger')
        self.assert_fails(stranger.run('login', '--hub', hub.origin), 1, 'certificate')
        alice, bob = (self.node(name, False) for name in ('alice', 'bob'))
        for node in (alice, bob):
            with open(node.home / 'config.ini', 'a', encoding='utf-8') as config:
                config.write(f'[hub]\nauthorities = {authority.path}\n')
            node.up()
            self.assertEqual(node.one('login', '--hub', hub.origin)['hub']['state'], 'connected')
        self.assertEqual(hub.ask('GET', '/health')[1]['nodes_connected'], 2)


if __name__ == '__main__':
    harness.main()
