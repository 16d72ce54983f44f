"""What becomes of messages after they were sent: replies, edits, deletions, read marks, typing; with nobody there, after
crashes, and from peers that lie."""
import signal

import harness
from stage import free_port, wait_until
from test_node import NodeTest, RawPeer


class ChatTest(NodeTest):
    def linked(self, *words):
        alice, bob = self.direct_pair()
        self.connect(alice, 'bob', '--direct', 'direct')
        bob.event('link_up')
        return alice, bob

    def send(self, sender, receiver, text, *words):
        message = sender.one('send', receiver.name, text, '--wait', '20', *words)
        self.assertIn(message['state'], ('delivered', 'read'))
        return message

    def history(self, node, peer):
        return [(message['text'], message['state'], message['edited'] is not None, message['deleted'])
                for message in node.one('history', peer)['messages']]

    def is_so(self, node, peer, expected):
        wait_until(f'{node.name}: the history is {expected}', lambda: self.history(node, peer) == expected, 20)


class Changes(ChatTest):
    def test_an_edit_is_seen_on_both_sides(self):
        alice, bob = self.linked()
        message = self.send(alice, bob, 'helo')
        edited = alice.one('edit', 'bob', message['id'][:8], 'hello')
        self.assertEqual((edited['text'], edited['id']), ('hello', message['id']))
        _, event = bob.event('chat_changed')
        self.assertEqual((event['message']['text'], event['message']['direction']), ('hello', 'in'))
        self.assertEqual(event['message']['edited'], edited['edited'])
        self.is_so(bob, 'alice', [('hello', 'received', True, False)])
        self.is_so(alice, 'bob', [('hello', 'delivered', True, False)])
        self.assertEqual(bob.one('search', 'hello')['messages'][0]['id'], message['id'])
        self.assertEqual(bob.run('search', 'helo').returncode, 1)
        self.assertEqual(alice.one('status')['queued'], 0)

    def test_a_deletion_takes_the_text_from_both_sides(self):
        alice, bob = self.linked()
        self.send(alice, bob, 'first')
        self.send(alice, bob, 'a mistake')
        deleted = alice.one('delete', 'bob', 'last')
        self.assertEqual((deleted['text'], deleted['deleted']), ('', True))
        bob.event('chat_changed', lambda event: event['message']['deleted'])
        self.is_so(bob, 'alice', [('first', 'received', False, False), ('', 'received', False, True)])
        self.assertEqual(bob.run('search', 'mistake').returncode, 1)
        self.assert_fails(alice.run('edit', 'bob', deleted['id'], 'back'), 1, 'deleted')
        self.assert_fails(alice.run('delete', 'bob', deleted['id']), 1, 'deleted already')
        self.assertIn('(deleted)', bob.run('history', 'alice').stdout)

    def test_what_the_peer_wrote_is_the_peers(self):
        alice, bob = self.linked()
        message = self.send(alice, bob, 'mine')
        self.assert_fails(bob.run('edit', 'alice', message['id'], 'yours'), 1, 'who alone can edit it')
        bob.one('delete', 'alice', message['id'])
        self.is_so(bob, 'alice', [('', 'received', False, True)])
        self.send(bob, alice, 'and now')
        self.is_so(alice, 'bob', [('mine', 'delivered', False, False), ('and now', 'received', False, False)])

    def test_a_reply_says_to_what(self):
        alice, bob = self.linked()
        question = self.send(alice, bob, 'shall we?')
        answer = self.send(bob, alice, 'yes', '--reply', question['id'][:10])
        self.assertEqual(answer['reply_to'], question['id'])
        _, event = alice.event('chat')
        self.assertEqual(event['message']['reply_to'], question['id'])
        self.assertIn('to ' + question['id'][:8], alice.run('history', 'bob', '--ids').stdout)
        self.assert_fails(bob.run('send', 'alice', 'x', '--reply', 'nothing'), 1, "no message 'nothing'")

    def test_changes_wait_for_a_peer_that_is_away_and_survive_crashes(self):
        alice, bob, port = self.node('alice'), self.node('bob', up=False), free_port()
        bob.up(port=port)
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        kept, gone = self.send(alice, bob, 'to be edited'), self.send(alice, bob, 'to be deleted')
        bob.process.send_signal(signal.SIGKILL)
        bob.process.wait()
        alice.event('link_down')
        alice.one('edit', 'bob', kept['id'], 'edited once')
        alice.one('edit', 'bob', kept['id'], 'edited twice')
        alice.one('edit', 'bob', gone['id'], 'never seen')
        alice.one('delete', 'bob', gone['id'])
        unsent = alice.one('send', 'bob', 'deleted before it went')
        alice.one('delete', 'bob', unsent['id'])
        alice.one('send', 'bob', 'the last')
        alice.process.send_signal(signal.SIGKILL)
        alice.process.wait()
        alice.up()
        bob.up(port=port)
        self.is_so(bob, 'alice', [('edited twice', 'received', True, False), ('', 'received', False, True),
                                  ('the last', 'received', False, False)])
        wait_until('nothing waits', lambda: alice.one('status')['queued'] == 0, 20)
        self.assertEqual([text for text, *_ in self.history(alice, 'bob')], ['edited twice', '', '', 'the last'])

    def test_who_waits_for_a_message_that_is_deleted_hears_of_it(self):
        alice, bob = self.pair()
        message = alice.one('send', 'bob', 'into the void')
        self.assertEqual(message['state'], 'queued')
        self.assertEqual(alice.one('delete', 'bob', 'last')['id'], message['id'])
        self.assertEqual(alice.one('status')['queued'], 1)  # that it is deleted


class Attachments(ChatTest):
    def receiving(self):
        """Alice, and bob who takes files."""
        alice, bob = self.node('alice'), self.node('bob', up=False)
        (bob.home / 'access.ini').write_text('[default]\nfile.receive = allow\n')
        bob.up()
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        return alice, bob

    def make(self, name, data):
        path = self.directory / name
        path.write_bytes(data)
        return str(path)

    def states(self, node, peer):
        return [(item['name'], item['size'], item['state']) for item in node.one('history', peer)['messages'][-1]['attachments']]

    def test_files_come_with_their_message(self):
        alice, bob = self.receiving()
        plan, photo = self.make('plan.pdf', b'plan' * 1000), self.make('photo.jpg', b'photo')
        self.send(alice, bob, 'see these', plan, photo)
        _, event = bob.event('chat')
        self.assertEqual([item['name'] for item in event['message']['attachments']], ['plan.pdf', 'photo.jpg'])
        done = [('plan.pdf', 4000, 'done'), ('photo.jpg', 5, 'done')]
        for node, peer in ((alice, 'bob'), (bob, 'alice')):
            wait_until(f'{node.name} has both', lambda: self.states(node, peer) == done, 30)
        self.assertEqual((bob.home / 'downloads' / 'photo.jpg').read_bytes(), b'photo')
        self.assertIn('see these  [plan.pdf, photo.jpg]', bob.run('history', 'alice').stdout)

    def test_they_wait_for_a_peer_that_is_away_and_for_its_yes(self):
        alice, bob = self.pair()
        alice.one('send', 'bob', 'for later', self.make('later.txt', b'later'))
        wait_until('it is offered', lambda: self.states(alice, 'bob') == [('later.txt', 5, 'offered')], 20)
        alice.one('add', bob.one('status')['uris'][0])
        wait_until('bob is asked', lambda: bob.one('history', 'alice')['messages'] and
                   self.states(bob, 'alice') == [('later.txt', 5, 'offered')], 30)
        number = bob.one('history', 'alice')['messages'][-1]['attachments'][0]['file']
        bob.one('file', 'accept', str(number))
        wait_until('bob has it', lambda: self.states(bob, 'alice') == [('later.txt', 5, 'done')], 30)

    def test_a_deleted_message_takes_its_files_back(self):
        alice, bob = self.pair()
        alice.one('send', 'bob', 'never mind', self.make('mind.txt', b'mind'))
        alice.one('delete', 'bob', 'last')
        self.assertEqual([file['state'] for file in alice.one('file', 'list')['files']], ['cancelled'])

    def test_nothing_is_sent_when_one_cannot_be(self):
        alice, bob = self.pair()
        good = self.make('good.txt', b'good')
        self.assert_fails(alice.run('send', 'bob', 'text', good, str(self.directory / 'none')), 1, 'none', 'in quotes')
        self.assert_fails(alice.run('send', 'bob', 'text', good, str(self.directory)), 1)
        self.assertEqual(alice.one('history', 'bob')['messages'], [])
        self.assertEqual({file['state'] for file in alice.one('file', 'list')['files']} - {'cancelled'}, set())
        for bad in ('x', [1], [''], ['x' * 4097], [good] * 17, {}):
            status, answer = alice.ask('/messages', {'peer': 'bob', 'text': 'x', 'attachments': bad})
            self.assertEqual((status, answer['error']['code']), (400, 'malformed'), bad)


class Marks(ChatTest):
    def state(self, node, peer, index=-1):
        return node.one('history', peer)['messages'][index]['state']

    def unread(self, node, peer):
        return next(entry for entry in node.one('peers')['peers'] if entry['name'] == peer)['unread']

    def test_the_sender_sees_what_is_read(self):
        alice, bob = self.linked()
        first = self.send(alice, bob, 'one')
        self.send(alice, bob, 'two')
        self.assertEqual(self.unread(bob, 'alice'), 2)
        self.assertEqual(bob.one('read', 'alice', first['id'])['unread'], 1)
        _, event = alice.event('chat_read')
        self.assertEqual(event['id'], first['id'])
        self.assertEqual([self.state(alice, 'bob', i) for i in (0, 1)], ['read', 'delivered'])
        self.assertEqual([self.state(bob, 'alice', i) for i in (0, 1)], ['read', 'received'])
        self.assertEqual(bob.run('read', 'alice').stdout, '0 unread\n')
        wait_until('the second is read', lambda: self.state(alice, 'bob') == 'read', 20)
        self.assert_fails(bob.run('read', 'alice', 'nothing'), 1, "no message 'nothing'")

    def test_what_was_read_while_the_link_was_down_is_told_with_the_next(self):
        alice, bob = self.linked()
        self.send(alice, bob, 'one')
        alice.run('disconnect', 'bob')
        bob.event('link_down')
        bob.one('read', 'alice')
        self.assertEqual(self.state(alice, 'bob'), 'delivered')
        self.connect(alice, 'bob', '--direct', 'direct')
        wait_until('it is read', lambda: self.state(alice, 'bob') == 'read', 20)

    def test_whoever_tells_nothing_tells_nothing(self):
        alice, bob = self.node('alice'), self.node('bob', up=False)
        with open(bob.home / 'config.ini', 'a', encoding='utf-8') as config:
            config.write('[chat]\nread_marks = no\ntyping = no\n')
        bob.up()
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        self.send(alice, bob, 'one')
        before = bob.one('status')['counters']['messages_out']
        bob.one('read', 'alice')
        self.assertEqual(bob.ask('/typing', {'peer': 'alice'}), (200, {}))
        self.assertEqual(bob.one('status')['counters']['messages_out'], before)
        self.send(bob, alice, 'still here')
        self.assertEqual(self.state(alice, 'bob', 0), 'delivered')

    def test_typing_is_told_and_not_too_often(self):
        alice, bob = self.linked()
        self.send(alice, bob, 'hello')
        before = alice.one('status')['counters']['messages_out']
        for _ in range(20):
            alice.ask('/typing', {'peer': 'bob'})
        _, event = bob.event('typing')
        self.assertTrue(event['active'])
        alice.ask('/typing', {'peer': 'bob', 'active': False})
        bob.event('typing', lambda event: not event['active'])
        self.assertLess(alice.one('status')['counters']['messages_out'] - before, 10)


class Liars(ChatTest):
    def raw_pair(self, *features):
        bob, port = self.node('bob', up=False), free_port()
        bob.up(port=port)
        mallory = self.node('mallory', up=False)
        bob.one('add', mallory.id, '--name', 'mallory')
        raw = RawPeer(mallory.home, port)
        self.addCleanup(raw.close)
        hello = raw.read()
        self.assertIn('chat_changes', hello['features'])
        self.assertIn('chat_marks', hello['features'])
        raw.send({'type': 'hello', 'node_id': mallory.id, 'name': 'm', 'agent': 'raw', 'features': list(features)})
        bob.event('link_up')
        return bob, raw

    def test_nobody_edits_what_others_wrote(self):
        bob, raw = self.raw_pair('chat_changes')
        ours = bob.one('send', 'mallory', 'I owe you nothing')
        self.assertEqual(raw.expect('chat')['id'], ours['id'])
        raw.send({'type': 'chat_ack', 'id': ours['id']})
        raw.send({'type': 'chat_edit', 'id': 'e1', 'target': ours['id'], 'text': 'I owe you all', 'timestamp': 2e9})
        error = raw.expect('error')
        self.assertEqual((error['code'], error['request_id']), ('not_found', 'e1'))
        raw.send({'type': 'chat_delete', 'id': 'd1', 'target': ours['id']})
        self.assertEqual(raw.expect('chat_ack')['id'], 'd1')
        self.assertEqual([text for text, *_ in self.history(bob, 'mallory')], ['I owe you nothing'])
        # Nor by an id that one's own message has.
        raw.send({'type': 'chat', 'id': 'last', 'text': 'me last', 'timestamp': 1.0})
        raw.expect('chat_ack')
        self.assertEqual(bob.ask('/messages/last/delete', {'peer': 'mallory', 'direction': 'in'})[1]['direction'], 'in')
        self.assertEqual([text for text, *_ in self.history(bob, 'mallory')], ['I owe you nothing', ''])

    def test_what_attachments_are_not_is_not_kept(self):
        bob, raw = self.raw_pair('chat_changes')
        deep = []
        for _ in range(26):
            deep = [deep]
        raw.send({'type': 'chat', 'id': 'a', 'text': 'hi', 'timestamp': 1.0,
                  'attachments': [{'id': 'x', 'name': 'y', 'size': 1, 'z': [{}] * 50000, 'deep': deep, 'file': 7}]})
        self.assertEqual(raw.expect('chat_ack')['id'], 'a')
        self.assertEqual(bob.one('history', 'mallory')['messages'][0]['attachments'],
                         [{'id': 'x', 'name': 'y', 'size': 1, 'file': None, 'state': None}])
        raw.send({'type': 'chat', 'id': 'b', 'text': 'hi', 'timestamp': 1.0, 'attachments': []})
        self.assertEqual(raw.expect('chat_ack')['id'], 'b')
        raw.send({'type': 'chat', 'id': 'c', 'text': 'hi', 'timestamp': 1.0, 'attachments': [{}] * 17})
        self.assertEqual(raw.expect('error')['code'], 'malformed')

    def test_a_flood_of_edits_is_cut(self):
        bob, raw = self.raw_pair('chat_changes')
        raw.send({'type': 'chat', 'id': 'a', 'text': 'hi', 'timestamp': 1.0})
        raw.expect('chat_ack')
        for i in range(1, 3000):
            raw.send({'type': 'chat_edit', 'id': f'e{i}', 'target': 'a', 'text': f'{i}', 'timestamp': float(i)})
        self.assertEqual(raw.expect('error')['code'], 'limit')

    def test_edits_in_any_order_and_number_end_the_same(self):
        bob, raw = self.raw_pair('chat_changes')
        raw.send({'type': 'chat', 'id': 'a', 'text': 'zero', 'timestamp': 1.0})
        self.assertEqual(raw.expect('chat_ack')['id'], 'a')
        for i in (3, 1, 2, 3, 1):
            raw.send({'type': 'chat_edit', 'id': f'e{i}', 'target': 'a', 'text': f'edit {i}', 'timestamp': float(i)})
            self.assertEqual(raw.expect('chat_ack')['id'], f'e{i}')
        self.assertEqual([text for text, *_ in self.history(bob, 'mallory')], ['edit 3'])
        raw.send({'type': 'chat_edit', 'id': 'e9', 'target': 'a', 'text': 'x' * 65537, 'timestamp': 9.0})
        self.assertEqual(raw.expect('error')['code'], 'malformed')

    def test_an_older_peer_gets_messages_and_no_changes(self):
        bob, raw = self.raw_pair()
        message = bob.one('send', 'mallory', 'one')
        self.assertEqual(raw.expect('chat')['id'], message['id'])
        raw.send({'type': 'chat_ack', 'id': message['id']})
        bob.event('chat_delivered')
        bob.one('edit', 'mallory', 'last', 'two')
        _, event = bob.event('error')
        self.assertEqual(event['code'], 'unsupported')
        bob.one('read', 'mallory')
        bob.one('send', 'mallory', 'three')
        self.assertEqual(raw.read()['text'], 'three')  # and nothing before it
        self.assertEqual(bob.one('status')['queued'], 2)  # the edit waits for a newer program

    def test_a_change_that_is_refused_is_given_up_and_told(self):
        bob, raw = self.raw_pair('chat_changes')
        message = bob.one('send', 'mallory', 'one')
        raw.expect('chat')
        raw.send({'type': 'chat_ack', 'id': message['id']})
        bob.one('edit', 'mallory', 'last', 'two')
        edit = raw.expect('chat_edit')
        self.assertEqual((edit['target'], edit['text']), (message['id'], 'two'))
        # What is no final word leaves it in the outbox.
        raw.send({'type': 'error', 'request_id': edit['id'], 'code': 'io', 'message': 'disk full'})
        bob.event('error')
        self.assertEqual(bob.one('status')['queued'], 1)
        raw.send({'type': 'error', 'request_id': edit['id'], 'code': 'not_found', 'message': 'what?'})
        bob.event('error', lambda event: event['message'] == 'what?')
        self.assertEqual(bob.one('status')['queued'], 0)
        # Messages cannot be refused away.
        message = bob.one('send', 'mallory', 'three')
        raw.expect('chat')
        raw.send({'type': 'error', 'request_id': message['id'], 'code': 'not_found', 'message': 'no!'})
        bob.event('error', lambda event: event['message'] == 'no!')
        self.assertEqual(bob.one('status')['queued'], 1)

    def test_a_flood_of_marks_is_cut(self):
        bob, raw = self.raw_pair('chat_marks')
        for _ in range(3000):
            raw.send({'type': 'typing', 'active': True})
        raw.send({'type': 'ping', 'timestamp': 1.0})
        raw.expect('pong')
        raw.send({'type': 'chat', 'id': 'end', 'text': 'end', 'timestamp': 1.0})
        raw.expect('chat_ack')
        marks = 0
        while (event := bob.events.get(timeout=20)[1])['event'] != 'chat':
            marks += event['event'] == 'typing'
        self.assertGreater(marks, 100)
        self.assertLess(marks, 2000)


if __name__ == '__main__':
    harness.main()
