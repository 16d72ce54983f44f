#!/usr/bin/python3
"""A browser that hides its addresses, and the names behind which it does: on a network of its own, so they are real.

    test_names.py BROWSER NAMES_PEER [CASE...]

BROWSER is chromium or firefox-hidden. Browser and peer are in a network namespace each, with a cable between them, and
what the browser signals has names of multicast DNS (UUID.local) for addresses. `answered` is whether the network lets the
questions and answers through; `walled` whether the peer's firewall lets only answers in, so that the peer's own checks
have to open it: where it knows no address to send them to there is no way.
"""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tools'))
import lab_net  # noqa: E402 (the path comes first)
from test_peer import Failed, Side, browser_peer  # noqa: E402

OURS, THEIRS = '10.77.0.1', '10.77.0.2'
OURS6, THEIRS6 = 'fd00:77::1', 'fd00:77::2'
HIDDEN = re.compile(r'candidate:\S+ 1 udp \d+ [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local \d+ typ host')
# Not even what it announces unasked.
NO_ANSWERS = '''table inet dpc { chain in { type filter hook input priority 0; udp dport 5353 drop; };
    chain out { type filter hook output priority 0; udp dport 5353 drop; }; }'''
WALL = '''table inet dpc { chain in { type filter hook input priority 0; policy drop;
    iif lo accept; ct state established,related accept; udp dport 5353 accept; meta l4proto icmpv6 accept; }; }'''

# name -> who offers, whether the names are answered, whether our side is walled, and the type of the candidate at the
# browser's end of the path; None: there is no path
CASES = {
    'answered': ('peer', True, False, 'host'),
    'answered-offer': ('dpc', True, False, 'host'),
    'answered-walled': ('peer', True, True, 'host'),
    'unanswered': ('peer', False, False, 'prflx'),
    'unanswered-walled': ('peer', False, True, None),
}


class Network:
    """Two namespaces and the cable between them."""

    number = 0

    def __init__(self, answered, walled):
        Network.number += 1
        self.ours, self.theirs = (lab_net.Space(f'{who}{Network.number}') for who in ('ours', 'theirs'))
        lab_net.cable(self.ours, 'eth', self.theirs, 'eth')
        for space, addresses in (self.ours, (OURS, OURS6)), (self.theirs, (THEIRS, THEIRS6)):
            space.address('eth', f'{addresses[0]}/24', f'{addresses[1]}/64')
            # The browser takes the addresses of its way to everywhere.
            for family in '-4', '-6':
                space.ip(family, 'route', 'add', 'default', 'dev', 'eth')
        if not answered:
            self.theirs.nft(NO_ANSWERS)
        if walled:
            self.ours.nft(WALL)


def connect(browser, names_peer, case):
    offerer, answered, walled, expected = case
    network = Network(answered, walled)
    theirs = Side(browser[-1], [*network.theirs.command, *browser], listens=False)
    ours = Side('dpc', [*network.ours.command, names_peer, '--offer' if offerer == 'dpc' else '--answer'], listens=False)
    theirs.other, ours.other = ours, theirs
    hidden = []

    def from_browser(line):
        if ' udp ' in (candidate := line.get('candidate', '').lower()):
            hidden.append(candidate)
        ours.say(line)
    theirs.on_signal, ours.on_signal = from_browser, theirs.say
    try:
        theirs.say({'begin': {'offer': offerer == 'peer', 'client': False}})
        theirs.listen()
        ours.listen()
        return watch(ours, hidden, answered, expected)
    finally:
        ours.end()
        theirs.end()


def told(ours, fits):
    """What is told once it fits, or at last. A browser may name its candidates only after the path has come up: it
    answers our checks from the first moment on."""
    for _ in range(300):
        ours.say({'tell': True})
        line = ours.wait('asked')
        if fits(line):
            break
        time.sleep(0.1)
    return line


def watch(ours, hidden, answered, expected):
    if expected:
        ours.wait('back', 'hello')
    else:
        ours.wait('state', 'closed')
    which = 'answered' if answered else 'unanswered'
    line = told(ours, lambda line: hidden and line['asked'] == line[which] == len(hidden) and
                line['path'] == (expected or ''))
    if not hidden or not all(HIDDEN.match(candidate) for candidate in hidden):
        raise Failed(f'the browser hides nothing: {hidden}')
    address = line.pop('address')
    if line != {'asked': len(hidden), 'answered': 0, 'unanswered': 0, 'path': expected or '', which: len(hidden)}:
        raise Failed(f'{line}, not {expected} with {len(hidden)} names {which}')
    if expected and address not in (THEIRS, THEIRS6):
        raise Failed(f'the path leads to {address}')
    return f'{len(hidden)} names {which}, {f"{expected} {address}" if expected else "no path"}'


def main():
    name, names_peer, cases = sys.argv[1], sys.argv[2], sys.argv[3:] or CASES
    command = browser_peer(name, '/usr/bin/chromium' if name == 'chromium' else '/usr/bin/firefox-esr')
    if isinstance(command, str):
        print(f'SKIP: {command}')
        return lab_net.SKIP
    try:
        lab_net.enter()
    except lab_net.Missing as missing:
        print(f'SKIP: {missing}')
        return lab_net.SKIP
    good = True
    for case in cases:
        begun = time.monotonic()
        try:
            result = connect(command, names_peer, CASES[case])
        except Failed as failed:
            result, good = f'FAILED: {failed}', False
        print(f'{name} {case}: {result}, {time.monotonic() - begun:.1f} s', flush=True)
    return 0 if good else 1


sys.exit(main())
