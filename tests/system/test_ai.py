"""A friend's AI: providers, rules, and what happens when one of them does not behave."""
import json
import subprocess
import time

import harness
from ai_stage import ALL, AiTest, text_of
from stage import wait_until


class Asking(AiTest):
    def test_a_model_that_the_rules_allow_answers_in_pieces(self):
        alice, bob = self.owner_and_asker('[peer:alice]\nai.model.one = allow\n',
                                          self.provider('--model', 'one', '--model', 'two'))
        lines = alice.lines('ask', 'bob', 'why?')
        self.assertTrue(lines[-1]['done'])
        self.assertGreater(len(lines), 3)
        self.assertIn('why?', text_of(lines))
        self.assert_fails(alice.run('ask', 'bob', '--model', 'two', 'why?'), 1, 'bob', 'rules')
        _, event = bob.event('ai_asked', lambda event: event['model'] == 'two')
        self.assertFalse(event['allowed'])
        self.assertEqual(alice.one('models', 'bob'), {'peer': 'bob', 'models': ['one']})
        self.assertEqual(alice.run('models', 'bob').stdout, 'one@bob\n')
        self.assertEqual(alice.run('models').stdout, 'one@bob\n')
        self.assertEqual(bob.run('models').stdout, 'one\ntwo\n')

    def test_every_kind_of_provider_answers_the_same(self):
        answers = []
        for kind in ('ollama', 'openai', 'anthropic'):
            url = self.provider('--model', 'one', '--only', kind, '--key', 'sk-1', name=kind)
            (self.directory / 'key').write_text('sk-1\n')
            alice, bob = (self.node('a-' + kind), self.owner(
                ALL, url, kind, 'b-' + kind, f'model = one\nkey_file = {self.directory / "key"}\n'))
            self.befriend(alice, bob)
            answers.append(alice.lines('ask', bob.name, 'why?'))
            self.assertEqual(alice.one('models', bob.name)['models'], ['one'])
            self.assertNotIn('FORBIDDEN', self.log(kind))
        for answer in answers:
            self.assertEqual(text_of(answer), text_of(answers[0]))
            self.assertEqual(answer[-1], answers[0][-1])
        self.assertEqual(answers[0][-1]['usage'], {'prompt_tokens': 1, 'completion_tokens': len(text_of(answers[0]).split())})

    def test_fields_of_ones_own_context_go_along_when_they_are_named(self):
        alice, bob = self.owner_and_asker(ALL, self.provider('--model', 'one'))
        (alice.home / 'context.json').write_text(json.dumps({'profile': {'name': 'Alice', 'city': 'Ulm'}, 'skills': ['C']}))
        self.assertNotIn('context', text_of(alice.lines('ask', 'bob', 'why?')))
        words = len('The person who asks adds this context, as JSON:\n')
        for keys, sent in (('profile.name', {'profile.name': 'Alice'}), ('skills,profile.city', {'skills': ['C'], 'profile.city': 'Ulm'}),
                           ('profile.*', {'profile.*': {'name': 'Alice', 'city': 'Ulm'}})):
            text = text_of(alice.lines('ask', 'bob', 'why?', '--with-context', keys))
            self.assertIn(f'context has {words + len(json.dumps(sent, separators=(",", ":")))} characters', text)
        asked = len(bob.one('ai', 'log')['entries'])
        self.assert_fails(alice.run('ask', 'bob', 'why?', '--with-context', 'profile.name,profile.age'), 1, "no 'profile.age'")
        self.assert_fails(alice.run('ask', 'bob', 'why?', '--with-context', 'skills,'), 2, 'commas')
        (alice.home / 'context.json').write_text(json.dumps({f'k{i}': i for i in range(33)}))
        keys = [f'k{i}' for i in range(33)]
        self.assert_fails(alice.run('ask', 'bob', 'why?', '--with-context', ','.join(keys)), 1, '32 keys')
        self.assertEqual(len(bob.one('ai', 'log')['entries']), asked)
        alice.lines('ask', 'bob', 'why?', '--with-context', ','.join(keys[:32]))

    def test_without_a_rule_or_a_provider_there_is_no_answer(self):
        alice, bob = self.owner_and_asker('')
        self.assert_fails(alice.run('ask', 'bob', 'why?'), 1, 'bob', 'shares no AI model')
        self.assertEqual(alice.one('models', 'bob')['models'], [])
        carol = self.owner('', self.provider('--model', 'one'), name='carol')
        self.befriend(alice, carol)
        self.assert_fails(alice.run('ask', 'carol', 'why?'), 1, 'carol', 'rules')
        self.assertNotIn('POST', self.log())


class Failing(AiTest):
    def test_a_failing_provider_is_told_in_one_line(self):
        for kind in ('ollama', 'openai', 'anthropic'):
            url = self.provider('--model', 'one', name=kind)
            alice, bob = self.node('a-' + kind), self.owner(ALL, url, kind, 'b-' + kind, 'model = one\npatience = 2\n')
            self.befriend(alice, bob)
            for query, reason in (('break', 'broke off|cannot be used'), ('half', 'broke off|not understood'),
                                  ('garbage', 'not understood'), ('fail', 'out of  memory'), ('status', 'on fire'),
                                  ('long', 'too long'), ('hang', 'in time'), ('silent', 'in time')):
                with self.subTest(kind=kind, query=query):
                    done = alice.run('ask', bob.name, query)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertRegex(done.stderr, reason)
                    self.assertEqual(done.stderr.count('\n'), 1)
            self.assertTrue(alice.lines('ask', bob.name, 'and now?')[-1]['done'])

    def test_an_asker_who_leaves_stops_the_work(self):
        alice, bob = self.owner_and_asker(ALL, self.provider('--model', 'one'))
        connection = self.query(alice, 'slow')
        self.assertIn(b'delta', connection.getresponse().readline())
        self.leave(connection)
        wait_until('the provider is left alone', lambda: 'gone' in self.log(), 10)

    def test_a_lost_link_stops_the_work(self):
        alice, bob = self.owner_and_asker(ALL, self.provider('--model', 'one'))
        connection = self.query(alice, 'slow')
        self.assertIn(b'delta', connection.getresponse().readline())
        alice.process.kill()
        alice.process.wait()
        connection.close()
        wait_until('the provider is left alone', lambda: 'gone' in self.log(), 30)


class Owners(AiTest):
    def outcomes(self, owner, *words):
        return [(entry['name'], entry['outcome']) for entry in owner.one('ai', 'log', *words)['entries']]

    def test_everything_that_is_asked_is_in_the_log(self):
        url = self.provider('--model', 'one', '--model', 'two')
        alice, bob = self.owner_and_asker('[default]\nai.model.one = allow\n', url)
        carol = self.node('carol')
        self.befriend(carol, bob)
        answer = alice.lines('ask', 'bob', 'is this secret?')
        alice.run('ask', 'bob', '--model', 'two', 'secret')
        carol.run('ask', 'bob', 'fail')
        connection = self.query(alice, 'slow')
        self.assertIn(b'delta', connection.getresponse().readline())
        self.assertEqual(self.outcomes(bob)[-1], ('alice', 'working'))
        self.leave(connection)
        expected = [('alice', 'done'), ('alice', 'denied'), ('carol', 'failed'), ('alice', 'cancelled')]
        wait_until('the log is complete', lambda: self.outcomes(bob) == expected, 20)
        self.assertEqual(self.outcomes(bob, 'carol'), [('carol', 'failed')])
        self.assertEqual(self.outcomes(bob, '--limit', '1'), expected[-1:])
        first, _, _, last = bob.one('ai', 'log')['entries']
        usage = answer[-1]['usage']
        self.assertEqual((first['prompt_tokens'], first['completion_tokens'], first['estimated']),
                         (usage['prompt_tokens'], usage['completion_tokens'], False))
        self.assertTrue(last['estimated'])
        self.assertGreater(last['completion_tokens'], 0)
        self.assertEqual({entry['prompt'] for entry in bob.one('ai', 'log')['entries']}, {None})
        self.assertNotIn(b'secret', b''.join(file.read_bytes() for file in bob.home.glob('dpc.db*')))
        text = bob.run('ai', 'log').stdout
        self.assertEqual(len(text.splitlines()), 4)
        self.assertIn('alice  one  done  3 + ', text)

    def test_what_is_asked_is_kept_when_the_owner_says_so_and_after_a_crash(self):
        url = self.provider('--model', 'one')
        alice, bob = self.owner_and_asker(ALL, url, settings='model = one\nkeep_prompts = yes\n')
        alice.lines('ask', 'bob', 'why?')
        connection = self.query(alice, 'slow')
        self.assertIn(b'delta', connection.getresponse().readline())
        bob.process.kill()
        bob.process.wait()
        connection.close()
        bob.up()
        entries = bob.one('ai', 'log')['entries']
        self.assertEqual([(entry['prompt'], entry['outcome']) for entry in entries],
                         [('why?', 'done'), ('slow', 'cancelled')])
        self.assertIn('why?', bob.run('ai', 'log').stdout)

    def test_requests_and_tokens_of_a_day_are_limited_for_each_peer(self):
        url = self.provider('--model', 'one')
        for settings, reason in (('requests_per_day = 2\n', 'asked 2 times today'), ('tokens_per_day = 20\n', '20 tokens today')):
            with self.subTest(settings=settings):
                name = settings.split('_')[0]
                bob = self.owner(ALL, url, name=name, settings='model = one\n' + settings)
                alice, carol = self.node('a-' + name), self.node('c-' + name)
                for asker in (alice, carol):
                    self.befriend(asker, bob)
                for _ in range(2):
                    alice.lines('ask', name, 'why?')
                self.assert_fails(alice.run('ask', name, 'why?'), 1, name, reason)
                self.assertTrue(carol.lines('ask', name, 'why?')[-1]['done'])
                self.assertEqual([outcome for _, outcome in self.outcomes(bob)], ['done', 'done', 'limit', 'done'])

    def test_outside_the_hours_nobody_is_answered(self):
        now = time.localtime()
        hour = (now.tm_hour + 2) % 24
        alice, bob = self.owner_and_asker(ALL, self.provider('--model', 'one'),
                                          settings=f'model = one\nhours = {hour:02}:00-{hour:02}:30\n')
        self.assert_fails(alice.run('ask', 'bob', 'why?'), 1, f'from {hour:02}:00 to {hour:02}:30')
        self.assertEqual(self.outcomes(bob), [('alice', 'denied')])

    def test_who_floods_waits_behind_others_and_is_limited(self):
        alice, bob = self.owner_and_asker(ALL, self.provider('--model', 'one'), settings='model = one\nat_once = 1\n')
        carol = self.node('carol')
        self.befriend(carol, bob)
        connections = [self.query(alice, 'slow') for _ in range(9)]
        wait_until('all wait', lambda: len(self.outcomes(bob)) == 9, 30)
        self.assert_fails(alice.run('ask', 'bob', 'me too'), 1, 'bob', 'too many')
        # Carol's question came last, and is the next.
        process = subprocess.Popen([self.stage.dpc, 'ask', 'bob', 'and me?', '--home', str(carol.home)],
                                   stdout=subprocess.PIPE, text=True)
        wait_until('carol waits', lambda: self.outcomes(bob)[-1] == ('carol', 'working'), 30)
        first = connections[0].getresponse()
        self.assertIn(b'delta', first.readline())
        self.leave(connections[0])
        self.assertIn('and me?', process.communicate(timeout=60)[0])
        self.assertEqual(self.outcomes(bob)[0], ('alice', 'cancelled'))
        self.assertEqual([outcome for _, outcome in self.outcomes(bob)[1:9]], ['working'] * 8)
        for connection in connections[1:]:
            self.leave(connection)


if __name__ == '__main__':
    harness.main()
