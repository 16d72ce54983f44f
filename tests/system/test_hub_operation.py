#!/usr/bin/env python3
"""What whoever runs a hub needs: metrics, readiness, an end that brings everybody back, logs, settings that are checked."""
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
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
        self.assertEqual(values['signals_refused_total{code="target_offline"}'], 1)
        self.assertEqual(values['signals_refused_total{code="unknown_message_type"}'], 1)
        self.assertEqual(values['http_answers_total{status="401"}'], 1)
        self.assertGreaterEqual(values['http_answers_total{status="200"}'], 6)
        buckets = [value for name, value in values.items() if name.startswith('http_handling_seconds_bucket')]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(buckets[-1], values['http_handling_seconds_count'])
        self.assertEqual(buckets[-1], sum(value for name, value in values.items() if name.startswith('http_answers_total')))
        self.assertGreater(values['database_steps_total'], 0)
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
                           ('[hub]\ntrusted_proxies = a\n', 'trusted_proxies'), ('[hub]\nlog_format = xml\n', 'log_format'),
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
