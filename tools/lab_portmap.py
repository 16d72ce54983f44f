"""Homes whose router maps ports when asked to, by NAT-PMP or UPnP: ./dev lab --portmap.

The router is miniupnpd beside a symmetric NAT. It maps for routable addresses only, so these networks have such ones
(see `NETWORK4`), and are sealed as all of them are.
"""
import json
import shutil
import subprocess
import time

import lab_net
from stage import Failure, wait_until

NETWORK4 = '11.0.0.'
PROTOCOLS = ('NAT-PMP', 'UPnP')
STEP_SECONDS = 30

TABLE = '''
table inet miniupnpd {
	chain forward { type filter hook forward priority -1; jump miniupnpd; }
	chain miniupnpd { }
	chain prerouting { type nat hook prerouting priority -101; jump prerouting_miniupnpd; }
	chain prerouting_miniupnpd { }
	chain postrouting { type nat hook postrouting priority 99; jump postrouting_miniupnpd; }
	chain postrouting_miniupnpd { }
}
'''

CONFIG = '''
ext_ifname=wan
listening_ip=lan
enable_natpmp={natpmp}
enable_upnp=yes
secure_mode=yes
uuid=11111111-2222-3333-4444-{number:012}
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1-65535 0.0.0.0/0 1-65535
'''


def program():
    found = shutil.which('miniupnpd', path='/usr/sbin:/sbin:/usr/bin')
    if not found:
        raise lab_net.Missing("'miniupnpd' is not installed")
    return found


class Home:
    """A symmetric NAT that maps ports, and a node behind it."""

    def __init__(self, lab, protocol, number, resident):
        name = f'{protocol.lower().replace("-", "")}-{number}'
        self.lab, self.protocol = lab, protocol
        self.place = lab_net.home(lab.internet, name, 'symmetric')
        self.place.address = f'{NETWORK4}{lab.internet.next}'
        self.nat = self.place.routers[0]
        self.nat.nft(TABLE)
        config = lab.directory / f'{name}.conf'
        config.write_text(CONFIG.format(natpmp='yes' if protocol == 'NAT-PMP' else 'no', number=number), encoding='utf-8')
        process, log = lab.start(f'{name}-router', [
            *self.nat.command, program(), '-d', '-f', str(config), '-P', str(lab.directory / f'{name}.pid')])
        wait_until(f'{name}: the router serves', lambda: b'listening' in log.read_bytes(), STEP_SECONDS, process, log)
        self.node = resident(lab, name, self.place)
        self.node.port_mapping = True

    def mapped(self):
        """What the router lets in, as its rules say."""
        rules = lab_net.run(*self.nat.command, 'nft', 'list', 'chain', 'inet', 'miniupnpd', 'prerouting_miniupnpd')
        return rules.count('dnat')

    def status(self):
        return self.node.one('status')['port_mapping']


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f'{what}: {found}, and must be {wanted}')


def netcheck(home):
    done = subprocess.run([*home.place.space.command, home.lab.dpc, 'netcheck', '--json', '--home',
                           str(home.lab.directory / 'nobody')], text=True, capture_output=True, check=False)
    return json.loads(done.stdout)['port_mapping']


def try_protocol(lab, protocol, resident, path_of):
    """What is seen on the way; raises where something is not as it must be."""
    a, b = (Home(lab, protocol, number, resident) for number in (1, 2))
    expect('netcheck', netcheck(a), {'protocol': protocol, 'address': a.place.address})
    expect('what netcheck has mapped', a.mapped(), 0)
    for home in (a, b):
        home.node.begin(lab.relay)
        wait_until(f'{home.node.name}: mapped', lambda h=home: h.status()['udp'] and h.status()['tcp'], STEP_SECONDS)
        status = home.status()
        expect('the protocol', status['protocol'], protocol)
        expect('the address', status['udp'].rsplit(':', 1)[0], home.place.address)
        expect('mappings', home.mapped(), 2)
    a.node.add(b.node, False)
    b.node.add(a.node, False)
    for node, other in ((a.node, b.node), (b.node, a.node)):
        node.must(f'/peers/{other.name}/policy', {'policy': 'direct-only'})
    start = time.monotonic()
    link = a.node.must('/connect', {'peer': b.node.name, 'via': 'webrtc', 'timeout_ms': 10000})['peer']['link']
    seconds = time.monotonic() - start
    expect('two symmetric NATs', path_of(link), 'direct')
    outside = lab_net.public(lab.internet, f'out-{protocol.lower().replace("-", "")}')
    stranger = resident(lab, f'public-{protocol}', outside)
    stranger.begin(lab.relay)
    stranger.add(a.node, True)
    a.node.add(stranger, False)
    link = stranger.must('/connect', {'peer': a.node.name, 'via': 'direct', 'timeout_ms': 10000})['peer']['link']
    expect('from outside to the address in dpc status', path_of(link), 'TLS')
    expect('the end of the node', a.node.down(), 0)
    expect('what is left when it has ended', a.mapped(), 0)
    return {'protocol': protocol, 'connect_ms': round(seconds * 1000), 'problem': None}


def run_all(lab, resident, path_of, as_json):
    program()
    rows = []
    for protocol in PROTOCOLS:
        try:
            rows.append(try_protocol(lab, protocol, resident, path_of))
        except Failure as failure:
            rows.append({'protocol': protocol, 'problem': str(failure)})
    if as_json:
        print(json.dumps({'protocols': rows}))
    for row in () if as_json else rows:
        print(f'{row["protocol"]:8} ' + (f'BAD: {row["problem"]}' if row['problem'] else
              f'symmetric to symmetric is direct after {row["connect_ms"]} ms; direct TLS from outside works; '
              'nothing is left behind'))
    return 1 if any(row['problem'] for row in rows) else 0
