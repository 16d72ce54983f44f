#!/usr/bin/env python3
"""The safety number of two nodes, and the mark of a contact whose person has compared it."""
import hashlib
import os
import pty
import subprocess

import harness
from harness import PROGRAM_DPC, StageTest


def number_of(*pins):
    """As docs/security.md says it."""
    digest = hashlib.sha512(b'dpc-safety-number-v1\n' + b''.join(sorted(bytes.fromhex(pin) for pin in pins))).digest()
    return ' '.join(f'{int.from_bytes(digest[at:at + 5], "big") % 100000:05}' for at in range(0, 60, 5))


class Verify(StageTest):
    def setUp(self):
        super().setUp()
        self.alice, self.bob = self.node('alice'), self.node('bob')
        self.uri = self.bob.one('status')['uris'][0]
        self.alice.one('add', self.uri, '--name', 'bob')
        self.bob.one('add', self.alice.one('status')['uris'][0], '--name', 'alice')
        self.number = number_of(self.alice.one('id')['key'], self.bob.one('id')['key'])

    def is_verified(self):
        return self.alice.ask('/peers/bob')[1]['verified']

    def on_a_terminal(self, *typed, words=()):
        """What 'dpc verify bob' prints there, and its exit status."""
        leader, follower = pty.openpty()
        process = subprocess.Popen([PROGRAM_DPC, 'verify', 'bob', *words, '--home', str(self.alice.home)],
                                   stdin=follower, stdout=follower, stderr=follower, env={**os.environ, 'NO_COLOR': '1'})
        os.close(follower)
        shown = b''
        for line in typed:
            while not shown.endswith(b'as it is: '):
                shown += os.read(leader, 4096)
            os.write(leader, line)
            shown += b'|'
        try:
            while part := os.read(leader, 4096):
                shown += part
        except OSError:  # nobody has it open any more
            pass
        os.close(leader)
        return shown.decode(), process.wait(30)

    def test_both_sides_see_the_number_that_the_documentation_describes(self):
        self.assertEqual(self.alice.one('verify', 'bob')['safety_number'], self.number)
        self.assertEqual(self.bob.one('verify', 'alice')['safety_number'], self.number)
        done = self.alice.run('verify', 'bob')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        groups = self.number.split()
        self.assertEqual(done.stdout, 'safety number with bob:\n' + ''.join(
            f'  {" ".join(groups[at:at + 4])}\n' for at in (0, 4, 8)))
        self.assertFalse(self.is_verified())

    def test_a_script_marks_and_takes_back(self):
        self.assertIn('bob is verified\n', self.alice.run('verify', 'bob', '--yes').stdout)
        _, event = self.alice.event('peer_verified')
        self.assertEqual((event['peer'], event['verified']), (self.bob.id, True))
        self.assertRegex(self.alice.run('peers').stdout, r'^bob .*, verified')
        self.assertIn('bob ✓', self.alice.run('status').stdout)
        self.assertRegex(self.alice.run('status', 'bob').stdout, r'peer .*, verified\n')
        self.assertIn('bob, verified:', self.alice.run('verify', 'bob').stdout)
        self.alice.down()
        self.alice.up()
        self.assertTrue(self.is_verified())
        self.assertEqual(self.alice.run('verify', 'bob', '--undo').stdout, 'bob is not verified\n')
        self.assertFalse(self.is_verified())
        self.assertTrue(self.alice.one('verify', 'bob', '--yes')['verified'])
        self.assertFalse(self.alice.one('verify', 'bob', '--undo')['verified'])

    def test_a_person_answers_on_a_terminal(self):
        shown, status = self.on_a_terminal(b'perhaps\n', b'yes\n')
        self.assertEqual(status, 0)
        self.assertTrue(shown.endswith('bob is verified\r\n'), shown)
        self.assertTrue(self.is_verified())
        _, status = self.on_a_terminal(b'\n')
        self.assertEqual((status, self.is_verified()), (0, True))
        _, status = self.on_a_terminal(b'\x04')
        self.assertEqual((status, self.is_verified()), (0, True))
        shown, status = self.on_a_terminal(b'no\n')
        self.assertEqual((status, self.is_verified()), (1, False))
        self.assertIn('dpc: bob is not verified: ', shown)

    def test_the_number_of_the_other_side_is_compared_by_the_node(self):
        for typed in ([self.number], self.number.split(), [self.number.replace(' ', '')]):
            self.alice.one('verify', 'bob', '--undo')
            self.assertEqual(self.alice.run('verify', 'bob', *typed).stdout, 'bob is verified\n')
        wrong = ('0' if self.number[0] != '0' else '1') + self.number[1:]
        for typed in (wrong, self.number[:-1], '1', '0' * 256):
            self.assert_fails(self.alice.run('verify', 'bob', typed), 1, "not the safety number with 'bob'")
        self.assert_fails(self.alice.run('verify', 'bob', '0' * 257), 1, '256')
        self.assert_fails(self.alice.run('verify', 'bob', '0' * 600), 2, '60 digits')
        self.assertTrue(self.is_verified())

    def test_the_qr_code_is_printed_below_the_number(self):
        shown = self.alice.run('verify', 'bob', '--qr').stdout
        self.assertIn('█', shown)
        self.assertIn(self.number[:23], shown)

    def test_the_mark_is_about_the_key_that_was_compared(self):
        self.alice.one('verify', 'bob', '--yes')
        other = 'f' * 64
        changed = self.uri.replace(self.bob.one('id')['key'], self.bob.id[len('dpc-node-'):] + other[16:])
        # Whoever shows another key is refused, and takes nobody's mark with that.
        self.assert_fails(self.alice.run('add', changed), 1, 'another key')
        self.assertTrue(self.is_verified())
        # The contact with another key is another one.
        self.alice.run('remove', 'bob')
        self.assertFalse(self.alice.one('add', changed, '--name', 'bob')['verified'])
        status, answer = self.alice.ask('/peers/bob/verify', {'verified': True, 'safety_number': self.number})
        self.assertEqual((status, answer['error']['code']), (403, 'untrusted'))
        self.assertFalse(self.is_verified())
        self.alice.run('remove', 'bob')
        self.assertFalse(self.alice.one('add', self.uri, '--name', 'bob')['verified'])

    def test_without_a_key_there_is_no_number(self):
        self.alice.one('add', 'dpc-node-0123456789abcdef', '--name', 'carol')
        self.assertIsNone(self.alice.ask('/peers/carol')[1]['safety_number'])
        self.assert_fails(self.alice.run('verify', 'carol'), 1, 'no key', 'dpc connect carol')
        status, answer = self.alice.ask('/peers/carol/verify', {'verified': True, 'safety_number': self.number})
        self.assertEqual((status, answer['error']['code']), (409, 'not_connected'))
        self.assert_fails(self.alice.run('verify', 'dave'), 1, "no contact 'dave'")
        for body in ({}, {'verified': 1}, {'verified': True}, {'verified': True, 'safety_number': 5}):
            self.assertEqual(self.alice.ask('/peers/bob/verify', body)[0], 400, body)

    def test_rules_for_verified_contacts_follow_the_mark(self):
        (self.bob.home / 'access.ini').write_text('[verified]\ncontext.profile.name = allow\n')
        self.bob.one('context', 'set', 'profile.name', 'Bob')
        asked = ('context', 'get', 'bob', 'profile.name')
        self.assertIn('allows none of it', self.alice.run(*asked).stderr)
        self.bob.one('verify', 'alice', '--yes')
        self.assertEqual(self.alice.one(*asked)['context'], {'profile': {'name': 'Bob'}})
        self.bob.one('verify', 'alice', '--undo')
        self.assertIn('allows none of it', self.alice.run(*asked).stderr)


if __name__ == '__main__':
    harness.main()
