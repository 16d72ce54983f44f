#!/usr/bin/env python3
"""`dpc netcheck` on loopback: with a node and without one, with servers that work, that do not, and that are others.
What it says of NATs is tested in the lab (test_lab.py)."""
import http.client
import http.server
import json
import socket
import subprocess
import threading
import time

import harness
from harness import StageTest
from stage import Node, UnixConnection, free_port, wait_until

NO_ROUTER = '[node]\nport_mapping = no\n'  # the router of this machine is none of a test's business
SECRET = 'a secret that hub and relay share'

SECONDS_MAX = 12  # NETCHECK_TIME_MAX of src/node/limits.h
MARGIN = 8        # for the sanitizers on a busy machine


def has_address():
    """Whether this machine has an address that others may reach."""
    addresses = subprocess.run(['ip', '-oneline', 'address', 'show', 'up', 'scope', 'global'], capture_output=True,
                               text=True, check=True)
    return bool(addresses.stdout)


class Talker:
    """A UDP server that answers each datagram with the same bytes, or with nothing."""

    def __init__(self, answer):
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.name = f'127.0.0.1:{self.socket.getsockname()[1]}'
        self.answer = answer
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        try:
            while True:
                _, sender = self.socket.recvfrom(2048)
                if self.answer is not None:
                    self.socket.sendto(self.answer, sender)
        except OSError:
            pass


class Web:
    """An HTTP server that gives everybody the same answer."""

    def __init__(self, status, headers, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802 (the name is the library's)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class NetcheckTest(StageTest):
    def setUp(self):
        super().setUp()
        self.closers = []

    def tearDown(self):
        for close in self.closers:
            close()
        super().tearDown()

    def configured(self, text, name='alice'):
        """A home without a node."""
        node = Node(self.stage, name)
        node.home.mkdir()
        (node.home / 'config.ini').write_text(text + NO_ROUTER)
        return node

    def check(self, node, *words, status=0):
        start = time.monotonic()
        done = node.run('netcheck', '--json', *words)
        self.assertLess(time.monotonic() - start, SECONDS_MAX + MARGIN)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1 if status else 0, done.stderr)
        self.assertEqual(done.stdout.count('\n'), 1)
        return json.loads(done.stdout)

    def talker(self, answer):
        talker = Talker(answer)
        self.closers.append(talker.socket.close)
        return talker

    def web(self, *answer):
        web = Web(*answer)
        self.closers += [web.server.shutdown, web.server.server_close]
        return web

    def relay(self, *options):
        relay = self.stage.start_relay('--listen', '127.0.0.1', '127.0.0.2', *options)
        if not relay:
            self.skipTest('coturn is not installed')
        return relay


class Alone(NetcheckTest):
    """Without a running node."""

    def test_without_any_server_it_says_what_cannot_be_told_and_how_to_add_one(self):
        online = has_address()
        report = self.check(self.configured(''), status=0 if online else 1)
        self.assertEqual(report['possible'], online)
        self.assertIsNone(report['udp'])
        self.assertIsNone(report['port_mapping'])
        self.assertIsNone(report['hub'])
        if not online:
            self.assertEqual(report['verdict'], ['this machine has no address: it is not connected to a network'])
            return
        self.assertIn('--stun HOST:PORT', report['verdict'][0])
        self.assertIn('config.ini', report['verdict'][0])

    def test_a_configuration_that_cannot_be_read_is_named(self):
        self.assert_fails(self.configured('[stun]\nservr = x\n').run('netcheck'), 1, 'config.ini:2', 'servr')

    def test_a_server_that_is_none_is_refused(self):
        for server in ('', 'a b', '127.0.0.1:0', '[::1', '127.0.0.1:70000'):
            with self.subTest(server=server):
                self.assert_fails(Node(self.stage, 'nobody').run('netcheck', '--stun', server), 1, 'host:port')

    def test_servers_of_all_kinds(self):
        relay, silent, nonsense = self.relay(), self.talker(None), self.talker(b'\0\1 this is no STUN')
        url, _ = self.stage.start_hub()
        node = self.configured(f'[hub]\nurl = {url}\n[stun]\nserver = {silent.name}\nserver = {nonsense.name}\n')
        relay.configure(node, 'udp', 'tcp', 'tls')
        report = self.check(node)
        self.assertEqual({stun['server']: stun['state'] for stun in report['stun']}, {
            silent.name: 'silent', nonsense.name: 'wrong', f'127.0.0.1:{relay.port}': 'ok'})
        self.assertEqual([(each['state'], each['from']) for each in report['relays']], [('ok', 'config')] * 3)
        self.assertEqual(report['hub']['state'], 'ok')
        self.assertGreater(report['hub']['answer_ms'], 0)
        self.assertEqual((report['udp'], report['ipv4']['mapping'], report['ipv4']['filtering']), (True, 'none', 'none'))
        self.assertFalse(report['node_running'])
        self.assertTrue(report['verdict'][0].startswith('direct connections work with everybody'))

    def test_the_command_line_names_a_server_too_and_people_can_read_the_answer(self):
        relay = self.relay()
        done = self.configured('').run('netcheck', '--stun', f'127.0.0.1:{relay.port}')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, r'(?m)^udp +works$')
        self.assertRegex(done.stdout, rf'(?m)^stun +127\.0\.0\.1:{relay.port}: works.*, has a second address$')
        self.assertRegex(done.stdout, r'(?m)^tcp +443 ')
        self.assertIn('\n\ndirect connections work', done.stdout)

    def test_a_wrong_password_is_told_from_a_dead_relay(self):
        relay, node = self.relay(), self.configured('')
        dead = free_port()
        relay.configure(node, 'udp', password='wrong')
        text = (node.home / 'config.ini').read_text()
        (node.home / 'config.ini').write_text(
            text.replace('[turn]\n', f'[turn]\nserver = turn:127.0.0.1:{dead}?transport=tcp\n'))
        relays = {each['server']: each for each in self.check(node)['relays']}
        wrong, gone = relays[f'127.0.0.1:{relay.port}/udp'], relays[f'127.0.0.1:{dead}/tcp']
        self.assertEqual((wrong['state'], gone['state']), ('failed', 'failed'))
        self.assertIn('credentials', wrong['error'])
        self.assertIn('refused', gone['error'])

    def test_a_hub_that_refuses_is_an_answer_and_means_a_network(self):
        node = self.configured('[hub]\nurl = http://127.0.0.1:1\n')
        report = self.check(node)
        self.assertEqual(report['hub']['state'], 'failed')
        self.assertTrue(report['possible'])
        self.assertTrue(any('the hub does not answer' in line for line in report['verdict']))

    def test_a_login_page_in_the_place_of_the_hub_is_named(self):
        answers = {
            'redirect': ((302, {'Location': 'http://login.example/?from=hub'}, b''), True),
            'page': ((200, {'Content-Type': 'text/html'}, b'<html>welcome, please pay</html>'), True),
            'rfc6585': ((511, {}, b'log in'), True),
            'proxy': ((502, {'Content-Type': 'text/html'}, b'<html>the hub is down</html>'), False),
            'secure': ((301, {'Location': 'https://127.0.0.1/health'}, b''), False),
            'busy': ((429, {'Content-Type': 'application/json'}, b'{"error":{"code":"limit","message":"slowly"}}'), False),
        }
        for name, (answer, captive) in answers.items():
            with self.subTest(name=name):
                node = self.configured(f'[hub]\nurl = {self.web(*answer).url}\n', name)
                report = self.check(node)
                self.assertEqual(report['hub']['captive_portal'], captive)
                self.assertEqual(report['hub']['state'], 'ok' if name == 'busy' else 'wrong')
                self.assertEqual('in the place of the hub' in report['verdict'][0], captive)

    def test_the_hub_of_the_last_login_is_asked(self):
        url, _ = self.stage.start_hub()
        node = self.node('alice')
        node.one('login', '--hub', url)
        node.down()
        self.assertEqual(self.check(node)['hub']['url'], url)


class Running(NetcheckTest):
    """Through the local API."""

    def test_the_node_checks_with_its_own_servers_and_those_of_the_hub(self):
        relay = self.relay('--secret', SECRET)
        url, _ = self.stage.start_hub(config=relay.hub_config(SECRET, 'udp', 'tcp'))
        node = self.node('alice', up=False)
        relay.trust(node)
        node.up('--hub', url)
        node.one('login')
        node.event('hub', lambda event: event['hub']['state'] == 'connected')
        wait_until('the hub has named its relays', lambda: node.one('status')['relays'], 20)
        report = self.check(node)
        self.assertTrue(report['node_running'])
        self.assertEqual([(each['from'], each['state']) for each in report['relays']], [('hub', 'ok')] * 2)
        self.assertEqual(report['stun'][0]['state'], 'ok')

    def reader(self, node, body):
        """Reads the stream; a check is under way when it returns."""
        connection = UnixConnection(node.home / 'control.sock')
        connection.request('POST', '/api/v1/netcheck', json.dumps(body))
        self.closers.append(connection.close)
        response = connection.getresponse()
        self.assertIn('progress', json.loads(response.readline()))
        return connection, response

    def has_room(self, node):
        """Whether a further check may begin."""
        connection = UnixConnection(node.home / 'control.sock')
        connection.request('POST', '/api/v1/netcheck', '{}')
        self.closers.append(connection.close)
        return connection.getresponse().status == 200

    def test_the_answer_is_a_stream_that_ends_with_the_report(self):
        _, response = self.reader(self.node('alice'), {})
        objects = [json.loads(line) for line in response]
        self.assertTrue(all('progress' in each for each in objects[:-1]))
        self.assertIn('verdict', objects[-1])

    def test_what_is_asked_is_checked(self):
        node = self.node('alice')
        for stun in ('x', ['a'] * 5, [1], ['']):
            status, answer = node.ask('/netcheck', {'stun': stun})
            self.assertEqual((status, answer['error']['code']), (400, 'malformed'), stun)

    def test_some_at_a_time_and_they_end_with_their_readers(self):
        silent, node = self.talker(None), self.node('alice')
        readers = [self.reader(node, {'stun': [silent.name]}) for _ in range(2)]
        self.assertEqual(node.ask('/netcheck', {})[0], 429)
        for connection, response in readers:
            response.close()
            connection.close()
        wait_until('there is room again', lambda: self.has_room(node), 20)

    def test_a_node_that_stops_meanwhile_ends_the_check(self):
        silent, node = self.talker(None), self.node('alice')
        _, response = self.reader(node, {'stun': [silent.name]})
        self.assertEqual(node.down(), 0)
        try:
            self.assertNotIn(b'verdict', response.read())
        except http.client.IncompleteRead:
            pass


if __name__ == '__main__':
    harness.main()
