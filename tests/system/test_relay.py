"""Links through a relay: coturn, a hub, and nodes whose policy allows nothing else."""
import pathlib
import sys
import time
import unittest

import harness
from stage import Node, wait_until
sys.path.insert(0, str(harness.ROOT / 'tests/tools'))
from hostile_hub import HostileHub  # noqa: E402
from turn_client import TurnClient, credentials

SAMPLE = harness.ROOT / 'packaging/coturn/turnserver.conf'
SECRET = 'the secret of hub and relay'


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


class HubRelayTest(harness.StageTest):
    """Relays that the hub names, and nodes that know of none."""

    def start(self, *transports, ttl=600, options=()):
        self.relay = self.stage.start_relay('--secret', SECRET, *options)
        if not self.relay:
            self.skipTest('coturn is not installed')
        self.url, self.hub_process = self.stage.start_hub(config=self.relay.hub_config(SECRET, *transports, ttl=ttl))

    def login(self, name):
        node = Node(self.stage, name)
        node.init()
        self.relay.trust(node)
        node.up('--hub', self.url)
        node.one('login', '--hub', self.url)
        return node

    def pair(self):
        alice, bob = self.login('alice'), self.login('bob')
        alice.one('add', bob.id, '--name', 'bob')
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('policy', 'bob', 'relay-only')
        return alice, bob

    def say(self, sender, receiver, text):
        sender.one('send', receiver.name, text)
        receiver.event('chat', lambda event: event['message']['text'] == text)

    def relays(self, node):
        return node.one('status')['relays']

    def credentials_seconds(self, node):
        return node.one('status')['hub_relays']['expires_in_seconds']

    def turn_log(self):
        return (self.directory / 'turnserver.log').read_text(errors='replace')

    def test_a_node_links_through_the_relays_of_its_hub(self):
        self.start('udp', 'tls')
        alice, bob = self.pair()
        before = self.relays(alice)
        self.assertEqual([(relay['from'], relay['state'], relay['error']) for relay in before], [('hub', 'idle', None)] * 2)
        self.assertGreater(self.credentials_seconds(alice), 590)
        link = alice.one('connect', 'bob')['peer']['link']
        self.assertEqual((link['path'], link['local_type']), ('webrtc', 'relay'))
        self.say(alice, bob, 'hello bob')
        self.say(bob, alice, 'hello alice')
        after = self.relays(alice)
        self.assertIn('ready', [relay['state'] for relay in after])
        shown = alice.run('status').stdout
        self.assertIn('from the hub, ready at 127.0.0.1:', shown)
        self.assertIn(f':{self.relay.port}/udp', shown)
        alice.one('logout')
        # The link needs no hub, and lives on; new ones would need another login.
        self.say(alice, bob, 'still here')
        self.assertEqual(self.relays(alice), [])

    def test_the_same_server_in_config_ini_comes_first(self):
        self.start('udp', 'tcp')
        alice = Node(self.stage, 'alice')
        alice.init()
        self.relay.configure(alice, 'udp')
        alice.up('--hub', self.url)
        alice.one('login', '--hub', self.url)
        self.assertEqual([relay['from'] for relay in self.relays(alice)], ['config', 'hub'])

    def test_a_link_outlives_the_credentials_it_was_made_with(self):
        # A node asks for others at half their time. The allocation is refreshed after 15 s, and would be gone after
        # 30 s; its nonce changes too.
        self.start('udp', ttl=8, options=['--max-allocate-lifetime=30', '--stale-nonce=10'])
        alice, bob = self.pair()
        link = alice.one('connect', 'bob')['peer']['link']
        address = [relay['address'] for relay in self.relays(alice)]
        over = time.monotonic() + 35
        lives = set()

        def is_over():
            lives.add(self.credentials_seconds(alice))
            self.say(alice, bob, f'at {time.monotonic()}')
            time.sleep(1)
            return time.monotonic() > over
        wait_until('the allocation was refreshed', is_over, 60)
        now = [peer['link'] for peer in alice.one('peers')['peers']]
        self.assertEqual([(one['since'], one['local_type']) for one in now], [(link['since'], 'relay')])
        self.assertEqual([relay['address'] for relay in self.relays(alice)], address)
        self.assertGreaterEqual(min(lives), 0)
        self.assertGreater(self.credentials_seconds(alice), 0)
        # And new ones are good for a new allocation.
        alice.one('disconnect', 'bob')
        self.assertEqual(alice.one('connect', 'bob')['peer']['link']['local_type'], 'relay')

    def test_a_hub_with_another_secret_is_explained(self):
        self.start('udp')
        self.stage.stop_one(self.hub_process)
        config = self.relay.hub_config(SECRET + '?', 'udp')
        self.url, _ = self.stage.start_hub(name='other', config=config)
        alice, _ = self.pair()
        self.assert_fails(alice.run('connect', 'bob', '--timeout', '5'), 1, 'bob')
        self.assertIn('the relay refuses our credentials', self.relays(alice)[0]['error'])

    def test_a_hub_without_relays_says_what_to_do(self):
        self.start('udp')
        self.url, _ = self.stage.start_hub(name='other')
        alice, _ = self.pair()
        self.assertEqual(self.relays(alice), [])
        self.assertIsNone(alice.one('status')['hub_relays']['error'])
        self.assert_fails(alice.run('connect', 'bob'), 1, 'relay', '[turn]', 'hub')

    def test_the_sample_serves_the_hubs_nodes_and_carries_nothing_inside(self):
        self.sample_serves('udp')

    def test_the_sample_serves_the_hubs_nodes_over_tls_too(self):
        self.sample_serves('tls')

    def sample_serves(self, transport):
        self.start(transport, options=['--sample', str(SAMPLE)])
        self.assertEqual(pathlib.Path(SAMPLE).read_text(encoding='utf-8').count('static-auth-secret=CHANGE'), 1)
        alice, _ = self.pair()
        self.assert_fails(alice.run('connect', 'bob', '--timeout', '10'), 1, 'bob')
        wait_until('the relay has refused', lambda: any(
            'refuses peers at 127.0.0.1: 403' in (relay['error'] or '') for relay in self.relays(alice)), 10)
        states = [relay['state'] for relay in self.relays(alice)]
        self.assertEqual(states, ['ready'])
        log = self.turn_log()
        for word in ('Bad configuration', 'Unknown', 'unrecognized'):
            self.assertNotIn(word, log)

    def test_the_sample_denies_what_is_special_and_nothing_else(self):
        self.start('udp', options=['--sample', str(SAMPLE)])
        port = self.relay.port
        stranger = TurnClient(port, 'alice', 'secret')
        self.assertEqual(stranger.allocate(), 401)
        stranger.close()
        late = TurnClient(port, *credentials(SECRET, 'dpc-node-0123456789abcdef', seconds=-1))
        self.assertEqual(late.allocate(), 401)
        late.close()
        client = TurnClient(port, *credentials(SECRET, 'dpc-node-0123456789abcdef'))
        self.assertEqual(client.allocate(), 0)
        denied = ['0.0.0.1', '10.0.0.1', '10.255.255.255', '100.64.0.0', '100.127.255.255', '127.0.0.1', '127.255.255.255',
                  '169.254.169.254', '172.16.0.0', '172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.0.1',
                  '198.18.0.1', '198.19.255.255', '203.0.113.9', '224.0.0.251', '239.255.255.250', '240.0.0.1',
                  '255.255.255.255']
        allowed = ['1.1.1.1', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0',
                   '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255']
        answers = {address: client.permit(address) for address in denied + allowed}
        client.close()
        self.assertEqual(answers, {**dict.fromkeys(denied, 403), **dict.fromkeys(allowed, 0)})


class HostileRelayNamesTest(harness.StageTest):
    """Hubs that are no dpc-hub, and what they say of relays."""

    good = {'username': '1:x', 'password': 'p', 'ttl': 4, 'uris': ['turn:127.0.0.1:1']}

    def setUp(self):
        super().setUp()
        self.hub = HostileHub()
        self.alice = self.node('alice', True, '--hub', self.hub.url)

    def tearDown(self):
        super().tearDown()
        self.hub.shutdown()
        self.hub.server_close()

    def login(self, answer):
        self.hub.answers['/turn-credentials'] = answer
        self.alice.one('login', '--hub', self.hub.url)
        status = self.alice.one('status')
        self.assertEqual(status['hub']['state'], 'connected')
        self.alice.one('logout')
        self.assertEqual(self.alice.one('status')['relays'], [])
        return [relay['server'] for relay in status['relays']], status['hub_relays']['error']

    def test_what_is_no_credentials_is_told_and_keeps_nobody_from_logging_in(self):
        long = 'x' * 300
        for change in ({'username': None}, {'username': long}, {'password': 7}, {'password': long}, {'ttl': 0}, {'ttl': -1},
                       {'ttl': 10 ** 12}, {'ttl': 'x'}, {'uris': 'turn:a'}, {'uris': []}, {'uris': [1, None, {}]},
                       {'uris': ['http://a', 'turn:', 'turn:' + long * 2]}):
            servers, error = self.login({**self.good, **change})
            self.assertEqual(servers, [], change)
            self.assertIn('the hub gives no credentials', error or '', change)

    def test_of_many_relays_four_are_taken_and_what_is_not_understood_is_left_out(self):
        uris = ['stun:a', *(f'turn:127.0.0.1:{port}' for port in range(1, 30))]
        servers, error = self.login({**self.good, 'uris': uris})
        self.assertEqual((servers, error), ([f'127.0.0.1:{port}/udp' for port in range(1, 5)], None))

    def test_a_token_that_the_socket_has_outlived_is_renewed_for_new_credentials(self):
        # Below a minute a token counts as over.
        tokens = {'access_token': self.alice.id, 'refresh_token': 'r', 'expires_in': 30, 'registered': True}
        self.hub.answers.update({'/login/key': tokens, '/refresh': tokens, '/turn-credentials': self.good})
        self.alice.one('login', '--hub', self.hub.url)
        since = self.alice.one('status')['hub']['since']
        self.assertNotIn('/refresh', self.hub.asked)
        self.hub.answers['/turn-credentials'] = {**self.good, 'uris': ['turn:127.0.0.1:2']}
        wait_until('new credentials', lambda: [relay['server'] for relay in self.alice.one('status')['relays']] ==
                   ['127.0.0.1:2/udp'], 20)
        self.assertIn('/refresh', self.hub.asked)
        hub = self.alice.one('status')['hub']
        self.assertEqual((hub['state'], hub['since']), ('connected', since))


if __name__ == '__main__':
    unittest.main(verbosity=2)
