#!/usr/bin/env python3
"""The hub from outside: login, registration, signals, and clients that mean no good."""
import base64
import hashlib
import hmac
import json
import pathlib
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

from cryptography.hazmat.primitives.asymmetric import ec

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey, descriptor_limit, garbage
from websocket import Closed, Refused, WebSocket, close_all

OFFER = {'type': 'offer', 'offer': {'type': 'offer', 'sdp': 'v=0\r\n'}, 'session_id': 's1', 'identity': {}}


class HubTest(unittest.TestCase):
    config = ''

    def setUp(self):
        self.hub = Hub(PROGRAM_HUB, config=self.config)

    def tearDown(self):
        close_all()
        status = self.hub.stop()
        self.assertEqual(status, 0)

    def assert_error(self, answer, status, code):
        self.assertEqual(answer[0], status, answer)
        self.assertEqual(answer[1]['error']['code'], code)
        self.assertTrue(answer[1]['error']['message'])

    def claims(self, token):
        part = token.split('.')[1]
        return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))


class Basics(HubTest):
    def test_the_hub_says_who_it_is(self):
        self.assertEqual(self.hub.line, f'dpc-hub listens on {self.hub.origin}\n')
        status, body = self.hub.ask('GET', '/')
        self.assertEqual((status, body['name'], body['origin']), (200, 'dpc-hub', self.hub.origin))
        status, body = self.hub.ask('GET', '/health')
        self.assertEqual((status, body['status']), (200, 'ok'))

    def test_unknown_paths_and_methods_are_errors_in_json(self):
        self.assert_error(self.hub.ask('GET', '/nothing'), 404, 'not_found')
        self.assert_error(self.hub.ask('DELETE', '/users/me'), 405, 'method')
        self.assert_error(self.hub.ask('POST', '/login/key', b'\xff\xff'), 400, 'malformed')
        self.assert_error(self.hub.ask('POST', '/login/key', '{"node_id":1}'), 400, 'malformed')
        self.assert_error(self.hub.ask('POST', '/login/key', '[' * 5000), 400, 'malformed')
        self.assert_error(self.hub.ask('POST', '/refresh', 'x' * 20000), 413, 'too_large')
        self.assert_error(self.hub.ask('GET', '/users/me'), 401, 'unauthorized')


class NoRelay(HubTest):
    def test_credentials_for_no_relay_are_not_found_and_nobody_else_is_told_so(self):
        self.assert_error(self.hub.ask('GET', '/turn-credentials'), 401, 'unauthorized')
        token = NodeKey().login(self.hub)['access_token']
        answer = self.hub.ask('GET', '/turn-credentials', token=token)
        self.assert_error(answer, 404, 'not_found')
        self.assertIn('[turn]', answer[1]['error']['message'])


class RelayCredentials(HubTest):
    secret = 'a secret of the relay'
    uris = ['turn:turn.example', 'turns:turn.example:443']
    config = f'[turn]\nservers = {" ".join(uris)}\nsecret = {secret}\nttl = 600\n[limits]\nturn_burst = 3\n'

    def ask(self, token):
        return self.hub.ask('GET', '/turn-credentials', token=token)

    def test_a_registered_node_gets_credentials_of_its_own_for_a_while(self):
        node = NodeKey()
        tokens = node.login(self.hub)
        self.assert_error(self.ask(None), 401, 'unauthorized')
        self.assert_error(self.ask('x'), 401, 'unauthorized')
        self.assert_error(self.ask(tokens['access_token']), 403, 'not_registered')
        node.register(self.hub, tokens)
        before = int(time.time())
        status, body = self.ask(tokens['access_token'])
        self.assertEqual(status, 200)
        self.assertEqual(sorted(body), ['password', 'ttl', 'uris', 'username'])
        self.assertEqual((body['ttl'], body['uris']), (600, self.uris))
        expiry, _, node_id = body['username'].partition(':')
        self.assertEqual(node_id, node.node_id)
        self.assertIn(int(expiry) - 600, range(before, int(time.time()) + 1))
        mac = hmac.new(self.secret.encode(), body['username'].encode(), hashlib.sha1).digest()
        self.assertEqual(body['password'], base64.b64encode(mac).decode())
        self.hub.ask('POST', '/logout', token=tokens['access_token'])
        self.assert_error(self.ask(tokens['access_token']), 401, 'unauthorized')

    def test_a_node_that_asks_too_often_waits_and_others_do_not(self):
        tokens = []
        for node in (NodeKey(), NodeKey()):
            tokens.append(node.login(self.hub))
            node.register(self.hub, tokens[-1])
        answers = [self.ask(tokens[0]['access_token']) for _ in range(12)]
        self.assertEqual([status for status, _ in answers[:3]], [200] * 3)
        self.assert_error(answers[3], 429, 'rate_limited')
        self.assertLess([status for status, _ in answers].count(200), 8)
        self.assertEqual(self.ask(tokens[1]['access_token'])[0], 200)


class Login(HubTest):
    def test_a_node_logs_in_registers_and_sees_itself(self):
        for node in (NodeKey(), NodeKey.rsa(2048)):
            tokens = node.login(self.hub)
            self.assertEqual((tokens['token_type'], tokens['expires_in'], tokens['registered']), ('bearer', 1800, False))
            claims = self.claims(tokens['access_token'])
            self.assertEqual(sorted(claims), ['aud', 'exp', 'iat', 'iss', 'jti', 'node_id', 'sub', 'typ'])
            self.assertEqual(claims['exp'] - claims['iat'], 1800)
            self.assertEqual(claims['node_id'], node.node_id)
            self.assertEqual(node.register(self.hub, tokens), (200, {'node_id': node.node_id, 'registered': True}))
            self.assertEqual(node.register(self.hub, tokens)[0], 200)
            status, me = self.hub.ask('GET', '/users/me', token=tokens['access_token'])
            self.assertEqual((status, me['node_id'], me['registered']), (200, node.node_id, True))
            self.assertEqual(str(me['id']), claims['sub'])
            again = node.login(self.hub)
            self.assertTrue(again['registered'])
            self.assertEqual(self.claims(again['access_token'])['sub'], claims['sub'])

    def test_a_challenge_is_good_for_one_answer_one_node_and_one_purpose(self):
        node, other = NodeKey(), NodeKey()
        body = node.login_body(self.hub)
        self.assertEqual(self.hub.ask('POST', '/login/key', body)[0], 200)
        self.assert_error(self.hub.ask('POST', '/login/key', body), 403, 'used_challenge')
        for challenge in (node.challenge(self.hub, 'register'), other.challenge(self.hub, 'login'), 'x' * 64, ''):
            body = node.login_body(self.hub, challenge=challenge or None)
            if not challenge:
                body['challenge'] = ''
            self.assert_error(self.hub.ask('POST', '/login/key', body), 403, 'bad_challenge')

    def test_a_proof_is_for_this_hub_and_by_this_key(self):
        node, other = NodeKey(), NodeKey()
        challenge = node.challenge(self.hub, 'login')
        wrong = [node.sign('login', 'https://evil.example', challenge), node.sign('register', self.hub.origin, challenge),
                 other.sign('login', self.hub.origin, challenge, node.node_id),
                 node.sign('login', self.hub.origin, challenge, context='dpc-assertion-v1'), 'AAAA', '!', '']
        for signature in wrong:
            body = node.login_body(self.hub, challenge=challenge, signature=signature)
            self.assert_error(self.hub.ask('POST', '/login/key', body), 403, 'bad_proof')
        localhost = f'http://localhost:{self.hub.port}'
        body = node.login_body(self.hub, challenge=challenge, signature=node.sign('login', localhost, challenge))
        self.assertEqual(self.hub.ask('POST', '/login/key', body)[0], 200)

    def test_a_refresh_token_is_good_once_and_a_second_use_ends_the_login(self):
        node = NodeKey()
        first = node.login(self.hub)
        node.register(self.hub, first)
        status, second = self.hub.ask('POST', '/refresh', {'refresh_token': first['refresh_token']})
        self.assertEqual(status, 200)
        self.assertNotEqual(first['refresh_token'], second['refresh_token'])
        status, third = self.hub.ask('POST', '/refresh', {'refresh_token': second['refresh_token']})
        self.assertEqual(status, 200)
        signal = node.connect(self.hub, third)
        for _ in range(2):
            answer = self.hub.ask('POST', '/refresh', {'refresh_token': first['refresh_token']})
            self.assertEqual(answer[0], 401)
        for token in (first, second, third):
            self.assert_error(self.hub.ask('GET', '/users/me', token=token['access_token']), 401, 'unauthorized')
            self.assertEqual(self.hub.ask('POST', '/refresh', {'refresh_token': token['refresh_token']})[0], 401)
        with self.assertRaises(Closed) as closed:
            signal.receive()
        self.assertEqual(closed.exception.code, 4001)
        self.assert_error(self.hub.ask('POST', '/refresh', {'refresh_token': 'nonsense'}), 401, 'bad_refresh_token')
        self.assert_error(self.hub.ask('POST', '/refresh', {}), 400, 'malformed')

    def test_logging_out_ends_tokens_and_socket_at_once(self):
        node = NodeKey()
        tokens = node.login(self.hub)
        node.register(self.hub, tokens)
        other = node.login(self.hub)
        signal = node.connect(self.hub, tokens)
        self.assertEqual(self.hub.ask('POST', '/logout', token=tokens['access_token']), (204, None))
        with self.assertRaises(Closed) as closed:
            signal.receive()
        self.assertEqual((closed.exception.code, closed.exception.reason), (4001, 'logged out'))
        self.assert_error(self.hub.ask('GET', '/users/me', token=tokens['access_token']), 401, 'unauthorized')
        self.assert_error(self.hub.ask('POST', '/logout', token=tokens['access_token']), 401, 'unauthorized')
        with self.assertRaises(Refused) as refused:
            node.connect(self.hub, tokens)
        self.assertEqual(refused.exception.status, 401)
        self.assertEqual(self.hub.ask('GET', '/users/me', token=other['access_token'])[0], 200)
        self.assertEqual(self.hub.ask('POST', '/logout', {'refresh_token': other['refresh_token']})[0], 204)
        self.assertEqual(self.hub.ask('GET', '/users/me', token=other['access_token'])[0], 401)

    def test_logging_out_everywhere_ends_every_login_of_the_account_and_no_other(self):
        node, other = NodeKey(), NodeKey()
        logins = [node.login(self.hub) for _ in range(3)]
        node.register(self.hub, logins[0])
        signal, bystander = node.connect(self.hub, logins[0]), other.connect(self.hub)
        self.assert_error(self.hub.ask('POST', '/logout', {'all': 1}, logins[2]['access_token']), 400, 'malformed')
        begin = time.monotonic()
        self.assertEqual(self.hub.ask('POST', '/logout', {'all': True}, logins[2]['access_token'])[0], 204)
        with self.assertRaises(Closed) as closed:
            signal.receive()
        self.assertEqual(closed.exception.code, 4001)
        self.assertLess(time.monotonic() - begin, 1)
        for tokens in logins:
            self.assert_error(self.hub.ask('GET', '/users/me', token=tokens['access_token']), 401, 'unauthorized')
            answer = self.hub.ask('POST', '/refresh', {'refresh_token': tokens['refresh_token']})
            self.assert_error(answer, 401, 'bad_refresh_token')
        bystander.send({'type': 'ping'})
        self.assertEqual(bystander.receive(), {'type': 'pong'})

    def test_the_login_that_is_one_too_many_closes_the_socket_of_the_oldest(self):
        node = NodeKey()
        oldest = node.login(self.hub)
        node.register(self.hub, oldest)
        signal = node.connect(self.hub, oldest)
        with sqlite3.connect(self.hub.directory / 'hub.db') as database:
            database.execute('UPDATE sessions SET created = created - 60')
        database.close()
        for _ in range(32):
            node.login(self.hub)
        with self.assertRaises(Closed) as closed:
            signal.receive()
        self.assertEqual(closed.exception.code, 4001)

    def test_tokens_that_were_tampered_with_are_refused(self):
        token = NodeKey().login(self.hub)['access_token']
        header, payload, signature = token.split('.')
        none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b'=').decode()
        tampered = [f'{none}.{payload}.', f'{none}.{payload}.{signature}', f'{header}.{payload}.',
                    f'{header}.{payload[:-2]}AA.{signature}', token[:-2], token + 'A', 'x', '..', 'a' * 5000]
        for wrong in tampered:
            self.assertEqual(self.hub.ask('GET', '/users/me', token=wrong)[0], 401, wrong)

    def test_logins_survive_a_restart_of_the_hub(self):
        with tempfile.TemporaryDirectory(prefix='dpc-hub-') as directory:
            node, hub = NodeKey(), Hub(PROGRAM_HUB, directory)
            tokens = node.login(hub)
            node.register(hub, tokens)
            self.assertEqual(hub.stop(), 0)
            hub = Hub(PROGRAM_HUB, directory)
            node.connect(hub, tokens).close()
            status, _ = hub.ask('POST', '/refresh', {'refresh_token': tokens['refresh_token']})
            self.assertEqual(status, 200)
            self.assertEqual(hub.stop(), 0)

    def test_a_logout_survives_a_restart_of_the_hub(self):
        with tempfile.TemporaryDirectory(prefix='dpc-hub-') as directory:
            node, hub = NodeKey(), Hub(PROGRAM_HUB, directory)
            one, two, three = (node.login(hub) for _ in range(3))
            hub.ask('POST', '/logout', token=one['access_token'])
            hub.ask('POST', '/refresh', {'refresh_token': two['refresh_token']})
            hub.ask('POST', '/refresh', {'refresh_token': two['refresh_token']})
            self.assertEqual(hub.stop(), 0)
            hub = Hub(PROGRAM_HUB, directory)
            for tokens in (one, two):
                self.assert_error(hub.ask('GET', '/users/me', token=tokens['access_token']), 401, 'unauthorized')
                answer = hub.ask('POST', '/refresh', {'refresh_token': tokens['refresh_token']})
                self.assert_error(answer, 401, 'bad_refresh_token')
            self.assertEqual(hub.ask('GET', '/users/me', token=three['access_token'])[0], 200)
            self.assertEqual(hub.stop(), 0)


class Registration(HubTest):
    def test_every_check_refuses(self):
        node, other = NodeKey(), NodeKey()
        token = node.login(self.hub)['access_token']

        def attempt(body):
            return self.hub.ask('POST', '/register-node-id', body, token)

        body = node.registration_body
        self.assert_error(self.hub.ask('POST', '/register-node-id', body(self.hub)), 401, 'unauthorized')
        self.assert_error(attempt({'node_id': node.node_id}), 400, 'malformed')
        self.assert_error(attempt(other.registration_body(self.hub)), 403, 'other_node')
        self.assert_error(attempt(body(self.hub, certificate='-----BEGIN nonsense')), 422, 'bad_certificate')
        self.assert_error(attempt(body(self.hub, public_key='nonsense')), 422, 'bad_public_key')
        self.assert_error(attempt(body(self.hub, public_key=other.public_key)), 422, 'bad_public_key')
        self.assert_error(attempt(body(self.hub, certificate=other.certificate)), 422, 'node_id_mismatch')
        expired = NodeKey(node.key, start_days=-20, end_days=-10)
        self.assert_error(attempt(body(self.hub, certificate=expired.certificate)), 422, 'expired_certificate')
        early = NodeKey(node.key, start_days=10, end_days=20)
        self.assert_error(attempt(body(self.hub, certificate=early.certificate)), 422, 'expired_certificate')
        named = NodeKey(node.key, common_name=other.node_id)
        self.assert_error(attempt(body(self.hub, certificate=named.certificate)), 422, 'node_id_mismatch')
        forged = NodeKey(node.key, signer=other.key)
        self.assert_error(attempt(body(self.hub, certificate=forged.certificate)), 422, 'bad_certificate_signature')
        challenge = node.challenge(self.hub, 'register')
        wrong = other.sign('register', self.hub.origin, challenge, node.node_id)
        self.assert_error(attempt(body(self.hub, challenge=challenge, signature=wrong)), 403, 'bad_proof')
        challenge = node.challenge(self.hub, 'login')
        self.assert_error(attempt(body(self.hub, challenge=challenge)), 403, 'bad_challenge')
        self.assertEqual(attempt(body(self.hub))[0], 200)

    def test_keys_of_other_kinds_are_refused(self):
        for node in (NodeKey.rsa(1024), NodeKey(ec.generate_private_key(ec.SECP384R1()))):
            answer = self.hub.ask('POST', '/login/key', node.login_body(self.hub))
            self.assert_error(answer, 422, 'unsupported_key')

    def test_a_node_that_is_not_registered_may_not_signal(self):
        node = NodeKey()
        tokens = node.login(self.hub)
        signal = WebSocket(self.hub.port, '/ws/signal', [f'Authorization: Bearer {tokens["access_token"]}'])
        self.assertEqual(signal.receive()['code'], 'not_registered')
        with self.assertRaises(Closed) as closed:
            signal.receive()
        self.assertEqual(closed.exception.code, 4003)


class Signals(HubTest):
    def setUp(self):
        super().setUp()
        self.alice, self.bob = NodeKey(), NodeKey()

    def test_signals_pass_both_ways_with_the_sender_set_by_the_hub(self):
        a, b = self.alice.connect(self.hub), self.bob.connect(self.hub)
        a.send({'type': 'signal', 'target_node_id': self.bob.node_id, 'payload': OFFER,
                'sender_node_id': 'dpc-node-ffffffffffffffff'})
        got = b.receive()
        self.assertEqual((got['type'], got['sender_node_id'], got['payload']), ('signal', self.alice.node_id, OFFER))
        b.send({'type': 'signal', 'target_node_id': self.alice.node_id, 'payload': {'type': 'bye'}})
        self.assertEqual(a.receive()['sender_node_id'], self.bob.node_id)
        a.send({'type': 'ping', 'timestamp': 1753000000.125})
        self.assertEqual(a.receive(), {'type': 'pong', 'timestamp': 1753000000.125})

    def test_a_payload_passes_byte_for_byte(self):
        a, b = self.alice.connect(self.hub), self.bob.connect(self.hub)
        payload = b'{ "b":1.0e2 , "a":"\\u00e9\\/ \xc3\xa9","n":1234567890123456789 }'
        a.send_text(b'{"payload": ' + payload + b' , "type":"signal","sender\\u005fnode_id":"x","target_node_id":"'
                    + self.bob.node_id.encode() + b'"}')
        text = b.receive_text()
        self.assertIn(payload, text)
        self.assertEqual(json.loads(text)['sender_node_id'], self.alice.node_id)
        self.assertEqual(text.count(b'node_id'), 2)

    def test_a_token_can_come_in_three_ways_and_is_never_logged(self):
        tokens = self.alice.login(self.hub)
        self.alice.register(self.hub, tokens)
        token = tokens['access_token']
        socket = WebSocket(self.hub.port, f'/ws/signal?token={token}')
        self.assertEqual(socket.receive()['type'], 'auth_ok')
        socket = WebSocket(self.hub.port, '/ws/signal', [f'Sec-WebSocket-Protocol: dpc.bearer.{token}'])
        self.assertEqual(socket.receive()['type'], 'auth_ok')
        self.assertIn(f'Sec-WebSocket-Protocol: dpc.bearer.{token}', socket.head)
        for headers, path in (([], '/ws/signal'), ([], '/ws/signal?token=x'), (['Authorization: Bearer x'], '/ws/signal'),
                              (['Sec-WebSocket-Protocol: dpc.bearer.x'], '/ws/signal')):
            with self.assertRaises(Refused) as refused:
                WebSocket(self.hub.port, path, headers)
            self.assertEqual(refused.exception.status, 401)
        self.assertNotIn(token[-20:], self.hub.log_text())

    def test_errors_have_codes(self):
        a = self.alice.connect(self.hub)
        target = 'dpc-node-0123456789abcdef'
        cases = [
            ({'type': 'signal', 'target_node_id': target, 'payload': {}}, 'target_offline'),
            ({'type': 'signal', 'payload': {}}, 'missing_target'),
            ({'type': 'signal', 'target_node_id': 'bob', 'payload': {}}, 'missing_target'),
            ({'type': 'signal', 'target_node_id': target}, 'invalid_json'),
            ({'type': 'dance'}, 'unknown_message_type'),
            ({}, 'unknown_message_type'),
        ]
        for message, code in cases:
            a.send(message)
            answer = a.receive()
            self.assertEqual((answer['type'], answer['code']), ('error', code))
        a.send_text('{"type":"signal","payload":"' + 'x' * 65536 + '"}')
        self.assertEqual(a.receive()['code'], 'too_large')
        a.send({'type': 'ping'})
        self.assertEqual(a.receive(), {'type': 'pong'})

    def test_a_signal_of_the_largest_size_passes(self):
        a, b = self.alice.connect(self.hub), self.bob.connect(self.hub)
        empty = len(json.dumps({'type': 'signal', 'target_node_id': self.bob.node_id, 'payload': {'x': ''}}))
        a.send({'type': 'signal', 'target_node_id': self.bob.node_id, 'payload': {'x': 'y' * (65536 - empty)}})
        self.assertEqual(len(b.receive()['payload']['x']), 65536 - empty)

    def test_frames_that_are_no_json_end_the_socket_after_ten(self):
        a = self.alice.connect(self.hub)
        for text in ['{', 'null', '[]', '{"a":1,"a":2}', '"x"', '[' * 100, '{"a":' * 40 + '1' + '}' * 40, '1', 'x', '']:
            a.send_text(text)
            self.assertEqual(a.receive()['code'], 'invalid_json')
        with self.assertRaises(Closed) as closed:
            a.receive()
        self.assertEqual((closed.exception.code, closed.exception.reason), (1008, 'too many invalid frames'))

    def test_a_newer_socket_replaces_the_older_at_once(self):
        tokens = self.alice.login(self.hub)
        self.alice.register(self.hub, tokens)
        b = self.bob.connect(self.hub)
        older = self.alice.connect(self.hub, tokens)
        newer = self.alice.connect(self.hub, tokens)
        b.send({'type': 'signal', 'target_node_id': self.alice.node_id, 'payload': OFFER})
        self.assertEqual(newer.receive()['payload'], OFFER)
        with self.assertRaises(Closed) as closed:
            older.receive()
        self.assertEqual(closed.exception.code, 4000)
        newer.close()
        deadline = time.monotonic() + 5
        while self.hub.ask('GET', '/health')[1]['nodes_connected'] != 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        b.send({'type': 'signal', 'target_node_id': self.alice.node_id, 'payload': OFFER})
        self.assertEqual(b.receive()['code'], 'target_offline')


class SlowAndGreedy(HubTest):
    config = '[limits]\nsignals_per_second = 100000\nsignals_burst = 1000000\n'

    def setUp(self):
        super().setUp()
        self.keys = [NodeKey() for _ in range(3)]
        self.alice, self.bob, self.carol = (key.connect(self.hub) for key in self.keys)

    def signal(self, size):
        return json.dumps({'type': 'signal', 'target_node_id': self.keys[1].node_id, 'payload': {'x': 'y' * size}})

    def refusal(self):
        """What a flood of large signals to bob, who does not read, is answered with at last."""
        message = self.signal(60000)
        for _ in range(3000):
            self.alice.socket.settimeout(10)
            self.alice.send_text(message)
            self.alice.socket.settimeout(0.0001)
            try:
                return self.alice.receive()
            except (TimeoutError, BlockingIOError):
                pass
            finally:
                self.alice.socket.settimeout(10)
        return None

    def pong(self, node):
        """What comes before the answer to a ping."""
        before = []
        node.send({'type': 'ping', 'timestamp': 1})
        while (answer := node.receive())['type'] != 'pong':
            before.append(answer)
        return before

    def test_who_floods_a_node_is_told_and_others_reach_it(self):
        answer = self.refusal()
        self.assertEqual((answer['code'], answer['target_node_id']), ('rate_limited', self.keys[1].node_id))
        self.pong(self.alice)
        self.carol.send_text(self.signal(1000))
        self.assertEqual(self.pong(self.carol), [])
        # The node reads on: nothing was lost but what its sender was told of.
        senders = []
        while self.keys[2].node_id not in senders:
            senders.append(self.bob.receive()['sender_node_id'])
        self.assertEqual(set(senders[:-1]), {self.keys[0].node_id})
        self.alice.send_text(self.signal(1000))
        self.assertEqual(self.pong(self.alice), [])
        self.assertEqual(self.bob.receive()['payload'], {'x': 'y' * 1000})

    def test_a_node_that_never_reads_is_disconnected_after_a_while(self):
        self.assertEqual(self.refusal()['code'], 'rate_limited')
        deadline = time.monotonic() + 60
        codes = {'rate_limited'}
        while 'target_offline' not in codes and time.monotonic() < deadline:
            self.carol.send_text(self.signal(60000))
            codes.update(answer['code'] for answer in self.pong(self.carol))
            time.sleep(0.1)
        self.assertEqual(codes, {'rate_limited', 'target_offline'})
        with self.assertRaises(Closed):
            while True:
                self.bob.receive()

    def test_who_does_not_read_the_answers_is_disconnected_at_once(self):
        # A pong repeats the timestamp as it was written.
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            for _ in range(3000):
                self.alice.send_text('{"type":"ping","timestamp":1.' + '0' * 60000 + '}')
        self.assertEqual(self.hub.ask('GET', '/health')[1]['nodes_connected'], 2)
        self.assertEqual(self.pong(self.carol), [])


class Rates(HubTest):
    config = '[limits]\nsignals_per_second = 1\nsignals_burst = 5\nlogin_per_second = 1\nlogin_burst = 8\n'

    def test_rates_are_limited_and_said_so(self):
        alice, bob = NodeKey(), NodeKey()
        a, b = alice.connect(self.hub), bob.connect(self.hub)
        codes = []
        for _ in range(10):
            a.send({'type': 'signal', 'target_node_id': bob.node_id, 'payload': {}})
        a.send({'type': 'signal', 'target_node_id': bob.node_id, 'payload': {}})
        for _ in range(5):
            codes.append(a.receive()['code'])
        self.assertEqual(codes, ['rate_limited'] * 5)
        for _ in range(5):
            self.assertEqual(b.receive()['type'], 'signal')
        # The other node is not affected.
        b.send({'type': 'ping', 'timestamp': 1})
        self.assertEqual(b.receive()['type'], 'pong')
        answers = [self.hub.ask('POST', '/refresh', {'refresh_token': 'x'})[0] for _ in range(5)]
        self.assertEqual(answers[-1], 429)
        self.assertEqual(self.hub.ask('GET', '/health')[0], 200)


class Hostile(HubTest):
    def test_garbage_and_silence_leave_an_honest_pair_alone(self):
        limit = descriptor_limit()
        alice, bob = NodeKey(), NodeKey()
        a, b = alice.connect(self.hub), bob.connect(self.hub)
        silent = []
        for i in range(min(5000, limit - 200)):
            connection = socket.create_connection(('127.0.0.1', self.hub.port))
            silent.append(connection)
            if i % 4 == 1:
                connection.send(b'GET /ws/signal HTTP/1.1\r\nHo')
            elif i % 4 == 2:
                connection.send(garbage(64))
            elif i % 4 == 3:
                connection.send(b'POST /login/key HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n{')
            if i % 500 == 0:
                self.exchange(a, alice, b, bob)
        self.exchange(a, alice, b, bob)
        self.assertEqual(self.hub.ask('GET', '/health')[1]['nodes_connected'], 2)
        carol = NodeKey()
        carol.connect(self.hub).close()
        for connection in silent:
            connection.close()
        self.exchange(a, alice, b, bob)

    def exchange(self, a, alice, b, bob):
        start = time.monotonic()
        a.send({'type': 'signal', 'target_node_id': bob.node_id, 'payload': OFFER})
        self.assertEqual(b.receive()['payload'], OFFER)
        b.send({'type': 'signal', 'target_node_id': alice.node_id, 'payload': OFFER})
        self.assertEqual(a.receive()['payload'], OFFER)
        self.assertLess(time.monotonic() - start, 2)

    def test_frames_of_every_wrong_kind_end_their_own_socket_only(self):
        alice, bob = NodeKey(), NodeKey()
        b = bob.connect(self.hub)
        tokens = alice.login(self.hub)
        alice.register(self.hub, tokens)
        for i in range(20):
            a = alice.connect(self.hub, tokens)
            try:
                if i % 4 == 0:
                    a.socket.sendall(garbage(4096))
                elif i % 4 == 1:
                    a.socket.sendall(b'\x81\xff' + b'\xff' * 8 + b'\0\0\0\0' + b'x' * 1000)
                elif i % 4 == 2:
                    a.socket.sendall(b'\x81')
                else:
                    a.send_frame(2, b'binary')
            except OSError:
                pass
            a.close()
        b.send({'type': 'ping', 'timestamp': 1})
        self.assertEqual(b.receive()['type'], 'pong')


class CommandLine(unittest.TestCase):
    def run_hub(self, *words):
        return subprocess.run([PROGRAM_HUB, *words], capture_output=True, text=True, timeout=30)

    def assert_fails(self, done, status, *parts):
        self.assertEqual(done.returncode, status, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_help_and_version(self):
        self.assertIn('--listen', self.run_hub('--help').stdout)
        self.assertRegex(self.run_hub('--version').stdout, r'^dpc-hub \d')

    def test_the_line_in_json_is_json_whatever_the_path(self):
        with tempfile.TemporaryDirectory(prefix='dpc "hub"-') as name:
            hub = Hub(PROGRAM_HUB, name, '--json')
            line = json.loads(hub.line)
            self.assertEqual(hub.stop(), 0)
        self.assertEqual(line, {'listening': hub.origin, 'origin': hub.origin, 'data': name})

    def test_wrong_usage_is_status_2(self):
        for words in (['--frob'], ['now'], ['--listen']):
            self.assert_fails(self.run_hub(*words), 2, 'dpc-hub')

    def test_what_cannot_be_done_is_status_1_and_one_line(self):
        with tempfile.TemporaryDirectory(prefix='dpc-hub-') as name:
            directory = pathlib.Path(name)
            taken = socket.create_server(('127.0.0.1', 0))
            address = f'127.0.0.1:{taken.getsockname()[1]}'
            data = ['--data', name]
            self.assert_fails(self.run_hub('--listen', address, *data), 1, address, 'in use', '--listen')
            self.assert_fails(self.run_hub('--listen', 'nowhere', *data), 1, 'nowhere')
            self.assert_fails(self.run_hub('--listen', '0.0.0.0:0', *data), 1, 'origin')
            self.assert_fails(self.run_hub('--config', '/nonexistent', *data), 1, '/nonexistent')
            bad = directory / 'bad.ini'
            bad.write_text('[hub]\nlisten = 127.0.0.1:0\nfrob = 1\n')
            self.assert_fails(self.run_hub('--config', str(bad), *data), 1, 'line 3', 'frob')
            good = 'servers = turn:turn.example\n'
            for text, part in ((good, 'openssl rand'), (good + 'secret = tooshort\n', 'at least 16'),
                               ('secret = a secret of the relay\n', 'no servers'),
                               ('servers = https://a\nsecret = a secret of the relay\n', "'https://a'"),
                               ('servers =' + ' turn:a' * 5 + '\nsecret = a secret of the relay\n', 'more than 4')):
                bad.write_text('[turn]\n' + text)
                done = self.run_hub('--config', str(bad), '--listen', '127.0.0.1:0', *data)
                self.assert_fails(done, 1, '[turn]', part)
                self.assertNotIn('tooshort', done.stderr)
            (directory / 'hub.db').write_bytes(b'this is no database' * 1000)
            for suffix in ('-wal', '-shm'):
                (directory / ('hub.db' + suffix)).unlink(missing_ok=True)
            done = self.run_hub('--listen', '127.0.0.1:0', *data)
            self.assert_fails(done, 1, 'hub.db', 'damaged', 'backup')
            taken.close()


if __name__ == '__main__':
    harness.main()
