#!/usr/bin/env python3
"""The local API against its description, docs/local-api.json: the two name the same routes, and each route gets what no honest
program sends. Whatever comes is answered with a status that is described there, or one of HTTP's own, with an error in JSON that
has a known code; it is never the node's fault (500); and the node goes on.
"""
import json
import os
import re
import socket
import sqlite3
import unittest

import harness
from harness import StageTest
from test_hub_bad_input import BODIES, HTTP_STATUSES, METHODS, SQL, TEXTS, WRONG, complete

DESCRIPTION = json.loads((harness.ROOT / 'docs/local-api.json').read_text(encoding='utf-8'))
DOCUMENT = (harness.ROOT / 'docs/local-api.md').read_text(encoding='utf-8')
TABLE = re.findall(r'\{"([A-Z]+)", "(/api/v1[^"]*)", (\w+), (BODY|0), 0\}', (harness.ROOT / 'src/node/local_api.c').read_text())
# Errors of the API, as its document lists them, and of HTTP.
CODES = set(re.findall(r'^\| \d{3} \| `(\w+)` \|', DOCUMENT, re.MULTILINE)) | {'method'}
CONTACT = 'dpc-node-0123456789abcdef'


def resolve(schema):
    while '$ref' in schema:
        schema = DESCRIPTION['components']['schemas'][schema['$ref'].rsplit('/', 1)[1]]
    return schema


def references(part):
    if isinstance(part, dict):
        if '$ref' in part:
            yield part['$ref']
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


class Route:
    def __init__(self, path, method, description, shared):
        self.path, self.method, self.description = path, method.upper(), description
        self.parameters = shared + description.get('parameters', [])
        body = description.get('requestBody')
        self.is_optional = body is not None and not body.get('required')
        self.schema = body['content']['application/json']['schema'] if body else None
        self.statuses = {int(status) for status in description['responses']}

    def __str__(self):
        return f'{self.method} {self.path}'

    def at(self, **values):
        """The path, for a contact that is there and a transfer or question that is not."""
        values = {'peer': 'bob', 'id': '1', **values}
        path = self.path
        for name, value in values.items():
            path = path.replace('{%s}' % name, value)
        return path


def routes():
    for path, operations in DESCRIPTION['paths'].items():
        for method in METHODS:
            if method in operations:
                yield Route(path, method, operations[method], operations.get('parameters', []))


def example(schema):
    """A value that the schema allows."""
    schema = resolve(schema)
    if 'examples' in schema:
        return schema['examples'][0]
    if 'enum' in schema:
        return schema['enum'][0]
    if schema.get('type') == 'object':
        return {key: example(value) for key, value in schema.get('properties', {}).items()}
    return {'boolean': True, 'integer': schema.get('minimum', 1), 'string': 'example', 'array': []}.get(schema.get('type'), 'example')


def variations(schema):
    """A body with one field of it missing, of a wrong type, beyond a limit, or of hostile text; and which of them must be refused."""
    value = example(schema)
    for key, field in schema['properties'].items():
        field = resolve(field)
        without = {name: inner for name, inner in value.items() if name != key}
        yield without, key in schema.get('required', [])
        for wrong in WRONG if 'type' in field else []:
            is_right = type(wrong) is type(value[key]) or wrong is None
            yield {**without, key: wrong}, not is_right
        if field.get('type') == 'string':
            for text in TEXTS:
                yield {**without, key: text}, 'enum' in field
            if 'maxLength' in field:
                yield {**without, key: 'x' * (field['maxLength'] + 1)}, True
        if field.get('type') == 'integer':
            for beyond in (field['minimum'] - 1, field['maximum'] + 1):
                yield {**without, key: beyond}, True
        if field.get('type') == 'array':
            yield {**without, key: (value[key] or ['x']) * (field['maxItems'] + 1)}, True
            for wrong in WRONG:
                yield {**without, key: [wrong]}, True
            for text in TEXTS:
                yield {**without, key: [text]}, False
    yield {**value, SQL: SQL}, False


class Description(unittest.TestCase):
    def test_it_has_the_routes_of_the_node_and_no_others(self):
        table = sorted((method, path) for method, path, _, _ in TABLE)
        self.assertGreater(len(table), 40)
        self.assertEqual(sorted((route.method, route.path) for route in routes()), table)

    def test_a_body_is_described_where_one_is_taken(self):
        takes = {(method, path) for method, path, _, size in TABLE if size == 'BODY'}
        for route in routes():
            if route.schema:
                self.assertIn((route.method, route.path), takes)

    def test_parameters_of_the_path_are_described(self):
        for route in routes():
            self.assertEqual([parameter['name'] for parameter in route.parameters if parameter['in'] == 'path'],
                             re.findall(r'\{(\w+)\}', route.path), str(route))

    def test_what_is_referred_to_is_there_and_the_other_way_round(self):
        used = set(references(DESCRIPTION))
        self.assertEqual(used, {'#/components/schemas/' + name for name in DESCRIPTION['components']['schemas']})

    def test_the_document_for_people_has_each_route_and_each_code(self):
        for route in routes():
            self.assertIn(str(route), DOCUMENT)
        self.assertEqual(CODES - {'method'}, set(re.findall(r'^\tX\(\w+, +"(\w+)"', (
            harness.ROOT / 'src/node/failure.h').read_text(), re.MULTILINE)) - {'ok'})


class BadInput(StageTest):
    def setUp(self):
        super().setUp()
        self.alice = self.node('alice')
        self.alice.one('add', CONTACT, '--name', 'bob')

    def tearDown(self):
        self.assertEqual(self.alice.ask('/status')[0], 200)
        self.alice.down()
        database = sqlite3.connect(self.alice.home / 'dpc.db')
        self.assertEqual(database.execute('PRAGMA integrity_check').fetchone()[0], 'ok')
        database.close()
        super().tearDown()

    def raw(self, text):
        """Status, headers in lower case, and body of the answer to these bytes; of a stream, none."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(self.alice.home / 'control.sock'))
            try:
                client.sendall(text)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all of it was read
            answer = b''
            try:
                while not complete(answer) and b'chunked\r\n' not in answer and (more := client.recv(65536)):
                    answer += more
            except ConnectionResetError:
                pass
        head, _, rest = answer.partition(b'\r\n\r\n')
        lines = head.decode().split('\r\n')
        self.assertRegex(lines[0], r'^HTTP/1\.1 \d{3} ', text[:200])
        return int(lines[0].split()[1]), {line.split(':')[0].lower(): line.partition(':')[2].strip() for line in lines[1:]}, rest

    def ask(self, route, path=None, body=None):
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        lines = [f'{route.method} {path or route.at()} HTTP/1.1', 'Host: dpc', 'Connection: close']
        if body is not None:
            lines += [f'Content-Length: {len(body)}', 'Content-Type: application/json']
        return self.raw('\r\n'.join([*lines, '', '']).encode() + (body or b''))

    def assert_answer(self, route, answer, must_refuse=False):
        status, headers, body = answer
        self.assertIn(status, (route.statuses | HTTP_STATUSES) - {500}, (str(route), body[:300]))
        if must_refuse:
            self.assertIn(status, range(400, 500), (str(route), body[:300]))
        if status < 400:
            return None
        self.assertEqual(headers.get('content-type'), 'application/json', (str(route), status))
        error = json.loads(body)['error']
        self.assertEqual(sorted(error), ['code', 'message'])
        self.assertIn(error['code'], CODES)
        self.assertTrue(error['message'])
        return error['code']

    def test_what_is_no_json_object_is_malformed(self):
        for route in routes():
            for body in BODIES if route.schema else []:
                with self.subTest(route=str(route), body=body[:40]):
                    if route.is_optional and not body:
                        continue
                    answer = self.ask(route, body=body)
                    self.assertEqual((answer[0], self.assert_answer(route, answer, True)), (400, 'malformed'))

    def test_fields_that_are_missing_of_a_wrong_type_too_long_or_hostile(self):
        count = 0
        for route in routes():
            for body, must_refuse in variations(route.schema) if route.schema else []:
                with self.subTest(route=str(route), body=str(body)[:200]):
                    self.assert_answer(route, self.ask(route, body=body), must_refuse)
                    count += 1
        self.assertGreater(count, 800)

    def test_parameters_of_paths_and_queries(self):
        values = [SQL, '%00', '%ff', '%zz', '%', '%2F..%2F..%2Fetc%2Fpasswd', 'x' * 5000, '%F0%9F%98%80', '-1', 'zz', '1e9', '99999999999999999999', '',
                  CONTACT + '%00', CONTACT[:-1] + '0', '*', 'a"b', 'NEAR(', '"', '%0a', 'dpc://x']
        for route in routes():
            body = example(route.schema) if route.schema else None
            for parameter in route.parameters:
                for value in values:
                    encoded = value.replace(' ', '%20').replace('"', '%22').replace("'", '%27').replace('<', '%3C').replace('#', '%23')
                    with self.subTest(route=str(route), parameter=parameter['name'], value=value[:60]):
                        if parameter['in'] == 'path':
                            path, must_refuse = route.at(**{parameter['name']: encoded}), True
                        else:
                            others = '&'.join(f'{other["name"]}=bob' for other in route.parameters if other['in'] == 'query' and other.get('required')
                                              and other is not parameter)
                            path, must_refuse = f'{route.at()}?{parameter["name"]}={encoded}&{others}', False
                        # The hub is asked about anybody; there is none.
                        must_refuse = must_refuse and 503 not in route.statuses
                        self.assert_answer(route, self.ask(route, path, body), must_refuse)

    def test_what_is_too_large_is_refused_and_so_is_a_body_where_none_belongs(self):
        takes = {(method, path) for method, path, _, size in TABLE if size == 'BODY'}
        for route in routes():
            with self.subTest(route=str(route)):
                body = b'{"a":"' + b'x' * 1024 * 1024 + b'"}' if (route.method, route.path) in takes else b'{"a":1}'
                answer = self.ask(route, body=body)
                self.assertEqual((answer[0], self.assert_answer(route, answer)), (413, 'too_large'))

    def test_other_methods_are_refused(self):
        for path in DESCRIPTION['paths']:
            route = next(route for route in routes() if route.path == path)
            for method in ('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'get', 'X'):
                if any(other.method == method and re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', other.path), route.at()) for other in routes()):
                    continue
                with self.subTest(path=path, method=method):
                    answer = self.raw(f'{method} {route.at()} HTTP/1.1\r\nHost: dpc\r\nConnection: close\r\n\r\n'.encode())
                    self.assertEqual((answer[0], json.loads(answer[2])['error']['code']), (405, 'method'))

    def test_paths_that_there_are_not(self):
        for path in ('/', '/api', '/api/v1', '/api/v1/', '/api/v2/status', '/api/v1/status/', '/api/v1//status', '/api/v1/nothing', '/API/v1/status',
                     '/api/v1/peers/a/b/c', '/../api/v1/status', '/api/v1/%73tatus%2f'):
            answer = self.raw(f'GET {path} HTTP/1.1\r\nHost: dpc\r\nConnection: close\r\n\r\n'.encode())
            self.assertEqual((answer[0], json.loads(answer[2])['error']['code']), (404, 'not_found'), path)

    def test_requests_that_are_no_http(self):
        for text in (b'\0' * 100 + b'\r\n\r\n', os.urandom(2000).replace(b'\n', b'x') + b'\r\n\r\n', b'GET\r\n\r\n', b'GET /api/v1/status\r\n\r\n',
                     b'GET /api/v1/status HTTP/1.1\r\nHost: dpc\r\nContent-Length: -1\r\n\r\n',
                     b'POST /api/v1/ping HTTP/1.1\r\nHost: dpc\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
                     b'GET /api/v1/status HTTP/1.1\r\nHost: dpc\r\nX: ' + b'a' * 20000 + b'\r\n\r\n'):
            with self.subTest(text=text[:60]):
                self.assertIn(self.raw(text)[0], (400, 431, 501, 505))


if __name__ == '__main__':
    harness.main()
