#!/usr/bin/env python3
"""The hub's nodes and their contacts: devices of an account, whom a node lets through, who is there."""
import os
import unittest

import harness
from harness import PROGRAM_HUB
from hub_client import Hub, NodeKey
from stage import wait_until
from websocket import Closed, close_all


class Contacts(unittest.TestCase):
    def setUp(self):
        self.hub = Hub(PROGRAM_HUB)

    def tearDown(self):
        close_all()
        self.assertEqual(self.hub.stop(), 0)

    def node(self):
        node = NodeKey()
        node.tokens = node.login(self.hub)
        self.assertEqual(node.register(self.hub, node.tokens)[0], 200)
        return node

    def ask(self, node, method, path, body=None):
        return self.hub.ask(method, path, body, node.tokens['access_token'])

    def assert_error(self, answer, status, code):
        self.assertEqual((answer[0], answer[1]['error']['code']), (status, code), answer)

    def reaches(self, sender, target, target_id):
        """Whether a signal comes through; if not, it is as if nobody were there."""
        sender.send({'type': 'signal', 'target_node_id': target_id, 'payload': {'n': 1}})
        sender.send({'type': 'ping', 'timestamp': 1})
        answer = sender.receive()
        if answer['type'] == 'pong':
            self.assertEqual(target.receive()['payload'], {'n': 1})
            return True
        self.assertEqual((answer['code'], answer['message']), ('target_offline', 'the target is not connected'))
        self.assertEqual(sender.receive()['type'], 'pong')
        return False

    def assert_way(self, is_open, sender, target, target_id):
        """After a change: at once where the hub that was told is that of the target; else when that one has heard of it."""
        if 'DPC_CLUSTER' in os.environ:
            wait_until('the change is known', lambda: self.reaches(sender, target, target_id) == is_open, 5)
        self.assertEqual(self.reaches(sender, target, target_id), is_open)

    def test_a_blocked_node_and_a_stranger_hear_that_nobody_is_there(self):
        alice, bob, eve = self.node(), self.node(), self.node()
        at_alice, at_bob, at_eve = (node.connect(self.hub, node.tokens) for node in (alice, bob, eve))
        self.assertEqual(self.ask(alice, 'GET', '/contacts'), (200, {'strangers': True, 'contacts': {}}))
        self.assertTrue(self.reaches(at_bob, at_alice, alice.node_id))
        consent = {'strangers': True, 'contacts': {eve.node_id: 'block'}}
        self.assertEqual(self.ask(alice, 'PUT', '/contacts', consent), (200, consent))
        self.assert_way(False, at_eve, at_alice, alice.node_id)
        self.assertTrue(self.reaches(at_bob, at_alice, alice.node_id))
        self.assertTrue(self.reaches(at_alice, at_eve, eve.node_id))
        consent = {'strangers': False, 'contacts': {bob.node_id: 'allow'}}
        self.assertEqual(self.ask(alice, 'PUT', '/contacts', consent), (200, consent))
        self.assert_way(False, at_eve, at_alice, alice.node_id)
        self.assertTrue(self.reaches(at_bob, at_alice, alice.node_id))
        # It is kept: for the next socket of hers, and of the next hub.
        at_alice = alice.connect(self.hub, alice.tokens)
        self.assert_way(False, at_eve, at_alice, alice.node_id)
        self.assertEqual(self.ask(alice, 'GET', '/contacts'), (200, consent))
        self.assertEqual(self.ask(alice, 'DELETE', '/contacts'), (204, None))
        self.assert_way(True, at_eve, at_alice, alice.node_id)

    def test_presence_is_told_to_those_who_name_each_other(self):
        alice, bob, eve = self.node(), self.node(), self.node()
        bob.connect(self.hub, bob.tokens)

        def assert_presence(node, connected):
            """Of another hub's node a change is known a little later."""
            def is_so():
                status, body = self.ask(node, 'GET', '/presence')
                return status == 200 and body['connected'] == connected
            wait_until(f'the presence is {connected}', is_so, 5)

        self.ask(alice, 'PUT', '/contacts', {'contacts': {bob.node_id: 'allow', eve.node_id: 'allow'}})
        assert_presence(alice, [])
        self.ask(bob, 'PUT', '/contacts', {'contacts': {alice.node_id: 'allow'}})
        assert_presence(alice, [bob.node_id])
        assert_presence(bob, [])
        self.ask(eve, 'PUT', '/contacts', {'contacts': {bob.node_id: 'allow'}})
        assert_presence(eve, [])
        self.ask(bob, 'PUT', '/contacts', {'contacts': {alice.node_id: 'block'}})
        assert_presence(alice, [])

    def test_bad_contacts_are_refused_and_leave_what_was(self):
        alice, bob = self.node(), self.node()
        good = {'strangers': False, 'contacts': {bob.node_id: 'allow'}}
        self.ask(alice, 'PUT', '/contacts', good)
        for body, status, code in (([], 400, 'malformed'), ({'strangers': 1}, 400, 'malformed'),
                                   ({'contacts': {'bob': 'allow'}}, 422, 'bad_contacts'),
                                   ({'contacts': {bob.node_id: 'x'}}, 422, 'bad_contacts'),
                                   (b'{"contacts":{}' + b' ' * 140000, 413, 'too_large')):
            self.assert_error(self.ask(alice, 'PUT', '/contacts', body), status, code)
        self.assertEqual(self.ask(alice, 'GET', '/contacts'), (200, good))
        self.assert_error(self.hub.ask('GET', '/contacts'), 401, 'unauthorized')
        nobody = NodeKey()
        nobody.tokens = nobody.login(self.hub)
        for method, path in (('GET', '/contacts'), ('DELETE', '/contacts'), ('GET', '/presence')):
            self.assert_error(self.ask(nobody, method, path), 403, 'not_registered')

    def test_the_nodes_of_an_account_are_listed_named_and_removed(self):
        alice, bob = self.node(), self.node()
        status, body = self.ask(alice, 'GET', '/users/me/nodes')
        self.assertEqual((status, len(body['nodes'])), (200, 1))
        device = body['nodes'][0]
        self.assertEqual((device['node_id'], device['name'], device['last_seen'], device['connected']),
                         (alice.node_id, '', 0, False))
        path = f'/users/me/nodes/{alice.node_id}'
        self.assertEqual(self.ask(alice, 'PUT', path, {'name': 'laptop'}), (204, None))
        self.assert_error(self.ask(alice, 'PUT', path, {'name': 'x' * 65}), 422, 'bad_name')
        self.assert_error(self.ask(alice, 'PUT', path, {}), 422, 'bad_name')
        socket = alice.connect(self.hub, alice.tokens)
        def laptop():
            return self.ask(alice, 'GET', '/users/me/nodes')[1]['nodes'][0]
        self.assertEqual((laptop()['name'], laptop()['connected']), ('laptop', True))
        # Another hub writes down whom it has seen every few seconds.
        wait_until('she was seen', lambda: laptop()['last_seen'] > 1700000000, 20)
        for other in (f'/users/me/nodes/{bob.node_id}', '/users/me/nodes/x', '/users/me/nodes/dpc-node-ffffffffffffffff'):
            self.assert_error(self.ask(alice, 'DELETE', other), 404, 'not_found')
        self.assertEqual(self.ask(alice, 'DELETE', path), (204, None))
        with self.assertRaises(Closed) as closed:
            socket.receive()
        self.assertEqual(closed.exception.code, 4003)
        self.assert_error(self.ask(alice, 'GET', '/users/me/nodes'), 401, 'unauthorized')
        self.assertEqual(self.ask(bob, 'GET', '/users/me/nodes')[0], 200)


if __name__ == '__main__':
    harness.main()
