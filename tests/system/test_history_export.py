#!/usr/bin/env python3
"""The history as a file: whole, in order, and with little memory, whatever is in it."""
import datetime
import json
import os
import pty
import resource
import signal
import sqlite3
import stat
import subprocess
import time

import harness
from harness import PROGRAM_DPC, StageTest

CAROL = 'dpc-node-0123456789abcdef'
DAVE = 'dpc-node-fedcba9876543210'

HOSTILE = ['"]}\n],"count":0}', '\x1b[2J\x9b31m', '\u202eevil\u2028\u2029', '\\u0000 \\" \\', '\x01\x1f\x7f', 'a' * 65536, '𝄞 ünï', '\ud7ff\ue000\uffff',
           '{"id":"x"}', "'; DROP TABLE messages; --", '\r\n\t\b\f']


class Export(StageTest):
    def setUp(self):
        super().setUp()
        self.alice = self.node('alice', up=False)
        self.file = self.directory / 'history.json'

    def fill(self, rows):
        """Messages as if they had come and gone; rows of peer, direction, id, state, timestamp, text."""
        self.alice.up()
        self.alice.one('add', CAROL, '--name', 'carol')
        self.alice.down()
        store = sqlite3.connect(self.alice.home / 'dpc.db')
        store.executemany('INSERT INTO messages (peer, direction, id, state, timestamp, text) VALUES (?, ?, ?, ?, ?, ?)', rows)
        store.execute("INSERT INTO words (words) VALUES ('rebuild')")
        store.commit()
        store.close()
        self.alice.up()

    def read(self):
        with open(self.file, encoding='utf-8') as file:
            whole = json.load(file)
        self.assertEqual((whole['format'], whole['version'], whole['count']), ('dpc-history', 1, len(whole['messages'])))
        self.assertEqual(whole['node'], {'node_id': self.alice.id, 'name': 'alice'})
        return whole['messages']

    def left(self):
        """What there is in the directory besides homes and logs."""
        return sorted(path.name for path in self.directory.glob('history*'))

    def test_hostile_text_of_several_pages_and_peers_comes_out_as_it_was(self):
        texts = [text.encode('utf-8', 'surrogatepass').decode('utf-8', 'replace') for text in HOSTILE]
        rows = [(CAROL if i % 3 else DAVE, i % 2, f'm{i}', 3 if i % 2 else 2, 1753000000.25 + i, texts[i % len(texts)]) for i in range(1700)]
        self.fill(rows)
        done = self.alice.run('history', '--export', str(self.file))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f'wrote 1700 messages to {self.file}\n', ''))
        expected = sorted(rows, key=lambda row: row[0])  # by peer, and each in its order
        messages = self.read()
        self.assertEqual([(m['peer'], m['id'], m['text'], m['timestamp']) for m in messages],
                         [(row[0], row[2], row[5], row[4]) for row in expected])
        for message, row in zip(messages, expected):
            self.assertEqual((message['direction'], message['state']), (('out', 'delivered'), ('in', 'received'))[row[1]])
            self.assertEqual(message['name'], 'carol' if row[0] == CAROL else DAVE)
            when = datetime.datetime.fromisoformat(message['time'])
            self.assertEqual((when.timestamp(), when.utcoffset()), (message['timestamp'], datetime.timedelta(0)))
        # Whatever is in a message, a line holds it and no other.
        self.assertEqual(len(self.file.read_bytes().split(b'\n')), 1 + 1700 + 1 + 1)

    def test_one_peer_who_may_be_no_contact(self):
        self.fill([(CAROL, 1, 'm1', 3, 5, 'one'), (DAVE, 1, 'm2', 3, 6, 'two')])
        for peer, text in (('carol', 'one'), (CAROL, 'one'), (DAVE, 'two')):
            self.assertEqual(self.alice.one('history', peer, '--export', str(self.file)), {'messages': 1})
            self.assertEqual([message['text'] for message in self.read()], [text])
        self.alice.run('remove', 'carol')
        self.alice.one('history', CAROL, '--export', str(self.file))
        self.assertEqual([message['name'] for message in self.read()], [CAROL])
        before = self.file.read_bytes()
        self.assert_fails(self.alice.run('history', 'erin', '--export', str(self.file)), 1, "no contact 'erin'")
        self.assertEqual(self.file.read_bytes(), before)
        self.assertEqual(self.left(), ['history.json'])

    def test_the_file_is_the_owners_and_replaces_a_former_one(self):
        self.fill([])
        self.file.write_text('what was there')
        self.file.chmod(0o644)
        self.alice.one('history', '--export', str(self.file))
        self.assertEqual(self.read(), [])
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual(self.left(), ['history.json'])

    def test_what_cannot_be_written_leaves_nothing_behind(self):
        self.fill([(CAROL, 1, f'm{i}', 3, 5, 'x' * 1000) for i in range(1000)])
        self.assert_fails(self.alice.run('history', '--export', str(self.directory / 'none/history.json')), 1, 'No such file')
        self.assert_fails(self.alice.run('history', '--export', str(self.directory) + '/' + 'h' * 300), 1, 'too long')
        (self.directory / 'history.d').mkdir()
        self.assert_fails(self.alice.run('history', '--export', str(self.directory / 'history.d')), 1, 'directory')
        done = subprocess.run([PROGRAM_DPC, 'history', '--export', str(self.file), '--home', str(self.alice.home)], text=True,
                              capture_output=True, preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                                                       resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))))
        self.assert_fails(done, 1, 'File too large')
        self.assertEqual(self.left(), ['history.d'])

    def test_an_interrupted_export_leaves_the_former_file(self):
        self.fill([(CAROL, 1, f'm{i}', 3, 5, 'x' * 60000) for i in range(2000)])
        self.file.write_text('former')
        process = subprocess.Popen([PROGRAM_DPC, 'history', '--export', str(self.file), '--home', str(self.alice.home)], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while len(self.left()) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (1, ''), errors)
        self.assertIn('interrupted', errors)
        self.assertEqual((self.left(), self.file.read_text()), (['history.json'], 'former'))

    def test_a_terminal_sees_how_far_it_is_and_no_control_characters(self):
        self.fill([(CAROL, 1, f'm{i}', 3, 5, '\x9b31m\u202e' + 'x' * 20000) for i in range(3000)])
        leader, follower = pty.openpty()
        process = subprocess.Popen([PROGRAM_DPC, 'history', '--export', str(self.file), '--home', str(self.alice.home)],
                                   stdout=subprocess.DEVNULL, stderr=follower)
        os.close(follower)
        shown = b''
        try:
            while part := os.read(leader, 4096):
                shown += part
        except OSError:  # nobody has it open any more
            pass
        self.assertEqual(process.wait(60), 0)
        self.assertRegex(shown, rb'\d+ of 3000 messages')
        os.close(leader)
        done = subprocess.run(['script', '-qec', f'{PROGRAM_DPC} history carol --export - --home {self.alice.home}', '/dev/null'],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        self.assertIn(b'\\u009B31m\\u202E', done.stdout)
        self.assertNotIn('\x9b'.encode(), done.stdout)

    def test_stdout(self):
        self.fill([(CAROL, 1, 'm1', 3, 5, 'ü')])
        whole = json.loads(self.alice.run('history', '--export', '-').stdout)
        self.assertEqual([message['text'] for message in whole['messages']], ['ü'])
        self.assert_fails(self.alice.run('history', '--export', '-', '--limit', '5'), 2, '--limit')
        self.assert_fails(self.alice.run('history'), 2, 'peer')

    def test_pages_of_the_local_api(self):
        self.fill([(peer, 1, f'm{i}', 3, 5, 'x') for i in range(3) for peer in (CAROL, DAVE)])
        for limit in (1, 2, 3, 4, 6, 500):
            got, cursor, pages = [], '', 0
            while cursor is not None:
                status, page = self.alice.ask(f'/history/export?limit={limit}' + (cursor and f'&cursor={cursor}'))
                self.assertEqual((status, page['total']), (200, 6))
                self.assertLessEqual(len(page['messages']), limit)
                got += [(message['peer'], message['id']) for message in page['messages']]
                cursor, pages = page['cursor'], pages + 1
            self.assertEqual(got, [(peer, f'm{i}') for peer in (CAROL, DAVE) for i in range(3)])
            self.assertEqual(pages, -(-6 // limit))
        for bad in ('limit=0', 'limit=501', 'limit=x', 'cursor=x', f'cursor={CAROL}:', f'cursor={CAROL}:-1', 'cursor=:1', f'cursor={CAROL}:9223372036854775808',
                    f'peer={DAVE}&cursor={CAROL}:1'):
            status, answer = self.alice.ask('/history/export?' + bad)
            self.assertEqual((status, answer['error']['code']), (400, 'malformed'), bad)
        self.assertEqual(self.alice.ask('/history/export?peer=erin')[0], 404)

    def test_a_page_ends_at_its_bytes(self):
        self.fill([(CAROL, 1, f'm{i}', 3, 5, 'x' * 65536) for i in range(100)])
        status, page = self.alice.ask('/history/export?limit=500')
        self.assertEqual((status, len(page['messages'])), (200, 63))
        self.assertIsNotNone(page['cursor'])


if __name__ == '__main__':
    harness.main()
