"""What the tests of AI models start with: providers, their owners, and those who ask."""
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
