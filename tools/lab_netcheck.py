"""What `dpc netcheck` says in each network of the lab, and what it must say: ./dev lab --netcheck.

The relay's two addresses make it a server of RFC 5780. No node runs, and names are looked up at a server
that does not exist, as where nothing works.
"""
import json
import pathlib
import subprocess
import tempfile
import time

import lab_net

HUB = f'{lab_net.NETWORK4}{lab_net.HUB}'
SECONDS_MAX = 12  # NETCHECK_TIME_MAX of src/node/limits.h
MARGIN = 8        # for a machine with more to do, and the end of the process
RELAYS = ('udp', 'tcp', 'tls')
NAME = 'stun.name.invalid'  # of a server that nobody can look up

INDEPENDENT, ADDRESS, PORT = 'endpoint-independent', 'address-dependent', 'address- and port-dependent'

# What each must find: by which family, how the NAT maps and filters, which relays work, which ports answer.
EXPECTED = {
    'public': ('ipv4', 'none', 'none', RELAYS, (443, 80, 3478)),
    'full-cone': ('ipv4', INDEPENDENT, INDEPENDENT, RELAYS, (443, 80, 3478)),
    'address': ('ipv4', INDEPENDENT, ADDRESS, RELAYS, (443, 80, 3478)),
    'port': ('ipv4', INDEPENDENT, PORT, RELAYS, (443, 80, 3478)),
    'symmetric': ('ipv4', PORT, PORT, RELAYS, (443, 80, 3478)),
    'cgnat': ('ipv4', INDEPENDENT, PORT, RELAYS, (443, 80, 3478)),
    'ipv6': ('ipv6', 'none', PORT, RELAYS, (443, 80, 3478)),
    'no-udp': ('ipv4', None, None, ('tcp', 'tls'), (443, 80, 3478)),
    'only-443': ('ipv4', None, None, ('tls',), (443,)),
}

# What the first line of the verdict begins with.
WORDS = {
    INDEPENDENT: 'direct connections work with everybody', ADDRESS: 'direct connections work with everybody',
    'none': 'direct connections work with everybody', PORT: 'direct connections work with most people',
    None: 'UDP is blocked',
}


def write_config(lab, home, families):
    address = lab.relay_addresses[0] if '4' in families else f'[{lab.relay_addresses[1]}]'
    home.mkdir()
    relay = ''.join(f'server = {lab.relay.uri(transport, address)}\n' for transport in RELAYS)
    hub = f'http://{HUB}:443' if '4' in families else f'http://[{lab_net.NETWORK6}{lab_net.HUB:x}]:443'
    (home / 'config.ini').write_text(
        f'[hub]\nurl = {hub}\n[stun]\nserver = {address}:3478\nserver = {NAME}\n[turn]\n{relay}username = alice\n'
        f'password = secret\nauthorities = {lab.relay.certificate}\n', encoding='utf-8')


def check(lab, kind, place):
    home = lab.directory / f'netcheck-{kind}'
    write_config(lab, home, place.families)
    start = time.monotonic()
    done = subprocess.run([*place.space.command, lab.dpc, 'netcheck', '--json', '--home', str(home)], text=True,
                          capture_output=True, timeout=SECONDS_MAX * 10, check=False)
    seconds = time.monotonic() - start
    report = json.loads(done.stdout) if done.stdout else {}
    problems = judge(kind, report, seconds) if report else [done.stderr.strip()]
    if done.returncode != 0:
        problems.append(f'exit status {done.returncode}: {done.stderr.strip()}')
    return {'kind': kind, 'report': report, 'seconds': round(seconds, 1), 'problems': problems}


def judge(kind, report, seconds):
    """What is not as it must be, in words."""
    family, mapping, filtering, relays, ports = EXPECTED[kind]
    problems = []

    def expect(what, found, wanted):
        if found != wanted:
            problems.append(f'{what}: {found}, and must be {wanted}')
    expect('udp', report['udp'], mapping is not None)
    expect('mapping', report[family]['mapping'], mapping or 'unknown')
    expect('filtering', report[family]['filtering'], filtering or 'unknown')
    if mapping not in (None, 'none'):
        expect('hairpin', report[family]['hairpin'], False)
    expect('relays', tuple(relay['server'].rsplit('/', 1)[1] for relay in report['relays'] if relay['state'] == 'ok'),
           relays)
    expect('ports', tuple(port['port'] for port in report['tcp'] if port['state'] in ('ok', 'refused')), ports)
    expect('port mapping', report['port_mapping'], {'protocol': 'none', 'address': None})
    expect('hub', report['hub']['state'], 'ok')
    expect('the server without a name', [stun['state'] for stun in report['stun'] if NAME in stun['server']], ['no_name'])
    expect('dns_dead', report['dns_dead'], True)
    expect('possible', report['possible'], True)
    words = 'this NAT is symmetric' if mapping == PORT else WORDS[filtering]
    expect('the first words', report['verdict'][0][:len(words)], words)
    if seconds > SECONDS_MAX + MARGIN:
        problems.append(f'it took {seconds:.0f} s')
    return problems


def offline(lab):
    """A machine with an address, and nothing behind it."""
    space = lab_net.Space('offline')
    lab_net.cable(space, 'eth', lab_net.Space('nothing'), 'eth')
    space.address('eth', '192.168.9.2/24')
    space.ip('route', 'add', 'default', 'via', '192.168.9.1')
    place = lab_net.Place('offline', space)
    home = lab.directory / 'netcheck-offline'
    write_config(lab, home, place.families)
    done = subprocess.run([*space.command, lab.dpc, 'netcheck', '--json', '--home', str(home)], text=True,
                          capture_output=True, timeout=SECONDS_MAX * 10, check=False)
    report = json.loads(done.stdout)
    problems = []
    if done.returncode != 1 or report['possible'] or not report['verdict'][0].startswith('nothing answers'):
        problems.append(f'exit status {done.returncode}, {report["verdict"]}')
    return {'kind': 'offline', 'report': report, 'seconds': report['seconds'], 'problems': problems}


def silence_names():
    """Every look-up goes to an address that swallows it."""
    with tempfile.NamedTemporaryFile('w', suffix='.conf', delete=False) as file:
        file.write('nameserver 198.51.100.1\n')
    lab_net.run('mount', '--bind', file.name, '/etc/resolv.conf')
    pathlib.Path(file.name).unlink()


def run_all(lab, in_parallel, only, as_json):
    kinds = [kind for kind in EXPECTED if not only or kind in only]
    silence_names()
    places = {kind: lab_net.PLACES[kind][0](lab.internet, kind) for kind in kinds}
    rows = []
    in_parallel([lambda k=kind: rows.append(check(lab, k, places[k])) for kind in kinds], 4)
    if not only:
        rows.append(offline(lab))
    rows.sort(key=lambda row: [*EXPECTED, 'offline'].index(row['kind']))
    if as_json:
        print(json.dumps({'networks': rows}))
    else:
        for row in rows:
            print_row(row)
    return 1 if any(row['problems'] for row in rows) else 0


def print_row(row):
    report = row['report']
    nat = next((report[family] for family in ('ipv4', 'ipv6') if report.get(family, {}).get('answers')), None)
    found = f'mapping {nat["mapping"]}, filtering {nat["filtering"]}' if nat else 'no UDP'
    print(f'{row["kind"]:10} {row["seconds"]:4.1f} s  {found}')
    print(f'{"":18}{report["verdict"][0]}' if report else '')
    for problem in row['problems']:
        print(f'{"":18}BAD: {problem}')
