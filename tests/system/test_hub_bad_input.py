#!/usr/bin/env python3
"""Every route of the hub with what no honest client sends. The routes and what they take come from docs/openapi.json, so a
new one is tested by being described: whatever comes is answered with a status that is described there, or one of
HTTP's own, with an error in JSON that has a code; nothing of it is kept; and the hub goes on.
"""
import ctypes
import json
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import tempfile
import unittest

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from websocket import Refused, WebSocket, close_all

OPENAPI = json.loads((harness.ROOT / 'docs/openapi.json').read_text())
METHODS = ('get', 'put', 'post', 'delete')
# Of HTTP itself, whatever the route: malformed, no such path or method, timeout, too large, upgrade, not understood.
HTTP_STATUSES = {400, 404, 405, 408, 413, 426, 431, 501, 505}
CONFIG = """[limits]
login_per_second = 100000
login_burst = 100000
requests_per_second = 100000
requests_burst = 100000
[provider own]
issuer = http://127.0.0.1:9
client_id = example
client_secret = example
"""

SQL = "x'; DROP TABLE users; -- \" OR 1=1 ; SELECT load_extension('x') /* %s"
# Texts that are of the right type.
TEXTS = ['', ' ', SQL, 'x' * 10000, '../../etc/passwd', '%00%n%s', '\x01\x1f\x7f', '\u202e\ufffe', '{"a":1}', '<script>alert(1)</script>',
         'dpc-node-', 'dpc-node-0123456789ABCDEF', 'dpc-node-0123456789abcdef' * 2, "dpc-node-' OR 1=1 --00"]
# Values that are not.
WRONG = [None, True, 0, -1, 1.5, 10 ** 30, [], {}, [[]], {'a': 1}, ['x']]
# Bodies that are no JSON object, or one that is refused whatever is in it.
BODIES = [b'', b' ', b'null', b'true', b'0', b'"x"', b'[]', b'[{}]', b'{', b'}', b'{]', b'{"a"}', b'{"a":}', b'{"a":1,}', b"{'a':1}",
          b'{} {}', b'{}x', b'\xef\xbb\xbf{}', b'{"a":1,"a":2}', b'{"a":"\xff\xfe"}', b'{"\xc3":1}', b'{"a":"\xed\xa0\x80"}',
          b'{"a":"\0"}', b'{"a":"\\u0000"}', b'{"a":"\\ud800"}', b'\0', b'{\0}', b'{"a":01}', b'{"a":NaN}', b'{"a":1e999}',
          b'{"a":99999999999999999999}', b'[' * 10000, b'{"a":' * 2000 + b'1' + b'}' * 2000, b'{"a":' + b'[' * 40 + b']' * 40 + b'}',
          SQL.encode(), os.urandom(1000)]
# Where a token must not be; and some that are none.
PLACES = [('Cookie', 'token={}'), ('Cookie', 'Authorization=Bearer {}'), ('Authorization', '{}'), ('Authorization', 'Basic {}'),
          ('Authorization', 'Token {}'), ('Authorization', 'Bearer{}'), ('X-Authorization', 'Bearer {}'), ('Bearer', '{}'),
          ('Proxy-Authorization', 'Bearer {}')]
TOKENS = ['', '.', '..', '...', 'a.b.c', 'x' * 3000, SQL, 'null', 'eyJhbGciOiJub25lIn0.e30.']


class Route:
    def __init__(self, path, method, description, shared):
        self.path, self.method, self.description = path, method.upper(), description
        self.parameters = shared + description.get('parameters', [])
        body = description.get('requestBody')
        self.content = next(iter(body['content'])) if body else None
        self.schema = resolve(body['content'][self.content]['schema']) if body else None
        self.statuses = {int(status) for status in description['responses']}

    def __str__(self):
        return f'{self.method} {self.path}'

    def at(self, **values):
        """The path with its parameters filled in: a provider that there is, a node that there is not."""
        values = {'provider': 'own', **values}
        path = self.path
        for parameter in self.parameters:
            if parameter['in'] == 'path':
                path = path.replace('{%s}' % parameter['name'], values.get(parameter['name'], 'dpc-node-0123456789abcdef'))
        return path

    def fits(self, path):
        return re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', self.path), path)

    def is_page(self, status):
        """Whether what it says with this status is for browsers."""
        return 'application/json' not in self.description['responses'].get(str(status), {}).get('content', {'application/json': 0})


def resolve(schema):
    while '$ref' in schema:
        schema = OPENAPI['components']['schemas'][schema['$ref'].rsplit('/', 1)[1]]
    return schema


def routes():
    for path, operations in OPENAPI['paths'].items():
        for method in METHODS:
            if method in operations:
                yield Route(path, method, operations[method], operations.get('parameters', []))


def example(schema):
    """A value that the schema allows."""
    schema = resolve(schema)
    kind = schema.get('type')
    if 'enum' in schema:
        return schema['enum'][0]
    if kind == 'object':
        return {key: example(value) for key, value in schema.get('properties', {}).items()}
    if kind == 'string':
        return 'dpc-node-0123456789abcdef' if 'dpc-node' in schema.get('pattern', '') else 'example'
    return {'boolean': True, 'integer': schema.get('minimum', 1), 'number': 1.5, 'array': []}[kind]


def variations(schema, value):
    """The value with one field of it missing, of a wrong type, or of hostile text; and which of them must be refused."""
    for key, field in schema.get('properties', {}).items():
        field = resolve(field)
        without = {name: inner for name, inner in value.items() if name != key}
        if key in schema.get('required', []):
            yield without, True
        for wrong in WRONG:
            is_right = type(wrong) is type(value[key]) or wrong is None
            yield {**without, key: wrong}, not is_right
        if field.get('type') == 'string':
            for text in TEXTS:
                yield {**without, key: text}, False
        if field.get('type') == 'object' and 'properties' in field:
            for inner, must in variations(field, value[key]):
                yield {**without, key: inner}, must
        if 'additionalProperties' in field:
            for text in TEXTS:
                yield {**without, key: {text: example(field['additionalProperties'])}}, False
            for wrong in WRONG:
                yield {**without, key: {'x': wrong}}, wrong is None or type(wrong) is not type(example(field['additionalProperties']))
    yield {**value, SQL: SQL}, False


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub(PROGRAM_HUB, config=CONFIG)
        cls.node = NodeKey()
        tokens = cls.node.login(cls.hub)
        assert cls.node.register(cls.hub, tokens)[0] == 200
        cls.token = tokens['access_token']
        cls.profile = {'name': 'Example', 'description': 'before', 'expertise': {'c': 3}}
        assert cls.hub.ask('PUT', '/profile', cls.profile, cls.token)[0] == 200

    @classmethod
    def tearDownClass(cls):
        close_all()
        database = sqlite3.connect(cls.hub.directory / 'hub.db')
        sound, users = database.execute('PRAGMA integrity_check').fetchone()[0], \
            database.execute('SELECT count(*) FROM users').fetchone()[0]
        database.close()
        status = cls.hub.stop()
        assert (status, sound, users) == (0, 'ok', 1), (status, sound, users)

    def state(self):
        return [self.hub.ask('GET', path, token=self.token) for path in ('/users/me', '/users/me/nodes', '/profile', '/contacts')]

    def raw(self, head, body=b''):
        """Status, headers in lower case, and body of the answer to these bytes."""
        with socket.create_connection(('127.0.0.1', self.hub.port), timeout=30) as client:
            try:
                client.sendall(head + body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all of it was read
            text = b''
            try:
                while more := client.recv(65536):
                    text += more
                    if complete(text):
                        break
            except ConnectionResetError:
                pass
        head, _, rest = text.partition(b'\r\n\r\n')
        lines = head.decode().split('\r\n')
        self.assertRegex(lines[0], r'^HTTP/1\.1 \d{3} ', text[:200])
        return int(lines[0].split()[1]), {line.split(':')[0].lower(): line.partition(':')[2].strip() for line in lines[1:]}, rest

    def ask(self, route, path=None, body=None, token=True, headers=(), content=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        lines = [f'{route.method} {path or route.at()} HTTP/1.1', 'Host: x', 'Connection: close']
        if token:
            lines.append(f'Authorization: Bearer {self.token}')
        if body is not None:
            lines += [f'Content-Length: {len(body)}', f'Content-Type: {content or route.content or "application/json"}']
        return self.raw('\r\n'.join([*lines, *headers, '', '']).encode(), body or b'')

    def assert_answer(self, route, answer, must_refuse=False):
        status, headers, body = answer
        self.assertIn(status, route.statuses | HTTP_STATUSES, (str(route), body[:300]))
        if must_refuse:
            self.assertGreaterEqual(status, 400, (str(route), body[:300]))
        if status >= 400 and not route.is_page(status):
            self.assertEqual(headers.get('content-type'), 'application/json', (str(route), status))
            error = json.loads(body)['error']
            self.assertEqual(sorted(error), ['code', 'message'])
            self.assertRegex(error['code'], r'^[a-z_0-9]+$')
            self.assertTrue(error['message'])
            return error['code']
        return None


def complete(text):
    head, separator, rest = text.partition(b'\r\n\r\n')
    for line in head.lower().split(b'\r\n'):
        if line.startswith(b'content-length:'):
            return separator and len(rest) >= int(line.split(b':')[1])
    return False


class Bodies(BadInputTest):
    def with_bodies(self):
        found = [route for route in routes() if route.content == 'application/json']
        self.assertGreater(len(found), 8)
        return found

    def test_what_is_no_json_object_is_malformed_and_changes_nothing(self):
        before = self.state()
        for route in self.with_bodies():
            is_optional = not route.description['requestBody'].get('required')
            for body in BODIES:
                with self.subTest(route=str(route), body=body[:40]):
                    if is_optional and not body.strip():
                        continue
                    path = route.at(node_id=self.node.node_id)
                    answer = self.ask(route, path, body, token=not is_optional)
                    self.assertEqual((answer[0], self.assert_answer(route, answer, True)), (400, 'malformed'))
        self.assertEqual(self.state(), before)

    def test_fields_that_are_missing_of_a_wrong_type_or_hostile(self):
        before = self.state()
        for route in self.with_bodies():
            if route.path == '/logout':
                continue  # see test_logging_out_with_hostile_fields
            count = 0
            for body, must_refuse in variations(route.schema, example(route.schema)):
                with self.subTest(route=str(route), body=str(body)[:200]):
                    answer = self.ask(route, route.at(node_id=self.node.node_id), body)
                    self.assert_answer(route, answer, must_refuse)
                    count += 1
                    # What is taken is taken whole: as it is, and no more than that.
                    if answer[0] < 300 and route.path == '/profile':
                        status, profile = self.hub.ask('GET', '/profile', token=self.token)
                        self.assertEqual((status, profile['name']), (200, body['name']))
            self.assertGreater(count, 10, str(route))
        self.assertEqual(self.hub.ask('PUT', '/profile', self.profile, self.token)[0], 200)
        self.hub.ask('DELETE', '/contacts', token=self.token)
        after = self.state()
        for answer in before + after:
            answer[1].pop('updated', None)
            for node in answer[1].get('nodes', []) if isinstance(answer[1].get('nodes'), list) else []:
                if isinstance(node, dict):
                    node.pop('name', None)
        self.assertEqual(after, before)

    def test_logging_out_with_hostile_fields(self):
        route = next(route for route in self.with_bodies() if route.path == '/logout')
        for body, must_refuse in variations(route.schema, example(route.schema)):
            with self.subTest(body=str(body)[:200]):
                self.assert_answer(route, self.ask(route, body=body, token=False), must_refuse)
        self.assertEqual(self.hub.ask('GET', '/users/me', token=self.token)[0], 200)

    def test_bodies_that_are_too_large_are_refused_before_they_are_read(self):
        before = self.state()
        for route in routes():
            for size in (10 << 20, 1 << 40, (1 << 64) - 1):
                with self.subTest(route=str(route), size=size):
                    head = f'{route.method} {route.at()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n' \
                           f'Content-Length: {size}\r\n\r\n'
                    answer = self.raw(head.encode(), b'x' * min(size, 10 << 20) if size == 10 << 20 else b'')
                    self.assertEqual((answer[0], self.assert_answer(route, answer)), (413, 'too_large'))
        self.assertEqual(self.state(), before)

    def test_a_body_where_none_belongs_is_refused(self):
        for route in routes():
            if not route.content:
                with self.subTest(route=str(route)):
                    self.assertEqual(self.ask(route, body={'a': 1})[0], 413)

    def test_forms_with_hostile_fields(self):
        forms = [route for route in routes() if route.content == 'application/x-www-form-urlencoded']
        bodies = [b'', b'=', b'&&&', b'%', b'%zz=%', b'\xff=\xff', b'a=' + b'x' * 10000, b'[' * 1000, b'{}', b'\0', os.urandom(500)]
        for route in forms:
            names = list(route.schema['properties'])
            for value in [SQL, '%00', '%ff', '%', 'x' * 5000, '<script>', '']:
                bodies += [f'{name}={value}'.encode() for name in names] + [f'{names[0]}=a&{names[0]}={value}'.encode()]
            for body in bodies:
                with self.subTest(route=str(route), body=body[:60]):
                    answer = self.ask(route, body=body, token=False)
                    self.assert_answer(route, answer)
                    self.assertNotIn(b'<script>', answer[2])


class Requests(BadInputTest):
    def test_parameters_of_paths_and_queries(self):
        values = [SQL, '%00', '%ff', '%zz', '%', '%2F..%2F..%2Fetc%2Fpasswd', 'x' * 5000, '%F0%9F%98%80', '-1', '1e9', '99999999999999999999', '',
                  'dpc-node-0123456789abcdef%00', '*', 'a"b', '%22%20OR%20%22%22=%22', 'NEAR(', '"']
        for route in routes():
            for parameter in route.parameters:
                for value in values:
                    encoded = value.replace(' ', '%20').replace('"', '%22').replace("'", '%27').replace('<', '%3C').replace('#', '%23')
                    with self.subTest(route=str(route), parameter=parameter['name'], value=value[:60]):
                        if parameter['in'] == 'path':
                            path = route.at(**{parameter['name']: encoded})
                        else:
                            path = f'{route.at()}?{parameter["name"]}={encoded}'
                        if route.path != '/ws/signal':
                            self.assert_answer(route, self.ask(route, path))
                        else:
                            with self.assertRaises(Refused) as refused:
                                WebSocket(self.hub.port, path)
                            self.assertIn(refused.exception.status, (400, 401))
                            self.assertIn('error', json.loads(refused.exception.body))

    def test_a_token_counts_in_its_place_alone(self):
        for route in routes():
            if not route.description.get('security') or route.path == '/ws/signal':
                continue
            with self.subTest(route=str(route)):
                body = example(route.schema) if route.schema else None
                ways = [()] + [(f'{name}: {value.format(self.token)}',) for name, value in PLACES]
                ways += [(f'Authorization: Bearer {token}',) for token in TOKENS]
                for headers in ways:
                    answer = self.ask(route, body=body, token=False, headers=headers)
                    self.assertEqual((answer[0], self.assert_answer(route, answer)), (401, 'unauthorized'), headers)
                for path in (f'{route.at()}?token={self.token}', f'{route.at()}?access_token={self.token}'):
                    for token in (False, True):
                        answer = self.ask(route, path, body, token=token)
                        self.assertEqual((answer[0], self.assert_answer(route, answer)), (400, 'token_in_url'), path)
        for name, value in PLACES:
            with self.assertRaises(Refused) as refused:
                WebSocket(self.hub.port, '/ws/signal', [f'{name}: {value.format(self.token)}'])
            self.assertEqual(refused.exception.status, 401)

    def test_requests_that_are_no_http(self):
        for route in routes():
            line = f'{route.method} {route.at()} HTTP/1.1\r\nHost: x\r\n'.encode()
            cases = [(line + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}', 400), (line + b'Content-Length: -1\r\n\r\n', 400),
                     (line + b'Content-Length: 0x10\r\n\r\n', 400), (line + b'Content-Length: 1,2\r\n\r\n', 400),
                     (line + b'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n', 501),
                     (line + b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}', 501), (line + b'Host: y\r\n\r\n', 400),
                     (line + b'Bad Header: x\r\n\r\n', 400), (line + b'X:\x00\r\n\r\n', 400), (line + b'X: a\r\n b\r\n\r\n', 400),
                     (line + b'X: a\nY: b\r\n\r\n', 400), (line + b'X: ' + b'a' * 9000 + b'\r\n\r\n', 431),
                     (line + b'X: y\r\n' * 100 + b'\r\n', 431), (line.replace(b'HTTP/1.1', b'HTTP/2.0') + b'\r\n', 505),
                     (line.replace(b'HTTP/1.1', b'HTTP/1.1 x') + b'\r\n', 400), (line.replace(b'/', b'', 1) + b'\r\n', 400)]
            for text, status in cases:
                with self.subTest(route=str(route), text=text[-60:]):
                    answer = self.raw(text)
                    self.assert_answer(route, answer, True)
                    self.assertEqual(answer[0], status)

    def test_other_methods_are_refused_and_named(self):
        for path in OPENAPI['paths']:
            route = next(route for route in routes() if route.path == path)
            allowed = {other.method for other in routes() if other.fits(route.at())}
            for method in ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'get', 'X'):
                if method in allowed or (method == 'HEAD' and 'GET' in allowed):
                    continue
                with self.subTest(path=path, method=method):
                    answer = self.raw(f'{method} {route.at()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode())
                    self.assertEqual((answer[0], json.loads(answer[2])['error']['code'] if method != 'HEAD' else None),
                                     (405, 'method' if method != 'HEAD' else None))
                    self.assertEqual(set(answer[1]['allow'].split(', ')), allowed)


class Forgeries(BadInputTest):
    def test_certificates_and_proofs_of_others(self):
        node, other = NodeKey(), NodeKey()
        tokens = node.login(self.hub)
        weak = NodeKey.rsa(1024)
        certificates = [(NodeKey(node.key, start_days=-20, end_days=-10).certificate, 'expired_certificate'),
                        (NodeKey(node.key, start_days=10, end_days=20).certificate, 'expired_certificate'),
                        (NodeKey(node.key, signer=other.key).certificate, 'bad_certificate_signature'),
                        (NodeKey(node.key, common_name=other.node_id).certificate, 'node_id_mismatch'),
                        (other.certificate, 'node_id_mismatch'), (weak.certificate, None), (node.certificate * 2, None),
                        (node.certificate[:-60] + '-----END CERTIFICATE-----\n', 'bad_certificate'), (SQL, 'bad_certificate'),
                        (node.public_key, 'bad_certificate')]
        for path, purpose, make, token in (('/login/key', 'login', node.login_body, None),
                                           ('/register-node-id', 'register', node.registration_body, tokens['access_token'])):
            for certificate, code in certificates:
                with self.subTest(path=path, code=code):
                    status, answer = self.hub.ask('POST', path, make(self.hub, certificate=certificate), token)
                    self.assertIn(status, (403, 422))
                    self.assertTrue(code is None or answer['error']['code'] == code, answer)
            challenge = node.challenge(self.hub, purpose)
            theirs = other.sign(purpose, self.hub.origin, challenge, node.node_id)
            for wrong, code in ((theirs, 'bad_proof'), (node.sign(purpose, 'https://other.example', challenge), 'bad_proof')):
                body = make(self.hub, challenge=challenge)
                (body['proof'] if 'proof' in body else body)['signature'] = wrong
                status, answer = self.hub.ask('POST', path, body, token)
                self.assertEqual((status, answer['error']['code']), (403, code))
            body = make(self.hub)
            self.assertEqual(self.hub.ask('POST', path, body, token)[0], 200)
            status, answer = self.hub.ask('POST', path, body, token)
            self.assertEqual((status, answer['error']['code']), (403, 'used_challenge'))
        # The account that this made goes, for the count at the end.
        self.assertEqual(self.hub.ask('DELETE', f'/users/me/nodes/{node.node_id}', token=tokens['access_token'])[0], 204)
        database = sqlite3.connect(self.hub.directory / 'hub.db', timeout=10)
        with database:
            database.execute('DELETE FROM users WHERE id <> (SELECT min(id) FROM users)')
        database.close()

    def test_a_node_of_somebody_else_is_nobodys_to_register_or_remove(self):
        other = NodeKey()
        status, answer = self.hub.ask('POST', '/register-node-id', other.registration_body(self.hub), self.token)
        self.assertEqual((status, answer['error']['code']), (403, 'other_node'))
        for method, body in (('PUT', {'name': 'mine'}), ('DELETE', None)):
            self.assertEqual(self.hub.ask(method, f'/users/me/nodes/{other.node_id}', body, self.token)[0], 404)


class FullDisk(unittest.TestCase):
    """A hub whose disk is full, in a mount namespace of this process."""

    @classmethod
    def setUpClass(cls):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
            raise unittest.SkipTest(f'no mount namespace: {os.strerror(ctypes.get_errno())}')
        subprocess.run(['mount', '--make-rprivate', '/'], check=True)

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix='dpc-hub-')
        self.directory = pathlib.Path(self.temporary.name)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'dpc-test', self.directory], check=True)

    def tearDown(self):
        subprocess.run(['umount', self.directory], check=True)
        self.temporary.cleanup()

    def fill(self):
        """Until not a byte more goes on it, whoever asks."""
        with open(self.directory / 'filler', 'ab', buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while filler.write(b'x' * size):
                        pass
                except OSError:
                    pass

    def test_what_cannot_be_kept_is_refused_and_what_is_there_is_served(self):
        hub, node = Hub(PROGRAM_HUB, self.directory, config=CONFIG), NodeKey()
        try:
            tokens = node.login(hub)
            token = tokens['access_token']
            self.assertEqual(node.register(hub, tokens)[0], 200)
            profile = {'name': 'before', 'description': 'x' * 1000}
            self.assertEqual(hub.ask('PUT', '/profile', profile, token)[0], 200)
            signal = node.connect(hub, tokens)
            self.fill()
            refused = 0
            for number in range(200):
                status, answer = hub.ask('PUT', '/profile', {'name': f'after {number}', 'description': 'y' * 2000}, token)
                if status != 200:
                    self.assertEqual((status, answer['error']['code']), (500, 'internal'))
                    refused += 1
                if refused == 3:
                    break
            self.assertEqual(refused, 3)
            stranger = NodeKey()
            status, answer = hub.ask('POST', '/login/key', stranger.login_body(hub))
            self.assertEqual((status, answer['error']['code']), (500, 'internal'))
            # What there was is whole, and read; who is connected stays so.
            status, kept = hub.ask('GET', '/profile', token=token)
            self.assertEqual(status, 200)
            self.assertIn(kept['description'], ('x' * 1000, 'y' * 2000))
            self.assertEqual(hub.ask('GET', '/users/me', token=token)[0], 200)
            signal.send({'type': 'ping', 'timestamp': 1})
            self.assertEqual(signal.receive()['type'], 'pong')
            # With room again all is well, without a restart.
            (self.directory / 'filler').unlink()
            stranger.login(hub)
            self.assertEqual(hub.ask('PUT', '/profile', {'name': 'later'}, token)[0], 200)
            self.assertEqual(hub.ask('GET', '/profile', token=token)[1]['name'], 'later')
            database = sqlite3.connect(self.directory / 'hub.db')
            self.assertEqual(database.execute('PRAGMA integrity_check').fetchone()[0], 'ok')
            self.assertEqual(database.execute('SELECT count(*) FROM users').fetchone()[0], 2)
            database.close()
        finally:
            close_all()
            self.assertEqual(hub.stop(), 0)

    def test_a_hub_that_cannot_begin_says_why(self):
        self.fill()
        done = subprocess.run([PROGRAM_HUB, '--listen', '127.0.0.1:0', '--data', str(self.directory)], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(str(self.directory), done.stderr)


if __name__ == '__main__':
    harness.main()
