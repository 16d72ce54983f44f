"""Nodes as processes: links, who is believed, and what survives a crash."""
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

import harness
from stage import UnixConnection, free_port, wait_until

sys.path.insert(0, str(harness.ROOT / 'tests/tools'))
from hostile_hub import HostileHub, swap_fingerprint  # noqa: E402

COUNT = 20


def texts_of(node, peer, direction):
    return [message['text'] for message in node.one('history', peer)['messages'] if message['direction'] == direction]


def peer_of(node, peer):
    return next(entry for entry in node.one('peers')['peers'] if entry['name'] == peer)


class NodeTest(harness.StageTest):
    def pair(self, *words):
        """Alice and bob, who know each other by id."""
        alice, bob = self.node('alice', True, *words), self.node('bob', True, *words)
        alice.one('add', bob.id, '--name', 'bob')
        bob.one('add', alice.id, '--name', 'alice')
        return alice, bob

    def direct_pair(self):
        alice, bob = self.pair()
        alice.one('add', bob.one('status')['uris'][0])
        return alice, bob

    def say(self, sender, receiver, text):
        message = sender.one('send', receiver.name, text)
        _, event = receiver.event('chat', lambda event: event['message']['text'] == text)
        self.assertEqual(event['peer'], sender.id)
        sender.event('chat_delivered', lambda event: event['id'] == message['id'])

    def connect(self, node, peer, how, path):
        link = node.one('connect', peer, how)['peer']['link']
        self.assertEqual(link['path'], path)
        return link


class DirectLinks(NodeTest):
    def test_two_contacts_chat_both_ways_and_see_it_delivered(self):
        alice, bob = self.direct_pair()
        link = self.connect(alice, 'bob', '--direct', 'direct')
        self.assertGreater(link['setup_ms'], 0)
        self.say(alice, bob, 'hello bob')
        self.say(bob, alice, 'hello alice')
        self.assertGreater(alice.one('ping', 'bob')['rtt_ms'], 0)
        self.assertEqual(bob.one('status')['counters']['malformed'], 0)

    def test_the_key_is_pinned_on_first_use(self):
        alice, bob = self.direct_pair()
        self.connect(alice, 'bob', '--direct', 'direct')
        bob.event('link_up')
        self.assertEqual(peer_of(bob, 'alice')['key'], alice.one('status')['key'])

    def test_somebody_with_another_key_at_the_address_gets_nothing(self):
        alice, bob = self.pair()
        eve_port = free_port()
        eve = self.node('eve', up=False)
        eve.up(port=eve_port)
        alice.one('add', f'dpc://127.0.0.1:{eve_port}?node_id={bob.id}')
        done = alice.run('connect', 'bob', '--direct')
        self.assert_fails(done, 1, 'bob', 'key')
        self.assertEqual(alice.one('send', 'bob', 'secret')['state'], 'queued')
        self.assertEqual(eve.one('status')['counters']['messages_in'], 0)

    def test_a_wrong_pin_in_the_address_is_refused(self):
        alice, bob = self.direct_pair()
        self.connect(alice, 'bob', '--direct', 'direct')
        uri = bob.one('status')['uris'][0]
        key = uri.split('key=')[1][:64]
        wrong = uri.replace(key, key[:16] + 'f' * 48 if key[16:] != 'f' * 48 else key[:16] + '0' * 48)
        done = alice.run('add', wrong)
        self.assert_fails(done, 1, 'key')

    def test_a_stranger_waits_for_consent(self):
        bob, carol = self.node('bob'), self.node('carol')
        carol.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(carol.run('connect', 'bob', '--direct')))
        thread.start()
        _, event = bob.event('stranger')
        self.assertEqual(event['stranger']['node_id'], carol.id)
        self.assertEqual(bob.one('status')['links'], 0)
        bob.one('accept', carol.id, '--name', 'carol')
        thread.join()
        self.assertEqual(outcome[0].returncode, 0, outcome[0].stderr)
        self.say(carol, bob, 'thanks for having me')

    def test_a_blocked_stranger_stays_outside(self):
        bob, carol = self.node('bob'), self.node('carol')
        carol.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        thread = threading.Thread(target=lambda: carol.run('connect', 'bob', '--direct'))
        thread.start()
        bob.event('stranger')
        bob.run('block', carol.id)
        thread.join()
        self.assertNotEqual(carol.run('connect', 'bob', '--direct').returncode, 0)
        self.assertEqual(bob.one('status')['links'], 0)

    def test_disconnect_is_respected_by_both_ends(self):
        alice, bob = self.direct_pair()
        self.connect(alice, 'bob', '--direct', 'direct')
        bob.event('link_up')
        bob.run('disconnect', 'alice')
        alice.event('link_down')
        time.sleep(2)
        self.assertEqual(alice.one('status')['links'], 0)
        self.say(alice, bob, 'and back again')

    def test_garbage_on_the_tls_port_disturbs_nobody(self):
        alice, bob = self.direct_pair()
        self.connect(alice, 'bob', '--direct', 'direct')
        host, port = bob.one('status')['listen'][0].rsplit(':', 1)
        silent = []
        for i in range(200):
            probe = socket.create_connection((host.strip('[]'), int(port)))
            if i % 2:
                try:
                    probe.sendall(os.urandom(1000))
                except OSError:
                    pass
            silent.append(probe)
        self.say(alice, bob, 'still here')
        for probe in silent:
            probe.close()

    def test_any_text_arrives_as_it_was_sent(self):
        alice, bob = self.direct_pair()
        self.say(alice, bob, 'text with "quotes", \\ and \u00fc\u4e16\U0001f600')
        self.say(alice, bob, 'x' * 65536)
        self.assertEqual(bob.one('status')['counters']['malformed'], 0)


class RawPeer:
    """A contact that says what it likes: frames on TLS with the key of a node's home."""

    def __init__(self, home, port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(['dpc/1'])
        context.load_cert_chain(home / 'node.crt', home / 'node.key')
        self.socket = context.wrap_socket(socket.create_connection(('127.0.0.1', port), timeout=20))
        self.stream = self.socket.makefile('rb')

    def send(self, message):
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.socket.sendall(struct.pack('>IHBB', len(text), 0, 1, 0) + text)

    def read(self):
        """The next message, or None at the end."""
        head = self.stream.read(8)
        if len(head) < 8:
            return None
        size, _, kind, _ = struct.unpack('>IHBB', head)
        text = self.stream.read(size)
        return json.loads(text) if kind == 1 else None

    def expect(self, kind):
        while True:
            message = self.read()
            if message is None or message['type'] == kind:
                return message

    def close(self):
        self.stream.close()
        self.socket.close()


class HostilePeers(NodeTest):
    def raw_pair(self):
        bob, port = self.node('bob', up=False), free_port()
        bob.up(port=port)
        mallory = self.node('mallory', up=False)
        bob.one('add', mallory.id, '--name', 'mallory')
        raw = RawPeer(mallory.home, port)
        self.addCleanup(raw.close)
        self.assertEqual(raw.read()['type'], 'hello')
        return bob, mallory, raw

    def hello(self, raw, node):
        raw.send({'type': 'hello', 'node_id': node.id, 'name': 'm', 'agent': 'raw', 'features': []})

    def test_what_cannot_be_read_is_answered_and_the_link_stays(self):
        bob, mallory, raw = self.raw_pair()
        self.hello(raw, mallory)
        for message, code in ((b'\xff\x00 no json', 'malformed'), (b'[]', 'malformed'), ({'type': 'chat'}, 'malformed'),
                              ({'type': 'teleport', 'request_id': 'r1'}, 'unknown_type'),
                              ({'type': 'ping', 'timestamp': 1, 'pad': 'x' * 2000}, 'too_large'),
                              (b'[' * 100000, 'too_large')):
            raw.send(message)
            self.assertEqual(raw.expect('error')['code'], code, message[:40] if isinstance(message, bytes) else message)
        raw.send({'type': 'ping', 'timestamp': 12.5})
        self.assertEqual(raw.expect('pong')['timestamp'], 12.5)
        counters = bob.one('status')['counters']
        self.assertEqual(counters['unknown_type'], 1)
        self.assertEqual(counters['malformed'], 5)

    def test_a_message_that_comes_twice_is_acknowledged_twice_and_shown_once(self):
        bob, mallory, raw = self.raw_pair()
        self.hello(raw, mallory)
        for _ in range(3):
            raw.send({'type': 'chat', 'id': 'same', 'text': 'once', 'timestamp': 1753000000.0})
            self.assertEqual(raw.expect('chat_ack')['id'], 'same')
        self.assertEqual(texts_of(bob, 'mallory', 'in'), ['once'])

    def test_errors_are_not_answered_without_end(self):
        bob, mallory, raw = self.raw_pair()
        self.hello(raw, mallory)
        for _ in range(200):
            raw.send({'type': 'nonsense'})
        raw.send({'type': 'ping', 'timestamp': 1})
        errors = 0
        while (message := raw.read())['type'] != 'pong':
            errors += message['type'] == 'error'
        self.assertEqual(errors, 30)
        self.assertEqual(bob.one('status')['counters']['unknown_type'], 200)

    def test_requests_beyond_the_rate_are_refused(self):
        bob, mallory, raw = self.raw_pair()
        self.hello(raw, mallory)
        # More than come back while they are looked at, on any machine.
        for i in range(2000):
            raw.send({'type': 'request_context', 'request_id': f'r{i}', 'firewall_rules': {'allowed_keys': ['a']}})
        self.assertEqual(raw.expect('error')['code'], 'limit')

    def test_somebody_who_greets_as_another_is_shut_out(self):
        bob, mallory, raw = self.raw_pair()
        raw.send({'type': 'hello', 'node_id': 'dpc-node-0123456789abcdef', 'name': 'm', 'agent': '', 'features': []})
        self.assertIsNone(raw.read())
        self.assertEqual(bob.one('status')['links'], 0)

    def test_a_frame_of_four_gigabytes_ends_the_link_only(self):
        bob, mallory, raw = self.raw_pair()
        self.hello(raw, mallory)
        raw.socket.sendall(struct.pack('>IHBB', 2**32 - 1, 0, 1, 0) + b'x' * 1000)
        self.assertIsNone(raw.expect('nothing'))
        self.assertEqual(bob.one('status')['links'], 0)

    def test_one_peer_has_only_so_many_links(self):
        bob, mallory, raw = self.raw_pair()
        port = int(bob.one('status')['listen'][0].rsplit(':', 1)[1])
        others = []
        for _ in range(12):
            other = RawPeer(mallory.home, port)
            self.addCleanup(other.close)
            others.append(other)
        greeted = sum(other.read() is not None for other in others)
        self.assertEqual(greeted, 5)

    def test_strangers_are_limited_in_rate(self):
        bob, port = self.node('bob', up=False), free_port()
        bob.up(port=port)
        eve = self.node('eve', up=False)
        for _ in range(25):
            raw = RawPeer(eve.home, port)
            self.addCleanup(raw.close)
        bob.event('refused', lambda event: 'strangers' in event['reason'])
        self.assertEqual(bob.one('status')['strangers'], 1)


class Crashes(NodeTest):
    def restart(self, node, port):
        node.up(port=port)

    def test_killing_the_receiver_loses_no_message_and_doubles_none(self):
        alice = self.node('alice')
        port = free_port()
        bob = self.node('bob', up=False)
        bob.up(port=port)
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        self.connect(alice, 'bob', '--direct', 'direct')
        sent = [f'message {i}' for i in range(COUNT)]
        for i, text in enumerate(sent):
            if i == COUNT // 3:
                bob.process.kill()
                bob.process.wait()
            if i == 2 * COUNT // 3:
                self.restart(bob, port)
            self.assertIn(alice.one('send', 'bob', text)['state'], ('queued', 'sent', 'delivered'))
        wait_until('everything is delivered', lambda: alice.one('status')['queued'] == 0, 60)
        self.assertEqual(texts_of(bob, 'alice', 'in'), sent)

    def test_killing_the_sender_loses_no_message_and_doubles_none(self):
        alice, bob = self.direct_pair()
        bob_uri = bob.one('status')['uris'][0]
        bob.down()
        sent = [f'message {i}' for i in range(COUNT)]
        for text in sent:
            alice.one('send', 'bob', text)
        alice.process.kill()
        alice.process.wait()
        alice.up()
        self.restart(bob, int(bob_uri.split(':')[2].split('?')[0]))
        wait_until('everything is delivered', lambda: alice.one('status')['queued'] == 0, 60)
        self.assertEqual(texts_of(bob, 'alice', 'in'), sent)

    def test_a_node_ends_at_once_when_asked_and_removes_its_socket(self):
        alice, bob = self.direct_pair()
        self.connect(alice, 'bob', '--direct', 'direct')
        start = time.monotonic()
        self.assertEqual(bob.down(), 0)
        self.assertLess(time.monotonic() - start, 4)
        self.assertFalse((bob.home / 'control.sock').exists())
        alice.event('link_down')

    def test_a_second_node_in_the_same_home_is_refused(self):
        alice = self.node('alice')
        done = alice.run('up', '--listen', f'127.0.0.1:{free_port()}')
        self.assert_fails(done, 1, str(alice.home))

    def test_a_port_in_use_is_named(self):
        alice = self.node('alice', up=False)
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen()
            address = f'127.0.0.1:{other.getsockname()[1]}'
            self.assert_fails(alice.run('up', '--listen', address), 1, address, '--listen')

    def test_damaged_files_are_named(self):
        for name in ('dpc.db', 'node.key', 'config.ini'):
            node = self.node('n-' + name.replace('.', ''), up=False)
            (node.home / name).write_bytes(b'\x00garbage = [' * 1000)
            self.assert_fails(node.run('up', '--listen', 'none'), 1, name)


class ThroughTheHub(NodeTest):
    def login(self, url, *nodes):
        for node in nodes:
            self.assertEqual(node.one('login', '--hub', url)['hub']['state'], 'connected')

    def hub_pair(self, *words):
        url, self.hub_process = self.stage.start_hub()
        alice, bob = self.pair(*words)
        self.login(url, alice, bob)
        return alice, bob

    def test_two_contacts_chat_over_webrtc(self):
        alice, bob = self.hub_pair()
        link = self.connect(alice, 'bob', '--webrtc', 'webrtc')
        self.assertEqual(link['local_type'], 'host')
        self.say(alice, bob, 'hello bob')
        self.say(bob, alice, 'hello alice')
        self.say(alice, bob, 'x' * 60000)
        self.assertGreater(alice.one('ping', 'bob')['rtt_ms'], 0)

    def test_the_link_needs_the_hub_no_more_once_it_is_up(self):
        alice, bob = self.hub_pair()
        self.connect(alice, 'bob', '--webrtc', 'webrtc')
        self.stage.stop_one(self.hub_process)
        self.say(alice, bob, 'the hub is gone')

    def test_killing_the_receiver_loses_nothing_over_webrtc(self):
        alice, bob = self.hub_pair()
        self.connect(alice, 'bob', '--webrtc', 'webrtc')
        self.say(alice, bob, 'before')
        bob.process.kill()
        bob.process.wait()
        sent = [f'message {i}' for i in range(COUNT)]
        for text in sent:
            alice.one('send', 'bob', text)
        bob.up()
        wait_until('everything is delivered', lambda: alice.one('status')['queued'] == 0, 90)
        self.assertEqual(texts_of(bob, 'alice', 'in'), ['before', *sent])

    def test_a_direct_link_replaces_one_over_webrtc_and_back(self):
        alice, bob = self.hub_pair()
        self.connect(alice, 'bob', '--webrtc', 'webrtc')
        alice.one('add', bob.one('status')['uris'][0])
        self.connect(alice, 'bob', '--direct', 'direct')
        self.say(alice, bob, 'direct')
        self.say(bob, alice, 'direct too')
        self.connect(alice, 'bob', '--webrtc', 'webrtc')
        self.say(alice, bob, 'webrtc')
        self.say(bob, alice, 'webrtc too')

    def test_when_both_connect_at_once_one_link_remains(self):
        alice, bob = self.hub_pair()
        threads = [threading.Thread(target=node.run, args=['connect', peer, '--webrtc'])
                   for node, peer in ((alice, 'bob'), (bob, 'alice'))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.say(alice, bob, 'one')
        self.say(bob, alice, 'two')
        wait_until('one link is left', lambda: all(node.one('status')['links'] == 1 for node in (alice, bob)), 10)
        self.assertNotEqual(peer_of(alice, 'bob')['link']['initiator'],
                            peer_of(bob, 'alice')['link']['initiator'])

    def test_somebody_who_is_not_at_the_hub_is_offline(self):
        alice, bob = self.hub_pair()
        bob.down()
        self.assert_fails(alice.run('connect', 'bob', '--webrtc'), 1, 'bob', 'hub')

    def test_a_stranger_learns_nothing_before_consent(self):
        url, _ = self.stage.start_hub()
        bob, carol = self.node('bob'), self.node('carol')
        self.login(url, bob, carol)
        carol.one('add', bob.id, '--name', 'bob')
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(carol.run('connect', 'bob', '--webrtc')))
        thread.start()
        bob.event('stranger')
        self.assertEqual(bob.one('status')['links'], 0)
        bob.one('accept', carol.id, '--name', 'carol')
        thread.join()
        self.assertEqual(outcome[0].returncode, 0, outcome[0].stderr)
        self.say(carol, bob, 'thanks')


    def test_nodes_come_back_to_a_hub_that_lost_everything(self):
        port = free_port()
        url, hub = self.stage.start_hub(port)
        alice, bob = self.pair()
        self.login(url, alice, bob)
        self.stage.stop_one(hub)
        for node in (alice, bob):
            node.event('hub', lambda event: event['hub']['state'] == 'waiting')
        self.assert_fails(alice.run('connect', 'bob', '--webrtc'), 1, url)
        self.stage.start_hub(port, 'second-hub')
        for node in (alice, bob):
            wait_until(f'{node.name} is back', lambda: node.one('status')['hub']['state'] == 'connected', 60)
        self.connect(alice, 'bob', '--webrtc', 'webrtc')
        self.say(alice, bob, 'a new hub')

    def test_a_login_that_fails_leaves_the_former_hub_in_place(self):
        alice, bob = self.hub_pair()
        nowhere = f'http://127.0.0.1:{free_port()}'
        self.assert_fails(alice.run('login', '--hub', nowhere), 1, nowhere)
        wait_until('alice is back at her hub', lambda: alice.one('status')['hub']['state'] == 'connected', 20)
        self.connect(alice, 'bob', '--webrtc', 'webrtc')

    def test_a_restarted_node_logs_in_by_itself(self):
        alice, bob = self.hub_pair()
        self.connect(alice, 'bob', '--webrtc', 'webrtc')
        bob.event('link_up')
        self.assertEqual(bob.down(), 0)
        alice.event('link_down')
        bob.up()
        bob.event('link_up')
        self.assertEqual(peer_of(bob, 'alice')['link']['path'], 'webrtc')
        bob.run('logout')
        self.assertEqual(bob.one('status')['hub']['state'], 'login')


class LocalApi(NodeTest):
    def ask(self, node, method, path, body=None, status=200):
        connection = UnixConnection(node.home / 'control.sock')
        connection.request(method, '/api/v1' + path, body=json.dumps(body) if isinstance(body, dict) else body)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.assertEqual(answer.status, status, text)
        return json.loads(text) if text else None

    def fails(self, node, method, path, status, code, body=None):
        error = self.ask(node, method, path, body, status)['error']
        self.assertEqual(error['code'], code)
        self.assertNotIn('\n', error['message'])
        self.assertGreater(len(error['message']), 10)

    def test_wrong_requests_are_answered_with_code_and_reason(self):
        alice = self.node('alice')
        for method, path, status, code, body in (
                ('POST', '/messages', 400, 'malformed', '{'),
                ('POST', '/messages', 400, 'malformed', {'peer': 'bob'}),
                ('POST', '/messages', 404, 'unknown_peer', {'peer': 'bob', 'text': 'x'}),
                ('POST', '/messages', 413, 'too_large', {'peer': 'bob', 'text': 'x' * 65537}),
                ('POST', '/connect', 400, 'malformed', {'peer': 'bob', 'via': 'pigeon'}),
                ('POST', '/connect', 400, 'malformed', {'peer': 'bob', 'timeout_ms': -1}),
                ('POST', '/context/request', 400, 'malformed', {'peer': 'bob', 'keys': []}),
                ('POST', '/context/request', 400, 'malformed', {'peer': 'bob', 'keys': ['k'] * 65}),
                ('POST', '/peers', 400, 'malformed', {'peer': 'bob'}),
                ('POST', '/peers', 400, 'malformed', {'peer': alice.id}),
                ('POST', '/login', 503, 'no_hub', {}),
                ('POST', '/login', 503, 'no_hub', {'provider': 'carrier'}),
                ('POST', '/login', 400, 'malformed', {'hub': 'gopher://x'}),
                ('GET', '/peers/bob', 404, 'unknown_peer', None),
                ('DELETE', '/peers/bob', 404, 'unknown_peer', None),
                ('GET', '/history', 400, 'malformed', None),
                ('GET', '/history/search', 400, 'malformed', None),
                ('GET', '/history/search?q=!!', 400, 'malformed', None),
                ('GET', '/history/search?q=a&before=x', 400, 'malformed', None),
                ('GET', '/history/search?q=' + 'a' * 257, 413, 'too_large', None),
                ('GET', '/history?peer=bob&limit=501', 400, 'malformed', None)):
            with self.subTest(path=path, body=str(body)[:60]):
                self.fails(alice, method, path, status, code, body)

    def test_a_peer_that_cannot_be_reached_says_why(self):
        alice, bob = self.pair()
        self.fails(alice, 'POST', '/connect', 503, 'no_hub', {'peer': 'bob'})
        self.fails(alice, 'POST', '/connect', 502, 'unreachable', {'peer': 'bob', 'via': 'direct'})
        self.fails(alice, 'POST', '/ping', 503, 'no_hub', {'peer': 'bob'})
        self.fails(alice, 'POST', '/disconnect', 409, 'not_connected', {'peer': 'bob'})
        self.assertEqual(self.ask(alice, 'POST', '/messages', {'peer': 'bob', 'text': 'later', 'wait_ms': 200}, 202)
                         ['state'], 'queued')

    def test_event_streams_are_limited_in_number(self):
        alice = self.node('alice')
        streams = []
        for i in range(16):
            connection = UnixConnection(alice.home / 'control.sock')
            connection.request('GET', '/api/v1/events')
            answer = connection.getresponse()
            streams.append((connection, answer))
            # The stage itself reads one.
            self.assertEqual(answer.status, 200 if i < 15 else 429)
        for connection, answer in streams:
            answer.close()
            connection.close()
        wait_until('there is room again', lambda: alice.one('status')['contacts'] == 0, 5)

    def test_a_removed_contact_is_told_and_forgotten(self):
        alice, bob = self.direct_pair()
        self.connect(alice, 'bob', '--direct', 'direct')
        bob.event('link_up')
        self.ask(alice, 'DELETE', '/peers/bob', None, 204)
        bob.event('link_down')
        self.fails(alice, 'GET', '/peers/bob', 404, 'unknown_peer')
        time.sleep(1.5)
        self.assertEqual(alice.one('status')['strangers'], 0)
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        self.connect(alice, 'bob', '--direct', 'direct')

    def test_delivery_can_be_waited_for(self):
        alice, bob = self.direct_pair()
        body = {'peer': 'bob', 'text': 'are you there?', 'wait_ms': 10000}
        self.assertEqual(self.ask(alice, 'POST', '/messages', body)['state'], 'delivered')

    def test_history_comes_in_pages(self):
        alice, bob = self.direct_pair()
        ids = [self.ask(alice, 'POST', '/messages', {'peer': 'bob', 'text': str(i)}, 202)['id'] for i in range(7)]
        page = self.ask(alice, 'GET', '/history?peer=bob&limit=3')
        self.assertEqual([message['text'] for message in page['messages']], ['4', '5', '6'])
        self.assertTrue(page['more'])
        page = self.ask(alice, 'GET', f'/history?peer=bob&limit=10&before={ids[4]}')
        self.assertEqual([message['text'] for message in page['messages']], ['0', '1', '2', '3'])
        self.assertFalse(page['more'])


    def test_words_are_found_in_the_history_of_both_sides(self):
        alice, bob = self.direct_pair()
        for text in ('the café opens at nine', 'nine o\'clock, then'):
            self.ask(alice, 'POST', '/messages', {'peer': 'bob', 'text': text, 'wait_ms': 10000})
        for node, peer in ((alice, 'bob'), (bob, 'alice')):
            [found] = self.ask(node, 'GET', '/history/search?q=CAFE%20nin*')['messages']
            self.assertEqual((found['name'], found['text']), (peer, 'the café opens at nine'))
            self.assertEqual(found['snippet'], 'the \x02café\x03 opens at \x02nine\x03')
            page = self.ask(node, 'GET', f'/history/search?q=nine&peer={peer}&limit=1')
            self.assertTrue(page['more'])
            [first], [second] = page['messages'], self.ask(
                node, 'GET', f"/history/search?q=nine&before={page['messages'][0]['sequence']}")['messages']
            self.assertEqual([first['text'], second['text']], ['nine o\'clock, then', 'the café opens at nine'])
        self.assertIn('the café opens at nine', alice.run('search', 'cafe').stdout)
        none = alice.run('search', 'tea')
        self.assertEqual((none.returncode, none.stdout), (1, ''))
        self.assertIn('no message has all of these words', none.stderr)


class Context(NodeTest):
    def test_only_what_the_rules_allow_is_answered(self):
        bob = self.node('bob', up=False)
        (bob.home / 'context.json').write_text(json.dumps(
            {'profile': {'name': 'Bob', 'city': 'Porto', 'email': 'bob@example.org'}, 'skills': ['C']}))
        (bob.home / 'access.ini').write_text('[peer:alice]\ncontext.profile.city = allow\n')
        bob.up()
        alice = self.node('alice')
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        answer = alice.one('context', 'get', 'bob', 'profile.city', 'profile.email', 'nothing')
        self.assertEqual(answer['context'], {'profile': {'city': 'Porto'}})
        self.assertEqual(answer['denied'], ['profile.email', 'nothing'])
        _, event = bob.event('context_asked')
        self.assertEqual(event['granted'], ['profile.city'])
        (bob.home / 'access.ini').write_text('[peer:alice]\ncontext.profile.* = allow\ncontext.profile.city = deny\n')
        answer = alice.one('context', 'get', 'bob', 'profile')
        self.assertEqual(answer['context'], {'profile': {'name': 'Bob', 'email': 'bob@example.org'}})
        (bob.home / 'access.ini').write_text('')
        done = alice.run('context', 'get', 'bob', 'profile.name')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('allows none', done.stderr)


class HostileHubs(NodeTest):
    def hostile_pair(self, tamper):
        self.hub = HostileHub(tamper)
        self.addCleanup(self.hub.shutdown)
        alice, bob = self.pair()
        for node in (alice, bob):
            node.one('login', '--hub', self.hub.url)
        return alice, bob

    def assert_refused(self, alice, bob, by, what):
        done = alice.run('connect', 'bob', '--webrtc')
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)
        _, event = by.event('refused' if by is bob else 'connect_failed')
        self.assertIn(what, json.dumps(event))
        for node in (alice, bob):
            self.assertEqual(node.one('status')['links'], 0)
            self.assertEqual(node.one('status')['counters']['messages_in'], 0)

    def test_an_honest_relay_works(self):
        alice, bob = self.hostile_pair(lambda sender, target, payload: [payload])
        self.connect(alice, 'bob', '--webrtc', 'webrtc')
        self.say(alice, bob, 'as usual')

    def test_another_fingerprint_in_the_offer_is_refused(self):
        def tamper(sender, target, payload):
            if payload['type'] == 'offer':
                payload['offer']['sdp'] = swap_fingerprint(payload['offer']['sdp'])
            return [payload]
        alice, bob = self.hostile_pair(tamper)
        self.assert_refused(alice, bob, bob, 'prove')

    def test_another_fingerprint_in_offer_and_assertion_is_refused(self):
        def tamper(sender, target, payload):
            if payload['type'] == 'offer':
                payload['offer']['sdp'] = swap_fingerprint(payload['offer']['sdp'])
                payload['identity']['fingerprint'] = ':'.join(['AB'] * 32)
            return [payload]
        alice, bob = self.hostile_pair(tamper)
        self.assert_refused(alice, bob, bob, 'prove')

    def test_another_fingerprint_in_the_answer_is_refused(self):
        def tamper(sender, target, payload):
            if payload['type'] == 'answer':
                payload['answer']['sdp'] = swap_fingerprint(payload['answer']['sdp'])
            return [payload]
        alice, bob = self.hostile_pair(tamper)
        self.assert_refused(alice, bob, alice, 'untrusted')
        # The way out that it names is one that the command line has.
        self.assertIn("'dpc connect bob --direct'", json.dumps(alice.one('peers')))
        self.assertNotEqual(alice.run('connect', 'bob', '--direct').returncode, 2)

    def test_an_assertion_that_was_cut_out_is_refused(self):
        def tamper(sender, target, payload):
            payload.pop('identity', None)
            return [payload]
        alice, bob = self.hostile_pair(tamper)
        self.assert_refused(alice, bob, bob, 'prove')

    def test_an_answer_of_another_session_is_refused(self):
        kept = []

        def tamper(sender, target, payload):
            if payload['type'] == 'answer':
                kept.append(payload)
                if len(kept) > 1:
                    return [{**kept[0], 'session_id': payload['session_id']}]
            return [payload]
        alice, bob = self.hostile_pair(tamper)
        self.connect(alice, 'bob', '--webrtc', 'webrtc')
        alice.run('disconnect', 'bob')
        wait_until('the link is gone', lambda: alice.one('status')['links'] == 0, 10)
        done = alice.run('connect', 'bob', '--webrtc')
        self.assert_fails(done, 1, 'bob', 'hub')
        self.assertEqual(alice.one('status')['links'], 0)

    def test_the_answer_of_somebody_else_is_refused(self):
        eve_payloads = []

        def tamper(sender, target, payload):
            if payload['type'] == 'answer' and sender == self.bob_id:
                return [{**eve_payloads[0], 'session_id': payload['session_id']}]
            if payload['type'] == 'answer':
                eve_payloads.append(payload)
            return [payload]
        self.bob_id = None
        alice, bob = self.hostile_pair(tamper)
        self.bob_id = bob.id
        eve = self.node('eve')
        eve.one('login', '--hub', self.hub.url)
        eve.one('add', alice.id, '--name', 'alice')
        alice.one('add', eve.id, '--name', 'eve')
        self.connect(alice, 'eve', '--webrtc', 'webrtc')
        done = alice.run('connect', 'bob', '--webrtc')
        self.assert_fails(done, 1, 'bob', 'hub')


if __name__ == '__main__':
    harness.main()
