"""Whom a node lets in, what it tells to whom, and what a peer, a stranger or a hub cannot make of it."""
import http.server
import json
import queue
import socket
import sqlite3
import struct
import sys
import threading
import time

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from stage import wait_until
from websocket import close_all

sys.path.insert(0, str(harness.ROOT / 'tests/tools'))
from hostile_hub import HostileHub  # noqa: E402

SDP = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:abcdefgh
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 FINGERPRINT
a=setup:actpass
a=sctp-port:5000
""".replace('\n', '\r\n')


def signed_offer(key, sender, target, session='s1'):
    """An offer as another implementation would make it."""
    fingerprint = ':'.join(['AB'] * 32)
    expiry = int(time.time()) + 200
    message = b'dpc-assertion-v1\n'
    for field in (b'offer', session.encode(), sender.encode(), target.encode(), fingerprint.encode(),
                  struct.pack('!Q', expiry), b''):
        message += struct.pack('!H', len(field)) + field
    return {'type': 'offer', 'offer': {'type': 'offer', 'sdp': SDP.replace('FINGERPRINT', fingerprint)},
            'session_id': session,
            'identity': {'certificate': key.certificate, 'signature': key.sign_bytes(message), 'sender': sender,
                         'target': target, 'fingerprint': fingerprint, 'expiry': expiry}}


class TrustTest(harness.StageTest):
    def direct_pair(self):
        alice, bob = self.node('alice'), self.node('bob')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        bob.one('add', alice.one('status')['uris'][0], '--name', 'alice')
        return alice, bob

    def real_hub(self):
        hub = Hub(PROGRAM_HUB)
        self.addCleanup(hub.stop)
        self.addCleanup(close_all)
        return hub


class Hubs(TrustTest):
    def test_a_second_login_does_not_change_where_the_first_one_goes(self):
        slow = socket.create_server(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{slow.getsockname()[1]}'
        alice = self.node('alice')
        first = threading.Thread(target=lambda: alice.run('login', '--hub', url))
        first.start()
        wait_until('the login is under way', lambda: alice.one('status')['hub']['state'] == 'connecting', 10)
        done = alice.run('login', '--hub', 'http://127.0.0.1:9')
        self.assert_fails(done, 1, 'login')
        self.assertEqual(alice.one('status')['hub']['url'], url)
        slow.close()
        first.join()

    def test_a_hub_that_logs_us_in_and_then_closes_the_door_does_not_replace_the_former(self):
        hub, trap = self.real_hub(), HostileHub()
        self.addCleanup(trap.server_close)
        self.addCleanup(trap.shutdown)
        trap.refuses_sockets = True
        alice = self.node('alice')
        alice.one('login', '--hub', hub.origin)
        self.assert_fails(alice.run('login', '--hub', trap.url), 1, trap.url)
        wait_until('alice is back at her hub', lambda: alice.one('status')['hub']['state'] == 'connected', 10)
        self.assertEqual(alice.one('status')['hub']['url'], hub.origin)

    def test_logging_out_ends_the_login_at_the_hub_also_without_an_access_token(self):
        url, hub = self.stage.start_hub()
        alice = self.node('alice')
        alice.one('login', '--hub', url)
        alice.down()
        # It cannot renew its login, so all it has is the refresh token.
        self.stage.stop_one(hub)
        alice.up()
        wait_until('it waits for the hub', lambda: alice.one('status')['hub']['state'] == 'waiting', 10)
        self.stage.start_hub(port=int(url.rsplit(':', 1)[1]))
        alice.run('logout')

        def revoked():
            store = sqlite3.connect(self.directory / 'hub/hub.db')
            rows = [row[0] for row in store.execute('SELECT revoked FROM sessions')]
            store.close()
            return rows == [1]
        wait_until('the login has ended', revoked, 10)

    def test_the_largest_signal_of_a_stranger_does_not_cost_us_the_hub(self):
        hub, mallory = self.real_hub(), NodeKey()
        alice = self.node('alice')
        alice.one('login', '--hub', hub.origin)
        before = alice.one('status')['hub']
        mallory_socket = mallory.connect(hub)
        frame = {'type': 'signal', 'target_node_id': alice.id, 'payload': {'x': ''}}
        frame['payload']['x'] = 'y' * (65536 - len(json.dumps(frame)))
        mallory_socket.send_text(json.dumps(frame))
        mallory_socket.send({'type': 'signal', 'target_node_id': alice.id, 'payload': {'x': ''}})
        wait_until('both were read', lambda: alice.one('status')['counters']['malformed'] == 2, 10)
        self.assertEqual(alice.one('status')['hub'], before)


class Consent(TrustTest):
    def test_the_name_of_a_contact_comes_before_the_start_of_a_strangers_id(self):
        bob, carol = self.node('bob'), self.node('carol')
        carol.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        thread = threading.Thread(target=lambda: carol.run('connect', 'bob', '--direct', '--timeout', '5'))
        thread.start()
        bob.event('stranger')
        # Somebody whose name reads like the first digits of the stranger's id.
        name = carol.id[9:12]
        dave = 'dpc-node-' + '0123456789abcdef'
        bob.one('add', dave, '--name', name)
        self.assertEqual(bob.one('block', name)['node_id'], dave)
        self.assertEqual(bob.one('accept', name)['node_id'], dave)
        self.assertEqual([stranger['node_id'] for stranger in bob.one('peers')['strangers']], [carol.id])
        thread.join()

    def test_what_fits_a_contact_and_a_stranger_is_ambiguous(self):
        bob, carol = self.node('bob'), self.node('carol')
        carol.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        thread = threading.Thread(target=lambda: carol.run('connect', 'bob', '--direct', '--timeout', '5'))
        thread.start()
        bob.event('stranger')
        bob.one('add', 'dpc-node-' + '0123456789abcdef', '--name', carol.id[9:12] + 'x')
        for word in ('accept', 'block'):
            self.assert_fails(bob.run(word, carol.id[9:12]), 1, 'several')
        self.assertEqual(len(bob.one('peers')['strangers']), 1)
        thread.join()

    def test_a_blocked_contact_is_not_called_after_a_restart(self):
        alice, bob = self.direct_pair()
        bob_port = bob.one('status')['listen'][0].rsplit(':', 1)[1]
        bob.down()
        self.assertEqual(alice.one('send', 'bob', 'for later')['state'], 'queued')
        alice.one('block', 'bob')
        alice.down()
        bob.up(port=bob_port)
        alice.up()
        time.sleep(2)
        self.assertEqual(alice.one('status')['links'], 0)
        self.assertEqual(bob.one('history', 'alice')['messages'], [])
        # Nothing that was accepted is lost: it goes out when the block is lifted.
        alice.one('accept', 'bob')
        alice.one('connect', 'bob')
        bob.event('chat', lambda event: event['message']['text'] == 'for later')

    def test_a_blocked_contact_does_not_come_back_under_the_longer_id(self):
        hub, eve = self.real_hub(), NodeKey()
        alice = self.node('alice')
        alice.one('login', '--hub', hub.origin)
        alice.one('add', f'dpc://127.0.0.1:9?node_id={eve.node_id}&key={eve.pin}', '--name', 'eve')
        alice.one('block', 'eve')
        again = NodeKey(eve.key, common_name='dpc-node-' + eve.pin[:32])
        again.node_id = 'dpc-node-' + eve.pin[:32]
        eve_socket = again.connect(hub)
        eve_socket.send({'type': 'signal', 'target_node_id': alice.id,
                         'payload': signed_offer(again, again.node_id, alice.id)})
        alice.event('refused', lambda event: event['peer'] == again.node_id)
        self.assertEqual(alice.one('peers')['strangers'], [])

    def test_a_signed_offer_of_a_stranger_asks_for_consent(self):
        hub, eve = self.real_hub(), NodeKey()
        alice = self.node('alice')
        alice.one('login', '--hub', hub.origin)
        eve_socket = eve.connect(hub)
        eve_socket.send({'type': 'signal', 'target_node_id': alice.id,
                         'payload': signed_offer(eve, eve.node_id, alice.id)})
        _, event = alice.event('stranger')
        self.assertEqual(event['stranger']['key'], eve.pin)


    def test_strangers_are_limited_in_rate_and_so_are_their_candidates(self):
        hub, keys = self.real_hub(), [NodeKey() for _ in range(21)]
        alice = self.node('alice')
        alice.one('login', '--hub', hub.origin)
        sockets = [key.connect(hub) for key in keys]
        for i, (key, to_hub) in enumerate(zip(keys, sockets)):
            to_hub.send({'type': 'signal', 'target_node_id': alice.id,
                         'payload': signed_offer(key, key.node_id, alice.id)})
            if i < 20:
                alice.event('stranger', lambda event: event['peer'] == key.node_id)
        _, event = alice.event('refused', lambda event: event['peer'] == keys[20].node_id)
        self.assertIn('strangers', event['reason'])
        self.assertEqual(alice.one('status')['strangers'], 20)
        # No address of ours has been told: not one signal has come back.
        for i in range(100):
            sockets[0].send({'type': 'signal', 'target_node_id': alice.id, 'payload': {
                'type': 'ice-candidate', 'session_id': 's1', 'candidate': {
                    'candidate': f'candidate:1 1 udp 1 192.0.2.{i} 9 typ host', 'sdpMid': '0', 'sdpMLineIndex': 0}}})
        for to_hub in sockets[:20]:
            to_hub.send({'type': 'ping', 'timestamp': 1})
            self.assertEqual(to_hub.receive()['type'], 'pong')
        # The first is let in, and only it is answered.
        alice.one('accept', keys[0].node_id)
        self.assertEqual(sockets[0].receive()['payload']['type'], 'answer')
        sockets[1].send({'type': 'ping', 'timestamp': 2})
        self.assertEqual(sockets[1].receive()['type'], 'pong')


class Outbox(TrustTest):
    # As text it is within the limit, as JSON every character takes six bytes.
    LARGE = '\x01' * 60000

    def test_a_text_that_no_message_can_carry_is_not_accepted(self):
        alice, bob = self.direct_pair()
        done = alice.run('send', 'bob', '-', stdin=self.LARGE)
        self.assert_fails(done, 1, 'message')
        self.assertEqual(alice.one('history', 'bob')['messages'], [])

    def test_a_message_that_cannot_be_sent_does_not_hold_up_the_others(self):
        alice, bob = self.direct_pair()
        alice.down()
        store = sqlite3.connect(alice.home / 'dpc.db')
        store.execute('INSERT INTO messages (peer, direction, id, state, timestamp, text) VALUES (?, 0, ?, 0, 1, ?)',
                      (bob.id, 'large', self.LARGE))
        store.commit()
        store.close()
        alice.up()
        alice.one('send', 'bob', 'after it')
        bob.event('chat', lambda event: event['message']['text'] == 'after it')


class Provider(http.server.BaseHTTPRequestHandler):
    """Tells that a question has come, and answers when it may."""

    def log_message(self, format, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        self.server.asked.put(True)
        self.server.gate.wait(60)
        body = json.dumps({'model': 'm', 'message': {'content': 'here it is'}, 'done': True}).encode() + b'\n'
        try:
            self.send_response(200)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass


class Answers(TrustTest):
    def provider(self):
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Provider)
        server.asked, server.gate = queue.Queue(), threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.addCleanup(server.gate.set)
        return server

    def ask_and_change_the_link(self, swap):
        hub, provider = self.real_hub(), self.provider()
        alice, bob = self.node('alice', up=False), self.node('bob', up=False)
        # Which end closes the older link depends on the order of the ids.
        if (alice.id < bob.id) == swap:
            alice, bob = bob, alice
        with open(bob.home / 'config.ini', 'a') as config:
            config.write(f'[ai]\nprovider = ollama\nurl = http://127.0.0.1:{provider.server_address[1]}\nmodel = m\n')
        (bob.home / 'access.ini').write_text('[default]\nai.model.m = allow\n')
        for node in (alice, bob):
            node.up()
            node.one('login', '--hub', hub.origin)
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('connect', 'bob', '--webrtc')
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(alice.run('ask', 'bob', 'where?')))
        thread.start()
        provider.asked.get(timeout=30)
        alice.one('connect', 'bob', '--direct')
        wait_until('one link is left', lambda: alice.one('status')['links'] == 1, 10)
        provider.gate.set()
        thread.join()
        self.assertEqual((outcome[0].returncode, outcome[0].stdout), (0, 'here it is\n'), outcome[0].stderr)

    def test_a_question_goes_on_when_the_asker_closes_the_older_link(self):
        self.ask_and_change_the_link(False)

    def test_a_question_goes_on_when_the_asked_closes_the_older_link(self):
        self.ask_and_change_the_link(True)


if __name__ == '__main__':
    harness.main()
