#!/usr/bin/env python3
"""Three hubs that share PostgreSQL and NATS, behind nginx: what nodes at different hubs see of each other, and what
becomes of it when a hub, the bus or the database goes away and comes back."""
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from websocket import Closed, close_all

from cluster import Cluster, Missing, metric
from stage import wait_until


def setUpModule():
    global cluster
    try:
        cluster = Cluster(PROGRAM_HUB)
    except Missing as problem:
        print(problem)
        sys.exit(77)
    try:
        cluster.start()
    except BaseException:
        cluster.close()
        raise


def tearDownModule():
    problems = cluster.close()
    assert not problems, problems


class At:
    """One hub of the cluster, asked directly."""

    context = None
    ask = Hub.ask

    def __init__(self, number):
        self.port, self.origin = cluster.hubs[number].port, cluster.url


class Member(NodeKey):
    """A node that is registered, and its login."""

    def __init__(self):
        super().__init__()
        self.tokens = self.login(At(0))
        status, body = self.register(At(0), self.tokens)
        assert status == 200, body

    def join(self, number):
        """A signalling socket at this hub."""
        return self.connect(At(number), self.tokens)

    def ask(self, number, method, path, body=None):
        return At(number).ask(method, path, body, self.tokens['access_token'])

    def sees_connected(self, number):
        """Whether its own device is connected, as this hub tells it."""
        return self.ask(number, 'GET', '/users/me/nodes')[1]['nodes'][0]['connected']


def send(socket, target, **payload):
    socket.send({'type': 'signal', 'target_node_id': target.node_id, 'payload': payload})


def numbers_until(socket, last):
    """The numbers of the signals that come, up to this one."""
    numbers = []
    while not numbers or numbers[-1] != last:
        frame = socket.receive()
        if frame['type'] == 'signal':
            numbers.append(frame['payload']['number'])
    return numbers


class ClusterTest(unittest.TestCase):
    def setUp(self):
        cluster.wait_until_whole()

    def tearDown(self):
        close_all()

    def assert_closed(self, socket, code, seconds=10):
        start = time.monotonic()
        with self.assertRaises(Closed) as closed:
            while True:
                socket.receive()
        self.assertEqual(closed.exception.code, code)
        self.assertLess(time.monotonic() - start, seconds)

    def assert_offline(self, socket, target):
        frame = socket.receive()
        self.assertEqual((frame['type'], frame.get('code'), frame.get('target_node_id')),
                         ('error', 'target_offline', target.node_id))

    def assert_offline_soon(self, socket, target, seconds):
        """Signals are answered so before long; what the bus had taken until then may be lost without a word."""
        start = time.monotonic()
        socket.socket.settimeout(0.1)
        while True:
            send(socket, target)
            try:
                self.assert_offline(socket, target)
                break
            except TimeoutError:
                self.assertLess(time.monotonic() - start, seconds)
        socket.socket.settimeout(10)

    def until(self, what, condition, seconds=30):
        wait_until(what, condition, seconds)


class Signals(ClusterTest):
    def test_signals_go_between_hubs_both_ways_and_in_order(self):
        alice, bob = Member(), Member()
        at_alice, at_bob = alice.join(0), bob.join(1)
        for number in range(100):
            send(at_alice, bob, number=number)
        self.assertEqual(numbers_until(at_bob, 99), list(range(100)))
        send(at_bob, alice, big='x' * 60000)
        frame = at_alice.receive()
        self.assertEqual((frame['sender_node_id'], frame['payload']), (bob.node_id, {'big': 'x' * 60000}))

    def test_who_is_nowhere_or_has_gone_is_offline(self):
        alice, bob = Member(), Member()
        at_alice = alice.join(0)
        send(at_alice, bob)
        self.assert_offline(at_alice, bob)
        at_bob = bob.join(1)
        send(at_alice, bob)
        at_bob.receive()
        at_bob.close()
        self.until('bob is away', lambda: not bob.sees_connected(0))
        send(at_alice, bob)
        self.assert_offline(at_alice, bob)

    def test_a_signal_that_is_early_waits_for_its_target(self):
        """As when a node moves from one hub to another."""
        alice, bob = Member(), Member()
        at_alice = alice.join(0)
        for number in range(5):
            send(at_alice, bob, number=number)
            at_bob = bob.join(1 + number % 2)
            self.assertEqual(numbers_until(at_bob, number), [number])
            at_bob.close()
            self.until('bob is away', lambda: not bob.sees_connected(0))

    def test_whom_a_node_lets_through_counts_at_all_hubs(self):
        alice, bob = Member(), Member()
        at_alice, at_bob = alice.join(0), bob.join(1)
        self.assertEqual(bob.ask(2, 'PUT', '/contacts', {'contacts': {alice.node_id: 'block'}})[0], 200)
        self.assert_offline_soon(at_alice, bob, 1)


class Presence(ClusterTest):
    def test_a_node_is_connected_wherever_one_asks(self):
        alice, bob = Member(), Member()
        for number in range(3):
            self.assertFalse(alice.sees_connected(number))
        at_alice = alice.join(0)
        for number in range(3):
            self.assertTrue(alice.sees_connected(number))
            self.assertTrue(alice.ask(number, 'GET', '/users/me')[1]['connected'])
        # Friends see each other, strangers do not.
        alice.ask(1, 'PUT', '/contacts', {'contacts': {bob.node_id: 'allow'}})
        for number in range(3):
            self.assertEqual(bob.ask(number, 'GET', '/presence')[1], {'connected': []})
        bob.ask(2, 'PUT', '/contacts', {'contacts': {alice.node_id: 'allow'}})
        for number in range(3):
            self.assertEqual(bob.ask(number, 'GET', '/presence')[1], {'connected': [alice.node_id]})
        alice.ask(1, 'PUT', '/contacts', {'contacts': {}})
        self.until('alice hides from bob', lambda: all(
            bob.ask(number, 'GET', '/presence')[1] == {'connected': []} for number in range(3)))
        at_alice.close()
        self.until('alice is away', lambda: not any(alice.sees_connected(number) for number in range(3)))

    def test_a_newer_socket_at_another_hub_replaces_the_older(self):
        alice, bob = Member(), Member()
        at_bob = bob.join(0)
        socket = alice.join(0)
        for number in (1, 2, 0, 2):
            newer = alice.join(number)
            self.assert_closed(socket, 4000, 1)
            send(at_bob, alice, number=number)
            self.assertEqual(numbers_until(newer, number), [number])
            socket = newer


class Revocation(ClusterTest):
    def test_a_logout_closes_the_socket_at_another_hub_within_a_second(self):
        alice = Member()
        socket = alice.join(0)
        self.assertEqual(alice.ask(1, 'POST', '/logout')[0], 204)
        self.assert_closed(socket, 4001, 1)
        self.assertEqual(alice.ask(2, 'GET', '/users/me')[0], 401)

    def test_a_stolen_refresh_token_closes_the_socket_at_another_hub(self):
        alice = Member()
        socket = alice.join(0)
        token = {'refresh_token': alice.tokens['refresh_token']}
        self.assertEqual(At(1).ask('POST', '/refresh', token)[0], 200)
        status, body = At(2).ask('POST', '/refresh', token)
        self.assertEqual((status, body['error']['code']), (401, 'used_refresh_token'))
        self.assert_closed(socket, 4001, 1)

    def test_a_node_that_is_removed_loses_its_socket_at_another_hub(self):
        alice = Member()
        socket = alice.join(0)
        self.assertEqual(alice.ask(1, 'DELETE', f'/users/me/nodes/{alice.node_id}')[0], 204)
        self.assert_closed(socket, 4003, 1)

    def operate(self, number, *words):
        """A command of the operator, to this hub."""
        config = cluster.directory / f'hub-{number + 1}' / 'hub.ini'
        done = subprocess.run([PROGRAM_HUB, 'admin', '--config', config, *words], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_who_is_banned_at_one_hub_is_banned_at_all_within_a_second(self):
        alice = Member()
        socket = alice.join(0)
        self.operate(1, 'ban', alice.node_id)
        self.assert_closed(socket, 4004, 1)
        for number in range(3):
            self.assertEqual(alice.ask(number, 'GET', '/users/me')[0], 403)
        self.operate(2, 'unban', alice.node_id)
        self.until('she is let in again', lambda: alice.ask(0, 'GET', '/users/me')[0] == 200, 1)

    def test_a_key_that_is_retired_at_one_hub_counts_at_none(self):
        alice = Member()
        self.operate(1, 'rotate-key', '--now')
        self.until('no hub takes it', lambda: all(alice.ask(number, 'GET', '/users/me')[0] == 401 for number in range(3)), 1)
        alice.tokens = alice.login(At(2))
        self.assertEqual([alice.ask(number, 'GET', '/users/me')[0] for number in range(3)], [200] * 3)

    def test_all_logins_of_an_account_end_at_all_hubs(self):
        alice = Member()
        socket = alice.join(2)
        self.assertEqual(alice.ask(0, 'POST', '/logout', {'all': True})[0], 204)
        self.assert_closed(socket, 4001, 1)


class Bus(ClusterTest):
    def tearDown(self):
        super().tearDown()
        if cluster.nats.process.poll() is not None:
            cluster.nats.start()
        cluster.nats.process.send_signal(signal.SIGCONT)

    def until_bus(self, is_up):
        self.until('all hubs know how the bus is', lambda: all(metric(hub.port, 'bus_up') == is_up for hub in cluster.hubs))

    def partition_and_heal(self, cut, heal):
        """What is sent before, while and after arrives once or not at all, and everybody knows again who is where."""
        alice, bob, carol, dave = Member(), Member(), Member(), Member()
        at_alice, at_bob, older = alice.join(0), bob.join(1), carol.join(0)
        at_dave = dave.join(2)
        send(at_alice, bob, number=0)
        self.assertEqual(numbers_until(at_bob, 0), [0])
        cut()
        for number in range(1, 21):
            send(at_alice, bob, number=number)
        self.until_bus(0)
        # Hubs go on for those who are at the same one.
        eve = Member()
        at_eve = eve.join(0)
        send(at_alice, eve, number=1)
        self.assertEqual(numbers_until(at_eve, 1), [1])
        for number in range(21, 41):
            send(at_alice, bob, number=number)
        # One node moves, and one login ends, and nobody is told.
        newer = carol.join(1)
        self.assertEqual(dave.ask(0, 'POST', '/logout')[0], 204)
        heal()
        cluster.wait_until_whole()
        self.assert_closed(older, 4000)
        self.assert_closed(at_dave, 4001)
        send(at_alice, carol, number=1)
        self.assertEqual(numbers_until(newer, 1), [1])
        send(at_alice, bob, number=41)
        numbers = numbers_until(at_bob, 41)
        self.assertEqual(numbers, sorted(set(numbers)))
        send(at_bob, eve, number=2)
        self.assertEqual(numbers_until(at_eve, 2), [2])
        for member, is_connected in ((alice, True), (bob, True), (carol, True), (eve, True)):
            for number in range(3):
                self.assertEqual(member.sees_connected(number), is_connected)

    def test_a_bus_that_hangs_and_goes_on_leaves_no_duplicates_and_the_right_presence(self):
        self.partition_and_heal(lambda: cluster.nats.process.send_signal(signal.SIGSTOP),
                                lambda: cluster.nats.process.send_signal(signal.SIGCONT))

    def test_a_bus_that_is_killed_and_started_again_leaves_no_duplicates_and_the_right_presence(self):
        self.partition_and_heal(cluster.nats.kill, cluster.nats.start)


class Database(ClusterTest):
    def test_signals_go_between_hubs_while_the_database_is_away(self):
        alice, bob, carol = Member(), Member(), Member()
        at_alice, at_bob, at_carol = alice.join(0), bob.join(1), carol.join(2)
        cluster.postgres.stop()
        try:
            for number in range(3):
                status, body = alice.ask(number, 'GET', '/users/me')
                self.assertEqual((status, body['error']['code']), (503, 'database'))
            send(at_alice, bob, number=1)
            self.assertEqual(numbers_until(at_bob, 1), [1])
        finally:
            cluster.postgres.start()
        self.until('all hubs are ready', lambda: all(At(number).ask('GET', '/ready')[0] == 200 for number in range(3)))
        self.assertEqual(carol.ask(0, 'POST', '/logout')[0], 204)
        self.assert_closed(at_carol, 4001, 1)
        send(at_bob, alice, number=2)
        self.assertEqual(numbers_until(at_alice, 2), [2])


class Hubs(ClusterTest):
    def test_a_hub_that_is_told_to_end_takes_its_nodes_along_at_once(self):
        alice, bob = Member(), Member()
        at_alice, at_bob = alice.join(0), bob.join(2)
        cluster.hubs[2].process.terminate()
        self.assert_closed(at_bob, 1012)
        self.until('bob is away', lambda: not bob.sees_connected(0), 5)
        self.assertEqual(cluster.hubs[2].process.wait(20), 0)
        self.until('the others know', lambda: metric(cluster.hubs[0].port, 'bus_hubs') == 1, 5)
        send(at_alice, bob)
        self.assert_offline(at_alice, bob)
        cluster.hubs[2].start()
        cluster.wait_until_whole()
        at_bob = bob.join(2)
        send(at_alice, bob, number=1)
        self.assertEqual(numbers_until(at_bob, 1), [1])

    def test_a_hub_that_is_killed_is_missed_and_signals_to_it_are_answered(self):
        alice, bob = Member(), Member()
        at_alice, _ = alice.join(0), bob.join(1)
        cluster.hubs[1].kill()
        try:
            # Long before it is missed the bus says that nobody is there.
            self.assert_offline_soon(at_alice, bob, 2)
            at_bob = bob.join(2)
            send(at_alice, bob, number=1)
            self.assertEqual(numbers_until(at_bob, 1), [1])
            self.until('its silence is noticed', lambda: metric(cluster.hubs[0].port, 'bus_hubs') == 1)
            self.assertTrue(bob.sees_connected(0))
        finally:
            cluster.hubs[1].start()


class Nodes(harness.StageTest):
    """Real nodes, which know the cluster by the url of nginx alone."""

    def nodes_at(self):
        return [int(metric(hub.port, 'nodes_connected') or 0) if hub.process.poll() is None else None for hub in cluster.hubs]

    def state(self, node):
        return node.one('status')['hub']['state']

    def test_nodes_of_a_hub_that_is_killed_come_back_to_another_and_lose_no_message(self):
        cluster.wait_until_whole()
        alice, bob = self.node('alice', True, '--hub', cluster.url), self.node('bob', True, '--hub', cluster.url)
        for node, peer in ((alice, bob), (bob, alice)):
            node.one('login', '--hub', cluster.url)
            node.one('add', peer.id, '--name', peer.name)
        wait_until('both are at a hub', lambda: sum(self.nodes_at()) == 2, 30)
        alice.one('connect', 'bob', '--webrtc')
        sent, failures, is_over = [], [], threading.Event()

        def talk():
            while not is_over.wait(0.1):
                text = f'message {len(sent)}'
                done = alice.run('send', 'bob', text)
                if done.returncode != 0:
                    failures.append(done.stderr)
                sent.append(text)

        talking = threading.Thread(target=talk)
        talking.start()
        try:
            victim = max(range(3), key=lambda number: self.nodes_at()[number])
            lost = self.nodes_at()[victim]
            self.assertGreater(lost, 0)
            cluster.hubs[victim].kill()
            wait_until('both are at a hub again', lambda: sum(count or 0 for count in self.nodes_at()) == 2, 60)
            # A new link is set up through the hubs that are left.
            bob.run('disconnect', 'alice')
            alice.one('connect', 'bob', '--webrtc')
            wait_until('more is said', lambda: len(sent) >= 20, 60)
        finally:
            is_over.set()
            talking.join()
            if cluster.hubs[victim].process.poll() is not None:
                cluster.hubs[victim].start()
        self.assertEqual(failures, [])

        def texts():
            return [message['text'] for message in bob.one('history', 'alice', '--limit', '500')['messages']]
        wait_until('all has arrived', lambda: len(texts()) >= len(sent), 60)
        self.assertEqual(texts(), sent)


class Tool(unittest.TestCase):
    """./dev cluster, as a person starts it."""

    def test_it_says_what_runs_where_and_cleans_up(self):
        process = subprocess.Popen([sys.executable, harness.ROOT / 'tools/cluster.py', '--hubs', '2', '--hub', PROGRAM_HUB],
                                   stdout=subprocess.PIPE, text=True)
        lines = {}
        for line in process.stdout:
            lines[line.split(' ')[0]] = line
            if 'Ctrl-C' in line:
                break
        self.assertTrue({'the', 'hub-1', 'hub-2', 'nats-server', 'postgresql', 'logs'} <= set(lines), lines)
        directory = lines['logs'].split()[1]
        self.assertTrue(os.path.isdir(directory))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)
        process.stdout.close()
        self.assertFalse(os.path.exists(directory))
        for name in ('hub-1', 'nats-server', 'postgresql'):
            pid = int(lines[name].split('pid ')[1].split(')')[0])
            with self.assertRaises(ProcessLookupError):
                os.kill(pid, 0)

    def test_wrong_usage_is_status_2(self):
        for words in (['--hubs', '0'], ['--frob'], ['--port', 'x']):
            done = subprocess.run([sys.executable, harness.ROOT / 'tools/cluster.py', *words], capture_output=True, timeout=30)
            self.assertEqual(done.returncode, 2)


if __name__ == '__main__':
    harness.main()
