"""Models of peers as local ones: programs that speak OpenAI's interface or Ollama's, on a port of the loopback interface."""
import json
import queue
import socket
import threading

import harness
from ai_stage import PortTest, question
from stage import free_port, wait_until

CHATS = ('/v1/chat/completions', '/api/chat')


class Asking(PortTest):
    def test_models_of_peers_are_listed_and_shown(self):
        alice, bob = self.asker_and_owner(rules='[default]\nai.model.one = allow\n')
        status, models = self.ask('/v1/models')
        self.assertEqual((status, models['object'], [model['id'] for model in models['data']]), (200, 'list', ['one@bob']))
        self.assertEqual([model['name'] for model in self.ask('/api/tags')[1]['models']], ['one@bob'])
        for name in ('one@bob', 'one'):
            self.assertEqual(self.ask('/v1/models/' + name)[1]['id'], 'one@bob')
            self.assertEqual(self.ask('/api/show', {'model': name})[1]['capabilities'], ['completion'])
        self.assertEqual(self.ask('/v1/models/two@bob')[1]['error']['code'], 'model_not_found')
        status, error = self.ask('/api/show', {'name': 'two'})
        self.assertEqual((status, list(error)), (404, ['error']))
        self.assertIn('version', self.ask('/api/version')[1])
        self.assertEqual(self.ask('/'), (200, 'dpc is running\n'))

    def test_both_interfaces_answer_whole_and_in_pieces(self):
        alice, bob = self.asker_and_owner()
        status, whole = self.ask('/v1/chat/completions', question('why?'))
        text = whole['choices'][0]['message']['content']
        self.assertEqual((status, whole['model'], whole['usage']['prompt_tokens']), (200, 'one@bob', 1))
        self.assertIn('"why?"', text)
        _, events = self.ask('/v1/chat/completions', question('why?', stream=True, stream_options={'include_usage': True}))
        self.assertEqual(events.pop(), '[DONE]')
        self.assertEqual(events.pop()['usage'], whole['usage'])
        self.assertEqual(''.join(event['choices'][0]['delta'].get('content', '') for event in events), text)
        self.assertGreater(len(events), 5)
        self.assertEqual(events[-1]['choices'][0]['finish_reason'], 'stop')
        _, lines = self.ask('/api/chat', question('why?'))
        self.assertEqual(''.join(line['message']['content'] for line in lines), text)
        self.assertEqual([line['done'] for line in lines], [False] * (len(lines) - 1) + [True])
        self.assertEqual(lines[-1]['prompt_eval_count'], 1)
        self.assertEqual(self.ask('/api/chat', question('why?', stream=False))[1]['message']['content'], text)
        _, lines = self.ask('/api/generate', {'model': 'one', 'prompt': 'why?', 'options': {'num_predict': 3}})
        self.assertEqual(''.join(line['response'] for line in lines), 'This is the ')

    def test_a_whole_conversation_is_passed_on(self):
        self.asker_and_owner()
        turns = [{'role': 'system', 'content': 'brief'}, {'role': 'user', 'content': 'a'},
                 {'role': 'assistant', 'content': 'b'}, {'role': 'user', 'content': [{'type': 'text', 'text': 'c'}]}]
        _, answer = self.ask('/v1/chat/completions', {'model': 'one@bob', 'messages': turns})
        for part in ('You asked: "c"', '5 characters', '3 turns'):
            self.assertIn(part, answer['choices'][0]['message']['content'])


    def test_embeddings_come_from_peers_as_far_as_their_rules_allow(self):
        alice = self.asker()
        for kind in ('ollama', 'openai', 'anthropic'):
            url = self.provider('--model', 'one', '--model', 'two', '--only', kind, name='provider-' + kind)
            bob = self.owner('[default]\nai.model.one = allow\n', url, kind, 'bob-' + kind,
                             'model = one\nrequests_per_day = 4\n')
            self.befriend(alice, bob)
            model = 'one@' + bob.name
            with self.subTest(kind=kind):
                status, answer = self.ask('/v1/embeddings', {'model': model, 'input': ['a b', 'abc']})
                if kind == 'anthropic':
                    self.assertEqual((status, answer['error']['code']), (404, 'unsupported'))
                    self.assertIn('no embeddings', answer['error']['message'])
                    continue
                # The test provider says what it makes of a text.
                self.assertEqual([entry['embedding'] for entry in answer['data']], [[0.75, 0.5, -0.5], [0.75, 0, -0.5]])
                self.assertEqual(answer['usage'], {'prompt_tokens': 3, 'total_tokens': 3})
                self.assertEqual(self.ask('/api/embed', {'model': model, 'input': 'abc'})[1],
                                 {'model': model, 'embeddings': [[0.75, 0, -0.5]], 'prompt_eval_count': 1})
                self.assertEqual(self.ask('/api/embeddings', {'model': model, 'prompt': 'abc'}),
                                 (200, {'embedding': [0.75, 0, -0.5]}))
                self.assertEqual(self.ask('/v1/embeddings', {'model': 'two@' + bob.name, 'input': 'a'})[0], 403)
                # 50 kB in, and out again in many pieces.
                many = {'model': model, 'input': ['a' * 1000] * 64}
                self.assertEqual(len(self.ask('/api/embed', many)[1]['embeddings']), 64)
                status, error = self.ask('/v1/embeddings', {'model': model, 'input': 'a'})
                self.assertEqual((status, error['error']['code']), (429, 'limit'))
                self.assertEqual([entry['outcome'] for entry in bob.one('ai', 'log')['entries']],
                                 ['done', 'done', 'done', 'denied', 'done', 'limit'])


class Failing(PortTest):
    def test_errors_have_the_form_of_the_interface(self):
        alice, bob = self.asker_and_owner(rules='[default]\nai.model.one = allow\n', settings='model = one\nrequests_per_day = 2\n')
        alice.one('add', 'dpc-node-' + '0' * 15 + '1', '--name', 'nobody')
        self.ask('/v1/chat/completions', question('why?'))
        self.ask('/v1/chat/completions', question('why?'))
        for body, status, code, words in (
                (question('why?'), 429, 'limit', 'asked 2 times today'),
                (question('why?', 'two@bob'), 403, 'denied', 'rules'),
                (question('why?', 'two'), 404, 'model_not_found', 'two'),
                (question('why?', 'one@carol'), 404, 'model_not_found', 'carol'),
                (question('why?', 'one@nobody'), 503, 'no_hub', 'no hub'),
                (question('why?', '@bob'), 404, 'model_not_found', 'name'),
                (question('why?', tools=[{}]), 400, 'malformed', 'tools'),
                (question('x' * 200000) | {'messages': 2 * question('x' * 200000)['messages']}, 413, 'too_large', 'too large'),
                (question('x' * 300000), 400, 'malformed', 'bytes'),
                ({'model': 'one@bob'}, 400, 'malformed', 'messages')):
            with self.subTest(words=words):
                answered, error = self.ask('/v1/chat/completions', body)
                self.assertEqual(answered, status, error)
                self.assertIn(words, error['error']['message'])
                self.assertEqual(error['error']['code'], code)
                answered, error = self.ask('/api/chat', body)
                self.assertEqual((answered, list(error)), (status, ['error']))
                self.assertIn(words, error['error'])

    def test_an_answer_that_breaks_off_ends_with_an_error(self):
        self.asker_and_owner(settings='model = one\npatience = 2\n')
        for query, reason in (('break', 'broke off|cannot be used'), ('half', 'broke off|not understood'), ('fail', 'memory'),
                              ('garbage', 'not understood'), ('hang', 'in time'), ('status', 'on fire'), ('silent', 'in time')):
            begins = query in ('break', 'half', 'fail', 'hang')
            with self.subTest(query=query):
                status, answer = self.ask('/v1/chat/completions', question(query, stream=True))
                self.assertEqual(status, 200 if begins else 502)
                error = (answer[-1] if begins else answer)['error']
                self.assertEqual((error['type'], error['code']), ('server_error', 'ai'))
                self.assertRegex(error['message'], reason)
                self.assertNotIn('[DONE]', answer)
                status, answer = self.ask('/api/chat', question(query))
                self.assertEqual(status, 200 if begins else 502)
                self.assertRegex((answer[-1] if begins else answer)['error'], reason)
                # One that is no stream is not half an answer.
                self.assertEqual(self.ask('/api/chat', question(query, stream=False))[0], 502)

    def test_a_peer_that_dies_in_the_middle_is_told_at_the_end_of_the_stream(self):
        for path in CHATS:
            with self.subTest(path=path):
                name = 'bob-' + path.split('/')[1]
                alice, bob = self.asker(name='alice-' + name), self.owner(url=self.provider('--model', 'one'), name=name)
                self.befriend(alice, bob)
                connection, answer = self.begin(path, question('slow', 'one@' + name, stream=True))
                self.assertIn(b'{', answer.readline())
                bob.process.kill()
                bob.process.wait()
                last = [line for line in answer.read().splitlines() if line][-1]
                connection.close()
                self.assertIn('lost', str(json.loads(last.removeprefix(b'data: '))['error']))

    def test_a_peer_that_dies_before_the_first_word_is_replaced(self):
        alice, owners = self.asker(), {}
        for name in ('bob', 'carol'):
            url = self.provider('--model', 'one', name='provider-' + name)
            owners[name] = self.owner(url=url, name=name)
            self.befriend(alice, owners[name])
            alice.one('connect', name)
        self.assertEqual(len(self.ask('/v1/models')[1]['data']), 2)
        connection = self.connection()
        connection.request('POST', '/v1/chat/completions', json.dumps(question('silent', 'one', stream=True)))

        def who_works():
            return [name for name, owner in owners.items() if owner.one('ai', 'log')['entries']]
        wait_until('one of them is asked', who_works, 30)
        first, = who_works()
        other, = set(owners) - {first}
        owners[first].process.kill()
        owners[first].process.wait()
        wait_until('the other is asked', lambda: owners[other].one('ai', 'log')['entries'], 30)
        self.assertEqual(owners[other].one('ai', 'log')['entries'][0]['prompt_tokens'], 0)
        connection.close()
        # It is asked at once from now on.
        self.assertIn('"why?"', self.ask('/v1/chat/completions', question('why?', 'one'))[1]['choices'][0]['message']['content'])

    def test_a_peer_that_fails_before_the_first_word_is_replaced(self):
        alice = self.asker()
        broken = self.owner(url=self.provider('--model', 'one', '--key', 'k', '--only', 'openai', name='broken'), name='bob',
                            kind='openai', settings='requests_per_day = 1\n')
        self.befriend(alice, broken)
        alice.one('connect', 'bob')
        self.assertEqual(self.ask('/api/chat', question('why?'))[0], 502)
        carol = self.owner(url=self.provider('--model', 'one'), name='carol')
        self.befriend(alice, carol)
        alice.one('connect', 'carol')
        for _ in range(3):
            self.assertEqual(self.ask('/api/chat', question('why?', 'one'))[0], 200)

    def test_a_program_that_leaves_stops_the_work(self):
        self.asker_and_owner()
        for path in CHATS:
            before = self.log().count('gone')
            connection, answer = self.begin(path, question('slow', stream=True))
            self.assertIn(b'{', answer.readline())
            connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
            wait_until('the provider is left alone', lambda: self.log().count('gone') > before, 10)

    def test_a_program_that_does_not_read_is_given_up(self):
        alice, bob = self.asker_and_owner()
        connection = self.connection()
        connection.sock = socket.socket()
        # The system is not to read in its place.
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sock.connect(('127.0.0.1', self.port))
        connection.sock.settimeout(60)
        connection.request('POST', '/v1/chat/completions', json.dumps(question('flood', stream=True)))
        # The work ends although nothing is read.
        wait_until('the work ends', lambda: [entry['outcome'] for entry in bob.one('ai', 'log')['entries']] == ['cancelled'], 60)
        answer = connection.getresponse().read()
        self.assertIn(b'"slow_reader"', answer[-300:])
        connection.close()


class Guarding(PortTest):
    def test_pages_and_other_names_are_kept_out(self):
        self.asker('origin = http://page.example\n')
        self.assertEqual(self.ask('/api/version')[0], 200)
        for headers in ({'Host': 'evil.example'}, {'Origin': 'http://evil.example'}, {'Origin': 'null'},
                        {'Sec_Fetch_Site': 'cross-site'}):
            with self.subTest(headers=headers):
                status, error = self.ask('/v1/models', **headers)
                self.assertEqual((status, error['error']['type']), (403, 'permission_error'))
                status, error = self.ask('/api/chat', question('why?'), **headers)
                self.assertEqual((status, type(error['error'])), (403, str))
        connection, answer = self.begin('/api/version', None, 'GET', Origin='http://page.example')
        self.assertEqual((answer.status, answer.headers['Access-Control-Allow-Origin']), (200, 'http://page.example'))
        connection.close()
        connection, answer = self.begin('/api/chat', None, 'OPTIONS', Origin='http://page.example',
                                        Access_Control_Request_Headers='x-stainless-os')
        self.assertEqual((answer.status, answer.headers['Access-Control-Allow-Headers']), (204, 'x-stainless-os'))
        connection.close()
        self.assertEqual(self.ask('/api/chat', None, 'OPTIONS', Origin='http://evil.example')[0], 403)

    def test_a_token_keeps_out_who_does_not_know_it(self):
        self.asker('token = t1\n')
        self.assertEqual(self.ask('/v1/models')[1]['error']['type'], 'authentication_error')
        self.assertEqual(self.ask('/v1/models', Authorization='Bearer t2')[0], 401)
        self.assertEqual(self.ask('/v1/models', Authorization='Bearer t1'), (200, {'object': 'list', 'data': []}))

    def test_nothing_but_asking_is_served(self):
        self.asker_and_owner()
        for method, path in (('POST', '/api/pull'), ('POST', '/api/create'), ('DELETE', '/api/delete'), ('POST', '/api/copy'),
                             ('POST', '/api/push'), ('POST', '/api/blobs/sha256:0'), ('GET', '/api/chat')):
            with self.subTest(path=path):
                status, error = self.ask(path, {'model': 'one@bob'}, method)
                self.assertIn(status, (404, 405))
                self.assertIn('never pulled', error['error'])
        status, error = self.ask('/v1/files', {}, 'POST')
        self.assertEqual((status, error['error']['code']), (404, 'unknown_path'))
        self.assertNotIn('FORBIDDEN', self.log())

    def test_what_is_sent_is_limited(self):
        self.asker()
        with socket.create_connection(('127.0.0.1', self.port)) as connection:
            connection.sendall(b'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n')
            answer = connection.makefile('rb').read()
        self.assertIn(b' 413 ', answer.splitlines()[0])
        self.assertEqual(json.loads(answer.split(b'\r\n\r\n')[1])['error']['type'], 'invalid_request_error')
        self.assertEqual(self.ask('/api/chat', [])[0], 400)
        # Those who only hold connections keep nobody out.
        held = [socket.create_connection(('127.0.0.1', self.port)) for _ in range(80)]
        self.assertEqual(self.ask('/api/version')[0], 200)
        for connection in held:
            connection.close()

    def test_a_program_waits_while_the_owner_is_asked(self):
        alice, bob = self.asker_and_owner(rules='[default]\nai.model.* = ask\n')
        answers = queue.Queue()
        for stream in (False, True):
            threading.Thread(target=lambda: answers.put(self.ask('/v1/chat/completions', question('why?', stream=stream))), daemon=True).start()
            _, event = bob.event('access_asked')
            bob.one('access', 'allow', event['question']['id'])
            status, answer = answers.get(timeout=60)
            self.assertEqual(status, 200)
            self.assertIn('why?', json.dumps(answer))
        # Who breaks off takes the question back.
        connection = self.connection()
        connection.request('POST', '/v1/chat/completions', json.dumps(question('why?')))
        bob.event('access_asked')
        connection.close()
        self.assertEqual(bob.event('access_answered', lambda event: not event['allowed'])[1]['by'], 'peer')

    def test_a_port_that_is_taken_is_told(self):
        alice = self.node('alice', up=False)
        with socket.create_server(('127.0.0.1', 0)) as taken:
            done = alice.run('up', '--listen', 'none', '--ai-port', str(taken.getsockname()[1]))
        self.assert_fails(done, 1, 'take another --ai-port')
        self.assert_fails(alice.run('up', '--ai-port', 'x'), 1, 'ai.port')


if __name__ == '__main__':
    harness.main()
