#!/usr/bin/env python3
"""What whoever runs a hub needs: metrics, readiness, an end that brings everybody back, logs, settings that are checked."""
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from stage import wait_until
from websocket import Closed, Refused, WebSocket, close_all


def metrics(hub):
    """{name with labels: value}; every line is a comment or a sample."""
    with urllib.request.urlopen(f'{hub.origin}/metrics', timeout=30) as answer:
        text = answer.read().decode()
    values, announced = {}, set()
    for line in text.splitlines():
        head = re.fullmatch(r'# (HELP|TYPE) (dpc_hub_\w+) (.+)', line)
        if head:
            announced.add(head[2])
            continue
        sample = re.fullmatch(r'(dpc_hub_\w+)(\{\w+="[^"]*"\})? (\S+)', line)
        assert sample, line
        assert re.sub(r'_(bucket|sum|count)$', '', sample[1]) in announced or sample[1] in announced, line
        values[sample[1].removeprefix('dpc_hub_') + (sample[2] or '')] = float(sample[3])
    return values


class Operation(unittest.TestCase):
    config = ''

    def setUp(self):
        self.hub = Hub(PROGRAM_HUB, config=self.config)

    def tearDown(self):
        close_all()
        self.assertEqual(self.hub.stop(), 0)


class Metrics(Operation):
    def test_what_happens_is_counted(self):
        alice, bob = NodeKey(), NodeKey()
        at_alice, at_bob = alice.connect(self.hub), bob.connect(self.hub)
        for _ in range(3):
            at_alice.send({'type': 'signal', 'target_node_id': bob.node_id, 'payload': {}})
            at_bob.receive()
        at_alice.send({'type': 'signal', 'target_node_id': 'dpc-node-' + 'f' * 16, 'payload': {}})
        at_alice.receive()
        at_alice.send({'type': 'nonsense'})
        at_alice.receive()
        self.hub.ask('GET', '/users/me')
        values = metrics(self.hub)
        self.assertEqual(values['nodes_connected'], 2)
        self.assertEqual(values['sockets_opened_total'], 2)
        self.assertEqual(values['logins_total'], 2)
        self.assertEqual(values['signals_total'], 3)
        buckets = [value for name, value in values.items() if name.startswith('signal_relay_seconds_bucket')]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual([buckets[-1], values['signal_relay_seconds_count']], [3, 3])
        self.assertTrue(0 <= values['signal_relay_seconds_sum'] < 3, values['signal_relay_seconds_sum'])
        self.assertEqual(values['signals_refused_total{code="target_offline"}'], 1)
        self.assertEqual(values['signals_refused_total{code="unknown_message_type"}'], 1)
        self.assertEqual(values['http_answers_total{status="401"}'], 1)
        self.assertGreaterEqual(values['http_answers_total{status="200"}'], 6)
        buckets = [value for name, value in values.items() if name.startswith('http_handling_seconds_bucket')]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(buckets[-1], values['http_handling_seconds_count'])
        self.assertEqual(buckets[-1], sum(value for name, value in values.items() if name.startswith('http_answers_total')))
        self.assertEqual(values['http_errors_total{code="unauthorized"}'], 1)
        self.assertGreater(values['database_steps_total'], 0)
        # But for transactions, whose beginnings and ends are no statements of ours.
        self.assertGreater(values['database_step_seconds_count'], 0)
        self.assertLessEqual(values['database_step_seconds_count'], values['database_steps_total'])
        self.assertLessEqual(values['database_step_seconds_sum'], values['database_seconds_total'])
        newer = alice.connect(self.hub)
        with self.assertRaises(Closed):
            at_alice.receive()
        newer.send_frame(8, b'\x03\xe8')
        at_bob.socket.close()
        wait_until('both are gone', lambda: metrics(self.hub)['nodes_connected'] == 0, 10)
        values = metrics(self.hub)
        for reason in ('replaced', 'closed', 'lost'):
            self.assertEqual(values[f'sockets_closed_total{{reason="{reason}"}}'], 1, reason)
        self.assertEqual(values['database_errors_total'], 0)

    def test_it_is_ready_while_it_works(self):
        self.assertEqual(self.hub.ask('GET', '/ready'), (200, {'status': 'ready'}))


class ForBrowsers(Operation):
    def get(self, path, accept):
        request = urllib.request.Request(self.hub.origin + path, headers={'Accept': accept})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers, answer.read().decode()

    def test_a_browser_sees_a_page_and_a_program_json(self):
        headers, text = self.get('/', 'text/html,application/xhtml+xml,*/*;q=0.8')
        self.assertEqual(headers['Content-Type'], 'text/html; charset=utf-8')
        self.assertIn("default-src 'none'", headers['Content-Security-Policy'])
        self.assertIn(f'dpc login --hub {self.hub.origin}', text)
        self.assertIn('<dd>0</dd>', text)
        self.assertIn('body { margin: 0;', text)
        self.assertNotRegex(text, r'\{(nodes|uptime|accounts|origin|version)\}')
        headers, text = self.get('/', '*/*')
        self.assertEqual(json.loads(text)['name'], 'dpc-hub')
        self.assertEqual(headers['X-Content-Type-Options'], 'nosniff')

    def test_the_description_has_the_routes_and_no_others(self):
        described = json.loads(self.get('/openapi.json', '*/*')[1])
        self.assertEqual(described, json.loads((harness.ROOT / 'docs/openapi.json').read_text()))
        routes = re.findall(r'\{"([A-Z]+)", "([^"]+)", handle_', (harness.ROOT / 'src/hub/routes.c').read_text())
        self.assertGreater(len(routes), 20)
        operations = {(method.upper(), path) for path, item in described['paths'].items()
                      for method in item if method != 'parameters'}
        self.assertEqual(operations, set(routes))
        for path, item in described['paths'].items():
            wanted = set(re.findall(r'\{(\w+)\}', path))
            self.assertEqual({p['name'] for p in item.get('parameters', [])}, wanted, path)
        for name in set(re.findall(r'"\$ref": ?"#/components/schemas/(\w+)"', json.dumps(described))):
            self.assertIn(name, described['components']['schemas'])


class Pages(Operation):
    """Pages of other origins (CORS)."""
    config = '[hub]\ncors_origins = https://chat.example http://localhost:3000\n'

    def ask(self, method, path, origin, **headers):
        headers = {name.replace('_', '-'): value for name, value in headers.items()}
        request = urllib.request.Request(self.hub.origin + path, method=method,
                                         headers={**({'Origin': origin} if origin else {}), **headers})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as answer:
            answer.close()
            return answer.code, answer.headers

    def test_pages_that_are_named_may_ask(self):
        for origin in ('https://chat.example', 'http://localhost:3000'):
            status, headers = self.ask('OPTIONS', '/profile', origin, Access_Control_Request_Method='PUT',
                                       Access_Control_Request_Headers='authorization')
            self.assertEqual((status, headers['Access-Control-Allow-Origin']), (204, origin))
            self.assertIn('PUT', headers['Access-Control-Allow-Methods'])
            self.assertIn('Authorization', headers['Access-Control-Allow-Headers'])
            # What is refused can be read by the page too.
            for path, wanted in (('/health', 200), ('/profile', 401), ('/nothing', 404)):
                status, headers = self.ask('GET', path, origin)
                self.assertEqual((status, headers['Access-Control-Allow-Origin']), (wanted, origin))
                self.assertIn('Origin', headers.get_all('Vary'))
                self.assertIsNone(headers['Access-Control-Allow-Credentials'])

    def test_others_may_not(self):
        for origin in ('https://evil.example', 'https://chat.example.evil.example', 'http://chat.example',
                       'https://chat.example:444', 'null', 'https://CHAT.example', None):
            status, headers = self.ask('OPTIONS', '/profile', origin, Access_Control_Request_Method='PUT')
            self.assertEqual(status, 405, origin)
            for headers in (headers, self.ask('GET', '/health', origin)[1]):
                self.assertIsNone(headers['Access-Control-Allow-Origin'])
                self.assertIn('Origin', headers.get_all('Vary'))

    def test_sockets_are_for_pages_that_are_named(self):
        node = NodeKey()
        tokens = node.login(self.hub)
        node.register(self.hub, tokens)
        for origin, is_good in (('https://chat.example', True), (self.hub.origin, True), (None, True),
                                ('https://evil.example', False), ('null', False)):
            headers = [f'Sec-WebSocket-Protocol: dpc.bearer.{tokens["access_token"]}'] + (
                [f'Origin: {origin}'] if origin else [])
            if is_good:
                self.assertEqual(WebSocket(self.hub.port, '/ws/signal', headers).receive()['type'], 'auth_ok', origin)
                continue
            with self.assertRaises(Refused) as refused:
                WebSocket(self.hub.port, '/ws/signal', headers)
            self.assertEqual(refused.exception.status, 403)
            self.assertIn('"code":"origin"', refused.exception.body)

    def test_answers_tell_browsers_to_be_careful(self):
        tokens = NodeKey().login(self.hub)
        for path, headers in (('/', {'Accept': 'text/html'}), ('/health', {}),
                              ('/users/me', {'Authorization': f'Bearer {tokens["access_token"]}'})):
            status, answer = self.ask('GET', path, None, **headers)
            self.assertEqual((status, answer.get_all('Referrer-Policy'), answer['X-Content-Type-Options']),
                             (200, ['no-referrer'], 'nosniff'), path)
        self.assertEqual(answer.get_all('Cache-Control'), ['no-store'])


class NoPages(Operation):
    def test_no_page_may_ask_where_none_is_named(self):
        request = urllib.request.Request(self.hub.origin + '/health', headers={'Origin': 'https://chat.example'})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.assertIsNone(answer.headers['Access-Control-Allow-Origin'])


class Limits(Operation):
    def test_heads_and_bodies_have_an_end(self):
        many = {f'X-{i}': 'a' for i in range(65)}
        for path, wanted, kwargs in (('/health', 431, {'headers': many}), ('/health', 431, {'headers': {'X': 'a' * 9000}}),
                                     ('/health?' + 'a' * 9000, 431, {}),
                                     ('/login/key', 413, {'method': 'POST', 'body': 'a' * 16385}),
                                     ('/health', 413, {'body': 'a'})):
            method = kwargs.pop('method', 'GET')
            status, body = self.hub.ask(method, path, **kwargs)
            self.assertEqual((status, body['error']['code']), (wanted, 'too_large'), path[:20])


class BehindUntrustedProxy(Operation):
    def test_whom_a_proxy_on_this_machine_serves_sees_no_metrics(self):
        for client in ('192.0.2.3', '127.0.0.1', 'nonsense'):
            self.assertEqual(self.hub.ask('GET', '/metrics', headers={'X-Forwarded-For': client})[0], 403, client)
        self.assertGreater(metrics(self.hub)['uptime_seconds'], 0)


class BehindProxy(Operation):
    config = '[hub]\ntrusted_proxies = 127.0.0.1\n[limits]\nrequests_per_second = 1\nrequests_burst = 3\n'

    def ask(self, path, client):
        return self.hub.ask('GET', path, headers={'X-Forwarded-For': client})[0]

    def test_each_client_behind_it_has_a_rate_of_its_own(self):
        self.assertEqual([self.ask('/', '192.0.2.1') for _ in range(3)], [200] * 3)
        self.assertEqual(self.ask('/', '192.0.2.1'), 429)
        self.assertEqual(self.ask('/', '192.0.2.2'), 200)
        # What a client says in front of what the proxy says is not believed.
        self.assertEqual(self.ask('/', '192.0.2.7, 192.0.2.1'), 429)

    def test_metrics_are_for_the_machine_itself(self):
        self.assertEqual(self.ask('/metrics', '192.0.2.3'), 403)
        self.assertGreater(metrics(self.hub)['uptime_seconds'], 0)


class End(unittest.TestCase):
    def test_nodes_are_told_when_to_come_back_each_at_another_time(self):
        hub = Hub(PROGRAM_HUB)
        sockets = [NodeKey().connect(hub) for _ in range(20)]
        hub.process.send_signal(signal.SIGTERM)
        moments = set()
        for socket in sockets:
            with self.assertRaises(Closed) as closed:
                socket.receive()
            self.assertEqual(closed.exception.code, 1012)
            moment = re.fullmatch(r'the hub ends; reconnect in (\d+) ms', closed.exception.reason)
            self.assertTrue(moment, closed.exception.reason)
            moments.add(int(moment[1]))
        self.assertGreater(len(moments), 10)
        # Not before this one is gone and another could be there.
        self.assertGreaterEqual(min(moments), 2500)
        self.assertLess(max(moments), 3600)
        self.assertEqual(hub.stop(), 0)

    def test_a_hub_that_ends_takes_nobody_new(self):
        hub = Hub(PROGRAM_HUB, config='[hub]\ndrain_seconds = 600\n')
        node = NodeKey()
        tokens = node.login(hub)
        node.register(hub, tokens)
        socket = node.connect(hub, tokens)
        hub.process.send_signal(signal.SIGTERM)
        with self.assertRaises(Closed):
            socket.receive()
        status, body = hub.ask('GET', '/ready')
        self.assertEqual((status, body['error']['code']), (503, 'draining'))
        with self.assertRaises(Refused) as refused:
            WebSocket(hub.port, '/ws/signal', [f'Authorization: Bearer {tokens["access_token"]}'])
        self.assertEqual(refused.exception.status, 503)
        close_all()
        # The second time it ends at once.
        self.assertEqual(hub.stop(), 0)


class Return(harness.StageTest):
    def test_a_node_comes_back_when_it_was_told_to(self):
        hub = Hub(PROGRAM_HUB, str(self.directory))
        port, node = hub.port, self.node('alice')
        node.one('login', '--hub', hub.origin)
        hub.process.send_signal(signal.SIGTERM)
        log = self.directory / 'alice.log'
        wait_until('the node is told', lambda: re.search(r'ends, and is to be tried again in [23]\.\d s', log.read_text()), 30)
        self.assertEqual(hub.stop(), 0)
        hub = Hub(PROGRAM_HUB, str(self.directory), '--listen', f'127.0.0.1:{port}')
        try:
            wait_until('it is back', lambda: node.one('status')['hub']['state'] == 'connected', 30)
        finally:
            self.assertEqual(hub.stop(), 0)


class Settings(unittest.TestCase):
    def check(self, text):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'hub.ini'
            path.write_text(text)
            return subprocess.run([PROGRAM_HUB, '--config', str(path), '--check-config', '--data', f'{directory}/none'],
                                  capture_output=True, text=True, timeout=30)

    def test_settings_are_checked_without_starting(self):
        done = self.check('[hub]\nlisten = 127.0.0.1:8080\ntrusted_proxies = 127.0.0.1 ::1\n')
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, 'the configuration is good\n', ''))
        for text, part in (('[hub]\nlisten = nowhere\n', "'nowhere'"), ('[hub]\norigin = hub.example\n', 'origin'),
                           ('[hub]\ntrusted_proxies = a\n', 'trusted_proxies'),
                           ('[hub]\ncors_origins = *\n', 'cors_origins'), ('[hub]\ncors_origins = https://a/b\n', 'cors_origins'), ('[hub]\nlog_format = xml\n', 'log_format'),
                           ('[hub]\nstore = mysql://a\n', 'store'), ('[hub]\nbus = nats://a\n', "set 'store'"),
                           ('[hub]\nstore = postgresql://a\nbus = http://a\n', 'nats://'),
                           ('[turn]\nservers = turn:a\n', '[turn]'), ('[hub]\nnonsense = 1\n', 'nonsense')):
            with self.subTest(text=text):
                done = self.check(text)
                self.assertEqual((done.returncode, done.stdout), (1, ''))
                self.assertIn(part, done.stderr)
                self.assertEqual(done.stderr.count('\n'), 1)

    def test_the_log_can_be_json(self):
        hub = Hub(PROGRAM_HUB, config='[hub]\nlog = debug\nlog_format = json\n')
        NodeKey().connect(hub)
        hub.process.send_signal(signal.SIGTERM)
        hub.process.wait(30)
        lines = [json.loads(line) for line in hub.log_text().splitlines()]
        self.assertTrue(lines)
        for line in lines:
            self.assertEqual(sorted(line), ['level', 'message', 'time'])
        close_all()
        self.assertEqual(hub.stop(), 0)


if __name__ == '__main__':
    harness.main()
