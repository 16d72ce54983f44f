"""Whose context shows what to whom: rules, questions to the user, and the commands that change both."""
import json

import harness


class ContextTest(harness.StageTest):
    def owner(self, rules='', context=None, name='alice'):
        """A node with rules and a context."""
        node = self.node(name, up=False)
        (node.home / 'access.ini').write_text(rules)
        if context is not None:
            (node.home / 'context.json').write_text(json.dumps(context))
        node.up()
        return node

    def befriend(self, owner, name='bob'):
        """Somebody who knows the owner, and whom the owner knows."""
        node = self.node(name)
        owner.one('add', node.id, '--name', name)
        node.one('add', owner.one('status')['uris'][0], '--name', owner.name)
        return node


class Checking(ContextTest):
    RULES = ('; who may see what\n'
             '[peer:bob]\n'
             'context.knowledge = allow\n'
             'context.knowledge.secret.* = deny\n'
             '[group:friends]\n'
             'members = bob, carol\n'
             'context.profile.name = allow\n'
             'context.profile.email = ask\n'
             '[verified]\n'
             'context.profile.* = allow\n'
             '[default]\n'
             'context.profile.city = allow\n')

    def check(self, node, *words):
        done = node.run('access', 'check', *words)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return done.stdout

    def test_a_check_says_the_verdict_and_the_line_that_made_it(self):
        alice = self.owner(self.RULES)
        alice.one('add', 'dpc-node-00000000000000b0', '--name', 'bob')
        alice.one('add', 'dpc-node-00000000000000ca', '--name', 'carol')
        file = alice.home / 'access.ini'
        for words, expected in (
                (('bob', 'context.knowledge.rust'), f'allow: {file}:3: [peer:bob] context.knowledge = allow\n'),
                (('bob', 'context.knowledge.secret.x'), f'deny: {file}:4: [peer:bob] context.knowledge.secret.* = deny\n'),
                (('carol', 'context.profile.email'), f'ask: {file}:8: [group:friends] context.profile.email = ask\n'),
                (('carol', 'context.profile.city'), f'allow: {file}:12: [default] context.profile.city = allow\n'),
                (('dpc-node-0123456789abcdef', 'context.profile.name'), 'deny: no rule covers context.profile.name\n'),
                (('carol', 'ai.model.llama3'), 'deny: no rule covers ai.model.llama3\n')):
            with self.subTest(words=words):
                self.assertEqual(self.check(alice, *words), expected)
        answer = alice.one('access', 'check', 'bob', 'context.knowledge.rust')
        self.assertEqual((answer['verdict'], answer['line'], answer['section'], answer['rule'], answer['problem']),
                         ('allow', 3, 'peer:bob', 'context.knowledge', None))
        self.assert_fails(alice.run('access', 'check', 'nobody', 'context.a'), 1, "no contact 'nobody'")
        self.assert_fails(alice.run('access', 'check', 'bob', 'profile.name'), 1, "'profile.name'", "'context'")

    def test_a_typo_names_its_line_and_the_last_good_rules_stay(self):
        alice = self.owner('[default]\ncontext.profile.name = allow\n')
        file = alice.home / 'access.ini'
        somebody = 'dpc-node-0123456789abcdef'
        self.assertIn('allow: ', self.check(alice, somebody, 'context.profile.name'))
        for text, line, problem in (
                ('[default]\ncontext.profile.name = allwo\n', 2, "'allow', 'ask' or 'deny'"),
                ('[default]\n\nprofile.name = allow\n', 3, "'context.'"),
                ('[defualt]\ncontext.profile.name = deny\n', 1, '[default]'),
                ('[default]\ncontext.profile.name allow\n', 2, 'key = value')):
            with self.subTest(text=text):
                file.write_text(text)
                done = alice.run('access', 'check', somebody, 'context.profile.name')
                self.assertEqual(done.returncode, 0)
                self.assertIn('allow: ', done.stdout)
                self.assertIn(f'{file}:{line}: ', done.stderr)
                self.assertIn(problem, done.stderr)
                alice.event('error', lambda event: f'{file}:{line}: ' in event['message'])
                self.assertIn(f'{file}:{line}: ', alice.one('status')['problems'][0])
                self.assertIn('problem', alice.run('status').stdout)
        file.write_text('[default]\ncontext.profile.name = deny\n')
        self.assertIn('deny: ', self.check(alice, somebody, 'context.profile.name'))
        self.assertEqual(alice.one('status')['problems'], [])

    def test_a_file_that_is_broken_from_the_start_denies_everything(self):
        alice = self.owner('[default]\ncontext.a = allow\noops\n', {'a': 1})
        bob = self.befriend(alice)
        self.assertEqual(alice.one('access', 'check', 'bob', 'context.a')['verdict'], 'deny')
        self.assertEqual(json.loads(bob.run('context', 'get', 'alice', 'a', '--json').stdout), {'context': {}, 'denied': ['a']})


if __name__ == '__main__':
    harness.main()
