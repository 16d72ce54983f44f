"""The networks of the lab: namespaces of the kernel, joined as homes, firewalls and an internet.

A Place is where a node lives: its namespace, and those of the routers between it and the internet.
Addresses are those of documentation (RFC 5737, RFC 3849), which exist nowhere else. All of it lives
in a mount and process namespace of its own (see `enter`), and is gone when the lab's process is.

How the NATs are made of Linux's connection tracking (RFC 4787 for the words): `masquerade` keeps the
source port while it is free, so one host behind it sees a mapping that is the same for every
destination, and a filter that lets only answers in: port-restricted. `fully-random` draws a port
for each destination: symmetric. The other two add a rule for what comes first from outside, and a
set of what the host has sent to. What is not let in is dropped before the router itself could
answer, as routers at home do: else Linux would remember it, and give the host another port.
"""
import os
import shutil
import subprocess
import sys

import lab_distance

FORWARD = 'echo 1 >/proc/sys/net/ipv4/ip_forward'
MARK = 'DPC_LAB_INSIDE'
SKIP = 77

NETWORK4, NETWORK6 = os.environ.get('DPC_LAB_NETWORK4', '203.0.113.'), '2001:db8::'
HUB, RELAY, FIRST = 10, 20, 100  # the last part of an address
HOME_ROUTER, HOME_HOST = '192.168.1.1', '192.168.1.10'  # the same in every home, as in reality


class Missing(Exception):
    """What the lab needs is not to be had here."""


# ---- A world of our own ----

def enter():
    """Starts this program again in namespaces where it is root, and which end with it."""
    if os.environ.get(MARK):
        run('mount', '-t', 'tmpfs', 'none', '/run')
        return
    for program in ('unshare', 'ip', 'nft', 'conntrack', 'openssl'):
        if not shutil.which(program):
            raise Missing(f"'{program}' is not installed")
    unshare = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
    if os.getuid() != 0:
        unshare += ['--user', '--map-root-user']
    probe = subprocess.run([*unshare, 'sh', '-c', 'mount -t tmpfs none /run && ip netns add probe && '
                            f'ip netns exec probe nft add table inet probe && {FORWARD}'], text=True, capture_output=True)
    if probe.returncode != 0:
        raise Missing(f'no network namespaces with nftables here: {" ".join(probe.stderr.split())[-200:]}')
    os.environ[MARK] = '1'
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])


def run(*command, text=None):
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}: {done.stderr.strip()}\n{text or ""}')
    return done.stdout


# ---- Namespaces and cables ----

class Space:
    def __init__(self, name):
        self.name = name
        run('ip', 'netns', 'add', name)
        self.command = ('ip', 'netns', 'exec', name)
        self.ip('link', 'set', 'lo', 'up')

    def ip(self, *words):
        return run('ip', '-n', self.name, *words)

    def nft(self, text):
        run(*self.command, 'nft', '-f', '-', text=text)

    def forward(self):
        run(*self.command, 'sh', '-c', FORWARD)

    def address(self, device, *addresses):
        for address in addresses:
            self.ip('address', 'add', address, 'dev', device, *(('nodad',) if ':' in address else ()))

    def forget_udp(self):
        """Every UDP mapping of a router, as after its restart."""
        subprocess.run([*self.command, 'conntrack', '-D', '-p', 'udp'], capture_output=True)


def cable(one, its_device, other, other_device):
    run('ip', 'link', 'add', its_device, 'netns', one.name, 'type', 'veth', 'peer', 'name', other_device,
        'netns', other.name)
    one.ip('link', 'set', its_device, 'up')
    other.ip('link', 'set', other_device, 'up')


class Internet:
    """One link to which everybody public is attached."""

    def __init__(self, round_trip_ms=0):
        self.space, self.switch = Space('internet'), None
        if round_trip_ms:
            self.switch = lab_distance.Switch(round_trip_ms)
        self.space.ip('link', 'add', 'bridge', 'type', 'bridge')
        self.space.ip('link', 'set', 'bridge', 'up')
        # The way to everywhere else, which ends here without a word.
        self.space.address('bridge', f'{NETWORK4}1/24', f'{NETWORK6}1/64')
        self.next = FIRST
        if self.switch:
            self.switch.plug(self.space, 'far')
            self.space.ip('link', 'set', 'far', 'master', 'bridge')

    def number(self):
        self.next += 1
        return self.next

    def attach(self, space, number, families='4', device='wan'):
        port = f'port{number}'
        if self.switch:
            self.switch.plug(space, device)
        else:
            cable(space, device, self.space, port)
            self.space.ip('link', 'set', port, 'master', 'bridge')
        self.give(space, device, number, families)

    def give(self, space, device, number, families):
        if '4' in families:
            space.address(device, f'{NETWORK4}{number}/24')
            space.ip('route', 'add', 'default', 'via', f'{NETWORK4}1')
        if '6' in families:
            space.address(device, f'{NETWORK6}{number:x}/64')
            space.ip('-6', 'route', 'add', 'default', 'via', f'{NETWORK6}1')


# ---- Routers ----

# `in`: what to do with the first datagram from outside; `on_out`: what to remember of those that go out.
NAT_RULES = '''
table ip nat {{
	set open {{
		type inet_service
		flags dynamic,timeout
		timeout 5m
	}}
	set seen {{
		type ipv4_addr . inet_service
		flags dynamic,timeout
		timeout 5m
	}}
	set behind {{
		type inet_service
		flags dynamic,timeout
		timeout 5m
	}}
	map owner {{
		type inet_service : ipv4_addr
		flags dynamic,timeout
		timeout 5m
	}}
	chain prerouting {{
		type nat hook prerouting priority -100
		{first_in}
	}}
	chain postrouting {{
		type nat hook postrouting priority 100
		{first_out}
		oifname "wan" masquerade {how}
	}}
	chain input {{
		type filter hook input priority 0
		iifname "wan" meta l4proto {{ tcp, udp }} drop
	}}
	chain forward {{
		type filter hook forward priority 0
		{on_out}
		{firewall}
		ct state established,related accept
		iifname "wan" ct status dnat accept
		iifname "wan" drop
	}}
}}
'''

HAIRPIN_IN = 'iifname "lan" ip daddr {wan} meta l4proto udp dnat to udp dport map @owner'

NATS = {
    'full-cone': {
        'first_in': f'iifname "wan" meta l4proto udp udp dport @open dnat to {HOME_HOST}',
        'on_out': 'iifname "lan" meta l4proto udp update @open { udp sport }',
    },
    'address': {
        'first_in': f'iifname "wan" meta l4proto udp ip saddr . udp dport @seen dnat to {HOME_HOST}',
        'on_out': 'iifname "lan" meta l4proto udp update @seen { ip daddr . udp sport }',
    },
    'port': {},
    'symmetric': {'how': 'random,fully-random'},
    'no-udp': {'firewall': 'meta l4proto udp drop'},
    'only-443': {'firewall': 'iifname "lan" meta l4proto tcp tcp dport 443 accept\n\t\tiifname "lan" drop'},
    # RFC 4787 section 9: what one host sends to another's public address comes back in, from the
    # sender's public address.
    'hairpin': {
        'first_in': HAIRPIN_IN,
        'first_out': 'oifname "lan" ct status dnat snat to {wan}',
        'on_out': 'iifname "lan" oifname "wan" meta l4proto udp update @owner { udp sport : ip saddr }',
    },
}


def nat_rules(kind, wan):
    parts = {part: '' for part in ('first_in', 'first_out', 'how', 'on_out', 'firewall')}
    parts |= {part: rule.replace('{wan}', wan) for part, rule in NATS[kind].items()}
    return NAT_RULES.format(**parts)


# A host of its own on the internet that lets only answers in.
FIREWALL_RULES = '''
table inet filter {
	chain input {
		type filter hook input priority 0
		iifname "lo" accept
		ct state established,related accept
		meta l4proto ipv6-icmp accept
		drop
	}
}
'''


class Place:
    """Where a node lives."""

    def __init__(self, kind, space, routers=(), families='4', address=None):
        self.kind, self.space, self.routers, self.families = kind, space, list(routers), families
        self.address = address  # where everybody reaches it, if they do
        self.port = None        # the plug of its home

    def forget_udp(self):
        for router in self.routers:
            router.forget_udp()


def router(internet, name, kind, number):
    """A NAT on the internet; its `lan` is still to be plugged in."""
    space = Space(name)
    internet.attach(space, number)
    space.forward()
    space.nft(nat_rules(kind, f'{NETWORK4}{number}'))
    return space


def home(internet, name, kind):
    """A router of this kind at home, and one host behind it."""
    number = internet.number()
    nat, host = router(internet, f'{name}-nat', kind, number), Space(name)
    cable(nat, 'lan', host, 'eth')
    nat.address('lan', f'{HOME_ROUTER}/24')
    host.address('eth', f'{HOME_HOST}/24')
    host.ip('route', 'add', 'default', 'via', HOME_ROUTER)
    place = Place(kind, host, [nat])
    place.port = f'port{number}'
    return place


def home_behind(carrier, name, number):
    """A home whose router has an address of the carrier's (RFC 6598), beside others."""
    nat, host = Space(f'{name}-nat'), Space(name)
    cable(nat, 'wan', carrier, f'home{number}')
    carrier.ip('link', 'set', f'home{number}', 'master', 'lan')
    nat.address('wan', f'100.64.0.{number}/24')
    nat.ip('route', 'add', 'default', 'via', '100.64.0.1')
    nat.forward()
    nat.nft(nat_rules('port', f'100.64.0.{number}'))
    cable(nat, 'lan', host, 'eth')
    nat.address('lan', f'{HOME_ROUTER}/24')
    host.address('eth', f'{HOME_HOST}/24')
    host.ip('route', 'add', 'default', 'via', HOME_ROUTER)
    return Place('cgnat', host, [nat, carrier])


def carrier(internet, name, kind):
    space = router(internet, name, kind, internet.number())
    space.ip('link', 'add', 'lan', 'type', 'bridge')
    space.ip('link', 'set', 'lan', 'up')
    space.address('lan', '100.64.0.1/24')
    return space


def cgnat(internet, name):
    return home_behind(carrier(internet, f'{name}-isp', 'port'), name, 2)


def two_homes_of_one_carrier(internet, name, kind):
    shared = carrier(internet, f'{name}-isp', kind)
    return home_behind(shared, f'{name}-a', 2), home_behind(shared, f'{name}-b', 3)


def public(internet, name):
    space, number = Space(name), internet.number()
    internet.attach(space, number, '46')
    return Place('public', space, families='46', address=f'{NETWORK4}{number}')


def ipv6(internet, name):
    space, number = Space(name), internet.number()
    internet.attach(space, number, '6')
    space.nft(FIREWALL_RULES)
    return Place('ipv6', space, [space], families='6')


def one_lan(internet, name):
    """Two hosts behind one router that does not send back in what they send to its public side."""
    nat = router(internet, f'{name}-nat', 'port', internet.number())
    nat.ip('link', 'add', 'lan', 'type', 'bridge')
    nat.ip('link', 'set', 'lan', 'up')
    nat.address('lan', f'{HOME_ROUTER}/24')
    hosts = []
    for i, side in enumerate('ab'):
        host = Space(f'{name}-{side}')
        cable(nat, f'port{i}', host, 'eth')
        nat.ip('link', 'set', f'port{i}', 'master', 'lan')
        host.address('eth', f'192.168.1.{10 + i}/24')
        host.ip('route', 'add', 'default', 'via', HOME_ROUTER)
        hosts.append(Place('lan', host, [nat]))
    return tuple(hosts)


# ---- What there is ----

# A place of this kind, and what it is in words.
PLACES = {
    'public': (public, 'on the internet itself, IPv4 and IPv6'),
    'full-cone': (lambda net, name: home(net, name, 'full-cone'), 'NAT that lets everybody in (endpoint-independent)'),
    'address': (lambda net, name: home(net, name, 'address'), 'NAT that lets in addresses one has sent to'),
    'port': (lambda net, name: home(net, name, 'port'), 'NAT that lets in addresses and ports one has sent to'),
    'symmetric': (lambda net, name: home(net, name, 'symmetric'), 'NAT with another port for every destination'),
    'cgnat': (cgnat, "a home's NAT behind a carrier's, both port-restricted"),
    'ipv6': (ipv6, 'IPv6 only, behind a firewall'),
    'no-udp': (lambda net, name: home(net, name, 'no-udp'), 'NAT, UDP is blocked'),
    'only-443': (lambda net, name: home(net, name, 'only-443'), 'NAT, all is blocked but TCP to port 443'),
}

# Two places that belong together.
PAIRS = {
    'lan': (one_lan, 'both in one home, behind one NAT'),
    'hairpin': (lambda net, name: two_homes_of_one_carrier(net, name, 'hairpin'),
                'two homes of one carrier, whose NAT brings them together (hairpin)'),
    'no-hairpin': (lambda net, name: two_homes_of_one_carrier(net, name, 'port'),
                   'two homes of one carrier, whose NAT does not'),
}
