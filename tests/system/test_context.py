"""Whose context shows what to whom: rules, questions to the user, and the commands that change both."""
import json
import re
import subprocess
import sys
import threading
import time

import harness
from stage import free_port, wait_until
from test_node import RawPeer


class ContextTest(harness.StageTest):
    def owner(self, rules='', context=None, name='alice'):
        """A node with rules and a context."""
        node = self.node(name, up=False)
        (node.home / 'access.ini').write_text(rules)
        if context is not None:
            (node.home / 'context.json').write_text(json.dumps(context))
        node.up()
        return node

    def log(self, node):
        return (self.directory / f'{node.name}.log').read_text()

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

    def test_the_example_is_understood(self):
        with open(harness.ROOT / 'examples/access.ini', encoding='utf-8') as file:
            alice = self.owner(file.read())
        self.assertEqual(alice.one('status')['problems'], [])
        somebody = 'dpc-node-0123456789abcdef'
        verdicts = {key: alice.one('access', 'check', somebody, f'context.profile.{key}')['verdict']
                    for key in ('name', 'email', 'city')}
        self.assertEqual(verdicts, {'name': 'allow', 'email': 'ask', 'city': 'deny'})

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
        self.assertEqual(json.loads(bob.run('context', 'get', 'alice', 'a', '--json').stdout), {'context': {}, 'denied': ['a'], 'pending': []})


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


CONTEXT = {'profile': {'name': 'Alice', 'email': 'alice@example.org', 'phone': '0123'},
           'knowledge': {'rust': {'summary': 'two years'}, 'cello': {'summary': 'slowly'}}, 'skills': ['C', 'Rust']}


class Asking(ContextTest):
    """What the rules leave to the user."""
    RULES = ('; mine\n[default]\n'
             'context.profile.name = allow\n'
             'context.profile.email = ask\n'
             'context.knowledge.* = ask\n'
             'context.knowledge.cello = deny\n'
             'context.nothing = ask\n')

    def start(self, seconds=None):
        alice = self.node('alice', up=False)
        (alice.home / 'access.ini').write_text(self.RULES)
        (alice.home / 'context.json').write_text(json.dumps(CONTEXT))
        if seconds:
            with open(alice.home / 'config.ini', 'a', encoding='utf-8') as config:
                config.write(f'[access]\nask_seconds = {seconds}\n')
        alice.up()
        return alice, self.befriend(alice)

    def get(self, node, *keys):
        """`dpc context get` that waits for the decision: the process, once the owner is asked."""
        process = subprocess.Popen([self.stage.dpc, 'context', 'get', 'alice', *keys, '--home', str(node.home)], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn("waiting for 'alice' to decide about ", process.stderr.readline())
        return process

    def ask(self, node, *keys, wait_ms=0):
        status, answer = node.ask('/context/request', {'peer': 'alice', 'keys': list(keys), 'wait_ms': wait_ms})
        self.assertEqual(status, 200, answer)
        return answer

    def question(self, alice, *keys):
        """The one that comes next, or that asks for these keys."""
        _, event = alice.event('access_asked', lambda event: not keys or event['question']['keys'] == list(keys))
        return event['question']

    def test_the_user_is_asked_and_allows_it_once(self):
        alice, bob = self.start()
        process = self.get(bob, 'profile.name', 'profile.email')
        question = self.question(alice)
        self.assertEqual((question['peer'], question['name'], question['keys']), (bob.id, 'bob', ['profile.email']))
        self.assertEqual(question['would_give'], {'profile': {'email': 'alice@example.org'}})
        self.assertEqual(alice.one('access', 'pending')['pending'][0]['id'], question['id'])
        self.assertEqual(alice.one('status')['questions'], 1)
        self.assertIn("'dpc access pending'", alice.run('status').stdout)
        shown = alice.run('access', 'pending').stdout
        self.assertRegex(shown, r'(?s)^' + question['id'] + r': bob asks for profile\.email; \d+ s left\n.*alice@example\.org')
        rules = (alice.home / 'access.ini').read_text()
        self.assertEqual(alice.run('access', 'allow', question['id']).stdout, 'allowed\n')
        self.assertEqual(process.communicate(timeout=30)[0], 'profile.name: Alice\nprofile.email: alice@example.org\n')
        self.assertEqual(process.returncode, 0)
        # Once: no rule was made, the question is over, and the same does not ask twice in its time.
        self.assertEqual((alice.home / 'access.ini').read_text(), rules)
        self.assertEqual(alice.one('access', 'pending')['pending'], [])
        self.assert_fails(alice.run('access', 'allow', question['id']), 1, 'pending')
        self.assertEqual(self.ask(bob, 'profile.name', 'profile.email')['pending'], [])
        # Another question is another one.
        answer = self.ask(bob, 'profile.email')
        self.assertEqual(answer, {'context': {}, 'denied': ['profile.email'], 'pending': ['profile.email']})

    def test_the_user_denies_it_and_is_not_asked_again_at_once(self):
        alice, bob = self.start()
        process = self.get(bob, 'profile.email')
        question = self.question(alice)
        self.assertEqual(alice.run('access', 'deny', question['id']).stdout, 'denied\n')
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (1, 'profile.email: denied\n'))
        self.assertIn('allows none', err)
        self.assertEqual(self.ask(bob, 'profile.email'), {'context': {}, 'denied': ['profile.email'], 'pending': []})

    def test_always_becomes_a_rule_for_this_peer_alone(self):
        alice, bob = self.start()
        process = self.get(bob, 'knowledge')
        answer = alice.one('access', 'allow', self.question(alice)['id'], '--always')
        self.assertEqual((answer['allowed'], answer['always'], answer['sent']), (True, True, True))
        self.assertIn('two years', process.communicate(timeout=30)[0])
        self.assertEqual((alice.home / 'access.ini').read_text(),
                         self.RULES + f'\n[peer:{bob.id}]\ncontext.knowledge.* = allow\ncontext.knowledge.cello = deny\n')
        self.assertEqual((alice.home / 'access.ini').stat().st_mode & 0o777, 0o600)
        answer = bob.one('context', 'get', 'alice', 'knowledge', 'knowledge.rust')
        self.assertEqual(answer, {'context': {'knowledge': {'rust': {'summary': 'two years'}}}, 'denied': [], 'pending': []})
        carol = self.befriend(alice, 'carol')
        self.assertEqual(self.ask(carol, 'knowledge')['pending'], ['knowledge'])
        # And a no, into the section that is there now.
        process = self.get(bob, 'profile.email')
        alice.one('access', 'deny', self.question(alice, 'profile.email')['id'], '--always')
        process.communicate(timeout=30)
        self.assertEqual(alice.one('access', 'check', 'bob', 'context.profile.email')['section'], f'peer:{bob.id}')
        self.assertEqual(self.ask(bob, 'profile.email', 'profile.name')['denied'], ['profile.email'])

    def test_nothing_is_remembered_in_a_file_that_is_broken(self):
        alice, bob = self.start()
        process = self.get(bob, 'profile.email')
        question = self.question(alice)
        (alice.home / 'access.ini').write_text('[default]\noops\n')
        self.assert_fails(alice.run('access', 'allow', question['id'], '--always'), 1, 'access.ini:2: ')
        self.assertEqual((alice.home / 'access.ini').read_text(), '[default]\noops\n')
        self.assertEqual(len(alice.one('access', 'pending')['pending']), 1)
        alice.run('access', 'allow', question['id'])
        self.assertIn('alice@example.org', process.communicate(timeout=30)[0])

    def test_who_is_asked_about_does_not_tell_what_exists(self):
        alice, bob = self.start()
        answers = [self.ask(bob, key) for key in ('knowledge.rust', 'knowledge.none', 'nothing')]
        self.assertEqual([(a['context'], len(a['denied']), len(a['pending'])) for a in answers], [({}, 1, 1)] * 3)

    def test_a_question_nobody_answers_is_a_no(self):
        alice, bob = self.start(seconds=2)
        process = self.get(bob, 'profile.email', 'profile.name')
        out, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (0, 'profile.email: denied\nprofile.name: Alice\n'))
        _, event = alice.event('access_answered')
        self.assertEqual((event['by'], event['allowed']), ('timeout', False))
        self.assertEqual(alice.one('access', 'pending')['pending'], [])

    def test_a_decision_waits_for_who_has_lost_the_link(self):
        alice, bob = self.start()
        self.assertEqual(self.ask(bob, 'profile.email')['pending'], ['profile.email'])
        question = self.question(alice)
        bob.run('disconnect', 'alice')
        alice.event('link_down')
        self.assertFalse(alice.one('access', 'allow', question['id'])['sent'])
        self.assertEqual(self.ask(bob, 'profile.email')['context'], {'profile': {'email': 'alice@example.org'}})

    def test_who_does_not_want_to_wait_hears_that_it_is_not_decided(self):
        alice, bob = self.start()
        done = bob.run('context', 'get', 'alice', 'profile.name', 'profile.email', '--wait', '0')
        self.assertEqual((done.returncode, done.stdout), (0, 'profile.name: Alice\nprofile.email: not decided yet\n'))
        done = bob.run('context', 'get', 'alice', 'profile.email', '--wait', '0')
        self.assertEqual(done.returncode, 1)
        self.assertIn('not decided', done.stderr)

    def test_questions_of_a_peer_and_their_rate_are_limited(self):
        alice, bob = self.start()
        start = time.monotonic()
        for i in range(4):
            self.assertEqual(len(self.ask(bob, f'knowledge.{i}')['pending']), 1)
        status, answer = bob.ask('/context/request', {'peer': 'alice', 'keys': ['knowledge.4', 'profile.name']})
        self.assertEqual((status, answer['error']['code']), (429, 'limit'))
        self.assertEqual(len(alice.one('access', 'pending')['pending']), 4)
        # What the rules allow by themselves is answered all the same, and so is the next one.
        self.assertEqual(self.ask(bob, 'profile.name')['denied'], [])
        carol = self.befriend(alice, 'carol')
        self.assertEqual(len(self.ask(carol, 'knowledge.carol')['pending']), 1)
        # Who is answered may ask again, but not more than twelve times and once in five seconds.
        count = 4
        while True:
            alice.run('access', 'deny', self.question(alice, f'knowledge.{count - 4}')['id'])
            status, answer = bob.ask('/context/request', {'peer': 'alice', 'keys': [f'knowledge.{count}']})
            if status == 429:
                break
            count += 1
            self.assertLessEqual(count, 12 + (time.monotonic() - start) / 5)
        self.assertGreaterEqual(count, 12)

    def test_questions_of_somebody_who_is_removed_or_blocked_are_gone(self):
        alice, bob = self.start()
        carol = self.befriend(alice, 'carol')
        self.ask(bob, 'profile.email')
        self.ask(carol, 'profile.email')
        alice.run('remove', 'bob')
        self.assertEqual([question['name'] for question in alice.one('access', 'pending')['pending']], ['carol'])
        alice.run('block', 'carol')
        self.assertEqual(alice.one('access', 'pending')['pending'], [])


class Telling(ContextTest):
    """What two nodes make of rules, and what is written down about it."""

    def test_a_tree_comes_filtered(self):
        alice = self.owner('[peer:bob]\ncontext.profile.name = allow\n[group:g]\nmembers = bob\ncontext.skills = allow\n'
                           '[default]\ncontext.knowledge.* = allow\ncontext.knowledge.cello.summary = deny\n', CONTEXT)
        bob = self.befriend(alice)
        self.assertEqual(bob.one('context', 'get', 'alice')['context'],
                         {'profile': {'name': 'Alice'}, 'knowledge': {'rust': {'summary': 'two years'}}, 'skills': ['C', 'Rust']})
        self.assertEqual(bob.one('context', 'get', 'alice', 'profile')['context'], {'profile': {'name': 'Alice'}})
        self.assertEqual(bob.one('context', 'get', 'alice', 'profile.*', 'skills.0', 'x.0')['denied'], ['x.0'])
        done = bob.run('context', 'get', 'alice', 'profile.*', 'profile.email', 'profile.none')
        self.assertEqual(done.stdout.splitlines()[-2:], ['profile.email: denied', 'profile.none: denied'])

    def test_each_request_leaves_a_line_without_values(self):
        alice = self.owner('[default]\ncontext.profile.name = allow\ncontext.profile.email = ask\n', CONTEXT)
        bob = self.befriend(alice)
        bob.ask('/context/request', {'peer': 'alice', 'keys': ['profile.name', 'skills', 'profile.email', 'a\nforged line']})
        _, event = alice.event('context_asked')
        self.assertEqual((event['granted'], event['pending']), (['profile.name'], ['profile.email']))
        log = self.log(alice)
        self.assertRegex(log, f"'bob' \\({bob.id}\\) asked for context; granted: profile\\.name; denied: skills, profile\\.email, "
                              f"a\\?forged line; the user is asked: profile\\.email\n")
        self.assertNotRegex(log, 'example.org|Rust|Alice')


class Hostile(ContextTest):
    """A contact that says what it likes."""

    def start(self, rules='[default]\ncontext.profile.name = allow\n'):
        self.port = free_port()
        alice = self.node('alice', up=False)
        (alice.home / 'access.ini').write_text(rules)
        (alice.home / 'context.json').write_text(json.dumps(CONTEXT))
        alice.up(port=self.port)
        return alice, self.raw_contact(alice, 'mallory')

    def raw_contact(self, alice, name):
        node = self.node(name, up=False)
        alice.one('add', node.id, '--name', name)
        raw = RawPeer(node.home, self.port)
        self.addCleanup(raw.close)
        self.assertEqual(raw.read()['type'], 'hello')
        raw.send({'type': 'hello', 'node_id': node.id, 'name': 'm', 'agent': 'raw', 'features': []})
        return raw

    def request(self, raw, keys, request_id='r'):
        raw.send({'type': 'request_context', 'request_id': request_id, 'firewall_rules': {'allowed_keys': keys}})

    def test_ten_thousand_keys_are_refused_and_the_link_stays(self):
        alice, raw = self.start()
        for keys in (['k'] * 65, [f'k{i}' for i in range(10_000)], ['x' * 257], 'profile', [1], None, {'a': 1}):
            self.request(raw, keys)
            error = raw.expect('error')
            self.assertEqual((error['request_id'], error['code']), ('r', 'malformed' if len(str(keys)) < 60_000 else 'too_large'))
        self.request(raw, ['profile.name'])
        self.assertEqual(raw.expect('context_response')['context'], {'profile': {'name': 'Alice'}})

    def test_odd_keys_are_denied(self):
        alice, raw = self.start('[default]\ncontext.profile.name = allow\n* = ask\n')
        keys = ['', '.', '..', 'profile.', '.profile', '**', 'a*', '*.name', '\u202e', 'a=b', '.'.join('a' * 40)]
        self.request(raw, keys)
        answer = raw.expect('context_response')
        self.assertEqual(answer['context'], {})
        self.assertEqual(set(answer['pending']), {'\u202e', 'a=b'})
        # Nothing that a peer calls a key gets into the rules as something else.
        for keys in (['a = allow\n[default]\ncontext'], ['a=b']):
            self.request(raw, keys)
            self.assertEqual(raw.expect('context_response')['pending'], keys)
            _, event = alice.event('access_asked', lambda event: event['question']['keys'] == keys)
            before = (alice.home / 'access.ini').read_text()
            self.assert_fails(alice.run('access', 'allow', event['question']['id'], '--always'), 1, 'access.ini')
            self.assertEqual((alice.home / 'access.ini').read_text(), before)

    def test_questions_of_all_peers_together_are_limited(self):
        alice, last = self.start('[default]\ncontext.* = ask\n')
        for i in range(16):
            raw = self.raw_contact(alice, f'peer{i}')
            for j in range(4):
                self.request(raw, [f'k{j}'])
                self.assertEqual(raw.expect('context_response')['pending'], [f'k{j}'])
        self.request(last, ['k'])
        self.assertEqual(last.expect('error')['code'], 'limit')
        pending = alice.one('access', 'pending')['pending']
        self.assertEqual(len(pending), 64)
        # One that is decided makes room.
        alice.run('access', 'deny', pending[30]['id'])
        self.request(last, ['k'])
        self.assertEqual(last.expect('context_response')['pending'], ['k'])
        self.assertEqual(len(alice.one('access', 'pending')['pending']), 64)

    def test_a_flood_of_requests_slows_nobody(self):
        alice, raw = self.start('[default]\ncontext.* = allow\n')
        bob = self.befriend(alice)
        bob.one('context', 'get', 'alice', 'profile.name')

        def flood():
            for i in range(3000):
                self.request(raw, ['*'] * 64, f'r{i}')
        sender = threading.Thread(target=flood)
        answers, start = [], time.monotonic()
        reader = threading.Thread(target=lambda: answers.extend(iter(raw.read, None)), daemon=True)
        reader.start()
        sender.start()
        for _ in range(10):
            self.assertEqual(bob.one('context', 'get', 'alice', 'profile.name')['context'], {'profile': {'name': 'Alice'}})
        sender.join()
        wait_until('the flood was refused', lambda: any(answer.get('code') == 'limit' for answer in answers), 60)
        served = sum(answer['type'] == 'context_response' for answer in answers)
        self.assertLessEqual(served, 601 + 10 * (time.monotonic() - start))
        self.assertEqual(bob.one('context', 'get', 'alice', 'profile.name')['context'], {'profile': {'name': 'Alice'}})

    def test_only_who_was_asked_can_answer(self):
        """Alice asks bob, who has to decide; mallory answers in his place."""
        alice, raw = self.start()
        bob = self.node('bob', up=False)
        (bob.home / 'access.ini').write_text('[default]\ncontext.* = ask\n')
        bob.up()
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(alice.ask(
            '/context/request', {'peer': 'bob', 'keys': ['profile.name'], 'wait_ms': 30000})))
        thread.start()
        question = bob.event('access_asked')[1]['question']
        for request_id in ('r', 'x' * 64, *(f'{i:032x}' for i in range(50))):
            raw.send({'type': 'context_response', 'request_id': request_id, 'context': {'profile': {'name': 'Mallory'}}, 'denied': []})
        raw.send({'type': 'ping', 'timestamp': 1})
        raw.expect('pong')
        self.assertEqual(outcome, [])
        bob.one('context', 'set', 'profile.name', 'Bob')
        bob.run('access', 'allow', question['id'])
        thread.join(30)
        self.assertEqual(outcome[0][1]['context'], {'profile': {'name': 'Bob'}})

    def test_an_answer_that_is_too_large_or_too_deep_harms_nobody(self):
        alice, raw = self.start()
        deep = '{"a":' * 100_000 + '1' + '}' * 100_000
        raw.send(b'{"type":"context_response","request_id":"r","denied":[],"context":' + deep[:200_000].encode() + b'}')
        self.assertEqual(raw.expect('error')['code'], 'too_large')
        for denied in (['k'] * 65, ['x' * 300]):
            raw.send({'type': 'context_response', 'request_id': 'r', 'context': {}, 'denied': denied})
            self.assertEqual(raw.expect('error')['code'], 'malformed')
        self.request(raw, ['profile.name'])
        self.assertEqual(raw.expect('context_response')['context'], {'profile': {'name': 'Alice'}})

    def test_a_peer_that_keeps_saying_pending_is_waited_for_once(self):
        alice, raw = self.start()
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(alice.ask(
            '/context/request', {'peer': 'mallory', 'keys': ['a'], 'wait_ms': 2000})))
        start = time.monotonic()
        thread.start()
        asked = raw.expect('request_context')
        while not outcome and time.monotonic() < start + 30:
            raw.send({'type': 'context_response', 'request_id': asked['request_id'], 'context': {}, 'denied': ['a'], 'pending': ['a']})
            time.sleep(0.1)
        thread.join(30)
        self.assertEqual(outcome[0], (200, {'context': {}, 'denied': ['a'], 'pending': ['a']}))


if __name__ == '__main__':
    harness.main()
