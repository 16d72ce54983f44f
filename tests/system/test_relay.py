"""Links through a relay: coturn, a hub, and nodes whose policy allows nothing else."""
import unittest

import harness
from stage import Node


class RelayTest(harness.StageTest):
    def setUp(self):
        super().setUp()
        self.relay = self.stage.start_relay()
        if not self.relay:
            self.tearDown()
            self.skipTest('coturn is not installed')

    def pair(self, *transports, password='secret'):
        url, self.hub_process = self.stage.start_hub()
        nodes = []
        for name, transport in zip(('alice', 'bob'), transports):
            node = Node(self.stage, name)
            node.init()
            if transport:
                self.relay.configure(node, transport, password=password)
            node.up('--hub', url)  # on loopback, so that addresses there are offered
            node.one('login', '--hub', url)
            nodes.append(node)
        alice, bob = nodes
        alice.one('add', bob.id, '--name', 'bob')
        bob.one('add', alice.id, '--name', 'alice')
        return alice, bob

    def link(self, node, peer):
        return node.one('connect', peer)['peer']['link']

    def say(self, sender, receiver, text):
        sender.one('send', receiver.name, text)
        receiver.event('chat', lambda event: event['message']['text'] == text)

    def through_a_relay(self, *transports):
        alice, bob = self.pair(*transports)
        alice.one('policy', 'bob', 'relay-only')
        link = self.link(alice, 'bob')
        self.assertEqual((link['path'], link['local_type']), ('webrtc', 'relay'))
        self.say(alice, bob, 'hello bob')
        self.say(bob, alice, 'hello alice')
        self.say(alice, bob, 'x' * 60000)
        # Only the address at the relay was shown: bob cannot know another.
        shown = bob.one('peers')
        self.assertEqual([peer['link']['remote_type'] for peer in shown['peers']], ['relay'])

    def test_over_udp_between_relays(self):
        self.through_a_relay('udp', 'udp')

    def test_over_tls_between_relays(self):
        self.through_a_relay('tls', 'tcp')

    def test_one_side_has_a_relay_and_the_other_none(self):
        self.through_a_relay('udp', None)

    def test_direct_is_preferred_where_both_work(self):
        alice, bob = self.pair('udp', 'udp')
        link = self.link(alice, 'bob')
        self.assertEqual((link['local_type'], link['remote_type']), ('host', 'host'))
        self.say(alice, bob, 'hello')

    def test_direct_only_and_relay_only_do_not_meet(self):
        alice, bob = self.pair('udp', 'udp')
        alice.one('policy', 'bob', 'relay-only')
        bob.one('policy', 'alice', 'direct-only')
        self.assert_fails(alice.run('connect', 'bob', '--timeout', '5'), 1, 'bob')

    def test_relay_only_without_a_relay_fails_closed(self):
        alice, bob = self.pair(None, None)
        alice.one('policy', 'bob', 'relay-only')
        self.assert_fails(alice.run('connect', 'bob'), 1, 'relay', '[turn]')
        # From the other side neither.
        self.assert_fails(bob.run('connect', 'alice', '--timeout', '5'), 1, 'alice')

    def test_wrong_credentials_are_no_connection(self):
        alice, _ = self.pair('udp', 'udp', password='wrong')
        alice.one('policy', 'bob', 'relay-only')
        self.assert_fails(alice.run('connect', 'bob', '--timeout', '5'), 1, 'bob')

    def test_a_new_policy_replaces_the_link(self):
        alice, bob = self.pair('udp', 'udp')
        self.assertEqual(self.link(alice, 'bob')['local_type'], 'host')
        alice.one('policy', 'bob', 'relay-only')
        self.assertEqual(self.link(alice, 'bob')['local_type'], 'relay')
        self.say(alice, bob, 'still here')


if __name__ == '__main__':
    unittest.main(verbosity=2)
