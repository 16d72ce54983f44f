#!/usr/bin/env python3
"""Logins at the hub with identity providers: real ones, and some that lie."""
import base64
import hashlib
import json
import os
import re
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from provider import Browser, Provider, SigningKey, encode
from websocket import Closed, close_all

CLIENT = 'http://127.0.0.1:9/done'


class Client:
    """What a node does of a login with a provider, up to the code that it is given on its loopback address."""

    def __init__(self, hub, provider='own'):
        self.hub, self.provider = hub, provider
        self.verifier = encode(os.urandom(32))
        self.state = encode(os.urandom(16))

    def url(self, **changes):
        query = {'redirect_uri': CLIENT, 'state': self.state, 'code_challenge_method': 'S256',
                 'code_challenge': encode(hashlib.sha256(self.verifier.encode()).digest()), **changes}
        query = {key: value for key, value in query.items() if value is not None}
        return f'{self.hub.origin}/login/{self.provider}?{urllib.parse.urlencode(query)}'

    def come_back(self, browser=None):
        """What the browser brings to the client: a dictionary. Anything else is a failure."""
        end = (browser or Browser()).follow(self.url())
        assert isinstance(end, str), end
        parts = urllib.parse.urlsplit(end)
        assert parts._replace(query='').geturl() == CLIENT, end
        query = dict(urllib.parse.parse_qsl(parts.query))
        assert query.pop('state') == self.state, end
        return query

    def exchange(self, code, node=None, **changes):
        body = {'code': code, 'code_verifier': self.verifier, 'redirect_uri': CLIENT}
        if node:
            body |= node.login_body(self.hub)
        body.update(changes)
        return self.hub.ask('POST', '/token', body)

    def login(self, node=None, browser=None):
        status, tokens = self.exchange(self.come_back(browser)['code'], node)
        assert status == 200, tokens
        return tokens


class LoginTest(unittest.TestCase):
    """A hub with one provider, `own`."""
    kind, settings, more = 'RS256', {}, ''

    def setUp(self):
        self.provider = Provider(self.kind)
        self.hub = Hub(PROGRAM_HUB, config=self.provider.config(**self.settings) + self.more)

    def tearDown(self):
        close_all()
        status = self.hub.stop()
        self.provider.stop()
        self.assertEqual(status, 0)

    def assert_error(self, answer, status, code):
        self.assertEqual((answer[0], answer[1]['error']['code']), (status, code), answer)

    def me(self, tokens):
        status, me = self.hub.ask('GET', '/users/me', token=tokens['access_token'])
        self.assertEqual(status, 200)
        return me

    def refused(self):
        """The error that a login comes to."""
        return Client(self.hub).come_back().get('error')


class Provided(LoginTest):
    def test_a_person_logs_in_and_is_the_same_the_next_time(self):
        self.assertEqual(self.hub.ask('GET', '/')[1]['login'], ['key', 'own'])
        self.assertIn('--provider own', Browser().ask('GET', self.hub.origin + '/')[2])
        first = self.me(Client(self.hub).login())
        self.assertEqual(first['node_id'], None)
        self.assertEqual(self.me(Client(self.hub).login())['id'], first['id'])
        # An address makes nobody the same, nor does a name: the subject does.
        self.provider.person = {'sub': 'bob', 'email': 'a@b.example', 'email_verified': True}
        other = self.me(Client(self.hub).login())
        self.assertNotEqual(other['id'], first['id'])
        self.provider.person = {'sub': 'carol', 'email': 'a@b.example', 'email_verified': True}
        self.assertNotEqual(self.me(Client(self.hub).login())['id'], other['id'])
        # Its description and keys were fetched once.
        self.assertEqual(self.provider.asked.count('/keys'), 1)

    def test_a_node_proves_its_key_with_the_code_and_registers(self):
        node = NodeKey()
        tokens = Client(self.hub).login(node)
        self.assertEqual((tokens['node_id'], tokens['registered']), (node.node_id, False))
        self.assertEqual(node.register(self.hub, tokens)[0], 200)
        node.connect(self.hub, tokens).close()
        # From then on the key leads to the same account.
        self.assertEqual(self.me(node.login(self.hub))['id'], self.me(tokens)['id'])
        # And one account has several nodes.
        second = NodeKey()
        second.register(self.hub, Client(self.hub).login(second))
        _, nodes = self.hub.ask('GET', '/users/me/nodes', token=tokens['access_token'])
        self.assertEqual({n['node_id'] for n in nodes['nodes']}, {node.node_id, second.node_id})

    def test_a_node_that_has_an_account_of_its_own_moves(self):
        node = NodeKey()
        before = node.login(self.hub)
        signal = node.connect(self.hub, before if node.register(self.hub, before)[0] == 200 else None)
        tokens = Client(self.hub).login(node)
        self.assertEqual(node.register(self.hub, tokens)[0], 200)
        with self.assertRaises(Closed):
            signal.receive()
        self.assertEqual(self.hub.ask('GET', '/users/me', token=before['access_token'])[0], 401)
        # Another person does not get it.
        self.provider.person = {'sub': 'mallory'}
        tokens = Client(self.hub).login(node)
        self.assert_error(node.register(self.hub, tokens), 409, 'node_id_taken')

    def test_a_proof_by_another_key_gets_nothing(self):
        node, other = NodeKey(), NodeKey()
        client = Client(self.hub)
        code = client.come_back()['code']
        wrong = node.sign('login', 'https://evil.example', node.challenge(self.hub, 'login'))
        self.assert_error(client.exchange(code, node, signature=wrong), 403, 'bad_proof')
        self.assert_error(client.exchange(code, node, node_id=other.node_id), 422, 'node_id_mismatch')

    def test_a_code_is_good_once_for_the_client_that_began(self):
        client, other = Client(self.hub), Client(self.hub)
        code = client.come_back()['code']
        self.assertEqual(client.exchange(code)[0], 200)
        self.assert_error(client.exchange(code), 400, 'bad_code')
        self.assert_error(client.exchange('x' * 43), 400, 'bad_code')
        for changes in ({'code_verifier': other.verifier}, {'redirect_uri': CLIENT + '2'}):
            code = client.come_back()['code']
            self.assert_error(client.exchange(code, **changes), 400, 'bad_code')
            self.assert_error(client.exchange(code), 400, 'bad_code')
        self.assert_error(self.hub.ask('POST', '/token', {'code': code}), 400, 'malformed')
        self.assert_error(self.hub.ask('POST', '/token', 'x'), 400, 'malformed')

    def test_a_code_is_good_for_a_minute(self):
        client = Client(self.hub)
        code = client.come_back()['code']
        with sqlite3.connect(self.hub.directory / 'hub.db') as database:
            changed = database.execute("UPDATE tickets SET expires = expires - 61 WHERE key LIKE 'code:%'").rowcount
        database.close()
        self.assertEqual(changed, 1)
        self.assert_error(client.exchange(code), 400, 'bad_code')

    def test_clients_elsewhere_and_without_pkce_are_refused(self):
        client, browser = Client(self.hub), Browser('application/json')
        for changes, code in (({'redirect_uri': 'https://evil.example/'}, 'bad_redirect_uri'),
                              ({'redirect_uri': 'http://127.0.0.1:1@evil.example/'}, 'bad_redirect_uri'),
                              ({'redirect_uri': None}, 'bad_redirect_uri'),
                              ({'code_challenge': None}, 'bad_code_challenge'),
                              ({'code_challenge': 'short'}, 'bad_code_challenge'),
                              ({'code_challenge_method': 'plain'}, 'bad_code_challenge'),
                              ({'code_challenge_method': None}, 'bad_code_challenge'),
                              ({'state': 'x' * 129}, 'bad_state'), ({'state': 'a&b'}, 'bad_state')):
            status, _, text = browser.ask('GET', client.url(**changes))
            self.assert_error((status, json.loads(text)), 422, code)
        client.provider = 'none'
        status, _, text = browser.ask('GET', client.url())
        self.assert_error((status, json.loads(text)), 404, 'not_found')
        self.assertEqual(self.provider.asked, [])

    def test_a_state_counts_once_and_in_the_browser_that_began(self):
        client, browser = Client(self.hub), Browser()
        callback = f'{self.hub.origin}/auth/own/callback'
        at_provider = browser.ask('GET', client.url())[1]['Location']
        back = Browser().ask('GET', at_provider)[1]['Location']
        self.assertTrue(back.startswith(callback))
        # Somebody else's browser, which the link was sent to (login CSRF).
        status, _, text = Browser().ask('GET', back)
        self.assertEqual(status, 403)
        self.assertIn('was not begun in this browser', text)
        for wrong in (back.replace('state=', 'state=x'), callback, callback + '?code=x'):
            self.assertEqual(browser.ask('GET', wrong)[0], 403, wrong)
        # Another login of the same browser is another one.
        other = Browser()
        other.ask('GET', client.url())
        self.assertEqual(other.ask('GET', back)[0], 403)
        kept = dict(browser.cookies)
        status, headers, _ = browser.ask('GET', back)
        self.assertIn('code=', headers['Location'])
        self.assertEqual(browser.cookies, {})
        # The browser's back button, and a copy of its cookie with a fresh code of the provider's.
        self.assertEqual(browser.ask('GET', back)[0], 403)
        browser.cookies = kept
        again = Browser().ask('GET', at_provider)[1]['Location']
        self.assertIn('error=used_login', browser.ask('GET', again)[1]['Location'])

    def test_a_cookie_cannot_be_changed_and_lasts_ten_minutes(self):
        browser = Browser()
        back = browser.ask('GET', browser.ask('GET', Client(self.hub).url())[1]['Location'])[1]['Location']
        (name, value), = browser.cookies.items()
        payload = json.loads(base64.urlsafe_b64decode(value.split('.')[0] + '=='))
        payload['redirect_uri'] = 'http://127.0.0.1:10/'
        browser.cookies[name] = encode(json.dumps(payload).encode()) + '.' + value.split('.')[1]
        self.assertEqual(browser.ask('GET', back)[0], 403)
        self.assertLessEqual(payload['expires'] - time.time(), 600)

    def test_a_person_who_refuses_is_not_logged_in(self):
        self.provider.denies = True
        answer = Client(self.hub).come_back()
        self.assertEqual(answer['error'], 'access_denied')
        self.assertIn('refused', answer['error_description'])

    def test_a_provider_that_says_another_issuer_in_its_answer_is_not_believed(self):
        def authorize(request):
            back = {'state': request.query['state'], 'code': 'x', 'iss': 'https://other.example'}
            request.reply(302, b'', Location=request.query['redirect_uri'] + '?' + urllib.parse.urlencode(back))
        self.provider.answers['/authorize'] = authorize
        self.assertEqual(self.refused(), 'provider')
        self.assertNotIn('/token', self.provider.asked)

    def test_logins_of_one_account_have_a_limit(self):
        for _ in range(32):
            Client(self.hub).come_back()
        self.assertEqual(self.refused(), 'limit')
        self.provider.person = {'sub': 'bob'}
        self.assertEqual(self.refused(), None)

    def test_pages_carry_nothing_from_elsewhere(self):
        status, headers, text = Browser().ask('GET', f'{self.hub.origin}/auth/own/callback?state=%3Cscript%3E')
        self.assertEqual(status, 403)
        self.assertIn("default-src 'none'", headers['Content-Security-Policy'])
        self.assertNotIn('unsafe-inline', headers['Content-Security-Policy'])
        self.assertEqual((headers['Referrer-Policy'], headers['Cache-Control']), ('no-referrer', 'no-store'))
        self.assertNotIn('script', text)
        self.assertNotRegex(text, r'<style|style=|\{\w+\}')
        status, headers, _ = Browser().ask('GET', f'{self.hub.origin}/login.css')
        self.assertEqual((status, headers['Content-Type']), (200, 'text/css; charset=utf-8'))

    def test_secrets_are_never_logged(self):
        client = Client(self.hub)
        answer = client.come_back()
        client.exchange(answer['code'])
        log = self.hub.log_text()
        for secret in (self.provider.client_secret, answer['code'], client.verifier):
            self.assertNotIn(secret, log)


class TwoProviders(LoginTest):
    def setUp(self):
        self.other = Provider()
        self.more = self.other.config('other')
        super().setUp()

    def tearDown(self):
        super().tearDown()
        self.other.stop()

    def test_a_state_is_for_one_provider(self):
        browser = Browser()
        back = browser.ask('GET', browser.ask('GET', Client(self.hub).url())[1]['Location'])[1]['Location']
        self.assertEqual(browser.ask('GET', back.replace('/auth/own/', '/auth/other/'))[0], 403)
        self.assertEqual(self.other.asked, [])
        self.assertEqual(browser.ask('GET', back)[0], 302)

    def test_the_same_subject_of_another_issuer_is_another_person(self):
        one, two = self.me(Client(self.hub).login()), self.me(Client(self.hub, 'other').login())
        self.assertNotEqual(one['id'], two['id'])


class EllipticProvided(LoginTest):
    kind = 'ES256'

    def test_a_person_logs_in(self):
        self.assertEqual(self.refused(), None)


class Lies(LoginTest):
    """Id tokens that are not for us, not by the provider, or not now."""

    def test_forged_id_tokens_log_nobody_in(self):
        now = int(time.time())
        other = SigningKey(self.provider.key.name)
        cases = [
            ('issuer', {'iss': 'https://other.example'}, {}, None), ('no issuer', {'iss': None}, {}, None),
            ('audience', {'aud': 'other'}, {}, None), ('audiences', {'aud': ['dpc', 'other']}, {}, None),
            ('party', {'azp': 'other'}, {}, None),
            ('nonce', {'nonce': 'other'}, {}, None), ('no nonce', {'nonce': None}, {}, None),
            ('expired', {'exp': now - 120}, {}, None), ('no end', {'exp': None}, {}, None),
            ('not yet', {'nbf': now + 120}, {}, None), ('from the future', {'iat': now + 120}, {}, None),
            ('nobody', {'sub': None}, {}, None),
            ('none', {}, {'alg': 'none'}, lambda text: b''), ('none, signed', {}, {'alg': 'none'}, None),
            ('a mac with the public key', {}, {'alg': 'HS256'}, self.provider.mac_with_public_key),
            ('another algorithm', {}, {'alg': 'RS512'}, None),
            ('another key', {}, {}, other.sign), ('no key of theirs', {}, {'kid': 'other'}, other.sign),
            ('critical', {}, {'crit': ['x']}, None), ('another kind', {}, {'typ': 'at+jwt'}, None),
            ('no signature', {}, {}, lambda text: b''),
        ]
        for name, claims, header, signature in cases:
            self.provider.claims, self.provider.header, self.provider.signature = claims, header, signature
            self.assertEqual(self.refused(), 'bad_id_token', name)
        self.provider.claims, self.provider.header, self.provider.signature = {}, {}, None
        self.assertEqual(self.refused(), None)

    def test_new_keys_are_fetched_when_one_is_missing_but_not_for_everybody(self):
        self.assertEqual(self.refused(), None)
        self.provider.key = SigningKey('second')
        self.provider.published.append(self.provider.key)
        self.assertEqual(self.refused(), None)
        self.assertEqual(self.provider.asked.count('/keys'), 2)
        # Within half a minute they are not fetched once more, whatever tokens name.
        self.provider.key = SigningKey('third')
        self.provider.published.append(self.provider.key)
        self.assertEqual(self.refused(), 'bad_id_token')
        self.assertEqual(self.provider.asked.count('/keys'), 2)

    def test_an_address_that_is_not_verified_is_no_good(self):
        for verified, error in ((False, 'email_not_verified'), ('false', 'email_not_verified'), (True, None), (None, None)):
            self.provider.person = {'sub': 'alice', 'email': 'a@b.example', 'email_verified': verified}
            self.assertEqual(self.refused(), error, verified)


class Domains(LoginTest):
    settings = {'domains': 'b.example c.example'}

    def test_only_people_with_a_verified_address_there_log_in(self):
        cases = (('a@b.example', True, None), ('a@C.EXAMPLE', True, None), ('a@b.example', False, 'email_not_verified'),
                 ('a@b.example', None, 'email_not_allowed'), (None, True, 'email_not_allowed'),
                 ('a@x.b.example', True, 'email_not_allowed'), ('a@b.example@evil.example', True, 'email_not_allowed'),
                 ('b.example', True, 'email_not_allowed'), ('a@', True, 'email_not_allowed'))
        for address, verified, error in cases:
            self.provider.person = {'sub': 'alice', 'email': address, 'email_verified': verified}
            self.assertEqual(self.refused(), error, (address, verified))


class OverTls(unittest.TestCase):
    """A provider of one's own, whose certificate is by an authority of one's own."""

    def refused(self, provider, **settings):
        """The error of the callback; the browser is none that asks for certificates."""
        hub = Hub(PROGRAM_HUB, config=provider.config(**settings))
        browser, client = Browser(), Client(hub)
        away = urllib.parse.urlsplit(browser.ask('GET', client.url())[1]['Location'])
        query = dict(urllib.parse.parse_qsl(away.query))
        error = query.get('error')
        if not error:
            provider.codes['c'] = query
            back = urllib.parse.urlencode({'code': 'c', 'state': query['state']})
            end = browser.ask('GET', f'{hub.origin}/auth/own/callback?{back}')[1]['Location']
            error = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(end).query)).get('error')
        self.assertEqual(hub.stop(), 0)
        return error

    def test_it_is_believed_when_the_authority_is_named(self):
        with tempfile.TemporaryDirectory(prefix='dpc-tls-') as directory:
            certificate = f'{directory}/server.pem'
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                            '-subj', '/CN=provider', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2',
                            '-keyout', f'{directory}/key.pem', '-out', certificate], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, f'{directory}/key.pem')
            provider = Provider(tls=context)
            self.assertEqual(self.refused(provider), 'provider')
            self.assertEqual(self.refused(provider, authorities=certificate), None)
            provider.stop()


class NoNewAccounts(LoginTest):
    more = '[hub]\nnew_accounts = no\n'

    def test_whom_the_hub_does_not_know_is_not_let_in(self):
        self.assertEqual(self.refused(), 'no_account')


class Failures(LoginTest):
    """A provider that is slow, broken, or sends what nobody asked for: the person hears it, and nothing is left."""

    def test_every_answer_can_fail(self):
        def status(code):
            return lambda request: request.reply(code, {'error': 'server_error'})

        def text(body):
            return lambda request: request.reply(200, body)

        def hang_up(request):
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)

        def redirect(request):
            request.reply(302, b'', Location=self.provider.issuer + '/.well-known/openid-configuration')

        kinds = [status(500), status(404), status(204), text(b''), text(b'<html>'), text(b'[]'), text(b'{}'),
                 text(b'{"a":' * 100000), text(b'\xff\xfe'), text(b'{"x":"' + b'y' * 200000 + b'"}'), hang_up, redirect]
        for path in ('/token', '/keys', '/.well-known/openid-configuration'):
            for number, kind in enumerate(kinds if path == '/token' else kinds[::3]):
                if path != '/token':
                    self.restart()
                self.provider.answers = {path: kind}
                self.assertEqual(self.refused(), 'provider', (path, number))
        self.restart()
        self.provider.answers = {}
        self.assertEqual(self.refused(), None)

    def restart(self):
        """Forgets what it knows of the provider, and that it failed."""
        self.assertEqual(self.hub.stop(), 0)
        self.hub = Hub(PROGRAM_HUB, config=self.provider.config())

    def test_a_description_of_somebody_else_or_without_https_is_refused(self):
        for changes in ({'issuer': 'https://other.example'}, {'issuer': self.provider.issuer + '/'},
                        {'token_endpoint': 'http://other.example/token'}, {'jwks_uri': 'ftp://127.0.0.1/'},
                        {'authorization_endpoint': None}, {'jwks_uri': 'http://127.0.0.1@other.example/'}):
            document = {**self.provider.document(), **changes}
            self.provider.answers = {'/.well-known/openid-configuration': lambda request: request.reply(200, document)}
            self.restart()
            self.assertEqual(self.refused(), 'provider', changes)
        self.assertNotIn('/token', self.provider.asked)

    def test_a_slow_provider_holds_up_nobody_and_is_asked_once(self):
        release, waiting = threading.Event(), threading.Semaphore(0)

        def wait(request):
            waiting.release()
            release.wait(20)
            request.describe()
        self.provider.answers = {'/.well-known/openid-configuration': wait}
        results = []
        people = [threading.Thread(target=lambda: results.append(self.refused())) for _ in range(5)]
        for person in people:
            person.start()
        self.assertTrue(waiting.acquire(timeout=20))
        # Meanwhile the hub serves everybody else, a browser goes away, and one login more changes nothing.
        NodeKey().login(self.hub)
        with socket.create_connection(('127.0.0.1', self.hub.port)) as gone:
            url = urllib.parse.urlsplit(Client(self.hub).url())
            gone.sendall(f'GET {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
        release.set()
        for person in people:
            person.join(30)
        self.assertEqual(results, [None] * 5)
        self.assertEqual(self.provider.asked.count('/.well-known/openid-configuration'), 1)

    def test_a_provider_that_never_answers_is_given_up(self):
        release = threading.Event()
        self.addCleanup(release.set)
        self.provider.answers = {'/token': lambda request: release.wait(60)}
        self.assertEqual(self.refused(), 'provider')
        self.assertFalse(release.is_set())
        self.assertIn("provider 'own' answers", self.hub.log_text())

    def test_a_provider_that_is_gone_is_not_asked_by_everybody(self):
        asked = []

        def fail(request):
            asked.append(request.path)
            request.reply(500, {})
        self.provider.answers = {'/.well-known/openid-configuration': fail}
        begin = time.monotonic()
        for _ in range(20):
            self.assertEqual(self.refused(), 'provider')
        self.assertLessEqual(len(asked), 1 + (time.monotonic() - begin) / 5)

    def test_a_hub_that_ends_while_it_waits_leaves_nothing(self):
        waiting = threading.Semaphore(0)

        def wait(request):
            waiting.release()
            time.sleep(0.2)
        self.provider.answers = {'/token': wait}
        threading.Thread(target=self.swallow, daemon=True).start()
        self.assertTrue(waiting.acquire(timeout=20))

    def swallow(self):
        try:
            self.refused()
        except (OSError, AssertionError):
            pass


class GitHub(LoginTest):
    """OAuth as GitHub has it, at an installation of one's own; GitHub itself cannot be reached from here."""
    settings = {'type': 'github', 'scopes': 'read:user user:email'}

    def setUp(self):
        super().setUp()
        self.provider.person = {'id': 4711}

    def test_a_person_is_a_number_and_not_a_name(self):
        first = self.me(Client(self.hub).login())['id']
        self.provider.person = {'id': 4711, 'login': 'renamed'}
        self.assertEqual(self.me(Client(self.hub).login())['id'], first)
        self.provider.person = {'id': 4712, 'login': 'alice'}
        self.assertNotEqual(self.me(Client(self.hub).login())['id'], first)

    def test_answers_that_say_nobody_are_refused(self):
        for person in ({'id': None}, {'id': '4711'}, {'id': -1}, {'id': 1.5}):
            self.provider.person = person
            self.assertEqual(self.refused(), 'provider', person)
        self.provider.person = {'id': 4711}
        self.provider.answers = {'/login/oauth/access_token': lambda r: r.reply(200, {'error': 'bad_verification_code'})}
        self.assertEqual(self.refused(), 'provider')
        self.provider.answers = {'/api/v3/user': lambda r: r.reply(401, {'message': 'Bad credentials'})}
        self.assertEqual(self.refused(), 'provider')


class GitHubDomains(GitHub):
    settings = {'type': 'github', 'scopes': 'read:user user:email', 'domains': 'b.example'}

    def setUp(self):
        super().setUp()
        self.provider.claims = {'emails': [{'email': 'x@c.example', 'primary': False, 'verified': True},
                                           {'email': 'x@b.example', 'primary': True, 'verified': True}]}

    def test_the_primary_address_counts_if_it_is_verified(self):
        self.assertEqual(self.refused(), None)
        self.provider.claims['emails'][1]['verified'] = False
        self.assertEqual(self.refused(), 'email_not_allowed')
        self.provider.claims['emails'] = [{'email': 'x@b.example', 'primary': False, 'verified': True}]
        self.assertEqual(self.refused(), 'email_not_allowed')
        for wrong in ({}, 'x', None, [1], [[]]):
            self.provider.claims['emails'] = wrong
            self.assertEqual(self.refused(), 'email_not_allowed', wrong)


class Device(LoginTest):
    """A node without a browser (RFC 8628)."""

    def begin(self, **body):
        status, codes = self.hub.ask('POST', '/device/code', body)
        self.assertEqual(status, 200, codes)
        return codes

    def poll(self, codes):
        return self.hub.ask('POST', '/device/token', {'device_code': codes['device_code']})

    def wait_out(self):
        """As if the interval were over."""
        with sqlite3.connect(self.hub.directory / 'hub.db') as database:
            database.execute("UPDATE tickets SET text = json_set(text, '$.polled', 0) WHERE key LIKE 'device:%'")
        database.close()

    def enter(self, browser, code):
        return browser.ask('POST', f'{self.hub.origin}/device', {'user_code': code})

    def test_a_person_lets_a_node_in(self):
        node, browser = NodeKey(), Browser()
        codes = self.begin(name='a <b>headless</b> node', **node.login_body(self.hub))
        self.assertRegex(codes['user_code'], r'^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$')
        self.assertEqual((codes['interval'], codes['expires_in']), (5, 900))
        self.assertEqual(codes['verification_uri'], self.hub.origin + '/device')
        self.assert_error(self.poll(codes), 400, 'authorization_pending')
        status, _, page = browser.ask('GET', codes['verification_uri_complete'])
        self.assertEqual(status, 200)
        self.assertIn(f'value="{codes["user_code"]}"', page)
        status, headers, page = self.enter(browser, codes['user_code'].lower().replace('-', ' '))
        self.assertEqual(status, 200)
        self.assertIn("form-action 'self'", headers['Content-Security-Policy'])
        for part in (codes['user_code'], node.node_id, 'a &lt;b>headless&lt;/b> node', '127.0.0.1'):
            self.assertIn(part, page)
        link, = re.findall(r'href="(/device/login/own\?form=[\w-]+)"', page)
        status, text = browser.follow(self.hub.origin + link)
        self.assertEqual(status, 200)
        self.assertIn('Your node is logged in', text)
        self.wait_out()
        status, tokens = self.poll(codes)
        self.assertEqual((status, tokens['node_id']), (200, node.node_id))
        self.assertEqual(node.register(self.hub, tokens)[0], 200)
        node.connect(self.hub, tokens).close()
        self.assert_error(self.poll(codes), 400, 'expired_token')
        self.assertEqual(self.me(tokens)['id'], self.me(Client(self.hub).login())['id'])

    def test_a_person_refuses_a_node(self):
        codes, browser = self.begin(), Browser()
        _, _, page = self.enter(browser, codes['user_code'])
        form, = re.findall(r'name="form" value="([\w-]+)"', page)
        status, _, text = browser.ask('POST', f'{self.hub.origin}/device/deny', {'form': form})
        self.assertEqual(status, 200)
        self.assertIn('was not let in', text)
        self.assertEqual(browser.ask('POST', f'{self.hub.origin}/device/deny', {'form': form})[0], 410)
        self.assertEqual(self.enter(browser, codes['user_code'])[0], 404)
        self.assert_error(self.poll(codes), 400, 'access_denied')
        self.assert_error(self.poll(codes), 400, 'expired_token')

    def test_who_asks_too_often_has_to_wait_longer(self):
        codes = self.begin()
        self.assert_error(self.poll(codes), 400, 'authorization_pending')
        for _ in range(2):
            self.assert_error(self.poll(codes), 400, 'slow_down')
        with sqlite3.connect(self.hub.directory / 'hub.db') as database:
            (text,), = database.execute("SELECT text FROM tickets WHERE key LIKE 'device:%'")
        database.close()
        self.assertEqual(json.loads(text)['interval'], 15)

    def test_a_code_lasts_fifteen_minutes_and_its_secret_is_needed(self):
        codes = self.begin()
        for wrong in (codes['user_code'] + '.' + 'x' * 43, codes['user_code'], codes['user_code'] + '.', '', 'x' * 53):
            answer = self.hub.ask('POST', '/device/token', {'device_code': wrong})
            self.assert_error(answer, 400, 'expired_token')
        self.assert_error(self.hub.ask('POST', '/device/token', {}), 400, 'malformed')
        with sqlite3.connect(self.hub.directory / 'hub.db') as database:
            database.execute("UPDATE tickets SET expires = expires - 901 WHERE key LIKE 'device:%'")
        database.close()
        self.assert_error(self.poll(codes), 400, 'expired_token')
        self.assertEqual(self.enter(Browser(), codes['user_code'])[0], 404)

    def test_no_other_page_can_press_the_button(self):
        codes, browser = self.begin(), Browser()
        _, _, page = self.enter(browser, codes['user_code'])
        link, = re.findall(r'href="(/device/login/own\?form=[\w-]+)"', page)
        for who, path in ((Browser(), link), (browser, '/device/login/own'), (browser, link + 'x'),
                          (browser, '/device/login/own?form=')):
            self.assertEqual(who.ask('GET', self.hub.origin + path)[0], 403, path)
        # Another's page about another code.
        other = Browser()
        self.enter(other, self.begin()['user_code'])
        self.assertEqual(other.ask('GET', self.hub.origin + link)[0], 403)
        self.assertEqual(browser.ask('POST', f'{self.hub.origin}/device/deny', {'form': 'x'})[0], 403)
        self.assertEqual(browser.ask('POST', f'{self.hub.origin}/device/deny', {})[0], 403)
        # A node that was let in meanwhile, or does not wait any more.
        with sqlite3.connect(self.hub.directory / 'hub.db') as database:
            database.execute("DELETE FROM tickets WHERE key LIKE 'device:%'")
        database.close()
        status, text = browser.follow(self.hub.origin + link)
        self.assertEqual(status, 410)

    def test_codes_cannot_be_guessed_for_long(self):
        answers = [self.enter(Browser('application/json'), 'BBBB-BBBB')[0] for _ in range(40)]
        self.assertEqual(answers[0], 404)
        self.assertIn(429, answers)
        self.assertLess(answers.count(404), 30)

    def test_one_address_has_so_many_nodes_that_wait(self):
        for _ in range(16):
            self.begin()
        self.assert_error(self.hub.ask('POST', '/device/code', {}), 429, 'limit')

    def test_what_is_no_request_is_refused(self):
        ask = self.hub.ask
        self.assert_error(ask('POST', '/device/code', 'x'), 400, 'malformed')
        self.assert_error(ask('POST', '/device/code', {'name': 'x' * 65}), 422, 'bad_name')
        self.assert_error(ask('POST', '/device/code', {'name': 1}), 422, 'bad_name')
        self.assert_error(ask('POST', '/device/code', {'node_id': 'x'}), 400, 'malformed')
        node = NodeKey()
        wrong = node.login_body(self.hub, signature='AAAA')
        self.assert_error(ask('POST', '/device/code', wrong), 403, 'bad_proof')
        status, _, _ = Browser().ask('POST', f'{self.hub.origin}/device', {'user_code': 'B' * 2000})
        self.assertEqual(status, 413)
        for code in ('', 'A', 'BBBB-BBB', 'BBBB-BBBBB', '<script>', 'BBBB_BBBB', '%00'):
            status, _, text = self.enter(Browser(), code)
            self.assertEqual(status, 404)
            self.assertNotIn('script', text)


class NoProvider(unittest.TestCase):
    def test_a_hub_without_one_says_so(self):
        hub = Hub(PROGRAM_HUB)
        for method, path, body in (('GET', '/login/google', None), ('GET', '/auth/google/callback', None),
                                   ('POST', '/device/code', {}), ('POST', '/device', 'user_code=BBBB-BBBB'),
                                   ('GET', '/device/login/google', None)):
            status, answer = hub.ask(method, path, body)
            self.assertEqual((status, answer['error']['code']), (404, 'not_found'), path)
        self.assertEqual(hub.ask('GET', '/')[1]['login'], ['key'])
        self.assertNotIn('--provider', Browser().ask('GET', hub.origin + '/')[2])
        self.assertEqual(hub.stop(), 0)

    def test_settings_that_are_wrong_are_named_before_it_starts(self):
        with tempfile.TemporaryDirectory(prefix='dpc-hub-') as directory:
            path = f'{directory}/hub.ini'
            for lines, part in (('issuer = https://x', 'needs client_id'), ('client_id = c', 'needs issuer'),
                                ('client_id = c\nissuer = http://x.example', 'https'),
                                ('client_id = c\nissuer = https://x\nalgorithms = HS256', 'RS256'),
                                ('client_id = c\nissuer = https://x\nalgorithms = none', 'RS256'),
                                ('client = c', "'client'")):
                with open(path, 'w', encoding='utf-8') as config:
                    config.write(f'[provider x]\n{lines}\n')
                done = subprocess.run([PROGRAM_HUB, '--config', path, '--check-config'], text=True, capture_output=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stdout), (1, ''), lines)
                self.assertIn(part, done.stderr)


class SeveralHubs(unittest.TestCase):
    def test_a_browser_may_come_back_to_a_hub_that_has_started_again(self):
        provider = Provider()
        with tempfile.TemporaryDirectory(prefix='dpc-hub-') as directory:
            hub = Hub(PROGRAM_HUB, directory, config=provider.config())
            browser, client = Browser(), Client(hub)
            back = browser.ask('GET', browser.ask('GET', client.url())[1]['Location'])[1]['Location']
            self.assertEqual(hub.stop(), 0)
            hub = Hub(PROGRAM_HUB, directory, '--listen', f'127.0.0.1:{hub.port}', config=provider.config())
            code = urllib.parse.parse_qs(urllib.parse.urlsplit(browser.follow(back)).query)['code'][0]
            self.assertEqual(hub.stop(), 0)
            hub = Hub(PROGRAM_HUB, directory, '--listen', f'127.0.0.1:{hub.port}', config=provider.config())
            self.assertEqual(client.exchange(code)[0], 200)
            self.assertEqual(hub.stop(), 0)
        provider.stop()


if __name__ == '__main__':
    harness.main()
