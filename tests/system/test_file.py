"""Files between peers: over both kinds of links, by rule and by the user's word, after crashes, and from peers
that lie."""
import hashlib
import os
import pty
import struct
import subprocess

import harness
from stage import free_port, wait_until
from test_node import NodeTest, RawPeer

BLOCK = 1 << 20
PIECE = 64 * 1024


def contents(size, seed=b'dpc'):
    """Bytes that do not repeat, the same each time."""
    return hashlib.shake_128(seed).digest(size)


class FileTest(NodeTest):
    def owner(self, rules='[default]\nfile.receive = allow\n', settings=''):
        """A node that is sent something."""
        node = self.node('bob', up=False)
        (node.home / 'access.ini').write_text(rules)
        with open(node.home / 'config.ini', 'a', encoding='utf-8') as config:
            config.write(settings)
        return node

    def sender_and_owner(self, *words):
        bob, alice = self.owner(*words), self.node('alice')
        self.port = free_port()
        bob.up(port=self.port)
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        return alice, bob

    def over_webrtc(self, *words):
        url, _ = self.stage.start_hub()
        alice, bob = self.sender_and_owner(*words)
        for node in (alice, bob):
            node.one('login', '--hub', url)
        alice.one('connect', 'bob', '--webrtc')
        return alice, bob

    def make(self, name, data):
        path = self.directory / name
        path.write_bytes(data)
        return path

    def last(self, node):
        return node.one('file', 'list')['files'][-1]

    def wait_for(self, node, state, seconds=60):
        wait_until(f'{node.name}: the file is {state}',
                   lambda: node.one('file', 'list')['files'] and self.last(node)['state'] == state, seconds)
        return self.last(node)

    def received(self, node):
        directory = node.home / 'downloads'
        return {path.name: path.read_bytes() for path in directory.iterdir()} if directory.exists() else {}


class Sending(FileTest):
    def arrives(self, alice, bob):
        data = contents(3 * BLOCK + 4711)
        done = alice.run('file', 'send', 'bob', str(self.make('report.bin', data)))
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, r'^sent report\.bin to bob: 3\.\dM in .*/s\)\n$')
        self.assertEqual(self.received(bob), {'report.bin': data})
        file = self.last(bob)
        self.assertEqual((file['state'], file['size'], file['sha256'], file['direction']),
                         ('done', len(data), hashlib.sha256(data).hexdigest(), 'in'))
        self.assertEqual(file['path'], str((bob.home / 'downloads' / 'report.bin').resolve()))
        self.assertEqual(os.stat(file['path']).st_mode & 0o777, 0o600)

    def test_a_file_arrives_as_it_was(self):
        self.arrives(*self.sender_and_owner())

    def test_a_file_arrives_as_it_was_over_webrtc(self):
        self.arrives(*self.over_webrtc())

    def test_files_of_all_sizes_arrive_and_none_is_overwritten(self):
        alice, bob = self.sender_and_owner()
        expected = {}
        for size in (0, 1, PIECE, PIECE + 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK):
            data = contents(size)
            path = self.make(f'{size}.bin', data)
            expected[f'{size}.bin'] = data
            self.assertEqual(alice.lines('file', 'send', 'bob', str(path))[-1]['state'], 'done')
        same = self.make('0.bin', b'another')
        self.assertEqual(alice.run('file', 'send', 'bob', str(same), str(same)).returncode, 0)
        expected.update({'0 (1).bin': b'another', '0 (2).bin': b'another'})
        self.assertEqual(self.received(bob), expected)

    def test_what_cannot_be_sent_is_said_in_one_line(self):
        alice, bob = self.sender_and_owner()
        fifo = self.directory / 'fifo'
        os.mkfifo(fifo)
        self.assert_fails(alice.run('file', 'send', 'bob', str(self.directory / 'nothing')), 1, 'nothing')
        self.assert_fails(alice.run('file', 'send', 'bob', str(fifo)), 1, 'no file')
        self.assert_fails(alice.run('file', 'send', 'nobody', str(self.make('a', b'a'))), 1, 'nobody')
        self.assert_fails(alice.run('file', 'send', 'bob', str(self.make('.hidden', b'a'))), 1, 'dot', '--name')
        done = alice.run('file', 'send', 'bob', str(self.directory / '.hidden'), '--name', 'seen')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.received(bob), {'seen': b'a'})
        for words in (('send', 'bob'), ('accept',), ('lose', '1'), ('list', '1'), ('send', 'bob', 'a', 'b', '--name', 'c')):
            self.assertEqual(alice.run('file', *words).returncode, 2)
        self.assert_fails(alice.run('file', 'accept', '99'), 1, '99')
        self.assert_fails(alice.run('file', 'cancel', 'x'), 1, 'x')

    def test_a_folder_gets_there_with_all_that_is_in_it(self):
        alice, bob = self.sender_and_owner()
        trip = self.directory / 'trip'
        (trip / 'day 1' / 'empty').mkdir(parents=True)
        expected = {}
        for i in range(40):
            name = f'day 1/{i}.txt' if i % 2 else f'{i}.txt'
            (trip / name).write_bytes(contents(1000 * i))
            expected['trip/' + name] = contents(1000 * i)
        (trip / 'link').symlink_to('/etc/passwd')
        (trip / 'folder').symlink_to('/etc')
        done = alice.run('file', 'send', 'bob', str(trip))
        self.assertEqual((done.returncode, done.stderr), (0, 'dpc: 2 symbolic links and the like are left out\n'))
        downloads = bob.home / 'downloads'
        self.assertEqual({str(path.relative_to(downloads)): path.read_bytes()
                          for path in downloads.rglob('*') if path.is_file()}, expected)

    def test_a_terminal_shows_how_far_it_is(self):
        alice, _ = self.sender_and_owner()
        path = self.make('large', contents(32 * BLOCK))
        ours, theirs = pty.openpty()
        with subprocess.Popen([self.stage.dpc, 'file', 'send', 'bob', str(path), '--home', str(alice.home)],
                              stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as command:
            os.close(theirs)
            shown = b''
            try:
                while chunk := os.read(ours, 4096):
                    shown += chunk
            except OSError:
                pass  # the other end is closed
        os.close(ours)
        self.assertEqual(command.returncode, 0, shown)
        self.assertRegex(shown, rb'large +\d+ % \[[#-]{20}\] [\d.]+[kM]? of 33\.6M, [\d.]+[kM]?/s, \S+')
        self.assertRegex(shown.split(b'\r\x1b[K')[-1], rb'^sent large to bob: 33\.6M in \S+ \(\S+/s\)\r\n$')

    def chats_meanwhile(self, alice, bob):
        alice.one('file', 'send', 'bob', '--no-wait', str(self.make('large', contents(48 * BLOCK))))
        wait_until('it moves', lambda: self.last(alice)['moving'], 60)
        self.say(alice, bob, 'meanwhile')
        self.assertEqual(self.last(bob)['state'], 'accepted')
        self.wait_for(alice, 'done')

    def test_chat_does_not_wait_behind_a_file(self):
        self.chats_meanwhile(*self.sender_and_owner())

    def test_chat_does_not_wait_behind_a_file_over_webrtc(self):
        self.chats_meanwhile(*self.over_webrtc())


class Deciding(FileTest):
    def test_without_a_rule_the_user_decides(self):
        alice, bob = self.sender_and_owner('')
        path = self.make('a.txt', b'hello')
        self.assertIn('ask', bob.run('access', 'check', 'alice', 'file.receive').stdout)
        alice.one('file', 'send', 'bob', '--no-wait', str(path))
        _, event = bob.event('file', lambda event: event['file']['state'] == 'offered')
        self.assertEqual((event['name'], event['file']['file'], event['file']['size']), ('alice', 'a.txt', 5))
        self.assertEqual(self.received(bob), {})
        self.assertIn('waits for your answer', bob.run('file', 'list').stdout)
        self.assertIn('until it is accepted', alice.run('file', 'list').stdout)
        self.assert_fails(alice.run('file', 'accept', '1'), 1, 'no answer')
        self.assertEqual(bob.one('file', 'accept', '1')['state'], 'accepted')
        self.wait_for(alice, 'done')
        self.assertEqual(self.received(bob), {'a.txt': b'hello'})
        self.assertIn('a.txt', bob.run('file', 'list').stdout)

    def folder(self, count):
        trip = self.directory / 'trip'
        trip.mkdir()
        for i in range(count):
            (trip / f'{i}.txt').write_bytes(b'hello')
        return str(trip)

    def test_about_a_folder_the_user_is_asked_once(self):
        alice, bob = self.sender_and_owner('')
        command = subprocess.Popen([self.stage.dpc, 'file', 'send', 'bob', self.folder(80), '--home', str(alice.home)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        _, event = bob.event('file', lambda event: event['file']['state'] == 'offered')
        bob.one('file', 'accept', str(event['file']['id']))
        self.assertEqual((command.communicate(timeout=60)[1], command.returncode), ('', 0))
        downloads = bob.home / 'downloads'
        self.assertEqual(len(list((downloads / 'trip').iterdir())), 80)
        alice.one('file', 'send', 'bob', '--no-wait', str(self.make('a.txt', b'a')))
        asked = []
        while not asked or asked[-1] != 'a.txt':
            _, event = bob.event('file', lambda event: event['file']['state'] == 'offered')
            asked.append(event['file']['file'])
        self.assertEqual(len(asked), 1, asked)

    def test_a_folder_that_is_not_wanted_is_refused_as_a_whole(self):
        alice, bob = self.sender_and_owner('')
        command = subprocess.Popen([self.stage.dpc, 'file', 'send', 'bob', self.folder(80), '--home', str(alice.home)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        _, event = bob.event('file', lambda event: event['file']['state'] == 'offered')
        bob.one('file', 'reject', str(event['file']['id']))
        command.communicate(timeout=60)
        self.assertEqual(command.returncode, 1)
        self.assertEqual(self.received(bob), {})
        self.assertEqual([file for file in bob.one('file', 'list')['files'] if file['state'] == 'offered'], [])

    def test_who_chats_sees_what_is_offered_and_what_has_come(self):
        alice, bob = self.sender_and_owner('')
        with subprocess.Popen([self.stage.dpc, 'chat', 'alice', '--home', str(bob.home)], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as chat:
            self.assertTrue(chat.stdout.readline())
            alice.one('file', 'send', 'bob', '--no-wait', str(self.make('a.txt', b'a')))
            for part in ("alice offers a file, a.txt: 'dpc file accept 1'", 'a file has come, a.txt'):
                while part not in (line := chat.stdout.readline()):
                    self.assertTrue(line)
                if 'offers' in part:
                    bob.one('file', 'accept', '1')
            chat.stdin.close()
        self.wait_for(alice, 'done')

    def test_a_file_that_is_not_wanted_is_not_taken(self):
        alice, bob = self.sender_and_owner('[peer:alice]\nfile.receive = ask\n')
        command = subprocess.Popen([self.stage.dpc, 'file', 'send', 'bob', str(self.make('a', b'a')), '--home',
                                    str(alice.home)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wait_for(bob, 'offered')
        self.assertEqual(bob.one('file', 'reject', '1')['state'], 'rejected')
        out, err = command.communicate(timeout=30)
        self.assertEqual((command.returncode, out), (1, ''))
        self.assertEqual(err, "dpc: 'a' was not sent, it is rejected: the user does not want it\n")
        self.assert_fails(bob.run('file', 'accept', '1'), 1, 'file list')

    def test_rules_and_settings_refuse(self):
        alice, bob = self.sender_and_owner('[peer:alice]\nfile.receive = deny\n', '[files]\nsize_max = 4k\n')
        self.assert_fails(alice.run('file', 'send', 'bob', str(self.make('a', b'a'))), 1, 'rejected', 'rules')
        self.assertEqual(bob.one('file', 'list')['files'], [])
        (bob.home / 'access.ini').write_text('[peer:alice]\nfile.receive = allow\n')
        self.assert_fails(alice.run('file', 'send', 'bob', str(self.make('b', bytes(4097)))), 1, 'at most 4096')
        self.assertEqual(alice.run('file', 'send', 'bob', str(self.make('c', bytes(4096)))).returncode, 0)

    def test_a_rule_says_how_large_files_of_a_peer_may_be(self):
        alice, bob = self.sender_and_owner('[default]\nfile.receive = allow\nfile.max = 1k\n[peer:alice]\nfile.max = 2k\n',
                                           '[files]\nsize_max = 4k\n')
        self.assert_fails(alice.run('file', 'send', 'bob', str(self.make('a', bytes(2049)))), 1, 'rejected', 'at most 2048 bytes')
        self.assertEqual(bob.one('file', 'list')['files'], [])
        self.assertEqual(alice.run('file', 'send', 'bob', str(self.make('b', bytes(2048)))).returncode, 0)

    def test_either_side_can_cancel(self):
        alice, bob = self.sender_and_owner('')
        path = str(self.make('a', b'a'))
        for canceller in (alice, bob):
            alice.one('file', 'send', 'bob', '--no-wait', path)
            self.wait_for(bob, 'offered')
            self.assertEqual(canceller.one('file', 'cancel', str(self.last(canceller)['id']))['state'], 'cancelled')
            for node in (alice, bob):
                self.assertEqual(self.wait_for(node, 'cancelled')['error']['code'], 'cancelled')


    def test_who_was_away_when_it_was_cancelled_hears_of_it(self):
        alice, bob = self.sender_and_owner('')
        alice.one('file', 'send', 'bob', '--no-wait', str(self.make('a', b'a')))
        self.wait_for(bob, 'offered')
        alice.one('disconnect', 'bob')
        wait_until('the link is closed', lambda: bob.one('status')['links'] == 0, 20)
        alice.one('file', 'cancel', '1')
        alice.one('connect', 'bob')
        self.assertEqual(self.wait_for(bob, 'cancelled')['error']['code'], 'cancelled')
        self.assertEqual(self.received(bob), {})

    def test_who_missed_the_end_of_an_offer_hears_of_it_when_he_accepts(self):
        alice, bob = self.sender_and_owner('')
        alice.one('file', 'send', 'bob', '--no-wait', str(self.make('a', b'a')))
        self.wait_for(bob, 'offered')
        alice.one('disconnect', 'bob')
        wait_until('the link is closed', lambda: bob.one('status')['links'] == 0, 20)
        alice.one('file', 'cancel', '1')
        alice.down()
        alice.up()
        bob.one('file', 'accept', '1')
        alice.one('connect', 'bob')
        self.assertEqual(self.wait_for(bob, 'cancelled')['error']['code'], 'cancelled')
        self.assertEqual(self.received(bob), {})

    def test_a_full_disk_is_told_to_both(self):
        bob, alice = self.owner(), self.node('alice')
        # A file that may not grow stands for a disk that cannot hold it.
        bob.where = ('bash', '-c', 'trap "" XFSZ; ulimit -f 2048; exec "$0" "$@"')
        bob.up()
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        done = alice.run('file', 'send', 'bob', str(self.make('large', contents(4 * BLOCK))))
        self.assert_fails(done, 1, 'large', 'cancelled', 'disk is full')
        self.assertEqual(self.wait_for(bob, 'failed')['error'], {'code': 'full', 'message': 'the disk is full'})
        self.assertEqual(self.received(bob), {})
        self.assertEqual(alice.run('file', 'send', 'bob', str(self.make('small', b'a'))).returncode, 0)

    def test_a_file_that_changes_meanwhile_is_not_sent(self):
        alice, bob = self.sender_and_owner('')
        path = self.make('a', b'before')
        for other in (b'behind', b'longer than before'):
            path.write_bytes(b'before')
            alice.one('file', 'send', 'bob', '--no-wait', str(path))
            self.wait_for(bob, 'offered')
            path.write_bytes(other)
            bob.one('file', 'accept', str(self.last(bob)['id']))
            self.assertEqual(self.wait_for(alice, 'failed')['error']['code'], 'changed')
            self.wait_for(bob, 'cancelled')
        self.assertEqual(self.received(bob), {})


class Resuming(FileTest):
    SIZE = 64 * BLOCK

    def begin(self, alice, bob):
        data = contents(self.SIZE)
        alice.one('file', 'send', 'bob', '--no-wait', str(self.make('large', data)))
        wait_until('some of it is there', lambda: self.last(bob)['bytes_done'] > 4 * BLOCK
                   if bob.one('file', 'list')['files'] else False, 60)
        return data

    def finish(self, alice, bob, data):
        self.wait_for(alice, 'done')
        self.assertEqual(self.received(bob), {'large': data})

    def kill_receiver(self, alice, bob):
        data = self.begin(alice, bob)
        bob.process.kill()
        bob.process.wait()
        part = next((bob.home / 'downloads').glob('*.part'))
        self.assertGreater(part.stat().st_size, 4 * BLOCK)
        bob.up(port=self.port)
        self.finish(alice, bob, data)

    def test_a_killed_receiver_goes_on_where_it_was(self):
        self.kill_receiver(*self.sender_and_owner())

    def test_a_killed_receiver_goes_on_where_it_was_over_webrtc(self):
        self.kill_receiver(*self.over_webrtc())

    def test_a_killed_sender_goes_on_where_it_was(self):
        alice, bob = self.sender_and_owner()
        data = self.begin(alice, bob)
        alice.process.kill()
        alice.process.wait()
        alice.up()
        self.finish(alice, bob, data)

    def test_it_goes_on_over_another_kind_of_link(self):
        alice, bob = self.over_webrtc()
        data = self.begin(alice, bob)
        alice.one('connect', 'bob', '--direct')
        self.finish(alice, bob, data)
        self.assertEqual(alice.one('connect', 'bob')['peer']['link']['path'], 'direct')

    def test_a_lost_link_is_no_loss(self):
        alice, bob = self.sender_and_owner()
        data = self.begin(alice, bob)
        alice.one('disconnect', 'bob')
        wait_until('it waits', lambda: not self.last(alice)['moving'], 20)
        alice.one('connect', 'bob')
        self.finish(alice, bob, data)


class Lying(FileTest):
    """A contact that says what it likes."""

    def raw_pair(self, rules='[default]\nfile.receive = allow\n', settings=''):
        bob, port = self.owner(rules, settings), free_port()
        bob.up(port=port)
        mallory = self.node('mallory', up=False)
        bob.one('add', mallory.id, '--name', 'mallory')
        raw = RawPeer(mallory.home, port)
        self.addCleanup(raw.close)
        raw.send({'type': 'hello', 'node_id': mallory.id, 'name': 'm', 'agent': 'raw', 'features': []})
        return bob, raw

    def offer(self, raw, id, data, **other):
        raw.send({'type': 'file_offer', 'id': id, 'name': 'a.bin', 'size': len(data),
                  'hash': hashlib.sha256(data).hexdigest(), **other})

    def piece(self, raw, kind, stream, offset, body):
        message = struct.pack('>B3xIQ', kind, stream, offset) + body
        raw.socket.sendall(struct.pack('>IHBB', len(message), 1, 2, 0) + message)

    def accepted(self, raw, id, data, **other):
        self.offer(raw, id, data, **other)
        accept = raw.expect('file_accept')
        self.assertEqual((accept['id'], accept['offset']), (id, 0))
        return accept['stream']

    def lives(self, raw):
        raw.send({'type': 'ping', 'timestamp': 1.5})
        self.assertIsNotNone(raw.expect('pong'))

    def test_an_honest_one_is_believed(self):
        bob, raw = self.raw_pair()
        stream = self.accepted(raw, 'f', b'hello')
        self.piece(raw, 1, stream, 0, b'hel')
        self.piece(raw, 1, stream, 3, b'lo')
        self.piece(raw, 2, stream, 5, hashlib.sha256(b'hello').digest())
        self.assertEqual(raw.expect('file_done')['id'], 'f')
        self.assertEqual(self.received(bob), {'a.bin': b'hello'})
        self.offer(raw, 'f', b'hello')
        self.assertEqual(raw.expect('file_done')['id'], 'f')
        self.offer(raw, 'f', b'other')
        self.assertEqual(raw.expect('file_reject')['code'], 'exists')

    def test_names_that_lead_elsewhere_are_refused(self):
        bob, raw = self.raw_pair()
        for i, name in enumerate(('../x', '/tmp/x', '.bashrc', 'a/../b', 'a//b', 'a/', 'con', 'a\u202etxt.exe', 'x' * 241)):
            self.offer(raw, f'f{i}', b'x', name=name)
            self.assertEqual(raw.expect('file_reject')['code'], 'name', name)
        self.assertEqual(self.received(bob), {})
        self.assertEqual(bob.one('file', 'list')['files'], [])

    def test_lies_end_the_transfer_and_not_the_link(self):
        bob, raw = self.raw_pair()
        data, digest = b'hello', hashlib.sha256(b'hello').digest()
        lies = {
            'more than was offered': [(1, 0, b'hello!')],
            'more after the whole': [(1, 0, data), (1, 5, b'!')],
            'from the middle': [(1, 1, b'ello')],
            'the same twice': [(1, 0, b'he'), (1, 0, b'he')],
            'a block too early': [(1, 0, b'he'), (2, 2, hashlib.sha256(b'he').digest())],
            'a wrong hash': [(1, 0, data), (2, 5, bytes(32))],
            'other contents': [(1, 0, b'jello'), (2, 5, hashlib.sha256(b'jello').digest())],
        }
        for i, (name, pieces) in enumerate(lies.items()):
            with self.subTest(lie=name):
                stream = self.accepted(raw, f'f{i}', data)
                for kind, offset, body in pieces:
                    self.piece(raw, kind, stream, offset, body)
                cancel = raw.expect('file_cancel')
                self.assertEqual(cancel['id'], f'f{i}')
                self.assertIn(cancel['code'], ('malformed', 'hash'))
                self.assertEqual(self.received(bob), {})
                self.assertEqual(self.last(bob)['state'], 'failed')
        self.lives(raw)
        stream = self.accepted(raw, 'last', data)
        self.piece(raw, 1, stream, 0, data)
        self.piece(raw, 2, stream, 5, digest)
        self.assertIsNotNone(raw.expect('file_done'))

    def test_what_nobody_asked_for_is_counted_and_answered(self):
        bob, raw = self.raw_pair('')
        before = bob.one('status')['counters']['refused']
        self.offer(raw, 'f', b'hello')
        self.wait_for(bob, 'offered')
        self.piece(raw, 1, 1, 0, b'hello')
        self.assertEqual(raw.expect('error')['code'], 'not_found')
        self.piece(raw, 9, 1, 0, b'hello')
        self.assertEqual(raw.expect('error')['code'], 'malformed')
        for kind, more in (('file_accept', {'offset': 0, 'stream': 1, 'until': 1}), ('file_more', {'until': 1}), ('file_done', {}), ('file_reject', {'code': 'x'}),
                           ('file_cancel', {'code': 'x'})):
            raw.send({'type': kind, 'id': 'unknown', **more})
            error = raw.expect('error')
            self.assertEqual((error['code'], error['request_id']), ('not_found', 'unknown'))
        self.assertEqual(bob.one('status')['counters']['refused'], before + 6)
        self.assertEqual(self.received(bob), {})
        self.lives(raw)

    def test_a_flood_of_offers_reaches_a_limit(self):
        bob, raw = self.raw_pair('')
        for i in range(33):
            self.offer(raw, f'f{i}', b'hello')
        reject = raw.expect('file_reject')
        self.assertEqual((reject['id'], reject['code']), ('f32', 'limit'))
        self.assertEqual(len(bob.one('file', 'list')['files']), 32)
        self.lives(raw)

    def test_no_more_is_asked_for_than_there_is_memory_for(self):
        bob, raw = self.raw_pair()
        data = contents(20 * BLOCK)
        stream = self.accepted(raw, 'large', data)
        self.offer(raw, 'small', b'hello')
        accept = raw.expect('file_accept')
        self.assertEqual((accept['id'], accept['until']), ('small', 0))
        self.piece(raw, 1, accept['stream'], 0, b'hello')
        self.assertEqual(raw.expect('file_cancel')['code'], 'malformed')
        for end in range(BLOCK, 5 * BLOCK, BLOCK):
            for at in range(end - BLOCK, end, PIECE):
                self.piece(raw, 1, stream, at, data[at:at + PIECE])
            self.piece(raw, 2, stream, end, hashlib.sha256(data[:end]).digest())
        more = raw.expect('file_more')
        self.assertEqual((more['id'], more['until']), ('large', len(data)))
        self.assertEqual(self.last(bob)['state'], 'failed')

    def test_a_file_for_which_there_is_no_room_is_refused(self):
        bob, raw = self.raw_pair()
        self.offer(raw, 'f', b'', size=1 << 53)
        reject = raw.expect('file_reject')
        self.assertEqual(reject['code'], 'full')
        self.assertIn('no room', reject['message'])
        self.assertEqual(self.last(bob)['error']['code'], 'full')
        self.assertEqual(self.received(bob), {})


if __name__ == '__main__':
    harness.main()
