#!/usr/bin/env python3
"""A hub whose store is PostgreSQL, while that goes away and comes back."""
import subprocess
import sys
import threading
import time
import unittest

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from websocket import close_all

from postgres_server import Postgres


def setUpModule():
    global postgres
    try:
        postgres = Postgres()
    except FileNotFoundError as problem:
        print(problem)
        sys.exit(77)
    postgres.start()


def tearDownModule():
    postgres.close()


class Database(unittest.TestCase):
    def setUp(self):
        if not postgres.process:
            postgres.start()
        self.hub = Hub(PROGRAM_HUB, None, '--store', postgres.url)

    def tearDown(self):
        close_all()
        self.assertEqual(self.hub.stop(), 0)

    def until(self, status, path='/ready', token=None, seconds=20):
        """Asks until it is answered with this status; how long the longest answer took, and its body."""
        deadline, longest = time.monotonic() + seconds, 0
        while True:
            start = time.monotonic()
            answer = self.hub.ask('GET', path, token=token)
            longest = max(longest, time.monotonic() - start)
            if answer[0] == status:
                return longest, answer[1]
            self.assertLess(time.monotonic(), deadline, answer)
            time.sleep(0.02)

    def assert_away(self, answer):
        self.assertEqual((answer[0], answer[1]['error']['code']), (503, 'database'), answer)

    def test_without_a_database_it_does_not_start_and_says_why(self):
        for url, part in ((f'postgresql://dpc@127.0.0.1:{self.hub.port}/x', 'cannot connect'),
                          (f'{postgres.url}-none', 'does not exist'), ('sqlite:x', 'postgresql://')):
            done = subprocess.run([PROGRAM_HUB, '--store', url, '--listen', '127.0.0.1:0', '--data', self.hub.directory / 'other'],
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual((done.returncode, done.stderr.count('\n')), (1, 1), done.stderr)
            self.assertIn(part, done.stderr)

    def test_hubs_that_start_at_once_make_one_schema(self):
        hubs, threads = [], []
        for _ in range(3):
            threads.append(threading.Thread(target=lambda: hubs.append(Hub(PROGRAM_HUB, None, '--store', postgres.url))))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual([hub.ask('GET', '/ready')[0] for hub in hubs], [200] * 3)
        self.assertEqual([hub.stop() for hub in hubs], [0] * 3)

    def test_while_it_is_away_requests_are_answered_503_and_signals_go_on(self):
        alice, bob = NodeKey(), NodeKey()
        tokens = alice.login(self.hub)
        self.assertEqual(alice.register(self.hub, tokens)[0], 200)
        at_alice, at_bob = alice.connect(self.hub, tokens), bob.connect(self.hub)
        postgres.stop()
        for method, path, body in (('GET', '/users/me', None), ('PUT', '/profile', {'name': 'Alice'}),
                                   ('GET', '/discovery/search?q=alice', None), ('GET', '/contacts', None)):
            self.assert_away(self.hub.ask(method, path, body, tokens['access_token']))
        self.assert_away(self.hub.ask('POST', '/refresh', {'refresh_token': tokens['refresh_token']}))
        self.assert_away(self.hub.ask('POST', '/login/key', alice.login_body(self.hub)))
        self.assert_away(self.hub.ask('GET', '/ready'))
        self.assertEqual(self.hub.ask('GET', '/health')[0], 200)
        at_alice.send({'type': 'signal', 'target_node_id': bob.node_id, 'payload': {}})
        self.assertEqual(at_bob.receive()['sender_node_id'], alice.node_id)
        postgres.start()
        self.until(200)
        # Nothing was half done: the token is still good, and good once.
        self.assertEqual(self.hub.ask('GET', '/profile', token=tokens['access_token'])[0], 404)
        status, fresh = self.hub.ask('POST', '/refresh', {'refresh_token': tokens['refresh_token']})
        self.assertEqual(status, 200)
        self.assertEqual(self.hub.ask('PUT', '/profile', {'name': 'Alice'}, fresh['access_token'])[0], 200)

    def test_one_that_hangs_holds_the_hub_up_once_and_not_for_long(self):
        alice, bob = NodeKey(), NodeKey()
        at_alice, at_bob = alice.connect(self.hub), bob.connect(self.hub)
        postgres.pause()
        try:
            start = time.monotonic()
            self.assert_away(self.hub.ask('GET', '/ready'))
            self.assertLess(time.monotonic() - start, 5)
            # From now on nothing waits for it, while the loop tries to connect.
            start = time.monotonic()
            for _ in range(100):
                self.assert_away(self.hub.ask('GET', '/ready'))
                at_alice.send({'type': 'signal', 'target_node_id': bob.node_id, 'payload': {}})
                self.assertEqual(at_bob.receive()['sender_node_id'], alice.node_id)
            self.assertLess(time.monotonic() - start, 5)
        finally:
            postgres.go_on()
        self.until(200)

    def test_requests_under_way_while_it_goes_leave_nothing_half_done(self):
        """Rotating a refresh token is four statements in one transaction."""
        alice = NodeKey()
        tokens = alice.login(self.hub)
        statuses = set()
        for _ in range(3):
            stopping = threading.Timer(0.05, postgres.stop)
            stopping.start()
            deadline = time.monotonic() + 10
            status = 200
            while status == 200 and time.monotonic() < deadline:
                status, body = self.hub.ask('POST', '/refresh', {'refresh_token': tokens['refresh_token']})
                statuses.add(status)
                if status == 200:
                    tokens = body
            self.assert_away((status, body))
            stopping.join()
            postgres.start()
            self.until(200)
            status, body = self.hub.ask('POST', '/refresh', {'refresh_token': tokens['refresh_token']})
            # Whether the last one was done, when its answer was lost, nobody knows: then this is its second use.
            self.assertIn((status, body.get('error', {}).get('code')), ((200, None), (401, 'used_refresh_token')))
            tokens = body if status == 200 else alice.login(self.hub)
        self.assertEqual(statuses, {200, 503})


if __name__ == '__main__':
    harness.main()
