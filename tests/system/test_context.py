"""Whose context shows what to whom: rules, questions to the user, and the commands that change both."""
import json
import sys

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


class Owning(ContextTest):
    """One's own context and the commands about it."""

    def setUp(self):
        super().setUp()
        self.alice = self.node('alice')

    def context(self):
        return self.alice.one('context', 'show')['context']

    def on_disk(self):
        file = self.alice.home / 'context.json'
        self.assertEqual(file.stat().st_mode & 0o7777, 0o600)
        return json.loads(file.read_text())

    def edit(self, script, **further):
        """`dpc context edit` with an editor that runs python."""
        editor = self.directory / 'editor.py'
        editor.write_text('import json, subprocess, sys\nfrom pathlib import Path\nfile = Path(sys.argv[1])\n' + script)
        return self.alice.run('context', 'edit', environment={
            'EDITOR': f'{sys.executable} {editor}', 'VISUAL': '', 'TMPDIR': str(self.directory), **further})

    def test_fields_are_set_shown_and_deleted(self):
        self.assertEqual(self.context(), {})
        for words in (('profile.name', 'Alice'), ('profile.age', '40'), ('profile.home', '{"city":"Bern","rate":0.9}'),
                      ('profile.text', '"7"'), ('skills', '["C"]'), ('gone', 'true')):
            done = self.alice.run('context', 'set', *words)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))
        self.assertEqual(self.alice.run('context', 'set', 'note', '-', stdin='two\nlines\n').returncode, 0)
        self.assertEqual(self.alice.run('context', 'delete', 'gone').returncode, 0)
        expected = {'profile': {'name': 'Alice', 'age': 40, 'home': {'city': 'Bern', 'rate': 0.9}, 'text': '7'},
                    'skills': ['C'], 'note': 'two\nlines'}
        self.assertEqual(self.context(), expected)
        self.assertEqual(self.on_disk(), expected)
        self.assertIn('"rate": 0.9\n', (self.alice.home / 'context.json').read_text())
        self.assertEqual(self.alice.run('context', 'show', 'profile.name', 'profile.age').stdout,
                         'profile.name: Alice\nprofile.age: 40\n')
        self.assertEqual(json.loads(self.alice.run('context', 'show').stdout), expected)
        self.assert_fails(self.alice.run('context', 'show', 'nothing'), 1, "'nothing'")
        self.assert_fails(self.alice.run('context', 'delete', 'nothing'), 1, "'nothing'")
        self.assert_fails(self.alice.run('context', 'set', 'profile.name.first', 'A'), 1, "'name'")
        self.assert_fails(self.alice.run('context', 'set', 'a..b', 'A'), 1, "'a..b'")

    def test_a_change_counts_at_once(self):
        (self.alice.home / 'access.ini').write_text('[default]\ncontext.* = allow\n')
        bob = self.befriend(self.alice)
        for city in ('Bern', 'Lisbon'):
            self.alice.run('context', 'set', 'profile.city', city)
            self.assertEqual(bob.one('context', 'get', 'alice', 'profile.city')['context'], {'profile': {'city': city}})

    def test_a_context_of_another_program_is_imported_once(self):
        personal = self.directory / 'personal.json'
        context = {'profile': {'name': 'Ann', 'description': 'x', 'core_values': ['y']},
                   'knowledge': {'python': {'summary': 's', 'entries': [{'content': 'c', 'tags': [], 'confidence': 0.7}],
                                            'mastery_level': 'beginner', 'version': 1, 'key_books': None}},
                   'preferences': {'communication_style': 'short'}, 'instruction': {'primary': 'p'}, 'cognitive_profile': None,
                   'version': 3, 'commit_history': [], 'metadata': {'format_version': '2.0'}}
        personal.write_text(json.dumps(context))
        self.assertEqual(self.alice.run('context', 'import', str(personal)).returncode, 0)
        self.assertEqual(self.on_disk(), context)
        example = str(harness.ROOT / 'examples/context.json')
        self.assert_fails(self.alice.run('context', 'import', example), 1, '--replace')
        self.assertEqual(self.context(), context)
        self.assertEqual(self.alice.run('context', 'import', example, '--replace').returncode, 0)
        self.assertEqual(self.context()['profile']['name'], 'Alice')
        with open(example, encoding='utf-8') as file:
            self.assertEqual(self.alice.run('context', 'import', '-', '--replace', stdin=file.read()).returncode, 0)

    def test_what_is_no_context_is_refused_with_its_line(self):
        file = self.directory / 'personal.json'
        deep = '{"a":' * 5000 + '1' + '}' * 5000
        for text, parts in (('{"a": 1,\n"b": }', [f'{file}:2: ']), ('[1]', [f'{file}:1: ', 'object']), ('{"a":1,"a":2}', ['duplicate']),
                            ('{"a": "' + 'x' * 10_000_000 + '"}', ['longer than']), ('{"a": "' + 'x' * 200_000 + '"}', ['larger than']),
                            (deep, ['depth']), ('{"a":' * 25 + '1' + '}' * 25, ['deeper'])):
            with self.subTest(text=text[:20]):
                file.write_text(text)
                self.assert_fails(self.alice.run('context', 'import', str(file)), 1, *parts)
        file.write_bytes(b'{"a": "\xff"}')
        self.assert_fails(self.alice.run('context', 'import', str(file)), 1, 'UTF-8')
        self.assert_fails(self.alice.run('context', 'import', str(self.directory / 'none')), 1, 'No such file')
        self.assertEqual(self.context(), {})

    def test_the_editor_changes_it(self):
        self.alice.run('context', 'set', 'profile.name', 'Alice')
        done = self.edit("assert file.stat().st_mode & 0o777 == 0o600\n"
                         "c = json.loads(file.read_text())\nc['profile']['city'] = 'Bern'\nfile.write_text(json.dumps(c))\n")
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(self.context(), {'profile': {'name': 'Alice', 'city': 'Bern'}})
        self.assertIn('nothing was changed', self.edit('').stderr)
        self.assertEqual([file.name for file in self.directory.glob('dpc-*.json')], [])

    def test_what_the_editor_leaves_broken_is_kept(self):
        done = self.edit("file.write_text('{oops')\n")
        self.assertEqual(done.returncode, 1)
        kept = next(self.directory.glob('dpc-*.json'))
        self.assertIn(f'{kept}:1: ', done.stderr)
        self.assertEqual(kept.read_text(), '{oops')
        self.assertEqual(self.context(), {})
        self.assert_fails(self.edit('sys.exit(1)\n'), 1, 'editor')

    def test_an_edit_does_not_undo_what_happened_meanwhile(self):
        command = [str(self.stage.dpc), 'context', 'set', 'a', '2', '--home', str(self.alice.home)]
        done = self.edit(f"subprocess.run({command!r}, check=True)\nfile.write_text('{{\"a\": 1}}')\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn('changed meanwhile', done.stderr)
        self.assertEqual(self.context(), {'a': 2})

    def test_a_broken_file_is_not_written_over_by_a_small_change(self):
        file = self.alice.home / 'context.json'
        self.alice.run('context', 'set', 'a', '1')
        file.write_text('{"a": 1,\n "b": 2\n "c": 3}')
        self.assert_fails(self.alice.run('context', 'set', 'a', '2'), 1, f'{file}:3: ')
        self.assert_fails(self.alice.run('context', 'edit'), 1, f'{file}:3: ')
        done = self.alice.run('context', 'show')
        self.assertEqual(json.loads(done.stdout), {'a': 1})
        self.assertIn(f'{file}:3: ', done.stderr)
        self.assertIn('"b"', file.read_text())
        example = str(harness.ROOT / 'examples/context.json')
        self.assertEqual(self.alice.run('context', 'import', example, '--replace').returncode, 0)
        self.assertEqual(self.alice.one('status')['problems'], [])


if __name__ == '__main__':
    harness.main()
