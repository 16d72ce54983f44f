"""The local API for pages: on loopback, with a token, Host and Origin checked; and the events as messages of a websocket, there and on
the unix socket.
"""
import http.client
import json
import os
import signal
import socket
import stat
import time

import harness
import websocket
from harness import StageTest
from stage import UnixConnection, free_port, wait_until
from websocket import Closed, Refused, WebSocket

EVENTS = '/api/v1/events'
# As src/node/limits.h and src/web/limits.h have them.
WRONG_TOKENS_PER_MINUTE = 30
IGNORED_PER_MINUTE = 60
IGNORED_SIZE_MAX = 1024
SUBSCRIBERS_MAX = 16
CONNECTIONS_MAX = 64


class Lines:
    """A reader of the stream, as WebSocket is one of the messages."""

    def __init__(self, path):
        self.connection = UnixConnection(path)
        self.connection.request('GET', EVENTS)
        self.response = self.connection.getresponse()

    def close(self):
        self.response.close()
        self.connection.close()

    def receive(self):
        while not (line := self.response.readline().strip()):
            pass
        return json.loads(line)


class PortTest(StageTest):
    config = ''

    def setUp(self):
        super().setUp()
        self.addCleanup(websocket.close_all)
        self.alice = self.node('alice', up=False)
        self.port = free_port()
        with open(self.alice.home / 'config.ini', 'a', encoding='utf-8') as config:
            config.write(self.config)
        self.alice.up('--api-port', str(self.port))
        self.token = (self.alice.home / 'api.token').read_text(encoding='utf-8').strip()

    def tearDown(self):
        # Whatever came, the node goes on.
        if self.alice.process.poll() is None:
            self.assertEqual(self.alice.ask('/status')[0], 200)
        super().tearDown()

    def ask(self, path='/api/v1/status', method='GET', body=None, host=None, token=True, address='127.0.0.1', **headers):
        """Status, headers and answer. `token` is the right one (True), none (None) or another text."""
        connection = http.client.HTTPConnection(address, self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True)
            if host != '':
                connection.putheader('Host', host or f'127.0.0.1:{self.port}')
            if token:
                connection.putheader('Authorization', 'Bearer ' + (self.token if token is True else token))
            for name, value in headers.items():
                connection.putheader(name.replace('_', '-'), value)
            data = b'' if body is None else json.dumps(body).encode()
            connection.putheader('Content-Length', str(len(data)))
            connection.endheaders(data)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return response.status, response.headers, json.loads(text) if text else None

    def assert_refused(self, answer, status, code):
        self.assertEqual((answer[0], answer[2]['error']['code']), (status, code), answer[2])
        self.assertNotIn(self.token, str(answer[1]) + str(answer[2]))

    def events(self, *headers, token=True, path=EVENTS):
        offered = () if token is None else (f'Authorization: Bearer {self.token}',)
        return WebSocket(self.port, path, [*offered, *headers])

    def events_of_socket(self):
        return WebSocket(0, EVENTS, path_of_socket=self.alice.home / 'control.sock')

    def raw(self, text):
        with socket.create_connection(('127.0.0.1', self.port), timeout=30) as client:
            try:
                client.sendall(text)
                return client.makefile('rb').readline()
            except (BrokenPipeError, ConnectionResetError):
                return b''


class Token(PortTest):
    def test_it_is_needed_and_told_apart_from_a_wrong_one(self):
        self.assertEqual(self.ask()[2]['node_id'], self.alice.id)
        answer = self.ask(token=None)
        self.assert_refused(answer, 401, 'token')
        self.assertEqual(answer[1]['WWW-Authenticate'], 'Bearer')
        for wrong in ('x', self.token + 'x', self.token[:-1], self.token.swapcase(), 'x' * 4000):
            self.assert_refused(self.ask(token=wrong), 401, 'token')
        # Paths that there are not tell nothing to who has none; and a token in the query is none.
        self.assert_refused(self.ask('/nothing', token=None), 401, 'token')
        self.assert_refused(self.ask('/api/v1/status?token=' + self.token, token=None), 401, 'token')
        self.assert_refused(self.ask('/nothing'), 404, 'not_found')
        self.assert_refused(self.ask(token=None, Authorization='Basic ' + self.token), 401, 'token')

    def test_all_of_the_api_is_there(self):
        contact = 'dpc-node-0123456789abcdef'
        self.assertEqual(self.ask('/api/v1/peers', 'POST', {'peer': contact, 'name': 'bob'})[0], 201)
        self.assertEqual(self.ask('/api/v1/peers/bob')[2]['node_id'], contact)
        self.assertEqual(self.ask('/api/v1/peers/bob', 'DELETE')[0], 204)
        self.assert_refused(self.ask('/api/v1/peers/bob'), 404, 'unknown_peer')

    def test_its_file_is_the_users_and_outlives_the_node(self):
        path = self.alice.home / 'api.token'
        self.assertRegex(path.read_text(encoding='utf-8'), r'^[\w-]{43}\n$')
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.alice.down()
        self.alice.up('--api-port', str(self.port))
        self.assertEqual(path.read_text(encoding='utf-8').strip(), self.token)
        self.assertEqual(self.ask()[0], 200)
        # Deleted, it is another one, and the old one is worth nothing.
        self.alice.down()
        path.unlink()
        self.alice.up('--api-port', str(self.port))
        self.assert_refused(self.ask(), 401, 'token')
        self.token = path.read_text(encoding='utf-8').strip()
        self.assertEqual(self.ask()[0], 200)

    def test_a_file_that_others_can_read_or_that_has_no_token_is_not_used(self):
        path = self.alice.home / 'api.token'
        self.alice.down()
        path.chmod(0o644)
        self.assert_fails(self.alice.run('up', '--listen', 'none', '--api-port', str(self.port)), 1, 'api.token', 'delete it')
        path.chmod(0o600)
        path.write_text('secret\n', encoding='utf-8')
        self.assert_fails(self.alice.run('up', '--listen', 'none', '--api-port', str(self.port)), 1, 'api.token', 'delete it')

    def test_it_is_shown_nowhere(self):
        status = self.alice.one('status')
        self.assertEqual(status['api'], {'address': f'127.0.0.1:{self.port}'})
        shown = json.dumps(status) + self.alice.run('status').stdout
        self.assertIn(f'127.0.0.1:{self.port}', shown)
        for wrong in (None, 'x'):
            self.ask(token=wrong)
        shown += (self.stage.directory / 'alice.log').read_text(encoding='utf-8')
        self.assertIn(f'http://127.0.0.1:{self.port}', shown)
        self.assertNotIn(self.token, shown)

    def test_who_guesses_is_slowed_down_and_keeps_nobody_out(self):
        statuses = [self.ask(token='x')[0] for _ in range(WRONG_TOKENS_PER_MINUTE + 10)]
        self.assertEqual(statuses[:WRONG_TOKENS_PER_MINUTE], [401] * WRONG_TOKENS_PER_MINUTE)
        self.assertIn(429, statuses)
        answer = self.ask(token='x')
        while answer[0] == 401:  # one more every two seconds
            answer = self.ask(token='x')
        self.assert_refused(answer, 429, 'limit')
        self.assertEqual(self.ask()[0], 200)
        self.assert_refused(self.ask(token=None), 401, 'token')


class Pages(PortTest):
    config = '[api]\norigin = http://page.example:3000\n'

    def test_names_that_somebody_points_here_are_refused(self):
        for host in (f'127.0.0.1:{self.port}', f'localhost:{self.port}', f'LOCALHOST:{self.port}', f'[::1]:{self.port}'):
            self.assertEqual(self.ask(host=host)[0], 200, host)
        for host in ('evil.example', f'evil.example:{self.port}', '127.0.0.1', f'127.0.0.1:{self.port + 1}', f'localhost.evil.example:{self.port}',
                     f'127.0.0.1:{self.port}.evil.example', f'127.0.0.1:{self.port}@evil.example', f'0.0.0.0:{self.port}', f'192.168.0.1:{self.port}'):
            self.assert_refused(self.ask(host=host), 403, 'host')
        # Before anything else: it learns nothing of tokens.
        self.assert_refused(self.ask(host='evil.example', token='x'), 403, 'host')
        self.assertEqual(self.raw(b'GET /api/v1/status HTTP/1.1\r\n\r\n').split()[1], b'400')
        self.assertEqual(self.raw(b'GET /api/v1/status HTTP/1.0\r\n\r\n').split()[1], b'403')
        two = f'GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nHost: evil.example\r\n\r\n'
        self.assertEqual(self.raw(two.encode()).split()[1], b'400')

    def test_pages_of_others_are_refused_and_those_that_are_named_are_not(self):
        for origin in ('http://evil.example', 'null', 'http://page.example', 'https://page.example:3000', 'http://page.example:3000.evil.example',
                       f'http://localhost:{self.port + 1}', 'http://localhost', f'https://localhost:{self.port}', ''):
            answer = self.ask(Origin=origin)
            self.assert_refused(answer, 403, 'origin')
            self.assertIsNone(answer[1]['Access-Control-Allow-Origin'])
            self.assert_refused(self.ask(Origin=origin, token=None), 403, 'origin')
        for origin in ('http://page.example:3000', f'http://127.0.0.1:{self.port}', f'http://localhost:{self.port}', f'http://[::1]:{self.port}'):
            status, headers, _ = self.ask(Origin=origin)
            self.assertEqual((status, headers['Access-Control-Allow-Origin'], headers['Vary']), (200, origin, 'Origin'))
            # Such a page can read that it needs a token.
            answer = self.ask(Origin=origin, token=None)
            self.assert_refused(answer, 401, 'token')
            self.assertEqual(answer[1]['Access-Control-Allow-Origin'], origin)
        self.assert_refused(self.ask(Sec_Fetch_Site='cross-site'), 403, 'origin')
        self.assert_refused(self.ask(Sec_Fetch_Site='same-site'), 403, 'origin')
        self.assertEqual(self.ask(Sec_Fetch_Site='same-origin')[0], 200)

    def test_a_browser_that_asks_first_hears_what_a_page_may(self):
        asked = {'Access_Control_Request_Method': 'DELETE', 'Access_Control_Request_Headers': 'authorization'}
        status, headers, _ = self.ask('/api/v1/peers/bob', 'OPTIONS', token=None, Origin='http://page.example:3000', **asked)
        self.assertEqual((status, headers['Access-Control-Allow-Methods'], headers['Access-Control-Allow-Headers']),
                         (204, 'GET, POST, PUT, DELETE', 'authorization'))
        self.assert_refused(self.ask('/api/v1/peers/bob', 'OPTIONS', token=None, Origin='http://evil.example', **asked), 403, 'origin')

    def test_the_socket_is_as_it_was(self):
        self.assertEqual(self.alice.ask('/status')[0], 200)

    def test_localhost_of_ipv6_is_nobody_elses(self):
        if not socket.has_ipv6:
            self.skipTest('there is no IPv6')
        try:
            self.assertEqual(self.ask(address='::1', host=f'[::1]:{self.port}')[0], 200)
        except OSError:
            self.skipTest('there is no IPv6 on loopback')
        self.assert_refused(self.ask(address='::1', host=f'[::1]:{self.port}', token=None), 401, 'token')
        self.alice.down()
        with socket.socket(socket.AF_INET6) as other:
            other.bind(('::1', self.port))
            other.listen()
            self.assert_fails(self.alice.run('up', '--listen', 'none', '--api-port', str(self.port)), 1, f'[::1]:{self.port}', 'take another --api-port')


class Events(PortTest):
    config = '[api]\norigin = http://page.example:3000\n'

    def of_page(self, token, *subprotocols, origin='http://page.example:3000'):
        offered = ', '.join([*subprotocols, 'dpc-token.' + token])
        return self.events(f'Origin: {origin}', f'Sec-WebSocket-Protocol: {offered}', token=None)

    def add(self, number, name=None):
        self.assertEqual(self.alice.ask('/peers', {'peer': f'dpc-node-{number:016x}', 'name': name or f'n{number}'})[0], 201)

    def test_they_are_messages_on_both_sockets(self):
        readers = [self.events(), self.events_of_socket(), self.of_page(self.token, 'dpc.events')]
        for reader in readers:
            hello = reader.receive()
            self.assertEqual((hello['event'], hello['node_id']), ('hello', self.alice.id))
        self.add(1)
        self.add(2)
        for reader in readers:
            self.assertEqual([(event['event'], event['name']) for event in (reader.receive(), reader.receive())],
                             [('peer_added', 'n1'), ('peer_added', 'n2')])
        # The same as a line of the stream has.
        self.assertEqual(self.alice.event('peer_added')[1]['name'], 'n1')

    def test_a_page_shows_its_token_as_a_subprotocol_and_gets_another_one_back(self):
        head = self.of_page(self.token, 'dpc.events').head.lower()
        self.assertIn('sec-websocket-protocol: dpc.events\r\n', head + '\r\n')
        self.assertNotIn(self.token.lower(), head)
        self.assertNotIn('sec-websocket-protocol', self.of_page(self.token).head.lower())
        for token in ('', 'x', self.token + 'x'):
            with self.assertRaises(Refused) as refused:
                self.of_page(token, 'dpc.events')
            self.assertEqual(refused.exception.status, 401)
        with self.assertRaises(Refused) as refused:
            self.of_page(self.token, 'dpc.events', origin='http://evil.example')
        self.assertEqual(refused.exception.status, 403)

    def test_an_upgrade_needs_what_every_request_does(self):
        for headers, path, status in (((), EVENTS, 401), (('Authorization: Bearer x',), EVENTS, 401), ((), EVENTS + '?token=' + self.token, 401),
                                      (('Origin: http://evil.example', f'Authorization: Bearer {self.token}'), EVENTS, 403),
                                      (('Origin: null', f'Authorization: Bearer {self.token}'), EVENTS, 403)):
            with self.assertRaises(Refused) as refused:
                self.events(*headers, token=None, path=path)
            self.assertEqual(refused.exception.status, status)
        # On other paths it is an answer like any.
        with self.assertRaises(Refused) as refused:
            self.events(path='/api/v1/status')
        self.assertEqual(refused.exception.status, 200)

    def test_a_broken_upgrade_is_told_so(self):
        head = f'GET {EVENTS} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.token}\r\nUpgrade: websocket\r\n'
        for rest in ('', 'Connection: Upgrade\r\n', 'Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n',
                     'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n'):
            self.assertEqual(self.raw((head + rest + '\r\n').encode()).split()[1], b'426', rest)

    def test_what_a_reader_sends_is_dropped_up_to_a_limit(self):
        reader = self.events()
        reader.receive()
        reader.send_text('x' * IGNORED_SIZE_MAX)
        reader.send({'type': 'heartbeat'})
        reader.send_frame(9, b'ping')
        self.assertEqual(reader.receive_frame(), (10, b'ping'))
        self.add(1)
        self.assertEqual(reader.receive()['event'], 'peer_added')
        for opcode, payload, code in ((1, b'x' * (IGNORED_SIZE_MAX + 1), 1009), (2, b'binary', 1003), (1, b'\xff', 1007), (3, b'', 1002)):
            reader = self.events()
            reader.receive()
            reader.send_frame(opcode, payload)
            with self.assertRaises(Closed) as closed:
                reader.receive()
            self.assertEqual(closed.exception.code, code)
        reader = self.events()
        reader.receive()
        for _ in range(IGNORED_PER_MINUTE):
            reader.send_text('x')
        reader.send_frame(9, b'still there')
        self.assertEqual(reader.receive_frame(), (10, b'still there'))
        for _ in range(5):
            reader.send_text('x')
        with self.assertRaises(Closed) as closed:
            reader.receive()
        self.assertEqual(closed.exception.code, 1008)

    def test_frames_that_are_none_end_that_socket_alone(self):
        other = self.events()
        other.receive()
        for data in (b'\x81\x05hello', os.urandom(64), b'\x81\xff' + b'\xff' * 12, b'\x89\xfe\x00\xff' + bytes(300)):
            reader = self.events()
            reader.receive()
            reader.socket.sendall(data)
            reader.socket.shutdown(socket.SHUT_WR)
            with self.assertRaises(Closed):
                while True:
                    reader.receive()
        self.add(1)
        self.assertEqual(other.receive()['event'], 'peer_added')

    def test_readers_of_all_kinds_are_counted_together(self):
        # The stream of events that the stage reads is one of them.
        readers = [self.events() if i % 2 else self.events_of_socket() for i in range(SUBSCRIBERS_MAX - 1)]
        for reader in readers:
            reader.receive()
        for again in (self.events, self.events_of_socket):
            with self.assertRaises(Refused) as refused:
                again()
            self.assertEqual(refused.exception.status, 429)
        readers.pop().close()

        def is_free():
            try:
                readers.append(self.events())
                return True
            except Refused:
                return False
        wait_until('a reader has left', is_free, 20)

    def test_a_reader_that_is_too_slow_hears_how_much_it_missed(self):
        for events, kind in ((self.events, 'port'), (self.events_of_socket, 'socket'), (lambda: Lines(self.alice.home / 'control.sock'), 'stream')):
            with self.subTest(kind=kind):
                self.fall_behind(events)

    def fall_behind(self, events):
        """Sends more than the kernel and the node keep for a reader, which then reads all of it."""
        reader = events()
        self.assertEqual(reader.receive()['event'], 'hello')
        text = 'x' * 60000
        if self.alice.ask('/peers/spare')[0] == 404:
            self.add(99, 'spare')
        sent = 150  # 9 MB; a socket on loopback takes 6 MB at most
        for _ in range(sent):
            self.assertLess(self.alice.ask('/messages', {'peer': 'spare', 'text': text})[0], 300)
        got, missed = 0, 0
        while not missed:
            event = reader.receive()
            if event['event'] == 'overrun':
                missed = event['missed']
            else:
                got += event['event'] == 'chat_sent'
        self.assertGreater(got, 5)
        self.assertGreaterEqual(missed, sent - got)
        self.add(int(time.monotonic() * 1000) % 2**32 + 1000)
        self.assertEqual(reader.receive()['event'], 'peer_added')
        reader.close()

    def test_they_end_with_the_node(self):
        readers = [self.events(), self.events_of_socket()]
        for reader in readers:
            reader.receive()
        self.alice.process.send_signal(signal.SIGTERM)
        for reader in readers:
            with self.assertRaises(Closed) as closed:
                while True:
                    reader.receive()
            self.assertEqual(closed.exception.code, 1001)
        self.assertEqual(self.alice.process.wait(20), 0)


class Hostile(PortTest):
    def test_what_is_no_request_is_refused(self):
        host = f'Host: 127.0.0.1:{self.port}\r\n'
        for text, status in ((f'GET /api/v1/status HTTP/1.1\r\n{host}Authorization: Bearer {"x" * 20000}\r\n\r\n', b'431'),
                             (f'GET /api/v1/status HTTP/1.1\r\n{host}' + 'X: y\r\n' * 100 + '\r\n', b'431'),
                             (f'GET /{"x" * 20000} HTTP/1.1\r\n{host}\r\n', b'431'),
                             (f'POST /api/v1/messages HTTP/1.1\r\n{host}Content-Length: 99999999\r\n\r\n', b'413'),
                             ('GET /api/v1/status HTTP/1.1\r\nHost: \0\r\n\r\n', b'400'), ('\0' * 100 + '\r\n\r\n', b'400')):
            with self.subTest(text=text[:60]):
                self.assertEqual(self.raw(text.encode()).split()[1], status)

    def test_who_only_holds_connections_keeps_nobody_out(self):
        held = [socket.create_connection(('127.0.0.1', self.port)) for _ in range(CONNECTIONS_MAX + 16)]
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.alice.ask('/status')[0], 200)
        for connection in held:
            connection.close()

    def hold(self, count, token):
        """So many connections that have had an answer, and would have more."""
        request = f'GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {token}\r\n\r\n'.encode()
        held = []
        for _ in range(count):
            held.append(socket.create_connection(('127.0.0.1', self.port), timeout=30))
            self.addCleanup(held[-1].close)
            held[-1].sendall(request)
            self.assertIn(b'HTTP/1.1 ', held[-1].recv(65536))
        return held

    def test_connections_have_a_limit_and_those_without_a_request_make_room(self):
        for token in ('x', self.token):
            held = self.hold(CONNECTIONS_MAX, token)
            self.assertEqual(self.ask()[0], 200)
            self.assertEqual(held[0].recv(1), b'')
            for connection in held:
                connection.close()


class Off(StageTest):
    def test_nothing_is_served_unless_it_is_wanted(self):
        alice = self.node('alice')
        self.assertIsNone(alice.one('status')['api'])
        self.assertFalse((alice.home / 'api.token').exists())

    def test_a_port_that_is_taken_or_none_is_told(self):
        alice = self.node('alice', up=False)
        with socket.create_server(('127.0.0.1', 0)) as taken:
            done = alice.run('up', '--listen', 'none', '--api-port', str(taken.getsockname()[1]))
        self.assert_fails(done, 1, 'take another --api-port')
        self.assert_fails(alice.run('up', '--api-port', 'x'), 1, 'api.port')
        self.assertFalse((alice.home / 'control.sock').exists())


if __name__ == '__main__':
    harness.main()
