#!/usr/bin/env python3
"""What the operator of a hub does to it: accounts, nodes, bans, keys, backups."""
import json
import os
import pathlib
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from websocket import Closed, Refused, WebSocket, close_all


class Admin(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-admin-'))
        self.hub = self.start()

    def start(self, config=''):
        return Hub(PROGRAM_HUB, self.directory, config=config)

    def restart(self, config=''):
        self.assertEqual(self.hub.stop(), 0)
        self.hub = self.start(config)

    def tearDown(self):
        close_all()
        self.assertEqual(self.hub.stop(), 0)
        shutil.rmtree(self.directory)

    def run_hub(self, *words, data=None):
        return subprocess.run([PROGRAM_HUB, *words, '--data', str(data or self.directory)], capture_output=True, text=True,
                              timeout=60)

    def admin(self, *words):
        """What a command prints, each line read as JSON."""
        done = self.run_hub('admin', *words, '--json')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def assert_fails(self, done, status, *parts):
        self.assertEqual((done.returncode, done.stdout), (status, ''), done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def node(self):
        node = NodeKey()
        node.tokens = node.login(self.hub)
        self.assertEqual(node.register(self.hub, node.tokens)[0], 200)
        return node

    def status_of(self, node, **kwargs):
        return self.hub.ask('GET', '/users/me', token=node.tokens['access_token'], **kwargs)[0]

    def assert_closed(self, socket, code, seconds=1):
        began = time.monotonic()
        with self.assertRaises(Closed) as closed:
            socket.receive()
        self.assertEqual(closed.exception.code, code)
        self.assertLess(time.monotonic() - began, seconds)


class Looking(Admin):
    def test_accounts_and_nodes(self):
        alice, bob = self.node(), self.node()
        self.hub.ask('PUT', f'/users/me/nodes/{alice.node_id}', {'name': 'lap\u202etop'}, alice.tokens['access_token'])
        alice.connect(self.hub, alice.tokens)
        users = self.admin('users')
        self.assertEqual([user['subject'] for user in users], [alice.pin, bob.pin])
        self.assertEqual({(user['provider'], user['nodes'], user['banned']) for user in users}, {('key', 1, False)})
        nodes = {node['node_id']: node for node in self.admin('nodes')}
        self.assertEqual(set(nodes), {alice.node_id, bob.node_id})
        self.assertEqual((nodes[alice.node_id]['connected'], nodes[alice.node_id]['address']), (True, '127.0.0.1'))
        self.assertEqual((nodes[bob.node_id]['connected'], nodes[bob.node_id]['address']), (False, None))
        self.assertEqual([node['node_id'] for node in self.admin('nodes', '--connected')], [alice.node_id])
        by_node, = self.admin('show', alice.node_id)
        self.assertEqual(self.admin('show', str(users[0]['id'])), [by_node])
        self.assertEqual(by_node['nodes'][0]['name'], 'lap\u202etop')
        # For a person, and what others call themselves does not reach the terminal as it is.
        done = self.run_hub('admin', 'nodes')
        self.assertIn('lap\u00b7top', done.stdout)
        self.assertIn('connected', self.run_hub('admin', 'show', alice.node_id).stdout)
        self.assertIn(alice.pin, self.run_hub('admin', 'users').stdout)
        self.assert_fails(self.run_hub('admin', 'show', '99'), 1, 'no such')
        self.assert_fails(self.run_hub('admin', 'show'), 2, 'one account')
        self.assert_fails(self.run_hub('admin', 'dance'), 2, 'rotate-key')

    def test_more_than_one_page(self):
        with sqlite3.connect(self.directory / 'hub.db') as database:
            database.executemany("INSERT INTO users (provider, subject, created) VALUES ('key', ?, 1)",
                                 ((f'{i}',) for i in range(250)))
        database.close()
        self.assertEqual([user['subject'] for user in self.admin('users')], [str(i) for i in range(250)])
        for i in range(101):
            self.assertEqual(self.admin('ban', f'192.0.2.{i}')[0]['subject'], f'192.0.2.{i}/32')
        self.assertEqual(len(self.admin('bans')), 101)

    def test_the_socket_is_its_owners(self):
        mode = stat.S_IMODE(os.stat(self.directory / 'admin.sock').st_mode)
        self.assertEqual(mode, 0o600)
        self.assertEqual(self.hub.ask('GET', '/users')[0], 404)
        with tempfile.TemporaryDirectory() as empty:
            self.assert_fails(self.run_hub('admin', 'users', data=empty), 1, 'no hub runs', empty)

    def test_one_hub_has_the_directory(self):
        done = self.run_hub('--listen', '127.0.0.1:0')
        self.assert_fails(done, 1, 'a dpc-hub runs', str(self.directory))
        # A crash leaves nothing that holds the next one up.
        self.hub.process.kill()
        self.hub.process.wait(30)
        self.hub = self.start()


class Bans(Admin):
    def ban_and_unban(self, who, node):
        """Everything that the node tries is 403 meanwhile, after a restart too."""
        socket = node.connect(self.hub, node.tokens)
        ban, = self.admin('ban', who, '--reason', 'spam')
        self.assert_closed(socket, 4004)
        self.assertEqual(self.admin('bans'), [ban])
        self.assertEqual(ban['reason'], 'spam')
        for restarts in (False, True):
            if restarts:
                self.restart()
            self.assertEqual(self.status_of(node), 403)
            for path, body in (('/refresh', {'refresh_token': node.tokens['refresh_token']}),
                               ('/profile', None)):
                status, answer = self.hub.ask('POST' if body else 'GET', path, body, node.tokens['access_token'])
                self.assertEqual((status, answer['error']['code']), (403, 'banned'), path)
            with self.assertRaises(Refused) as refused:
                WebSocket(self.hub.port, '/ws/signal', [f'Authorization: Bearer {node.tokens["access_token"]}'])
            self.assertEqual(refused.exception.status, 403)
            status, answer = self.login(node)
            self.assertEqual((status, answer['error']['code']), (403, 'banned'))
        self.admin('unban', who)
        self.assertEqual(self.status_of(node), 200)
        # The refresh token was not spent.
        self.assertEqual(self.hub.ask('POST', '/refresh', {'refresh_token': node.tokens['refresh_token']})[0], 200)
        self.assertEqual(self.admin('bans'), [])
        self.assert_fails(self.run_hub('admin', 'unban', who), 1, 'not banned')
        text = self.hub.log_text()
        self.assertIn(f"'{ban['subject']}' is banned: spam", text)
        self.assertIn(f"'{ban['subject']}' is banned no more", text)

    def login(self, node):
        status, body = self.hub.ask('POST', '/login/key/challenge', {'node_id': node.node_id})
        if status != 200:
            return status, body
        return self.hub.ask('POST', '/login/key', node.login_body(self.hub, challenge=body['challenge']))

    def test_an_account(self):
        node, other = self.node(), self.node()
        self.ban_and_unban(str(self.admin('show', node.node_id)[0]['id']), node)
        self.assertEqual(self.status_of(other), 200)

    def test_a_node(self):
        node, other = self.node(), self.node()
        socket = other.connect(self.hub, other.tokens)
        self.ban_and_unban(node.node_id, node)
        self.assertEqual(self.status_of(other), 200)
        socket.close()

    def test_an_address(self):
        node = self.node()
        self.ban_and_unban('127.0.0.9/24', node)

    def test_addresses_behind_a_proxy(self):
        self.restart('[hub]\ntrusted_proxies = 127.0.0.1\n')
        node = self.node()
        self.admin('ban', '2001:db8:1::/48')
        self.assertEqual(self.status_of(node, headers={'X-Forwarded-For': '2001:db8:1:2::3'}), 403)
        self.assertEqual(self.status_of(node, headers={'X-Forwarded-For': '2001:db8:2::3'}), 200)

    def test_what_is_nobody(self):
        for who in ('alice', '192.0.2.0/33', '0', 'dpc-node-x'):
            self.assert_fails(self.run_hub('admin', 'ban', who), 1, 'neither')
        self.assert_fails(self.run_hub('admin', 'ban', '7', '--reason', 'x' * 201), 1, 'body')


class Revoking(Admin):
    def test_logins_end_and_sockets_close(self):
        alice, bob = self.node(), self.node()
        for who, closing in ((alice.node_id, alice), (str(self.admin('show', bob.node_id)[0]['id']), bob)):
            socket = closing.connect(self.hub, closing.tokens)
            self.admin('revoke', who)
            self.assert_closed(socket, 4001)
            self.assertEqual(self.status_of(closing), 401)
            self.assertEqual(self.hub.ask('POST', '/refresh', {'refresh_token': closing.tokens['refresh_token']})[0], 401)
            # It may log in again.
            closing.connect(self.hub, closing.login(self.hub)).close()
        self.assert_fails(self.run_hub('admin', 'revoke', '127.0.0.1'), 1, 'no logins')
        self.assert_fails(self.run_hub('admin', 'revoke', '99'), 1, 'no such')
        self.assertIn(f"admin: the logins of node '{alice.node_id}' have ended", self.hub.log_text())

    def test_keys_are_replaced(self):
        node = self.node()
        first, = self.admin('keys')
        second, old = self.admin('rotate-key')
        self.assertEqual((old['id'], second['retires']), (first['id'], None))
        # What the first one signed counts on, after a restart too; what the second signed does at once.
        self.assertEqual(self.status_of(node), 200)
        other = self.node()
        self.restart()
        self.assertEqual((self.status_of(node), self.status_of(other)), (200, 200))
        third, = self.admin('rotate-key', '--now')
        self.assertNotIn(third['id'], (first['id'], second['id']))
        self.assertEqual((self.status_of(node), self.status_of(other)), (401, 401))
        status, fresh = self.hub.ask('POST', '/refresh', {'refresh_token': node.tokens['refresh_token']})
        self.assertEqual(status, 200)
        self.assertEqual(self.hub.ask('GET', '/users/me', token=fresh['access_token'])[0], 200)
        self.assertIn(third['id'], self.hub.log_text())
        # No secret leaves by this way.
        self.assertEqual(set(third), {'id', 'created', 'retires'})

    def test_a_key_grows_old(self):
        first, = self.admin('keys')
        self.assertEqual(self.hub.stop(), 0)
        with sqlite3.connect(self.directory / 'hub.db') as database:
            database.execute('UPDATE token_keys SET created = created - 3 * 86400')
        database.close()
        self.hub = self.start('[hub]\ntoken_key_days = 3\n')
        self.assertNotEqual(self.admin('keys')[0]['id'], first['id'])


class Tokens(Admin):
    def test_a_token_in_a_url_is_refused(self):
        node = self.node()
        token = node.tokens['access_token']
        for name in ('token', 'access_token'):
            for headers in (None, {'Authorization': f'Bearer {token}'}):
                status, answer = self.hub.ask('GET', f'/users/me?{name}={token}', headers=headers)
                self.assertEqual((status, answer['error']['code']), (400, 'token_in_url'))
        self.assertNotIn(token, self.hub.log_text())


class Backups(Admin):
    def test_a_backup_of_a_busy_hub_is_whole(self):
        # As busy as the machine allows: no limit of rates is to end it.
        self.restart('[limits]\nlogin_burst = 1000000\nrequests_burst = 1000000\n')
        nodes = [self.node() for _ in range(3)]
        is_over, failures = threading.Event(), []

        def log_in():
            while not is_over.is_set():
                try:
                    self.node()
                except Exception as failure:  # pylint: disable=broad-except
                    failures.append(failure)
        busy = threading.Thread(target=log_in)
        busy.start()
        copy = self.directory / 'copy.db'
        for _ in range(5):
            done = self.run_hub('backup', str(copy))
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f'{copy}\n', ''))
        is_over.set()
        busy.join()
        self.assertEqual(failures, [])
        self.assertEqual(stat.S_IMODE(copy.stat().st_mode), 0o600)
        self.assertEqual([path.name for path in self.directory.glob('copy.db*')], ['copy.db'])
        with tempfile.TemporaryDirectory() as other:
            done = self.run_hub('restore', str(copy), data=other)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, 'restored\n', ''))
            hub = Hub(PROGRAM_HUB, other)
            try:
                for node in nodes:
                    # Accounts, nodes and keys: the tokens of the first hub are good at the second.
                    self.assertEqual(hub.ask('GET', '/users/me', token=node.tokens['access_token'])[1]['registered'], True)
            finally:
                self.assertEqual(hub.stop(), 0)

    def test_the_old_database_is_kept(self):
        copy = self.directory / 'copy.db'
        self.assertEqual(self.run_hub('backup', str(copy)).returncode, 0)
        late = self.node()
        self.assert_fails(self.run_hub('restore', str(copy)), 1, 'a dpc-hub runs')
        self.assertEqual(self.hub.stop(), 0)
        done = self.run_hub('restore', str(copy))
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        kept, = self.directory.glob('hub.db.before-*Z')
        self.assertEqual(done.stdout, f"restored; the database before is '{kept}'\n")
        self.hub = self.start()
        self.assertEqual(self.status_of(late), 401)
        # And back.
        self.assertEqual(self.hub.stop(), 0)
        self.assertEqual(self.run_hub('restore', str(kept)).returncode, 0)
        self.hub = self.start()
        self.assertEqual(self.status_of(late), 200)

    def test_what_is_no_backup_changes_nothing(self):
        copy = self.directory / 'copy.db'
        self.assertEqual(self.run_hub('backup', str(copy)).returncode, 0)
        self.assertEqual(self.hub.stop(), 0)
        before = (self.directory / 'hub.db').read_bytes()
        damaged = bytearray(copy.read_bytes())
        damaged[4096:12288] = b'\xa5' * 8192
        (self.directory / 'damaged').write_bytes(damaged)
        (self.directory / 'noise').write_bytes(b'this is no database' * 1000)
        (self.directory / 'empty').write_bytes(b'')
        for name, statement in (('newer', 'PRAGMA user_version = 99'), ('foreign', 'DROP TABLE users')):
            shutil.copy(copy, self.directory / name)
            database = sqlite3.connect(self.directory / name)
            database.execute(statement)
            database.commit()
            database.close()
        for name, part in (('damaged', ''), ('noise', ''), ('empty', 'no database of a hub'), ('newer', 'newer'),
                           ('foreign', 'no database of a hub'), ('missing', 'cannot be read')):
            with self.subTest(name=name):
                self.assert_fails(self.run_hub('restore', str(self.directory / name)), 1, name, part)
        self.assertEqual((self.directory / 'hub.db').read_bytes(), before)
        self.assertEqual(list(self.directory.glob('restore.new')) + list(self.directory.glob('hub.db.before*')), [])
        self.assert_fails(self.run_hub('restore'), 2, 'the file')
        self.assert_fails(self.run_hub('backup', '/nonexistent/x'), 1, '/nonexistent')
        done = self.run_hub('backup', str(copy), '--store', 'postgresql://nowhere.invalid/dpc')
        self.assert_fails(done, 1, 'pg_dump')
        with tempfile.TemporaryDirectory() as empty:
            self.assert_fails(self.run_hub('backup', str(copy), data=empty), 1, 'there is no database')
        self.hub = self.start()


if __name__ == '__main__':
    harness.main()
