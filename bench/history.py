#!/usr/bin/env python3
"""What a long history costs: the start of a node that has it, looking for words in it, and writing it into a file.

The messages are written straight into the node's database: words of a vocabulary in which, as in speech, the n-th word
is n times as rare as the first. Then the node starts, and is asked through its local API.
"""
import argparse
import itertools
import json
import pathlib
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / 'tools'))

from stage import Failure, Node, Stage  # noqa: E402 (found by the line above)

PEERS = 50
WORDS = 20000
SEED = 1
ROUNDS = 20


def vocabulary(draw):
    letters = 'etaoinshrdlu'
    return [''.join(draw.choices(letters, k=draw.randint(2, 9))) + str(index) for index in range(WORDS)]


def fill(path, count):
    draw = random.Random(SEED)
    words = vocabulary(draw)
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(WORDS)))
    database = sqlite3.connect(path)
    database.execute('PRAGMA synchronous = OFF')

    def rows():
        for index in range(count):
            text = ' '.join(draw.choices(words, cum_weights=weights, k=10))
            yield f'dpc-node-{draw.randrange(PEERS):032x}', index % 2, f'm{index}', 3 if index % 2 else 2, 1.75e9 + index, text
    with database:
        database.executemany('INSERT INTO messages (peer, direction, id, state, timestamp, text) VALUES (?, ?, ?, ?, ?, ?)',
                             rows())
        database.execute("INSERT INTO words (words) VALUES ('rebuild')")
    database.close()
    return words


def queries(words):
    """What is looked for, and its kind."""
    last = f'dpc-node-{PEERS - 1:032x}'
    return {'a common word': (words[0], None), 'a rare word': (words[-1], None), 'two words': (f'{words[1]} {words[40]}', None),
            'words that never meet': (f'{words[-1]} {words[-2]}', None), 'a common word, of a peer': (words[0], last),
            'three letters': (words[100][:3] + '*', None), 'two letters': (words[100][:2] + '*', None),
            'a letter': (words[100][0] + '*', None), 'two letters, of a peer': (words[100][:2] + '*', last)}


def look(node, query, peer):
    path = '/history/search?limit=20&q=' + urllib.parse.quote(query) + (f'&peer={peer}' if peer else '')
    start = time.perf_counter()
    status, answer = node.ask(path)
    if status != 200:
        raise Failure(f'{path}: {status} {answer}')
    return 1000 * (time.perf_counter() - start)


def peak_mb(pid):
    """Of a process that runs; 0 when it has just ended."""
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        return next((int(line.split()[1]) / 1024 for line in status if line.startswith('VmHWM')), 0)


def export(stage, node, count):
    """Writes all of it into a file, while others ask the node something."""
    file = stage.directory / 'history.json'
    slowest = peak = 0
    start = time.perf_counter()
    process = subprocess.Popen([stage.dpc, 'history', '--export', str(file), '--json', '--home', str(node.home)], stdout=subprocess.PIPE)
    while process.poll() is None:
        peak = max(peak, peak_mb(process.pid))
        asked = time.perf_counter()
        node.ask('/peers')
        slowest = max(slowest, time.perf_counter() - asked)
        time.sleep(0.005)
    took = time.perf_counter() - start
    written = json.loads(process.stdout.read())['messages'] if process.returncode == 0 else None
    process.stdout.close()
    if written != count:
        raise Failure(f'the export wrote {written} messages of {count}')
    return {'seconds': round(took, 1), 'mb': round(file.stat().st_size / 1e6, 1), 'command_peak_mb': round(peak, 1),
            'node_peak_mb': round(peak_mb(node.process.pid), 1), 'others_wait_ms': round(1000 * slowest, 1)}


def measure(stage, count):
    node = Node(stage, 'alice')
    node.init()
    node.up()
    node.one('add', f'dpc-node-{PEERS - 1:032x}', '--name', 'last')
    node.down()
    words = fill(node.home / 'dpc.db', count)
    starts = []
    for _ in range(3):
        start = time.perf_counter()
        node.up()
        starts.append(1000 * (time.perf_counter() - start))
        node.down()
    node.up()
    searches = {}
    for kind, (query, peer) in queries(words).items():
        look(node, query, peer)
        times = sorted(look(node, query, peer) for _ in range(ROUNDS))
        searches[kind] = {'median': round(statistics.median(times), 2), 'most': round(times[-1], 2)}
    node.down()
    node.up()  # so that its peak is that of the export
    exported = export(stage, node, count)
    size = sum(path.stat().st_size for path in node.home.glob('dpc.db*'))
    return {'messages': count, 'database_mb': round(size / 1e6, 1), 'start_ms': round(statistics.median(starts), 1),
            'search_ms': searches, 'export': exported}


def run(arguments):
    directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-b-'))
    stage = Stage((ROOT / arguments.build).resolve() / 'src/cli/dpc', None, directory)
    try:
        result = measure(stage, arguments.messages)
    finally:
        problems = stage.stop()
        shutil.rmtree(directory, ignore_errors=True)
    for problem in problems:
        raise Failure(problem)
    if arguments.json:
        print(json.dumps({'history': result}))
        return
    print(f'{result["messages"]:,} messages, {result["database_mb"]:,.0f} MB; the node starts in {result["start_ms"]:.0f} ms\n')
    print(f'{"ms to find 20 messages":<34}{"median":>8}{"most":>8}')
    for kind, times in result['search_ms'].items():
        print(f'{kind:<34}{times["median"]:>8.2f}{times["most"]:>8.2f}')
    exported = result['export']
    print(f'\nexport: {exported["mb"]:,.0f} MB in {exported["seconds"]:.1f} s, {exported["command_peak_mb"]:.0f} MB of memory in the command and '
          f'{exported["node_peak_mb"]:.0f} MB\nin the node; another request waited {exported["others_wait_ms"]:.0f} ms at most')


def parse():
    parser = argparse.ArgumentParser(prog='./dev bench history', description=__doc__)
    parser.add_argument('--json', action='store_true', help='one JSON object on stdout')
    parser.add_argument('--messages', type=int, default=1000000, metavar='N', help='1,000,000 by default')
    parser.add_argument('--build', default='build', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.messages < 1:
        parser.error('--messages is at least 1')
    return arguments


def main():
    try:
        run(parse())
    except (Failure, OSError, sqlite3.Error) as failure:
        print(f'history: {failure}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
