"""A friend's AI: providers, rules, and what happens when one of them does not behave."""
import json
import signal
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


class OwnersWhoAreAsked(AiTest):
    RULES = '[default]\nai.model.* = ask\n'

    def stage_of(self, *models, settings='model = one\n'):
        words = [word for model in models or ['one'] for word in ('--model', model)]
        return self.owner_and_asker(self.RULES, self.provider(*words), settings=settings)

    def asked(self, owner, model='one'):
        """The question, once the owner has it."""
        _, event = owner.event('access_asked', lambda event: event['question']['model'] == model)
        return event['question']

    def start(self, asker, *words):
        """A question under way in the background, which has heard that the owner is asked."""
        process = subprocess.Popen([harness.PROGRAM_DPC, 'ask', 'bob', *words, '--home', str(asker.home)], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        return process, process.stderr.readline()

    def outcomes(self, owner):
        return [entry['outcome'] for entry in owner.one('ai', 'log')['entries']]

    def test_a_yes_is_for_what_waits_and_once(self):
        alice, bob = self.stage_of()
        self.assertEqual(alice.one('models', 'bob')['models'], ['one'])
        process, first = self.start(alice, 'why?')
        self.assertRegex(first, r'^bob is asked whether you may, and has \d+ s to answer; Ctrl-C gives up\n$')
        other, _ = self.start(alice, 'and who?')
        question = self.asked(bob)
        self.assertEqual((question['kind'], question['keys'], question['would_give']), ('ai', ['ai.model.one'], None))
        [pending] = bob.one('access', 'pending')['pending']
        self.assertEqual(pending['id'], question['id'])
        self.assertRegex(bob.run('access', 'pending').stdout, rf'^{question["id"]}: alice asks the AI model one; \d+ s left\n$')
        self.assertEqual(self.outcomes(bob), ['waiting', 'waiting'])
        self.assertNotIn('POST', self.log())
        self.assertEqual(bob.run('access', 'allow', question['id']).stdout, 'allowed\n')
        for query, one in (('why?', process), ('and who?', other)):
            out, errors = one.communicate(timeout=60)
            self.assertEqual((one.returncode, errors), (0, ''))
            self.assertIn(query, out)
        self.assertEqual(self.outcomes(bob), ['done', 'done'])
        self.assertEqual((bob.home / 'access.ini').read_text(), self.RULES)
        # The next one is asked about anew.
        self.start(alice, 'again?')
        self.assertNotEqual(self.asked(bob)['id'], question['id'])

    def test_a_no_is_one_for_a_while_and_looks_like_a_rule(self):
        alice, bob = self.stage_of()
        process, _ = self.start(alice, 'why?')
        bob.one('access', 'deny', self.asked(bob)['id'])
        out, errors = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (1, ''))
        self.assertIn('the rules of this node do not allow you this model', errors)
        # Nobody is asked again, and nothing has reached the model.
        self.assert_fails(alice.run('ask', 'bob', 'please?'), 1, 'the rules of this node do not allow you this model')
        self.assertEqual(bob.one('access', 'pending')['pending'], [])
        self.assertEqual(self.outcomes(bob), ['denied', 'denied'])
        self.assertNotIn('POST', self.log())

    def test_what_is_remembered_becomes_a_rule_for_this_peer_and_model(self):
        alice, bob = self.stage_of('one', 'two')
        process, _ = self.start(alice, 'why?')
        bob.one('access', 'allow', self.asked(bob)['id'], '--always')
        self.assertEqual((process.wait(30), process.stdout.read()[-1:]), (0, '\n'))
        self.assertTrue(alice.lines('ask', 'bob', 'again?')[-1]['done'])
        process, _ = self.start(alice, '--model', 'two', 'why?')
        bob.one('access', 'deny', self.asked(bob, 'two')['id'], '--always')
        self.assertEqual(process.wait(30), 1)
        for model, verdict in (('one', 'allow'), ('two', 'deny'), ('three', 'ask')):
            self.assertEqual(bob.one('access', 'check', 'alice', 'ai.model.' + model)['verdict'], verdict)
        self.assertEqual(bob.one('access', 'check', 'dpc-node-0123456789abcdef', 'ai.model.one')['verdict'], 'ask')
        self.assertEqual(alice.one('models', 'bob')['models'], ['one'])

    def test_who_gives_up_takes_the_question_back(self):
        alice, bob = self.stage_of()
        process, _ = self.start(alice, 'why?')
        other, _ = self.start(alice, 'and who?')
        question = self.asked(bob)
        process.send_signal(signal.SIGINT)
        process.wait(30)
        wait_until('one has left', lambda: self.outcomes(bob) == ['cancelled', 'waiting'], 10)
        self.assertEqual(len(bob.one('access', 'pending')['pending']), 1)
        other.send_signal(signal.SIGINT)
        _, event = bob.event('access_answered')
        self.assertEqual((event['id'], event['allowed'], event['by']), (question['id'], False, 'peer'))
        self.assertEqual(bob.one('access', 'pending')['pending'], [])
        self.assert_fails(bob.run('access', 'allow', question['id']), 1, 'no question')

    def test_who_is_not_answered_in_time_is_refused(self):
        alice, bob = self.stage_of(settings='model = one\n[access]\nask_seconds = 1\n')
        began = time.monotonic()
        # The time to decide comes on top of that of the answer.
        self.assertEqual(alice.run('ask', 'bob', 'why?', '--timeout', '30').returncode, 1)
        self.assertLess(time.monotonic() - began, 20)
        _, event = bob.event('access_answered')
        self.assertEqual((event['allowed'], event['by']), (False, 'timeout'))
        self.assertEqual(self.outcomes(bob), ['denied'])

    def test_a_lost_link_asks_nobody_twice_and_a_yes_meanwhile_is_kept(self):
        alice, bob = self.stage_of()
        connection = self.query(alice, 'why?')
        answer = connection.getresponse()
        self.assertEqual(json.loads(answer.readline())['pending'], True)
        question = self.asked(bob)
        alice.process.kill()
        alice.process.wait()
        connection.close()
        wait_until('the link is gone', lambda: bob.ask('/peers/alice')[1]['state'] == 'away', 30)
        self.assertFalse(bob.one('access', 'allow', question['id'])['sent'])
        alice.up()
        self.assertTrue(alice.lines('ask', 'bob', 'why?')[-1]['done'])
        # That was the one time.
        self.start(alice, 'again?')
        self.asked(bob)

    def test_hours_and_amounts_hold_when_the_answer_comes(self):
        alice, bob = self.stage_of(settings='model = one\nrequests_per_day = 1\n')
        first, _ = self.start(alice, 'why?')
        second, _ = self.start(alice, 'and who?')
        bob.one('access', 'allow', self.asked(bob)['id'])
        self.assertEqual((first.wait(30), second.wait(30)), (0, 1))
        self.assertIn('asked 1 times today', second.stderr.read())
        self.assertEqual(self.outcomes(bob), ['done', 'limit'])
        self.assert_fails(alice.run('ask', 'bob', 'again?'), 1, 'asked 1 times today')

    def test_questions_to_the_owner_are_limited(self):
        models = [f'm{i}' for i in range(5)]
        alice, bob = self.stage_of(*models, settings='model = m0\n')
        for model in models[:4]:
            self.start(alice, '--model', model, 'why?')
            self.asked(bob, model)
        self.assert_fails(alice.run('ask', 'bob', '--model', 'm4', 'why?'), 1, 'too many')
        self.assertEqual(len(bob.one('access', 'pending')['pending']), 4)

    def test_a_blocked_contact_has_no_questions(self):
        alice, bob = self.stage_of()
        process, _ = self.start(alice, 'why?')
        self.asked(bob)
        bob.one('block', 'alice')
        self.assertEqual(bob.one('access', 'pending')['pending'], [])
        self.assertEqual(process.wait(60), 1)

    def test_a_restart_of_the_owners_node_closes_the_log(self):
        alice, bob = self.stage_of()
        self.start(alice, 'why?')
        self.asked(bob)
        bob.process.kill()
        bob.process.wait()
        bob.up()
        self.assertEqual(self.outcomes(bob)[0], 'cancelled')


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
