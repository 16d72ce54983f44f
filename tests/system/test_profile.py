#!/usr/bin/env python3
"""dpc profile and dpc find: what the hub's directory tells of people, through the node."""
import json
import sqlite3

import harness
from stage import wait_until


class ProfileTest(harness.StageTest):
    def setUp(self):
        super().setUp()
        self.url, self.hub = self.stage.start_hub()
        self.alice, self.bob = self.node('alice'), self.node('bob')
        for node in (self.alice, self.bob):
            node.one('login', '--hub', self.url)

    def test_one_tells_of_oneself_and_another_finds_it(self):
        self.assert_fails(self.alice.run('profile', 'show'), 1, 'no such profile')
        self.assertEqual(self.alice.run('profile', 'set', 'name', 'Alice').stdout, '')
        self.alice.one('profile', 'set', 'description', 'likes \u202emountains')
        self.alice.one('profile', 'set', 'expertise.C++ & co', '5')
        profile = self.alice.one('profile', 'set', 'expertise.cooking', '2')
        self.assertEqual(profile['expertise'], {'C++ & co': 5, 'cooking': 2})
        self.assertEqual(profile['nodes'], [self.alice.id])
        self.assertEqual(self.alice.one('profile', 'show'), profile)
        self.assertEqual(self.bob.one('profile', 'show', self.alice.id), profile)
        self.bob.one('add', self.alice.id, '--name', 'ally')
        self.assertEqual(self.bob.one('profile', 'show', 'ally'), profile)
        shown = self.bob.run('profile', 'show', 'ally').stdout
        self.assertIn('C++ & co 5, cooking 2', shown)
        self.assertIn('likes \u00b7mountains', shown)
        # By words, in any order and form that a shell passes on.
        for words in (('c++',), ('c++ & co',), ('mountains', 'alice'), ('cook', '--min-level', '2')):
            self.assertEqual([found['name'] for found in self.bob.one('find', *words)['results']], ['Alice'], words)
        found = self.bob.run('find', 'alice')
        self.assertEqual((found.stdout.count('\n'), found.stderr), (1, ''))
        self.assertIn(self.alice.id, found.stdout)
        self.assertEqual(self.bob.one('find', 'cook', '--min-level', '3')['results'], [])
        # Not to be found any more; a field less; all of it gone.
        self.alice.one('profile', 'set', 'discoverable', 'false')
        self.assertEqual(self.bob.one('find', 'alice')['results'], [])
        self.assertNotIn('description', self.alice.one('profile', 'delete', 'description'))
        self.assert_fails(self.alice.run('profile', 'delete', 'description'), 1, "no 'description'")
        self.assertEqual(self.alice.one('profile', 'delete'), {})
        self.assert_fails(self.bob.run('profile', 'show', self.alice.id), 1, 'no such profile')

    def test_there_is_more_than_a_page(self):
        self.alice.one('profile', 'set', 'name', 'twin')
        self.bob.one('profile', 'set', 'name', 'twin')
        first = self.alice.run('find', 'twin', '--limit', '1')
        self.assertEqual((first.returncode, first.stdout.count('\n')), (0, 1))
        cursor = first.stderr.split('--cursor ')[1].strip()
        second = self.alice.run('find', 'twin', '--limit', '1', '--cursor', cursor)
        self.assertEqual({line.split()[1] for line in (first.stdout, second.stdout)}, {self.alice.id, self.bob.id})

    def test_what_the_hub_does_not_take_is_said(self):
        self.assert_fails(self.alice.run('profile', 'set', 'expertise.Rust', '9'), 1, 'name')
        self.alice.one('profile', 'set', 'name', 'Alice')
        self.assert_fails(self.alice.run('profile', 'set', 'expertise.Rust', '9'), 1, 'expertise')
        self.assert_fails(self.alice.run('find', 'x', '--min-level', '6'), 1, 'min_level')
        self.assert_fails(self.alice.run('find', 'x' * 201), 1, '200')
        self.assert_fails(self.alice.run('find', 'x' * 4096), 2, 'too long')
        self.assert_fails(self.alice.run('profile', 'show', 'nobody'), 1, "no contact 'nobody'")
        self.assert_fails(self.alice.run('profile', 'set', 'name'), 2, 'KEY and a VALUE')
        self.assert_fails(self.alice.run('profile', 'dance'), 2, 'set KEY VALUE')

    def test_a_token_that_the_hub_forgot_is_replaced(self):
        self.alice.one('profile', 'set', 'name', 'Alice')
        # As an operator who makes new keys at once.
        database = sqlite3.connect(self.directory / 'hub/hub.db')
        database.execute("UPDATE sessions SET revoked = 1")
        database.commit()
        database.close()
        self.assertEqual(self.alice.one('profile', 'show')['name'], 'Alice')

    def test_without_a_hub(self):
        carol = self.node('carol')
        self.assert_fails(carol.run('find', 'alice'), 1, 'no hub')
        self.alice.one('logout')
        self.assert_fails(self.alice.run('profile', 'show'), 1, 'not logged in')
        self.assertEqual(self.stage.stop_one(self.hub), 0)
        wait_until('bob knows', lambda: self.bob.one('status')['hub']['state'] != 'connected', 30)
        self.assert_fails(self.bob.run('find', 'alice'), 1, self.url)


if __name__ == '__main__':
    harness.main()
