"""What is in packaging/: systemd understands the units, what they start takes the options they give it, the sample for coturn
carries to no address that is not the world's, and nginx with ours puts a hub behind TLS."""
import ipaddress
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from authority import Authority
from hub_client import Hub, NodeKey
from stage import free_port, wait_until
from websocket import close_all

UNITS = harness.ROOT / 'packaging/systemd'


# What RFC 6890 and the registries of IANA that keep it up to date call special, and multicast.
SPECIAL = '''
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16
    198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
    ::1/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16
    fc00::/7 fe80::/10 fec0::/10 ff00::/8'''.split()
# What is nobody's, and must be let through.
ORDINARY = '''1.1.1.1 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.3.0 198.17.255.255 198.20.0.0 223.255.255.255
    2001:200::1 2001:4860:4860::8888 2003::1 2606:4700::1111 2a00:1450::1 64:ff9a::1 5eff::1 5f01::1 4000::1'''.split()


def setting(unit, key):
    found = re.findall(f'(?m)^{key}=(.*)$', (UNITS / unit).read_text(encoding='utf-8'))
    assert found, f'{unit} has no {key}'
    return found


def verify(unit, text, *words):
    """What systemd has to say of a unit, in a directory where nothing else is."""
    with tempfile.TemporaryDirectory(prefix='dpc-unit-') as directory:
        path = pathlib.Path(directory) / unit
        path.write_text(text, encoding='utf-8')
        done = subprocess.run(['systemd-analyze', 'verify', '--man=no', *words, str(path)], text=True,
                              capture_output=True, timeout=60)
        return [line for line in (done.stdout + done.stderr).splitlines() if unit in line or str(path) in line]


@unittest.skipUnless(shutil.which('systemd-analyze'), 'systemd is not installed')
class UnitTest(unittest.TestCase):
    """With our programs in place of those that would be installed."""

    def test_the_hubs_unit_is_understood(self):
        text = (UNITS / 'dpc-hub.service').read_text(encoding='utf-8').replace('/usr/bin/dpc-hub', harness.PROGRAM_HUB)
        self.assertEqual(verify('dpc-hub.service', text), [])

    def test_the_hubs_unit_gives_it_little(self):
        text = (UNITS / 'dpc-hub.service').read_text(encoding='utf-8').replace('/usr/bin/dpc-hub', harness.PROGRAM_HUB)
        with tempfile.TemporaryDirectory(prefix='dpc-unit-') as directory:
            path = pathlib.Path(directory) / 'dpc-hub.service'
            path.write_text(text, encoding='utf-8')
            done = subprocess.run(['systemd-analyze', 'security', '--offline=yes', '--no-pager', str(path)], text=True,
                                  capture_output=True, timeout=60)
        exposure = re.search(r'Overall exposure level for \S+: (\d+\.\d)', done.stdout)
        # 10 is everything; a program on the network has 1.1 at least.
        self.assertLessEqual(float(exposure[1]), 1.4, done.stdout)

    def test_the_nodes_unit_is_understood(self):
        text = (UNITS / 'dpc.service').read_text(encoding='utf-8').replace('/usr/bin/dpc', harness.PROGRAM_DPC)
        self.assertEqual(verify('dpc.service', text), [])

    def test_the_override_of_coturn_is_understood(self):
        text = (UNITS / 'coturn.override.conf').read_text(encoding='utf-8')
        self.assertEqual(verify('coturn.service', text + 'ExecStart=/bin/true\n'), [])

    def test_a_mistake_is_noticed(self):
        text = '[Service]\nExecStart=/bin/true\nNoNewPrivilege=yes\n'
        self.assertNotEqual(verify('wrong.service', text), [])


class CoturnTest(unittest.TestCase):
    def setUp(self):
        text = (harness.ROOT / 'packaging/coturn/turnserver.conf').read_text(encoding='utf-8')
        found = re.findall('(?m)^denied-peer-ip=([^-\n]+)-([^-\n]+)$', text)
        self.denied = [tuple(ipaddress.ip_address(address) for address in pair) for pair in found]
        self.assertEqual(len(found), len(re.findall('(?m)^denied-peer-ip=', text)))

    def is_denied(self, first, last):
        return any(low.version == first.version and low <= first and last <= high for low, high in self.denied)

    def test_every_special_network_is_denied_whole(self):
        for text in SPECIAL:
            network = ipaddress.ip_network(text)
            self.assertTrue(self.is_denied(network[0], network[-1]), text)

    def test_no_ordinary_address_is_denied(self):
        for text in ORDINARY:
            address = ipaddress.ip_address(text)
            self.assertFalse(self.is_denied(address, address), text)

    def test_no_range_begins_at_the_unspecified_address(self):
        # coturn 4.6 takes "::" for the beginning of all addresses, and would carry to no IPv4 at all.
        self.assertNotIn(ipaddress.ip_address('::'), [low for low, _ in self.denied])
        for low, high in self.denied:
            self.assertLessEqual(low, high)


@unittest.skipUnless(shutil.which('nginx'), 'nginx is not installed')
class NginxTest(harness.StageTest):
    def start_nginx(self, port, plain_port, hub_port):
        text = (harness.ROOT / 'packaging/nginx/dpc-hub.conf').read_text(encoding='utf-8')
        for old, new in (('/etc/letsencrypt/live/hub.example/fullchain.pem', f'{self.directory}/server.pem'),
                         ('/etc/letsencrypt/live/hub.example/privkey.pem', f'{self.directory}/server.key'),
                         ('/var/log/nginx', str(self.directory)), ('127.0.0.1:8080', f'127.0.0.1:{hub_port}'),
                         ('listen [::]:80;', ''), ('listen [::]:443 ssl;', ''), ('listen 80;', f'listen 127.0.0.1:{plain_port};'),
                         ('listen 443 ssl;', f'listen 127.0.0.1:{port} ssl;')):
            self.assertIn(old, text)
            text = text.replace(old, new)
        (self.directory / 'hub.conf').write_text(text)
        (self.directory / 'nginx.conf').write_text(
            f'pid {self.directory}/pid;\nworker_processes 1;\nevents {{ }}\nhttp {{\n' + ''.join(
                f'{kind}_temp_path {self.directory}/{kind};\n'
                for kind in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')) + f'include {self.directory}/hub.conf;\n}}\n')
        process, log = self.stage.start('nginx', ['nginx', '-p', str(self.directory), '-c', str(self.directory / 'nginx.conf'),
                                                  '-g', 'daemon off;', '-e', 'stderr'])
        return process, log

    def test_a_hub_behind_nginx_with_our_sample(self):
        authority = Authority(self.directory)
        authority.issue(self.directory)
        port, plain_port = free_port(), free_port()
        data = self.directory / 'hub'
        data.mkdir()
        hub = Hub(harness.PROGRAM_HUB, data, config=f'[hub]\norigin = https://127.0.0.1:{port}\ntrusted_proxies = 127.0.0.1\n')
        self.addCleanup(hub.stop)
        self.addCleanup(close_all)
        direct_port = hub.port
        process, log = self.start_nginx(port, plain_port, direct_port)
        hub.port, hub.origin, hub.context = port, f'https://127.0.0.1:{port}', authority.context()

        def is_up():
            try:
                return hub.ask('GET', '/health')[0] == 200
            except OSError:
                return False
        wait_until('nginx is up', is_up, 30, process, log)
        alice, bob = NodeKey(), NodeKey()
        at_alice, at_bob = alice.connect(hub), bob.connect(hub)
        at_alice.send({'type': 'signal', 'target_node_id': bob.node_id, 'payload': {'text': 'x' * 60000}})
        self.assertEqual(at_bob.receive()['sender_node_id'], alice.node_id)
        # What a client claims does not make it the operator of the hub.
        self.assertEqual(hub.ask('GET', '/metrics', headers={'X-Forwarded-For': '127.0.0.1'})[0], 403)
        hub.ask('GET', '/users/me?token=secret')
        self.assertNotIn('secret', (self.directory / 'dpc-hub.log').read_text())
        # nginx has no clean end while sockets are open.
        close_all()


class CommandTest(harness.StageTest):
    def test_the_commands_of_the_units_are_ours(self):
        words = setting('dpc-hub.service', 'ExecStart')[0].split()
        self.assertEqual(words[0], '/usr/bin/dpc-hub')
        known = subprocess.run([harness.PROGRAM_HUB, '--help'], text=True, capture_output=True, timeout=30).stdout
        for word in words[1:]:
            self.assertTrue(not word.startswith('--') or word + ' ' in known, word)
        self.assertEqual(setting('dpc.service', 'ExecStart'), ['/usr/bin/dpc up'])

    def test_the_completion_of_the_hub_knows_what_its_help_says(self):
        known = subprocess.run([harness.PROGRAM_HUB, '--help'], text=True, capture_output=True, timeout=30).stdout
        script = (f'source {harness.ROOT}/packaging/bash-completion/dpc-hub; '
                  'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dpc_hub; printf "%s\\n" "${COMPREPLY[@]}"')

        def complete(*words):
            done = subprocess.run(['bash', '-c', script, 'bash', *words], text=True, capture_output=True, timeout=30)
            self.assertEqual(done.stderr, '')
            return set(done.stdout.split())
        options = complete('dpc-hub', '--') | complete('dpc-hub', 'admin', 'ban', '--')
        self.assertEqual(options, set(re.findall(r'--[a-z-]+', known)))
        self.assertEqual(complete('dpc-hub', ''), {'backup', 'restore', 'admin'})
        self.assertEqual(complete('dpc-hub', 'admin', ''), set(re.findall(r'(?m)^  ([a-z][a-z-]+) ', known)))
        self.assertEqual(complete('dpc-hub', 'admin', 'ro'), {'rotate-key'})


if __name__ == '__main__':
    harness.main()
