#!/usr/bin/env python3
"""Floods, crashes and damaged files, and honest people beside them who lose nothing.

DPC_SEED chooses the noise and the moments; without it they are new each time, and printed.
"""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import random
import sqlite3
import threading
import time

import harness
from floods import DRIP_SECONDS, Held, bad_frames, bad_http, client_hello, tls_starts, udp_flood
from harness import PROGRAM_DPC, PROGRAM_HUB
from hub_client import Hub, NodeKey, descriptor_limit
from stage import UnixConnection, free_port, wait_until
from test_node import RawPeer
from websocket import Refused, WebSocket, close_all

# A message between honest people, from send to the other's screen, whatever is thrown beside it.
DELIVERY_SECONDS = 5
# A login or a connection of somebody honest and new.
NEWCOMER_SECONDS = 10
# What a process may grow by under all floods together.
GROWTH_MIB = 96
# The sanitizers keep what was freed, and a shadow of everything.
GROWTH_SANITIZED_MIB = 250

# Connections that say nothing, to each port.
SILENT = 10000
# Seconds that a flood goes on.
FLOOD_SECONDS = 2
PAUSE = 0.05
# Rounds of messages from a contact, and what they may add to the log.
POURED = 5000
LOG_BYTES_MAX = 65536
# Connections of one stranger, one after the other.
KNOCKS = 300
# NODE_STRANGERS_PER_MINUTE
STRANGERS_PER_MINUTE = 20

MESSAGES = 200
KILLS = 3


def is_sanitized():
    with open(PROGRAM_DPC, 'rb') as program:
        return b'__asan_init' in program.read()


def ask(node, method, path, body):
    connection = UnixConnection(node.home / 'control.sock')
    try:
        connection.request(method, '/api/v1' + path, body=json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def send(node, peer, text):
    """A message that was accepted."""
    status, answer = ask(node, 'POST', '/messages', {'peer': peer, 'text': text})
    assert status in (200, 202), answer
    return answer


def memory_mib(process):
    with open(f'/proc/{process.pid}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('VmRSS')) / 1024


class Ear:
    """Collects what a node hears, and when."""

    def __init__(self, node):
        self.node, self.heard, self.doubled = node, {}, []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            when, event = self.node.events.get()
            if event['event'] == 'the end':
                return
            if event['event'] == 'chat':
                text = event['message']['text']
                if text in self.heard:
                    self.doubled.append(text)
                self.heard[text] = when


class Talk:
    """Two nodes that talk in both directions until told to stop."""

    def __init__(self, one, other, ears, topic):
        self.said, self.problems, self.stopping = {}, [], threading.Event()
        self.ears, self.topic = ears, topic
        self.threads = [threading.Thread(target=self.talk, args=way) for way in ((one, other), (other, one))]
        for thread in self.threads:
            thread.start()

    def talk(self, sender, receiver):
        number = 0
        while not self.stopping.wait(PAUSE):
            text = f'{self.topic}, {sender.name} to {receiver.name}, {number}'
            number += 1
            self.said[text] = time.monotonic(), self.ears[receiver.name]
            try:
                send(sender, receiver.name, text)
            except Exception as error:  # said by the main thread
                self.problems.append(f'{text}: {error!r}')

    def stop(self):
        """How long each message took, the longest last."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        missing = [text for text, (_, ear) in list(self.said.items()) if text not in ear.heard]
        if missing:
            wait_until(f'{missing[-1]!r} arrives', lambda: all(text in self.said[text][1].heard for text in missing),
                       DELIVERY_SECONDS)
        return sorted(ear.heard[text] - when for text, (when, ear) in self.said.items())


class Scale(threading.Thread):
    """Weighs processes all the time."""

    def __init__(self, processes):
        super().__init__(daemon=True)
        self.processes, self.stopping = processes, threading.Event()
        self.first = {name: memory_mib(process) for name, process in processes.items()}
        self.most = dict(self.first)
        self.start()

    def run(self):
        while not self.stopping.wait(0.1):
            for name, process in self.processes.items():
                self.most[name] = max(self.most[name], memory_mib(process))


class HostileTest(harness.StageTest):
    @classmethod
    def setUpClass(cls):
        cls.limit = descriptor_limit()
        seed = int(os.environ.get('DPC_SEED') or random.SystemRandom().randrange(1 << 32))
        cls.random = random.Random(seed)
        print(f'\nDPC_SEED={seed}', flush=True)
        # What was freed is kept for a while to find its later uses; not for ever.
        options = os.environ.get('ASAN_OPTIONS', '')
        os.environ['ASAN_OPTIONS'] = options + (':' if options else '') + 'quarantine_size_mb=16'


class Floods(HostileTest):
    def setUp(self):
        super().setUp()
        self.hub = Hub(PROGRAM_HUB)
        self.udp_port = free_port()
        self.held = Held()
        self.talks = []

    def tearDown(self):
        for talk in self.talks:
            talk.stopping.set()
        self.held.close()
        close_all()
        super().tearDown()
        self.assertEqual(self.hub.stop(), 0)

    def meet(self, name, bob, *how):
        node = self.node(name)
        bob.one('add', node.id, '--name', name)
        node.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        if how == ('--webrtc',):
            node.one('login', '--hub', self.hub.origin)
        node.one('connect', 'bob', *how)
        return node

    def newcomer(self, name, bob, *how):
        """Somebody new logs in and connects, in good time."""
        node = self.node(name)
        bob.one('add', node.id, '--name', name)
        node.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        start = time.monotonic()
        node.one('login', '--hub', self.hub.origin)
        node.one('connect', 'bob', *how)
        self.assertLess(time.monotonic() - start, NEWCOMER_SECONDS)
        node.down()

    # Each flood goes on for a while; its result is a line of the report.

    def flood_udp(self):
        return f'{udp_flood(self.udp_port, self.random, 2 * FLOOD_SECONDS)} datagrams'

    def flood_tls_with_silence(self):
        silent = self.held.add(self.tls_port, self.silent, spread=True)
        self.newcomer('dave', self.bob, '--direct')
        report = f'{len(silent)} silent connections of as many addresses, {self.held.count_open()} left open'
        self.held.close()
        return report

    def flood_tls_with_garbage(self):
        talkers = self.held.add(self.tls_port, 400, spread=True)
        self.held.say(talkers[:300], *tls_starts(self.random))
        self.held.drip(talkers[300:], client_hello(), FLOOD_SECONDS)
        self.held.close()
        return f'{len(talkers)} connections'

    def flood_hub_with_silence(self):
        silent = self.held.add(self.hub.port, self.silent)
        start = time.monotonic()
        NodeKey().connect(self.hub).close()
        self.assertLess(time.monotonic() - start, NEWCOMER_SECONDS)
        report = f'{len(silent)} silent connections, {self.held.count_open()} left open'
        self.held.close()
        return report

    def flood_hub_with_garbage(self):
        texts = bad_http(self.random)
        talkers = self.held.add(self.hub.port, 2000)
        self.held.say(talkers[:1000], *texts)
        self.held.drip(talkers[1000:1500], b'GET / HTTP/1.1\r\nHost: ' + b'x' * 1000, FLOOD_SECONDS)
        self.held.say(talkers[1500:], b'POST /login/key HTTP/1.1\r\nHost: x\r\nContent-Length: 16000\r\n\r\n')
        self.held.drip(talkers[1500:], b'{' * 1000, FLOOD_SECONDS)
        NodeKey().connect(self.hub).close()
        self.held.close()
        return f'{len(talkers)} connections'

    def flood_websocket(self):
        mallory, frames = NodeKey(), bad_frames(self.random)
        tokens = mallory.login(self.hub)
        mallory.register(self.hub, tokens)
        for frame in frames:
            connection = mallory.connect(self.hub, tokens)
            connection.socket.settimeout(1)
            try:
                connection.socket.sendall(frame)
            except OSError:
                pass
        slow = mallory.connect(self.hub, tokens)
        for byte in b'\x81\xfe\x01\x00aaaa' + b'x' * 40:
            slow.socket.send(bytes([byte]))
            time.sleep(DRIP_SECONDS)
        for words in ([], ['Authorization: Bearer ' + 'x' * 3000], ['Authorization: Bearer a.b.c']):
            with self.assertRaises(Refused):
                WebSocket(self.hub.port, '/ws/signal', words)
        close_all()
        return f'{len(frames) + 1} sockets'

    def test_honest_people_notice_nothing(self):
        self.silent = min(SILENT, self.limit - 1000)
        if self.silent < SILENT:
            print(f'only {self.silent} silent connections: this process may have {self.limit} descriptors')
        bob = self.bob = self.node('bob', up=False)
        with open(bob.home / 'config.ini', 'a') as config:
            config.write(f'\n[node]\nudp_port = {self.udp_port}\n')
        self.tls_port = free_port()
        bob.up(port=self.tls_port)
        bob.one('login', '--hub', self.hub.origin)
        alice, carol = self.meet('alice', bob, '--webrtc'), self.meet('carol', bob, '--direct')
        paths = {peer['name']: peer['link']['path'] for peer in bob.one('peers')['peers']}
        self.assertEqual(paths, {'alice': 'webrtc', 'carol': 'direct'})

        ears = {node.name: Ear(node) for node in (alice, bob, carol)}
        scale = Scale({'hub': self.hub.process, **{node.name: node.process for node in (alice, bob, carol)}})
        for name in ('flood_udp', 'flood_tls_with_silence', 'flood_tls_with_garbage', 'flood_hub_with_silence',
                     'flood_hub_with_garbage', 'flood_websocket'):
            with self.subTest(flood=name):
                start = time.monotonic()
                self.talks = [Talk(alice, bob, ears, name), Talk(carol, bob, ears, name)]
                report = getattr(self, name)()
                for talk, path in zip(self.talks, ('webrtc', 'direct')):
                    times = talk.stop()
                    self.assertEqual(talk.problems, [])
                    self.assertLess(times[-1], DELIVERY_SECONDS)
                    report += f'; {len(times)} messages over {path}, half in {times[len(times) // 2] * 1000:.0f} ms, ' \
                              f'all in {times[-1] * 1000:.0f} ms'
                print(f'{name}: {report}; {time.monotonic() - start:.1f} s', flush=True)
        scale.stopping.set()
        self.assertEqual([ear.doubled for ear in ears.values()], [[], [], []])
        self.assertEqual(bob.one('status')['links'], 2)
        for name, most in scale.most.items():
            growth = most - scale.first[name]
            print(f'{name}: {scale.first[name]:.0f} MiB, at most {most:.0f} MiB', flush=True)
            self.assertLess(growth, GROWTH_SANITIZED_MIB if is_sanitized() else GROWTH_MIB, name)

        counters, dropped = bob.one('status')['counters'], self.hub.ask('GET', '/health')[1]['dropped']
        print(f'bob: {counters}\nhub: {dropped}', flush=True)
        self.assertGreater(counters['datagrams_dropped'], 100)
        self.assertGreater(counters['connections_refused'], self.silent // 2)
        self.assertGreater(dropped['connections'], self.silent // 4)
        self.assertGreater(dropped['requests'], 10)
        self.assertGreater(dropped['frames'], 10)
        self.newcomer('erin', bob, '--webrtc')
        self.newcomer('frank', bob, '--direct')


class Contacts(HostileTest):
    def test_a_contact_that_pours_messages_in_and_never_reads_costs_little(self):
        bob, port = self.node('bob', up=False), free_port()
        bob.up(port=port)
        alice, mallory = self.node('alice'), self.node('mallory', up=False)
        for node in (alice, mallory):
            bob.one('add', node.id, '--name', node.name)
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        alice.one('connect', 'bob')
        raw = RawPeer(mallory.home, port)
        self.addCleanup(raw.close)
        raw.send({'type': 'hello', 'node_id': mallory.id, 'name': 'm', 'agent': 'raw', 'features': []})
        bob.event('link_up', lambda event: event['name'] == 'mallory')
        log = self.directory / 'bob.log'
        ears = {node.name: Ear(node) for node in (alice, bob)}
        scale, before = Scale({'bob': bob.process}), log.stat().st_size
        talk = Talk(alice, bob, ears, 'beside a contact')
        raw.socket.settimeout(0.5)
        try:
            for number in range(POURED):
                raw.send({'type': 'error', 'code': 'oops', 'message': f'{number} ' + 'x' * 200})
                raw.send({'type': 'ping', 'timestamp': number})
                raw.send({'type': 'chat_ack', 'id': f'{number}'})
                raw.send({'type': 'nonsense', 'request_id': 'r'})
        except OSError:
            pass
        times = talk.stop()
        self.assertEqual(talk.problems, [])
        self.assertLess(times[-1], DELIVERY_SECONDS)
        scale.stopping.set()
        grown, logged = scale.most['bob'] - scale.first['bob'], log.stat().st_size - before
        print(f'{number + 1} rounds; {len(times)} honest messages, all in {times[-1] * 1000:.0f} ms; '
              f'bob grew by {grown:.0f} MiB, his log by {logged} bytes', flush=True)
        self.assertLess(grown, GROWTH_SANITIZED_MIB if is_sanitized() else GROWTH_MIB)
        self.assertLess(logged, LOG_BYTES_MAX)


    def test_a_stranger_who_knocks_without_end_does_not_fill_the_log(self):
        bob, port = self.node('bob', up=False), free_port()
        bob.up(port=port)
        eve = self.node('eve', up=False)
        log = self.directory / 'bob.log'
        before = log.stat().st_size
        start = time.monotonic()
        for _ in range(KNOCKS):
            RawPeer(eve.home, port).close()

        def counted():
            # Twenty a minute are let wait, and the slower the knocks the more of those there are.
            let_in = STRANGERS_PER_MINUTE * (1 + (time.monotonic() - start) / 60)
            return bob.one('status')['counters']['refused'] >= KNOCKS - let_in - 1
        wait_until('those beyond the rate are counted', counted, DELIVERY_SECONDS)
        logged = log.stat().st_size - before
        print(f'{KNOCKS} knocks; the log grew by {logged} bytes', flush=True)
        self.assertLess(logged, LOG_BYTES_MAX // 4)
        self.assertEqual(bob.one('status')['strangers'], 1)


class Kills(HostileTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.alice, self.bob = self.node('alice'), self.node('bob', up=False)
        self.bob.up(port=self.port)
        self.bob.one('add', self.alice.id, '--name', 'alice')
        self.alice.one('add', self.bob.one('status')['uris'][0], '--name', 'bob')
        self.alice.one('connect', 'bob')

    def kill(self, node):
        node.process.kill()
        node.process.wait()

    def assert_all_arrive_once(self, sent):
        wait_until('everything is delivered', lambda: self.alice.one('status')['queued'] == 0, 40)
        received = [message['text'] for message in self.bob.one('history', 'alice', '--limit', '500')['messages']
                    if message['direction'] == 'in']
        self.assertEqual(received, sent)

    def test_killing_bob_again_and_again_loses_and_doubles_nothing(self):
        moments = sorted(self.random.sample(range(5, MESSAGES - 20), KILLS))
        back = {moment + self.random.randrange(1, 20) for moment in moments}
        print(f'bob dies before messages {moments}', flush=True)
        sent = []
        for number in range(MESSAGES):
            if number in moments and self.bob.process.poll() is None:
                time.sleep(self.random.random() * 0.02)
                self.kill(self.bob)
            if number in back and self.bob.process.poll() is not None:
                self.bob.up(port=self.port)
            sent.append(f'message {number}')
            send(self.alice, 'bob', sent[-1])
        if self.bob.process.poll() is not None:
            self.bob.up(port=self.port)
        self.assert_all_arrive_once(sent)

    def test_killing_alice_right_after_she_accepted_loses_and_doubles_nothing(self):
        moments = sorted(self.random.sample(range(5, MESSAGES), KILLS))
        print(f'alice dies after messages {moments}', flush=True)
        sent = []
        for number in range(MESSAGES):
            sent.append(f'message {number}')
            send(self.alice, 'bob', sent[-1])
            if number in moments:
                self.kill(self.alice)
                self.alice.up()
        self.assert_all_arrive_once(sent)


class Refusals(HostileTest):
    def sign(self, key, claims):
        name, secret = key

        def encode(data):
            return base64.urlsafe_b64encode(data).rstrip(b'=')
        text = encode(json.dumps({'alg': 'HS256', 'typ': 'JWT', 'kid': name}).encode()) + b'.' + encode(json.dumps(claims).encode())
        return (text + b'.' + encode(hmac.new(secret, text, hashlib.sha256).digest())).decode()

    def test_an_expired_token_is_refused_and_says_how_to_get_another(self):
        hub = Hub(PROGRAM_HUB)
        try:
            token = NodeKey().login(hub)['access_token']
            part = token.split('.')[1]
            claims = json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))
            with contextlib.closing(sqlite3.connect(hub.directory / 'hub.db')) as database:
                key = database.execute('SELECT id, secret FROM token_keys').fetchone()
            # The forgery is good; only its time is over.
            self.assertEqual(hub.ask('GET', '/users/me', token=self.sign(key, claims))[0], 200)
            now = int(time.time())
            expired = self.sign(key, {**claims, 'iat': now - 1801, 'exp': now - 1})
            status, answer = hub.ask('GET', '/users/me', token=expired)
            self.assertEqual((status, answer['error']['code']), (401, 'expired_token'))
            self.assertIn('/refresh', answer['error']['message'])
            with self.assertRaises(Refused) as refused:
                WebSocket(hub.port, '/ws/signal', [f'Authorization: Bearer {expired}'])
            self.assertEqual(refused.exception.status, 401)
            self.assertIn('expired_token', refused.exception.body)
        finally:
            close_all()
            self.assertEqual(hub.stop(), 0)

    def test_a_node_whose_login_the_hub_no_longer_takes_says_so(self):
        hub = Hub(PROGRAM_HUB, str(self.directory))
        port, alice = hub.port, self.node('alice')
        alice.one('login', '--hub', hub.origin)
        alice.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        self.assertEqual(hub.stop(), 0)
        for path in self.directory.glob('hub.db*'):
            path.unlink()
        hub = Hub(PROGRAM_HUB, str(self.directory), '--listen', f'127.0.0.1:{port}', config='[hub]\nnew_accounts = no\n')
        try:
            wait_until('the node is told', lambda: 'account' in (alice.one('status')['hub']['error'] or ''), 30)
            self.assert_fails(alice.run('login'), 1, hub.origin, 'account')
            self.assert_fails(alice.run('connect', 'bob', '--webrtc'), 1, hub.origin)
            self.assertEqual(alice.one('send', 'bob', 'for later')['state'], 'queued')
        finally:
            self.assertEqual(hub.stop(), 0)

    def test_a_node_that_takes_no_strangers_says_so_to_them(self):
        bob, alice = self.node('bob', up=False), self.node('alice')
        with open(bob.home / 'config.ini', 'a') as config:
            config.write('\n[node]\nstrangers = deny\n')
        bob.up()
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        start = time.monotonic()
        self.assert_fails(alice.run('connect', 'bob', '--timeout', '10'), 1, 'bob')
        self.assertLess(time.monotonic() - start, 15)
        self.assertEqual(alice.one('send', 'bob', 'for later')['state'], 'queued')
        self.assertEqual(bob.one('status')['strangers'], 0)

    def damaged(self, node, name, data, named=None):
        """`dpc up` with this in place of a file: refused in one line, and left as it is."""
        path = node.home / name
        before = path.read_bytes()
        path.write_bytes(data(before))
        done = node.run('up', '--listen', 'none')
        self.assert_fails(done, 1, named or name)
        self.assertEqual(path.read_bytes(), data(before))
        path.write_bytes(before)

    def test_damaged_identities_are_named_and_left_alone(self):
        node, other = self.node('alice', up=False), self.node('bob', up=False)
        cut = {'nothing': lambda data: b'', 'half': lambda data: data[:len(data) // 2],
               'noise': lambda data: self.noise(len(data))}
        for name in ('node.key', 'node.crt'):
            for kind, data in cut.items():
                with self.subTest(name=name, kind=kind):
                    self.damaged(node, name, data)
            with self.subTest(name=name, kind='of somebody else'):
                self.damaged(node, name, lambda _, name=name: (other.home / name).read_bytes(), 'certificate beside')
        node.up()
        self.assertEqual(node.one('status')['node_id'], node.id)

    def noise(self, size):
        return random.Random(size).randbytes(size)

    def test_a_database_damaged_in_the_middle_is_named_and_left_alone(self):
        node = self.node('alice')
        node.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        for number in range(20):
            send(node, 'bob', f'{number} ' + 'x' * 5000)
        self.assertEqual(node.down(), 0)
        database = sqlite3.connect(node.home / 'dpc.db')
        database.execute('pragma wal_checkpoint(truncate)')
        database.execute('pragma journal_mode = wal')
        database.close()

        def middle(data):
            return data[:len(data) // 3] + self.noise(len(data) // 3) + data[2 * (len(data) // 3):]
        self.damaged(node, 'dpc.db', middle)
        self.damaged(node, 'dpc.db', lambda data: data[:len(data) // 2])
        node.up()
        self.assertEqual(len(node.one('history', 'bob')['messages']), 20)


if __name__ == '__main__':
    harness.main()
