#!/usr/bin/env python3
"""How good links are, as a person sees it: status, status --watch, and ping while the path changes."""
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

import harness
from harness import PROGRAM_DPC, StageTest
from stage import Node, wait_until

DIRECT_TLS = r'direct TLS 127\.0\.0\.1:\d+ \(IPv4\)'


class Watching:
    """A command that goes on until it is interrupted."""

    def __init__(self, node, *words):
        self.process = subprocess.Popen([PROGRAM_DPC, *words, '--home', str(node.home)], text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stdout.readline, '')), daemon=True)
        self.reader.start()

    def has(self, text):
        return any(text in line for line in list(self.lines))

    def interrupt(self):
        """The exit status and what it said on stderr."""
        self.process.send_signal(signal.SIGINT)
        errors = self.process.stderr.read()
        status = self.process.wait(30)
        self.reader.join(30)
        self.process.stdout.close()
        self.process.stderr.close()
        return status, errors


class QualityTest(StageTest):
    def pair(self):
        alice, bob = self.node('alice'), self.node('bob')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('connect', 'bob')
        return alice, bob

    def test_figures_while_a_transfer_runs(self):
        alice, bob = self.pair()
        stop = threading.Event()

        def talk():
            while not stop.is_set():
                alice.one('send', 'bob', 'x' * 30000)

        talker = threading.Thread(target=talk)
        talker.start()

        def quality():
            return alice.one('status')['peers'][0]['link']['quality']

        try:
            wait_until('there is a rate', lambda: (quality()['out_bytes_per_second'] or 0) > 10000, 60)
            now = quality()
            self.assertGreater(now['rtt_ms'], 0)
            self.assertGreater(now['rtt_min_ms'], 0)
            self.assertGreater(now['sent'], now['resent'])
            self.assertLessEqual(0, now['loss'])
            self.assertLess(now['loss'], 1)
            self.assertEqual(now['links_before'], 0)
            # The other way round it is what arrives.
            wait_until('it arrives', lambda: (bob.one('status')['peers'][0]['link']['quality']['in_bytes_per_second'] or 0) > 10000, 60)
            wait_until('there is a sample', lambda: alice.one('status', 'bob')['samples'], 60)
        finally:
            stop.set()
            talker.join()
        history = alice.one('status', 'bob')
        self.assertEqual(history['interval_seconds'], 10)
        self.assertGreater(history['hour']['out_bytes_per_second']['max'], 0)
        self.assertGreater(history['hour']['sent'], 0)
        self.assertGreater(history['samples'][0]['seconds'], 5)
        self.assertRegex(history['routes'][0]['route'], f'^{DIRECT_TLS}$')
        shown = alice.run('status', 'bob').stdout
        for part in ('path ', 'rtt ', 'loss ', 'window ', 'hour ', 'history '):
            self.assertIn(f'\n{part}', shown)

    def test_the_history_outlives_its_link(self):
        alice, bob = self.pair()
        alice.one('disconnect', 'bob')
        wait_until('the link is gone', lambda: alice.one('status')['links'] == 0, 30)
        alice.one('connect', 'bob')
        history = alice.one('status', 'bob')
        routes = [change['route'] for change in history['routes']]
        self.assertEqual(len(routes), 3, routes)
        self.assertIsNone(routes[1])
        self.assertRegex(routes[2], DIRECT_TLS)
        self.assertEqual(history['peer']['link']['quality']['links_before'], 1)
        times = [change['timestamp'] for change in history['routes']]
        self.assertEqual(times, sorted(times))

    def test_a_line_a_peer_fits_a_terminal(self):
        alice, _ = self.pair()
        alice.one('add', 'dpc-node-0123456789abcdef', '--name', 'somebody who has a very long name')
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        subprocess.run([PROGRAM_DPC, 'status', '--home', str(alice.home)], stdout=follower, check=True,
                       env={**os.environ, 'NO_COLOR': '1'})
        os.close(follower)
        lines = os.read(leader, 65536).decode().replace('\r', '').split('\n')
        os.close(leader)
        table = lines[next(i for i, line in enumerate(lines) if line.startswith('PEER')):]
        self.assertRegex(table[1], r'^bob +direct TLS 127\.0\.0\.1:\d+ +[\d.]+ ms +(-|[\d.]+ %) +\S+ +\S+ +\d+s$')
        self.assertTrue(table[2].startswith('somebody wh… away'), table)
        self.assertLessEqual(max(map(len, table)), 80)

    def test_watching_goes_on_until_interrupted(self):
        alice, _ = self.pair()
        watching = Watching(alice, 'status', '--watch', '--json')
        wait_until('it shows again', lambda: len(watching.lines) >= 3, 60)
        self.assertEqual(watching.interrupt(), (0, ''))
        seen = [json.loads(line) for line in watching.lines]
        self.assertEqual([status['peers'][0]['name'] for status in seen], ['bob'] * len(seen))
        self.assertEqual(seen[0]['node_id'], alice.id)
        uptimes = [status['uptime_seconds'] for status in seen]
        self.assertGreater(uptimes[1] - uptimes[0], 0.5)
        watching = Watching(alice, 'status', 'bob', '--watch')
        wait_until('it shows again', lambda: sum(line.startswith('peer ') for line in list(watching.lines)) >= 2, 60)
        self.assertEqual(watching.interrupt(), (0, ''))

    def test_watching_ends_with_the_node(self):
        alice, _ = self.pair()
        watching = Watching(alice, 'status', '--watch')
        wait_until('it shows', lambda: watching.has('PEER'), 60)
        alice.down()
        self.assertEqual(watching.process.wait(30), 1)
        self.assertIn("start it with 'dpc up'", watching.interrupt()[1])

    def test_a_row_of_pings_ends_with_a_summary(self):
        alice, _ = self.pair()
        done = alice.run('ping', 'bob', '--count', '3', '--interval', '0.05')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, rf'^(bob answers over {DIRECT_TLS} in [\d.]+ ms\n){{3}}'
                                      r'--- bob: 3 sent, 3 answered, 0 % lost\n'
                                      r'round trip min/mean/max/jitter [\d.]+/[\d.]+/[\d.]+/[\d.]+ ms\n$')
        lines = alice.lines('ping', 'bob', '--count', '2', '--interval', '0.05')
        self.assertEqual([line['seq'] for line in lines[:2]], [1, 2])
        self.assertEqual([line['route']['kind'] for line in lines[:2]], ['direct'] * 2)
        summary = lines[2]['summary']
        self.assertEqual((summary['sent'], summary['received'], summary['loss']), (2, 2, 0))
        self.assertLessEqual(summary['min_ms'], summary['mean_ms'])

    def test_nothing_came_back_is_a_failure(self):
        alice = self.node('alice')
        alice.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        done = alice.run('ping', 'bob', '--count', '2', '--interval', '0.05')
        self.assertEqual((done.returncode, done.stderr), (1, ''))
        self.assertRegex(done.stdout, r'^(no answer: .*\n){2}--- bob: 2 sent, 0 answered, 100 % lost\n$')
        # What no other try can mend ends at once.
        self.assert_fails(alice.run('ping', 'carol', '--count', '5'), 1, "no contact 'carol'")


class RelayQualityTest(StageTest):
    def setUp(self):
        super().setUp()
        self.relay = self.stage.start_relay()
        if not self.relay:
            self.tearDown()
            self.skipTest('coturn is not installed')
        url, _ = self.stage.start_hub()
        self.alice, self.bob = (self.start(name, url) for name in ('alice', 'bob'))
        self.alice.one('add', self.bob.id, '--name', 'bob')
        self.bob.one('add', self.alice.id, '--name', 'alice')

    def start(self, name, url):
        node = Node(self.stage, name)
        node.init()
        if name == 'alice':
            self.relay.configure(node, 'udp')
        node.up('--hub', url)
        node.one('login', '--hub', url)
        return node

    def test_the_relay_is_named_with_the_reason(self):
        self.alice.one('policy', 'bob', 'relay-only')
        route = self.alice.one('connect', 'bob')['peer']['link']['route']
        self.assertEqual((route['kind'], route['relay_of'], route['why']), ('relay', 'node', 'the policy is relay-only'))
        self.assertRegex(route['text'], r'^relay 127\.0\.0\.1:\d+/udp$')
        self.assertIn('not direct: the policy is relay-only', self.alice.run('status', 'bob').stdout)
        self.assertRegex(self.alice.run('status').stdout, r'\nbob +relay 127\.0\.0\.1:\d+/udp +[\d.]+ ms')
        # The other side has none: it sees where the path ends, and once all was tried knows why.
        def route_back():
            return self.bob.one('status')['peers'][0]['link']['route']

        wait_until('all was tried', lambda: 'still being tried' not in route_back()['why'], 60)
        route = route_back()
        self.assertEqual((route['kind'], route['relay'], route['relay_of'], route['why']),
                         ('relay', None, 'peer', 'the peer shows no address of its own'))
        self.assertRegex(route['text'], r'^relay of the peer 127\.0\.0\.1:\d+$')

    def test_ping_tells_when_the_path_turns_direct(self):
        self.alice.one('policy', 'bob', 'relay-only')
        self.alice.one('connect', 'bob')
        pinging = Watching(self.alice, 'ping', 'bob', '--count', '0', '--interval', '0.1')
        wait_until('it answers over the relay', lambda: pinging.has('bob answers over relay 127.0.0.1:'), 60)
        self.alice.one('policy', 'bob', 'auto')
        wait_until('the path turns', lambda: pinging.has('now direct: '), 60)
        wait_until('it answers', lambda: pinging.lines[-1].startswith('bob answers over direct '), 60)
        self.assertEqual(pinging.interrupt(), (0, ''))
        text = ''.join(pinging.lines)
        self.assertRegex(text, re.compile(r'answers over relay 127\.0\.0\.1:\d+/udp in .*\n(no answer: .*\n)*now direct: \S+ \(host, IPv\d\)\n'
                                          r'bob answers over direct \S+ \(host, IPv\d\) in ', re.M))
        self.assertRegex(text, r'\n--- bob: \d+ sent, \d+ answered, \d+ % lost\nround trip ')
        routes = [change['route'] for change in self.alice.one('status', 'bob')['routes'] if change['route']]
        self.assertEqual([route.split()[0] for route in routes], ['relay', 'direct'])


if __name__ == '__main__':
    harness.main()
