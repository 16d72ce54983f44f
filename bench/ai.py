#!/usr/bin/env python3
"""How much later the first word of a model comes through a peer than from the provider itself, and how soon the
provider is left alone when a program goes away: two nodes with a direct link and the test provider on loopback.

The same question goes to the provider and to the AI port of a node whose peer has that provider, one after the other
by turns, each on a connection of its own; times are from the request to the first word.
"""
import argparse
import http.client
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

from stage import Failure, Node, Stage, free_port, wait_until  # noqa: E402 (found by the line above)

WARM_UP = 5
CANCELS = 20


def figures(seconds):
    ms = sorted(1000 * second for second in seconds)
    return {'median': round(statistics.median(ms), 2), 'p95': round(ms[(len(ms) * 95 + 99) // 100 - 1], 2)}


class Place:
    """Where a question is asked, in OpenAI's interface."""

    def __init__(self, port, model):
        self.port, self.model = port, model

    def begin(self, query):
        """Asks; returns the connection, its answer and the seconds to the first word."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        body = json.dumps({'model': self.model, 'stream': True, 'messages': [{'role': 'user', 'content': query}]})
        start = time.perf_counter()
        connection.request('POST', '/v1/chat/completions', body)
        answer = connection.getresponse()
        for line in answer:
            if line.startswith(b'data: {') and json.loads(line[6:])['choices'][0]['delta'].get('content'):
                return connection, answer, time.perf_counter() - start
        raise Failure(f'port {self.port}: status {answer.status}, and no word')

    def first_word(self):
        connection, answer, seconds = self.begin('why?')
        answer.read()
        connection.close()
        return seconds


def start_provider(stage):
    port = free_port()
    process, log = stage.start('provider', [sys.executable, str(ROOT / 'tests/tools/test_provider.py'), '--port', str(port)])
    place = Place(port, 'test-provider')

    def answers():
        try:
            return place.first_word()
        except OSError:
            return None
    wait_until('the provider answers', answers, 30, process, log)
    return place, log


def start_nodes(stage, provider):
    alice, bob = Node(stage, 'alice'), Node(stage, 'bob')
    for node in (alice, bob):
        node.init()
    (bob.home / 'access.ini').write_text('[peer:alice]\nai.model.* = allow\n')
    with open(bob.home / 'config.ini', 'a', encoding='utf-8') as config:
        config.write(f'[ai]\nprovider = openai\nurl = http://127.0.0.1:{provider.port}\nrequests_per_day = 0\ntokens_per_day = 0\n')
    port = free_port()
    bob.up()
    alice.up('--ai-port', str(port))
    bob.one('add', alice.id, '--name', 'alice')
    alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
    alice.one('connect', 'bob')
    return Place(port, 'test-provider@bob')


def cancel(place, log):
    """Seconds from the end of a program's connection to the end of the provider's."""
    before = log.read_text().count('gone')
    connection, answer, _ = place.begin('hang')
    start = time.perf_counter()
    answer.close()
    connection.close()
    while log.read_text().count('gone') == before:
        if time.perf_counter() - start > 10:
            raise Failure('the provider is not left alone')
        time.sleep(0.0005)
    return time.perf_counter() - start


def measure(stage, count):
    provider, log = start_provider(stage)
    peer = start_nodes(stage, provider)
    direct, through = [], []
    for index in range(WARM_UP + count):
        pair = (provider.first_word(), peer.first_word())
        if index >= WARM_UP:
            direct.append(pair[0])
            through.append(pair[1])
    later = [b - a for a, b in zip(direct, through)]
    cancels = [cancel(peer, pathlib.Path(log)) for _ in range(CANCELS)]
    return {'count': count, 'provider_ms': figures(direct), 'peer_ms': figures(through), 'later_ms': figures(later),
            'cancel_ms': figures(cancels)}


def run(arguments):
    directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-b-'))
    stage = Stage((ROOT / arguments.build).resolve() / 'src/cli/dpc', None, directory)
    try:
        result = measure(stage, arguments.questions)
    finally:
        problems = stage.stop()
        shutil.rmtree(directory, ignore_errors=True)
    for problem in problems:
        raise Failure(problem)
    if arguments.json:
        print(json.dumps({'ai': result}))
        return
    print(f'{result["count"]} questions to the test provider; ms, median and p95\n')
    for key, name in (('provider_ms', 'first word, from the provider'), ('peer_ms', 'first word, through a peer'),
                      ('later_ms', 'later by'), ('cancel_ms', 'the provider is left alone after')):
        print(f'{name:<34}{result[key]["median"]:>8.2f}{result[key]["p95"]:>8.2f}')


def parse():
    parser = argparse.ArgumentParser(prog='./dev bench ai', description=__doc__)
    parser.add_argument('--json', action='store_true', help='one JSON object on stdout')
    parser.add_argument('--questions', type=int, default=200, metavar='N', help='how many of each, 200 by default')
    parser.add_argument('--build', default='build', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.questions < 1:
        parser.error('--questions is at least 1')
    return arguments


def main():
    try:
        run(parse())
    except (Failure, OSError) as failure:
        print(f'ai: {failure}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
