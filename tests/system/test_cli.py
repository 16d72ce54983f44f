#!/usr/bin/env python3
"""The command line as a person meets it: usage, refusals, and what the commands print."""
import json
import os
import pty
import shutil
import socket
import subprocess

import harness
from harness import PROGRAM_DPC, StageTest
from stage import Node, free_port

COMMANDS = ['init', 'id', 'up', 'login', 'logout', 'add', 'remove', 'accept', 'block', 'policy', 'verify', 'peers', 'connect', 'disconnect',
            'send', 'chat', 'history', 'search', 'ping', 'status', 'netcheck', 'context', 'access', 'ask', 'ai', 'models', 'completion']

# Calls that go to the node, with the least that they take.
CLIENT_CALLS = [['login'], ['logout'], ['add', 'dpc-node-0123456789abcdef'], ['remove', 'bob'], ['accept', 'bob'],
                ['block', 'bob'], ['policy', 'bob'], ['verify', 'bob'], ['verify', 'bob', '--undo'], ['peers'], ['connect', 'bob'], ['disconnect', 'bob'], ['send', 'bob', 'hi'],
                ['chat', 'bob'], ['history', 'bob'], ['history', '--export', '-'], ['search', 'hi'], ['ping', 'bob'], ['status'], ['status', 'bob'], ['status', '--watch'],
                ['context', 'get', 'bob', 'profile.name'], ['context', 'get', 'bob'],
                ['context', 'show'], ['context', 'show', 'a'], ['context', 'set', 'a', '1'], ['context', 'delete', 'a'],
                ['context', 'import', str(harness.ROOT / 'examples/context.json')], ['context', 'edit'],
                ['access', 'check', 'bob', 'context.profile.name'], ['access', 'pending'], ['access', 'allow', '1'], ['access', 'deny', '1', '--always'],
                ['ask', 'bob', 'why?'],
                ['models'], ['models', 'bob'], ['ai', 'log'], ['ai', 'log', 'bob']]

WRONG_USAGE = [[], ['frobnicate'], ['--frob'], ['-x'], ['send'], ['send', 'bob'], ['send', 'bob', *(['too'] * 18)],
               ['status', 'bob', 'now'], ['verify'], ['verify', 'bob', '--yes', '--undo'], ['verify', 'bob', '1', '--yes'], ['verify', *['1'] * 14], ['status', '--watch=1'], ['add'], ['connect'], ['connect', 'bob', '--direct', '--webrtc'],
               ['connect', 'bob', '--timeout', 'soon'], ['connect', 'bob', '--timeout', '0'],
               ['connect', 'bob', '--timeout'], ['connect', 'bob', '--direct=yes'], ['history', 'bob', '--limit', '-1'],
               ['history', 'bob', '--limit', '501'], ['history'], ['history', '--export'], ['history', '--export', '-', '--before', 'x'], ['search', 'hi', '--limit', '0'], ['search', 'hi', '--before', 'x'], ['search', 'a' * 4096], ['ping', 'bob', '--count', '1e3'],
               ['ping', 'bob', '--interval', '0'], ['ping', 'bob', '--interval', '1.'], ['ping', 'bob', '--interval', '0.0001'], ['send', 'bob', 'hi', '--wait', 'x'],
               ['context'], ['context', 'get'], ['context', 'set', 'a'], ['context', 'delete'], ['context', 'delete', 'a', 'b'], ['context', 'import'], ['context', 'edit', 'a'], ['context', 'put', 'bob', 'x'], ['access', 'check', 'bob'], ['access'], ['access', 'allow'], ['access', 'pending', '1'], ['context', 'get', 'bob', '--wait', 'x'], ['context', 'get', 'bob', '--wait', '601'], ['access', 'grant', 'bob', 'x'], ['ask', 'bob'], ['ask', 'bob', 'x', '--timeout', ''], ['ask', 'bob', 'x', '--with-context'],
               ['init', '--key', 'dsa'], ['init', '--name', ''], ['init', '--name', 'a\nb'], ['init', '--name', 'x' * 65],
               ['ai'], ['ai', 'logs'], ['ai', 'log', '--limit', '0'], ['completion', 'tcsh'], ['status', '--home', ''], ['status', '--home'], ['id', '--qr=1'],
               ['context', 'get', 'bob', *['k'] * 65]]


class Usage(StageTest):
    def test_wrong_usage_is_status_2_and_one_line(self):
        node = Node(self.stage, 'nobody')
        for words in WRONG_USAGE:
            with self.subTest(words=words):
                done = subprocess.run([PROGRAM_DPC, *words], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                                      env={**os.environ, 'DPC_HOME': str(node.home)})
                self.assert_fails(done, 2, '--help')
        self.assertFalse(node.home.exists())

    def test_text_that_is_not_utf8_is_wrong_usage(self):
        done = subprocess.run([PROGRAM_DPC.encode(), b'send', b'bob', b'\xff\xfe'], capture_output=True)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count(b'\n'), 1)

    def test_help_is_there_for_every_command(self):
        for words in [['--help'], ['-h'], *[[command, '--help'] for command in COMMANDS]]:
            with self.subTest(words=words):
                done = subprocess.run([PROGRAM_DPC, *words], text=True, capture_output=True)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                self.assertTrue(done.stdout.startswith('usage: dpc '))
        everything = subprocess.run([PROGRAM_DPC, '--help'], text=True, capture_output=True).stdout
        for command in COMMANDS:
            self.assertIn(f'\n  {command} ', everything)

    def test_version_is_one_line(self):
        done = subprocess.run([PROGRAM_DPC, '--version'], text=True, capture_output=True)
        self.assertRegex(done.stdout, r'^dpc \d+\.\d+\.\d+\n$')

    def test_a_result_that_cannot_be_written_is_a_failure(self):
        with open('/dev/full', 'w') as full:
            done = subprocess.run([PROGRAM_DPC, '--help'], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn('No space left', done.stderr)

    def test_completions_are_code_that_the_shells_accept(self):
        for shell in ('bash', 'zsh'):
            done = subprocess.run([PROGRAM_DPC, 'completion', shell], text=True, capture_output=True)
            self.assertEqual(done.returncode, 0)
            if shutil.which(shell):
                checked = subprocess.run([shell, '-n'], input=done.stdout, text=True, capture_output=True)
                self.assertEqual((checked.returncode, checked.stderr), (0, ''))

    def test_bash_completes_commands_options_and_words(self):
        script = subprocess.run([PROGRAM_DPC, 'completion', 'bash'], text=True, capture_output=True).stdout
        for words, expected in ((['dpc', 'disc'], ['disconnect']), (['dpc', 'connect', '--d'], ['--direct']),
                                (['dpc', 'completion', ''], ['bash', 'zsh'])):
            line = ' '.join(f"'{word}'" for word in words)
            code = f'{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _dpc; printf "%s\\n" "${{COMPREPLY[@]}}"'
            done = subprocess.run(['bash', '-c', code], text=True, capture_output=True)
            self.assertEqual(done.stdout.split(), expected, done.stderr)


class Home(StageTest):
    def test_without_a_node_each_command_says_how_to_make_one(self):
        node = Node(self.stage, 'nobody')
        for words in [['id'], ['up'], *CLIENT_CALLS]:
            with self.subTest(words=words):
                self.assert_fails(node.run(*words), 1, str(node.home), 'dpc init')

    def test_without_a_running_node_each_command_says_how_to_start_it(self):
        node = self.node('alice', up=False)
        for words in CLIENT_CALLS:
            with self.subTest(words=words):
                done = node.run(*words)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stdout, '')
                self.assertEqual(done.stderr, f"dpc: no node is running in '{node.home}': start it with 'dpc up'\n")

    def test_a_second_init_leaves_the_node_as_it_is(self):
        node = self.node('alice', up=False)
        before = {path.name: path.read_bytes() for path in node.home.iterdir()}
        self.assert_fails(node.run('init'), 1, str(node.home), node.id)
        self.assertEqual(before, {path.name: path.read_bytes() for path in node.home.iterdir()})

    def test_a_home_that_cannot_be_made_is_named(self):
        (self.directory / 'file').write_text('')
        node = Node(self.stage, 'file/below')
        self.assert_fails(node.run('init'), 1, str(node.home), 'Not a directory')

    def test_the_key_is_readable_by_its_owner_only(self):
        node = self.node('alice', up=False)
        self.assertEqual((node.home / 'node.key').stat().st_mode & 0o777, 0o600)

    def test_the_id_is_the_hash_that_openssl_sees(self):
        for kind in ('p256', 'rsa2048'):
            node = Node(self.stage, kind)
            made = node.one('init', '--key', kind)
            key = subprocess.run(['openssl', 'x509', '-in', node.home / 'node.crt', '-noout', '-pubkey'],
                                 capture_output=True, check=True).stdout
            digest = subprocess.run(['openssl', 'dgst', '-sha256', '-r'], input=key, capture_output=True,
                                    check=True).stdout.decode().split()[0]
            self.assertEqual(made['key'], digest)
            self.assertEqual(made['node_id'], 'dpc-node-' + digest[:16])
            self.assertEqual(node.run('id').stdout, made['node_id'] + '\n')

    def test_a_qr_code_is_a_square_of_blocks_and_the_text(self):
        node = self.node('alice', up=False)
        lines = node.run('id', '--qr').stdout.splitlines()
        self.assertEqual(lines[-1], node.id)
        self.assertEqual(len({len(line) for line in lines[:-1]}), 1)

    def test_a_damaged_key_is_named_and_left_alone(self):
        node = self.node('alice', up=False)
        key = node.home / 'node.key'
        damaged = key.read_bytes()[:60]
        key.write_bytes(damaged)
        for words in (['id'], ['up'], ['init']):
            with self.subTest(words=words):
                self.assert_fails(node.run(*words), 1, 'node.key')
        self.assertEqual(key.read_bytes(), damaged)

    def test_a_damaged_database_is_named_and_left_alone(self):
        node = self.node('alice')
        node.down()
        database = node.home / 'dpc.db'
        for other in ('dpc.db-wal', 'dpc.db-shm'):
            (node.home / other).unlink(missing_ok=True)
        database.write_bytes(b'not a database at all' * 500)
        self.assert_fails(node.run('up', '--listen', 'none'), 1, 'dpc.db')
        self.assertTrue(database.read_bytes().startswith(b'not a database'))

    def test_a_mistyped_configuration_is_named_with_its_line(self):
        node = self.node('alice', up=False)
        (node.home / 'config.ini').write_text('[node]\nnmae = alice\n')
        self.assert_fails(node.run('up'), 1, 'config.ini', 'nmae')

    def test_a_port_in_use_is_named(self):
        node = self.node('alice', up=False)
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assert_fails(node.run('up', '--listen', f'127.0.0.1:{port}'), 1, str(port), 'in use')

    def test_only_one_node_runs_in_a_home(self):
        node = self.node('alice')
        self.assert_fails(node.run('up', '--listen', f'127.0.0.1:{free_port()}'), 1, str(node.home))
        self.assertEqual(node.one('status')['node_id'], node.id)

    def test_a_socket_left_behind_by_a_killed_node_is_no_hindrance(self):
        node = self.node('alice')
        node.process.kill()
        node.process.wait()
        self.assert_fails(node.run('status'), 1, "start it with 'dpc up'")
        node.up()
        self.assertEqual(node.one('status')['node_id'], node.id)

    def test_a_home_with_too_long_a_path_is_refused_in_words(self):
        node = Node(self.stage, 'x' * 120)
        node.run('init')
        self.assert_fails(node.run('status'), 1, 'too long', '--home')


class Alone(StageTest):
    def test_unknown_peers_are_named(self):
        node = self.node('alice')
        for words in CLIENT_CALLS:
            if 'bob' not in words:
                continue
            with self.subTest(words=words):
                self.assert_fails(node.run(*words), 1, 'bob')

    def test_a_contact_needs_a_well_formed_id(self):
        node = self.node('alice')
        for wrong in ('bob', 'dpc-node-xyz', 'dpc://', 'dpc://127.0.0.1:99999?node_id=dpc-node-0123456789abcdef',
                      'dpc://127.0.0.1', 'http://127.0.0.1'):
            with self.subTest(wrong=wrong):
                self.assertEqual(node.run('add', wrong).returncode, 1)
        self.assertEqual(node.one('peers')['peers'], [])

    def test_an_unreachable_hub_is_named(self):
        node = self.node('alice')
        port = free_port()
        self.assert_fails(node.run('login', '--hub', f'http://127.0.0.1:{port}'), 1, f'127.0.0.1:{port}')

    def test_a_hub_address_that_is_none_is_refused(self):
        node = self.node('alice')
        for wrong in ('', 'ftp://127.0.0.1', 'nonsense'):
            with self.subTest(wrong=wrong):
                self.assertEqual(node.run('login', '--hub', wrong).returncode, 1)

    def test_without_a_hub_webrtc_says_so(self):
        node = self.node('alice')
        node.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        self.assert_fails(node.run('connect', 'bob', '--webrtc'), 1, 'hub')

    def test_a_message_to_somebody_away_is_kept(self):
        node = self.node('alice')
        node.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        done = node.run('send', 'bob', 'are you there?')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertTrue(done.stdout.startswith('queued for bob'))
        node.down()
        node.up()
        [message] = node.one('history', 'bob')['messages']
        self.assertEqual((message['text'], message['state']), ('are you there?', 'queued'))

    def test_the_largest_text_is_taken_and_a_larger_one_refused(self):
        node = self.node('alice')
        node.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        self.assertEqual(node.run('send', 'bob', '-', stdin='x' * 65536).returncode, 0)
        self.assert_fails(node.run('send', 'bob', '-', stdin='x' * 65537), 1)
        self.assert_fails(node.run('send', 'bob', '-', stdin=''), 1)
        self.assert_fails(node.run('send', 'bob', '-', stdin='half\0a message'), 1, 'UTF-8')
        self.assertEqual(len(node.one('history', 'bob')['messages']), 1)

    def test_control_characters_do_not_reach_the_terminal(self):
        node = self.node('alice')
        node.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        node.one('send', 'bob', 'a\x1b[2Jb\x9bc\u202ed\re')
        shown = node.run('history', 'bob').stdout
        self.assertIn('a·[2Jb·c·d·e', shown)
        self.assertNotIn('\x1b', shown)

    def test_output_is_plain_without_a_terminal_and_coloured_on_one(self):
        node = self.node('alice')
        self.assertNotIn('\x1b', node.run('status').stdout)
        leader, follower = pty.openpty()
        subprocess.run([PROGRAM_DPC, 'status', '--home', str(node.home)], stdout=follower, check=True,
                       env={**{k: v for k, v in os.environ.items() if k != 'NO_COLOR'}})
        os.close(follower)
        self.assertIn(b'\x1b[', os.read(leader, 65536))
        os.close(leader)

    def test_names_of_contacts_complete(self):
        node = self.node('alice')
        node.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        self.assertEqual(node.run('completion', 'peers').stdout, 'bob\n')

    def test_a_contact_can_be_removed(self):
        node = self.node('alice')
        node.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob smith')
        self.assertEqual(node.run('remove', 'bob smith').returncode, 0)
        self.assertEqual(node.one('peers')['peers'], [])


class Together(StageTest):
    def setUp(self):
        super().setUp()
        self.alice, self.bob = self.node('alice'), self.node('bob')
        uri = self.bob.one('status')['uris'][0]
        self.alice.one('add', uri, '--name', 'bob')

    def meet(self):
        self.bob.one('add', self.alice.id, '--name', 'alice')
        return self.alice.one('connect', 'bob')['peer']['link']

    def test_a_connection_says_how_it_goes(self):
        self.bob.one('add', self.alice.id, '--name', 'alice')
        done = self.alice.run('connect', 'bob')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, r'^connected to bob over direct TLS \(127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+\), set up in ')
        self.assertRegex(self.alice.run('ping', 'bob').stdout, r'^bob answers over direct TLS 127\.0\.0\.1:\d+ \(IPv4\) in [\d.]+ ms\n$')
        self.assertRegex(self.alice.run('peers').stdout, r'^bob +dpc-node-\w+  connected over direct TLS')

    def test_a_stranger_waits_for_consent_and_is_let_in(self):
        connecting = subprocess.Popen([PROGRAM_DPC, 'connect', 'bob', '--home', str(self.alice.home)], text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.bob.event('stranger', lambda event: event['stranger']['node_id'] == self.alice.id)
        self.assertIn(self.alice.id, self.bob.run('peers').stdout)
        self.assertEqual(self.bob.run('accept', self.alice.id, '--name', 'alice').returncode, 0)
        self.bob.event('link_up')
        connecting.communicate()
        self.assertEqual(self.alice.one('connect', 'bob')['peer']['state'], 'connected')

    def test_a_stranger_who_is_blocked_is_told_no(self):
        connecting = subprocess.Popen([PROGRAM_DPC, 'connect', 'bob', '--home', str(self.alice.home)], text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.bob.event('stranger')
        self.assertEqual(self.bob.run('block', self.alice.id).returncode, 0)
        out, err = connecting.communicate()
        self.assertEqual((connecting.returncode, out, err.count('\n')), (1, '', 1), err)

    def test_send_can_wait_for_the_delivery(self):
        self.meet()
        done = self.alice.run('send', 'bob', 'hello', '--wait', '20')
        self.assertEqual(done.stdout, 'delivered to bob\n')

    def test_chat_works_with_pipes(self):
        self.meet()
        done = self.alice.run('chat', 'bob', stdin='one\n\ntwo\nthree')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual([line for line in done.stdout.splitlines() if line.startswith('you: ')],
                         ['you: one', 'you: two', 'you: three'])
        self.assertEqual(done.stdout.count('delivered: '), 3)
        texts = [message['text'] for message in self.bob.one('history', 'alice')['messages']]
        self.assertEqual(texts, ['one', 'two', 'three'])

    def test_chat_reads_a_file_too(self):
        self.meet()
        lines = self.directory / 'lines'
        lines.write_text(''.join(f'line {number}\n' for number in range(200)))
        with open(lines) as file:
            done = subprocess.run([PROGRAM_DPC, 'chat', 'bob', '--home', str(self.alice.home)], text=True,
                                  capture_output=True, stdin=file)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        messages = self.bob.one('history', 'alice', '--limit', '500')['messages']
        self.assertEqual([message['text'] for message in messages], [f'line {number}' for number in range(200)])

    def test_chat_shows_what_the_other_says(self):
        self.meet()
        chat = subprocess.Popen([PROGRAM_DPC, 'chat', 'bob', '--home', str(self.alice.home)], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertIn('talking to bob', chat.stdout.readline())
        self.bob.one('send', 'alice', 'knock knock')
        self.assertEqual(chat.stdout.readline(), 'bob: knock knock\n')
        chat.communicate('')
        self.assertEqual(chat.returncode, 0)

    def test_chat_leaves_out_a_line_that_is_too_long_and_goes_on(self):
        self.meet()
        done = self.alice.run('chat', 'bob', stdin='before\n' + 'x' * 200000 + '\nafter\n')
        self.assertIn('left out', done.stderr)
        texts = [message['text'] for message in self.bob.one('history', 'alice')['messages']]
        self.assertEqual(texts, ['before', 'after'])

    def test_chat_leaves_out_what_is_no_text_and_goes_on(self):
        done = self.alice.run('chat', 'bob', stdin='before\nhalf\0a message\n\0\nafter\n')
        self.assertEqual(done.stderr.count('left out'), 2, done.stderr)
        texts = [message['text'] for message in self.alice.one('history', 'bob')['messages']]
        self.assertEqual(texts[-2:], ['before', 'after'])

    def test_chat_ends_when_the_node_does(self):
        self.meet()
        chat = subprocess.Popen([PROGRAM_DPC, 'chat', 'bob', '--home', str(self.alice.home)], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn('talking to bob', chat.stdout.readline())
        self.alice.down()
        _, err = chat.communicate()
        self.assertEqual(chat.returncode, 1)
        self.assertIn("start it with 'dpc up'", err)

    def test_context_names_what_is_denied(self):
        self.meet()
        (self.bob.home / 'context.json').write_text(json.dumps({'profile': {'city': 'Lisbon', 'email': 'b@example.org'}}))
        (self.bob.home / 'access.ini').write_text('[peer:alice]\ncontext.profile.city = allow\n')
        done = self.alice.run('context', 'get', 'bob', 'profile.city', 'profile.email')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(done.stdout, 'profile.city: Lisbon\nprofile.email: denied\n')
        done = self.alice.run('context', 'get', 'bob', 'profile.email')
        self.assertEqual(done.returncode, 1)
        self.assertIn('bob', done.stderr)

    def test_ai_is_refused_without_a_rule(self):
        self.meet()
        self.assert_fails(self.alice.run('ask', 'bob', 'why?'), 1)

    def test_a_policy_is_shown_set_and_checked(self):
        self.assertEqual(self.alice.run('policy', 'bob').stdout, 'bob: auto\n')
        self.assertEqual(self.alice.run('policy', 'bob', 'lan-only').stdout, 'bob: lan-only\n')
        self.assertEqual(self.alice.one('policy', 'bob')['policy'], 'lan-only')
        self.assert_fails(self.alice.run('policy', 'bob', 'never'), 1, 'never', 'relay-only')
        self.assertEqual(self.alice.one('policy', 'bob', 'auto')['policy'], 'auto')

    def test_disconnect_closes_the_link_for_both(self):
        self.meet()
        self.assertEqual(self.alice.run('disconnect', 'bob').stdout, 'disconnected from bob\n')
        self.bob.event('link_down')
        self.assert_fails(self.alice.run('disconnect', 'bob'), 1, 'bob')


class ThroughAHub(StageTest):
    def setUp(self):
        super().setUp()
        self.url, self.hub = self.stage.start_hub()
        self.alice = self.node('alice')
        self.alice.one('login', '--hub', self.url)

    def test_login_says_where(self):
        self.assertEqual(self.alice.run('login').stdout, f'logged in at {self.url}\n')
        self.assertIn('connected', self.alice.run('status').stdout)

    def test_an_unknown_provider_is_refused(self):
        self.assert_fails(self.alice.run('login', '--provider', 'nobody'), 1, 'nobody')

    def test_a_peer_who_is_not_there_is_named(self):
        self.alice.one('add', 'dpc-node-0123456789abcdef', '--name', 'bob')
        self.assert_fails(self.alice.run('connect', 'bob', '--webrtc'), 1, 'bob')

    def test_webrtc_connects_and_says_so(self):
        bob = self.node('bob')
        bob.one('login', '--hub', self.url)
        bob.one('add', self.alice.id, '--name', 'alice')
        self.alice.one('add', bob.id, '--name', 'bob')
        self.assertRegex(self.alice.run('connect', 'bob', '--webrtc').stdout, r'^connected to bob over webrtc \(.* host')

    def test_logout_closes_the_socket(self):
        self.assertEqual(self.alice.run('logout').stdout, 'logged out\n')
        self.assertEqual(self.alice.one('status')['hub']['state'], 'login')

    def test_a_hub_that_forgot_us_asks_for_a_login_or_is_logged_in_to_again(self):
        port = int(self.url.rsplit(':', 1)[1])
        self.stage.stop_one(self.hub)
        shutil.rmtree(self.directory / 'hub')
        self.stage.start_hub(port=port)
        self.assertEqual(self.alice.run('login').returncode, 0)
        self.assertEqual(self.alice.one('status')['hub']['state'], 'connected')


if __name__ == '__main__':
    harness.main()
