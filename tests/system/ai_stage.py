"""What the tests of AI models start with: providers, their owners, those who ask, and programs at an AI port."""
import http.client
import json
import socket
import sys
import urllib.request

import harness
from stage import UnixConnection, free_port, wait_until

ALL = '[default]\nai.model.* = allow\n'


class AiTest(harness.StageTest):
    def provider(self, *words, name='provider'):
        """A test provider; its address."""
        url = f'http://127.0.0.1:{free_port()}'
        process, log = self.stage.start(name, [sys.executable, str(harness.ROOT / 'tests/tools/test_provider.py'),
                                               '--port', url.rsplit(':', 1)[1], *words])

        def listens():
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return True
            except OSError:
                return False
        wait_until('the provider listens', listens, 30, process, log)
        return url

    def log(self, name='provider'):
        return (self.directory / f'{name}.log').read_text()

    def owner(self, rules=ALL, url=None, kind='ollama', name='bob', settings='model = one\n'):
        """A node with a model and rules."""
        bob = self.node(name, up=False)
        (bob.home / 'access.ini').write_text(rules)
        if url:
            with open(bob.home / 'config.ini', 'a') as config:
                config.write(f'[ai]\nprovider = {kind}\nurl = {url}\n{settings}')
        bob.up()
        return bob

    def befriend(self, asker, owner):
        owner.one('add', asker.id, '--name', asker.name)
        asker.one('add', owner.one('status')['uris'][0], '--name', owner.name)

    def owner_and_asker(self, *args, **more):
        bob, alice = self.owner(*args, **more), self.node('alice')
        self.befriend(alice, bob)
        return alice, bob

    def query(self, asker, text, peer='bob'):
        """A query whose answer is read line by line."""
        connection = UnixConnection(asker.home / 'control.sock')
        connection.request('POST', '/api/v1/ai/query', body=json.dumps({'peer': peer, 'query': text}))
        return connection

    def leave(self, connection):
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()


def text_of(lines):
    return ''.join(line.get('delta', '') for line in lines)


def question(text, model='one@bob', **more):
    return {'model': model, 'messages': [{'role': 'user', 'content': text}], **more}


class PortTest(AiTest):
    def asker(self, settings='', name='alice'):
        """A node with the port."""
        alice = self.node(name, up=False)
        with open(alice.home / 'config.ini', 'a') as config:
            config.write('[ai]\nprovider = none\n' + settings)
        self.port = free_port()
        alice.up('--ai-port', str(self.port))
        return alice

    def asker_and_owner(self, **more):
        alice, bob = self.asker(), self.owner(url=self.provider('--model', 'one', '--model', 'two'), **more)
        self.befriend(alice, bob)
        alice.one('connect', 'bob')
        return alice, bob

    def connection(self):
        return http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)

    def begin(self, path, body, method='POST', **headers):
        """A request under way: its connection and answer."""
        connection = self.connection()
        connection.request(method, path, None if body is None else json.dumps(body),
                           {name.replace('_', '-'): value for name, value in headers.items()})
        return connection, connection.getresponse()

    def ask(self, path, body=None, method=None, **headers):
        """Status and answer: an object, or the objects of a stream."""
        connection, answer = self.begin(path, body, method or ('GET' if body is None else 'POST'), **headers)
        text = answer.read().decode()
        connection.close()
        kind = answer.headers.get('Content-Type', '')
        if kind.startswith('application/json'):
            return answer.status, json.loads(text)
        if kind == 'text/event-stream':
            return answer.status, [part if part == '[DONE]' else json.loads(part) for part in
                                   (event.removeprefix('data: ') for event in text.split('\n\n') if event)]
        if kind == 'application/x-ndjson':
            return answer.status, [json.loads(line) for line in text.splitlines()]
        return answer.status, text
