#!/usr/bin/env python3
"""How long until two nodes are linked, and until a first message is delivered: real nodes, a hub and coturn on loopback.

Each way has two nodes of its own. One of them dials and hangs up again and again, as `dpc connect` does; the
other sends a message that dials by itself, as `dpc send` does, and waits for its acknowledgement. Times are from
the request to a node's local API to its answer: there are no start-ups of programs in them.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / 'tools'))

from stage import Failure, Node, Stage, wait_until  # noqa: E402 (found by the line above)

CONNECTS_MAX = 28      # a node looks at 30 offers of a contact in a minute
COLD_CONNECTS = 5      # each with two nodes that have just started
DIAL_SECONDS = 20
PINGS = 20


class Person(Node):
    def begin(self, url, relay):
        self.init()
        if relay:
            relay.configure(self, 'udp')
        self.rise(url)
        self.must('/login', {'hub': url})

    def rise(self, url):
        self.up('--hub', url)
        return self

    def must(self, path, body):
        status, answer = self.ask(path, body)
        if status >= 300:
            raise Failure(f'{self.name}: {path}: {answer["error"]["message"]}')
        return answer

    def is_at_hub(self):
        return self.ask('/status')[1]['hub']['state'] == 'connected'

    def is_away(self, other):
        return self.ask(f'/peers/{other.name}')[1]['link'] is None

    def connect(self, other, via):
        start = time.monotonic()
        answer = self.must('/connect', {'peer': other.name, 'via': via, 'timeout_ms': DIAL_SECONDS * 1000})
        return time.monotonic() - start, answer['peer']['link']

    def send(self, other):
        start = time.monotonic()
        message = self.must('/messages', {'peer': other.name, 'text': 'hello', 'wait_ms': DIAL_SECONDS * 1000})
        if message['state'] != 'delivered':
            raise Failure(f'{self.name}: a message to {other.name} is {message["state"]} after {DIAL_SECONDS} s')
        return time.monotonic() - start

    def ping(self, other):
        start = time.monotonic()
        self.must('/ping', {'peer': other.name})
        return time.monotonic() - start


class Way:
    """One way to be linked: `via` and `policy` of the contacts, and what must come of it."""

    def __init__(self, name, via, policy, path, relay=False, by_address=False, cold=False):
        self.name, self.via, self.policy, self.path = name, via, policy, path
        self.relay, self.by_address, self.cold = relay, by_address, cold


WAYS = [
    Way('direct TLS', 'direct', 'auto', 'TLS', by_address=True),
    Way('WebRTC, through the hub', 'webrtc', 'direct-only', 'direct'),
    Way('WebRTC by a relay, allocated', 'webrtc', 'relay-only', 'relay', relay=True),
    Way('WebRTC by a relay, from nothing', 'webrtc', 'relay-only', 'relay', relay=True, cold=True),
]


def path_of(link):
    if link['path'] == 'direct':
        return 'TLS'
    return 'relay' if 'relay' in (link['local_type'], link['remote_type']) else 'direct'


def introduce(a, b, way):
    for one, other in ((a, b), (b, a)):
        uri = other.id
        if way.by_address:
            uri = other.ask('/status')[1]['uris'][0]
        one.must('/peers', {'peer': uri, 'name': other.name})
        one.must(f'/peers/{other.name}/policy', {'policy': way.policy})


def part(a, b):
    for one, other in ((a, b), (b, a)):
        one.ask('/disconnect', {'peer': other.name})
    wait_until('they are parted', lambda: a.is_away(b) and b.is_away(a), DIAL_SECONDS)


def restart(url, *people):
    for person in people:
        person.down()
        person.rise(url)
    for person in people:
        wait_until(f'{person.name} is at the hub', person.is_at_hub, DIAL_SECONDS)


class Measurement:
    def __init__(self, stage, url, relay):
        self.stage, self.url, self.relay = stage, url, relay

    def once(self, way, a, b, act):
        """Of a pair that is not linked; returns seconds, and leaves it parted."""
        if way.cold:
            restart(self.url, a, b)
        seconds = act(a, b)
        link = a.ask(f'/peers/{b.name}')[1]['link']
        if path_of(link) != way.path:
            raise Failure(f'{way.name}: the link is {path_of(link)}')
        return seconds

    def measure(self, way, index, count):
        a, b = (Person(self.stage, f'{name}{index}') for name in ('alice', 'bob'))
        for person in (a, b):
            person.begin(self.url, self.relay if way.relay else None)
        introduce(a, b, way)
        # What is done once in a life, such as pinning the key, is no part of it.
        a.connect(b, way.via)
        pings = [a.ping(b) for _ in range(PINGS)]
        part(a, b)
        connects, messages = [], []
        for _ in range(min(count, COLD_CONNECTS) if way.cold else count):
            connects.append(self.once(way, a, b, lambda a, b: a.connect(b, way.via)[0]))
            part(a, b)
            messages.append(self.once(way, b, a, lambda b, a: b.send(a)))
            part(a, b)
        for person in (a, b):
            person.down()
        return {'way': way.name, 'count': len(connects), 'ping_ms': figures(pings), 'connect_ms': figures(connects),
                'message_ms': figures(messages)}


def figures(seconds):
    ms = sorted(1000 * second for second in seconds)
    return {'median': round(statistics.median(ms), 2), 'p95': round(ms[(len(ms) * 95 + 99) // 100 - 1], 2)}


def table(rows):
    yield f'{"ms, median and p95":<33}{"ping":>14}{"linked":>16}{"first message":>18}{"times":>8}'
    for row in rows:
        cells = [f'{row[key]["median"]:.1f} {row[key]["p95"]:6.1f}' for key in ('ping_ms', 'connect_ms', 'message_ms')]
        yield f'{row["way"]:<33}{cells[0]:>14}{cells[1]:>16}{cells[2]:>18}{row["count"]:>8}'


def run(arguments):
    directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-b-'))
    build = (ROOT / arguments.build).resolve()
    stage = Stage(build / 'src/cli/dpc', build / 'src/hub/dpc-hub', directory)
    rows, missing = [], []
    try:
        url, _ = stage.start_hub()
        relay = stage.start_relay()
        measurement = Measurement(stage, url, relay)
        for index, way in enumerate(WAYS):
            if way.relay and not relay:
                missing.append({'way': way.name, 'reason': 'coturn is not installed'})
            else:
                rows.append(measurement.measure(way, index, arguments.connects))
    finally:
        problems = stage.stop()
        shutil.rmtree(directory, ignore_errors=True)
    for problem in problems:
        raise Failure(problem)
    if arguments.json:
        print(json.dumps({'connect': rows, 'not_measured': missing}))
        return
    print('two nodes, a hub and coturn on loopback\n')
    print('\n'.join(table(rows)))
    for way in missing:
        print(f'{way["way"]}: not measured, {way["reason"]}')


def parse():
    parser = argparse.ArgumentParser(prog='./dev bench connect', description=__doc__)
    parser.add_argument('--json', action='store_true', help='one JSON object on stdout')
    parser.add_argument('--connects', type=int, default=25, metavar='N', help='how many of each, 25 by default')
    parser.add_argument('--build', default='build', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not 1 <= arguments.connects <= CONNECTS_MAX:
        parser.error(f'--connects is from 1 to {CONNECTS_MAX}')
    return arguments


def main():
    try:
        run(parse())
    except (Failure, OSError) as failure:
        print(f'connect: {failure}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
