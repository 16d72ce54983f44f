#!/usr/bin/env python3
"""The directory of the hub: profiles, and searching them."""
import unittest
import urllib.parse

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey

ALICE = {'name': 'Alice', 'description': 'likes mountains', 'expertise': {'Rust': 5, 'cooking': 2},
         'compute': {'models': ['llama3']}, 'p2p_uri_hint': 'dpc://192.0.2.7:8888'}


class Person:
    """A node with an account of its own at the hub."""

    def __init__(self, hub, profile=None):
        self.hub = hub
        self.key = NodeKey()
        self.tokens = self.key.login(hub)
        self.key.register(hub, self.tokens)
        if profile:
            status, body = self.put(profile)
            assert status == 200, body

    def ask(self, method, path, body=None):
        return self.hub.ask(method, path, body, self.tokens['access_token'])

    def put(self, profile):
        return self.ask('PUT', '/profile', profile)

    def search(self, **query):
        return self.ask('GET', '/discovery/search?' + urllib.parse.urlencode(query))

    def found(self, **query):
        """The names of one page, and its cursor."""
        status, body = self.search(**query)
        assert status == 200, body
        return [result['name'] for result in body['results']], body['next_cursor']


class Directory(unittest.TestCase):
    def setUp(self):
        self.hub = Hub(PROGRAM_HUB)

    def tearDown(self):
        self.assertEqual(self.hub.stop(), 0)

    def assert_error(self, answer, status, code):
        self.assertEqual((answer[0], answer[1]['error']['code']), (status, code), answer)

    def test_a_profile_is_its_owners_to_write_and_others_to_read(self):
        alice, bob = Person(self.hub), Person(self.hub)
        self.assert_error(alice.ask('GET', '/profile'), 404, 'not_found')
        status, body = alice.put(ALICE | {'secret': 'left out'})
        self.assertEqual(status, 200)
        self.assertEqual(body.pop('nodes'), [alice.key.node_id])
        self.assertIsInstance(body.pop('updated'), int)
        self.assertEqual(body, ALICE | {'discoverable': True})
        path = f'/profile/{alice.key.node_id}'
        self.assertEqual(bob.ask('GET', path)[1]['name'], 'Alice')
        self.assert_error(self.hub.ask('GET', path), 401, 'unauthorized')
        self.assert_error(bob.ask('GET', f'/profile/{bob.key.node_id}'), 404, 'not_found')
        self.assert_error(bob.ask('GET', '/profile/dpc-node-ffffffffffffffff'), 404, 'not_found')
        self.assert_error(bob.ask('GET', '/profile/alice'), 422, 'bad_node_id')
        self.assertEqual(alice.put({'name': 'Alice B.'})[0], 200)
        self.assertEqual(bob.ask('GET', path)[1]['name'], 'Alice B.')
        self.assertNotIn('expertise', bob.ask('GET', path)[1])
        self.assertEqual(alice.ask('DELETE', '/profile'), (204, None))
        self.assert_error(bob.ask('GET', path), 404, 'not_found')
        self.assertEqual(bob.found(q='alice')[0], [])

    def test_bad_profiles_are_refused_and_leave_the_old_one(self):
        alice = Person(self.hub, ALICE)
        bad = [(b'\xff', 400), ('[]', 400), ({}, 422), (ALICE | {'name': 3}, 422), (ALICE | {'expertise': {'a': 9}}, 422),
               (ALICE | {'compute': 1}, 422), (ALICE | {'p2p_uri_hint': 'javascript:1'}, 422),
               ('{"name":"a","name":"b"}', 400), ('{"name":"a\\u0000"}', 400), ('x' * 20000, 413),
               ('{"name":"a","compute":' + '{"a":' * 40 + '1' + '}' * 41, 400)]
        for body, status in bad:
            with self.subTest(body=str(body)[:40]):
                self.assertEqual(alice.put(body)[0], status)
        self.assertEqual(alice.ask('GET', '/profile')[1]['name'], 'Alice')

    def test_the_greatest_experts_come_first_and_pages_follow_each_other(self):
        people = [Person(self.hub, {'name': f'p{level}', 'expertise': {'Rust': level}}) for level in (1, 5, 3, 5, 2)]
        Person(self.hub, {'name': 'Rusty', 'expertise': {'tango': 5}})
        asker = people[0]
        names = ['p5', 'p5', 'p3', 'p2', 'p1', 'Rusty']
        self.assertEqual(asker.found(q='rust'), (names, None))
        self.assertEqual(asker.found(q='RUS', min_level=3), (names[:3], None))
        self.assertEqual(asker.found(q='rust tango'), (['Rusty'], None))
        self.assertEqual(asker.search(q='tango')[1]['results'][0]['level'], 5)
        self.assertEqual(asker.search(q='rusty')[1]['results'][0]['level'], 0)
        for limit in (1, 2, 4):
            got, cursor = [], ''
            while cursor is not None:
                query = {'q': 'rust', 'limit': limit} | ({'cursor': cursor} if cursor else {})
                page, cursor = asker.found(**query)
                self.assertLessEqual(len(page), limit)
                got += page
            self.assertEqual(got, names)

    def test_who_does_not_want_to_be_found_is_not_and_is_shown_to_who_knows_the_node(self):
        alice, bob = Person(self.hub, ALICE | {'discoverable': False}), Person(self.hub)
        self.assertEqual(bob.found(q='alice')[0], [])
        self.assertEqual(bob.ask('GET', f'/profile/{alice.key.node_id}')[1]['name'], 'Alice')
        alice.put(ALICE)
        self.assertEqual(bob.found(q='alice')[0], ['Alice'])

    def test_searches_that_are_none_are_refused(self):
        alice = Person(self.hub, ALICE)
        for query in ({}, {'q': ''}, {'q': ' * '}, {'q': 'x' * 300}, {'q': 'a b c d e f g h i'}, {'q': 'a', 'min_level': 6},
                      {'q': 'a', 'limit': 0}, {'q': 'a', 'limit': 101}, {'q': 'a', 'limit': 'x'}):
            self.assert_error(alice.search(**query), 422, 'bad_query')
        for cursor in ('', '6-1', '5-', 'x', '5-99999999999999999999', '5--1'):
            self.assert_error(alice.search(q='a', cursor=cursor), 422, 'bad_cursor')
        for q in ('"', "' OR 1=1 --", 'NEAR(alice', 'l5:alice', '"alice" NOT'):
            self.assertIn(alice.search(q=q)[0], (200, 422))
        self.assert_error(self.hub.ask('GET', '/discovery/search?q=a'), 401, 'unauthorized')


if __name__ == '__main__':
    harness.main()
