#!/usr/bin/env python3
"""What dpc-hub can take, beside PeerJS's server and a relay written with FastAPI, in one run.

Each server is started alone and loaded by the same program (hub_load.c says how). The nodes of dpc-hub are written
into its database and their tokens signed with its key, instead of 18,000 logins: the hub checks them as any
other. Its limits of rates are lifted, for the load comes from one machine.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / 'bench/peers'
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / 'tools'))

from stage import free_port, tail  # noqa: E402 (found by the line above)

START_SECONDS = 30
LOAD_SECONDS = 150
DESCRIPTORS_LEFT = 2000   # of the limit, to whatever else the two processes have
PEER_SOCKETS = 2000       # of the others, which take longer to open them
NODES_OF_USER = 32

CONFIG = """[hub]
drain_seconds = 1
log = warn
[limits]
requests_per_second = 1000000
requests_burst = 1000000
signals_per_second = 1000000
signals_burst = 1000000
"""

# key, what the table says, format, whether more is better (None: no ratio)
FIGURES = [
    ('sockets', 'sockets at once', ',.0f', None),
    ('kib_per_socket', 'memory of one, KiB', '.2f', False),
    ('connects_per_s', 'new sockets with a token, /s', ',.0f', True),
    ('signals_per_s', 'signals in bursts, /s', ',.0f', True),
    ('lone_per_s', 'signals one by one, /s', ',.0f', True),
    ('burst_relay_us_p50', 'bursts at half load, p50, us', ',.0f', False),
    ('burst_relay_us_p99', 'bursts at half load, p99, us', ',.0f', False),
    ('lone_relay_us_p50', 'one by one at half, p50, us', ',.0f', False),
    ('lone_relay_us_p99', 'one by one at half, p99, us', ',.0f', False),
    ('relay_us_p50', 'at half of bursts, p50, us', ',.0f', False),
    ('relay_us_p99', 'at half of bursts, p99, us', ',.0f', False),
    ('rest_per_s', 'requests with a token, /s', ',.0f', True),
    ('connect_cpu_us', 'CPU of a new socket, us', '.1f', False),
    ('signal_cpu_us', 'CPU of a signal in a burst, us', '.2f', False),
    ('lone_cpu_us', 'CPU of one that comes alone, us', '.2f', False),
    ('rest_cpu_us', 'CPU of a request, us', '.1f', False),
]


class Failed(Exception):
    pass


def node_id(number):
    return 'dpc-node-' + hashlib.sha256(f'bench {number}'.encode()).hexdigest()[:16]


# ---- dpc-hub ----

def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=')


def mint(key, secret, claims):
    header = {'alg': 'HS256', 'kid': key, 'typ': 'JWT'}
    text = b'.'.join(encode(json.dumps(part).encode()) for part in (header, claims))
    return (text + b'.' + encode(hmac.new(secret, text, hashlib.sha256).digest())).decode()


def populate(directory, count):
    """So many registered nodes, each with a login; the lines for the load generator."""
    now = int(time.time())
    database = sqlite3.connect(directory / 'hub.db', timeout=30)
    key, secret = database.execute('SELECT id, secret FROM token_keys').fetchone()
    lines = []
    with database:
        for number in range(count):
            user, node, session = number // NODES_OF_USER + 1, node_id(number), f'{number:032d}'
            if number % NODES_OF_USER == 0:
                database.execute('INSERT INTO users (id, provider, subject, created) VALUES (?, ?, ?, ?)',
                                 (user, 'key', f'bench {user}', now))
            database.execute('INSERT INTO nodes (node_id, user_id, pin, certificate, registered) VALUES (?, ?, ?, ?, ?)',
                             (node, user, hashlib.sha256(node.encode()).digest(), '', now))
            database.execute('INSERT INTO sessions (id, user_id, node_id, created, expires) VALUES (?, ?, ?, ?, ?)',
                             (session, user, node, now, now + 86400))
            claims = {'iss': 'dpc-hub', 'aud': 'dpc-hub', 'typ': 'access', 'sub': str(user), 'node_id': node,
                      'jti': f'{session}.{number:016x}', 'iat': now, 'exp': now + 1800}
            lines.append(f'{node} {mint(key, secret, claims)}')
    database.close()
    return lines


class DpcHub:
    name, dialect = 'dpc-hub', 'dpc'

    def __init__(self, build):
        self.program = build / 'src/hub/dpc-hub'

    def missing(self):
        return None

    def command(self, directory, port):
        (directory / 'hub.ini').write_text(CONFIG)
        return [self.program, '--config', directory / 'hub.ini', '--listen', f'127.0.0.1:{port}', '--data', directory]

    def logins(self, directory, count):
        return populate(directory, count)

    probe = '/health'


# ---- The others ----

class PeerJs:
    name = dialect = 'peerjs'
    program = PEERS / 'node_modules/peer/dist/bin/peerjs.js'
    probe = '/peerjs/id'

    def missing(self):
        if not shutil.which('node'):
            return 'nodejs is not installed'
        return None if self.program.exists() else "peer is not installed: 'npm ci' in bench/peers"

    def command(self, directory, port):
        return ['node', self.program, '--host', '127.0.0.1', '--port', str(port), '--concurrent_limit', '20000',
                '--alive_timeout', '600000']

    def logins(self, directory, count):
        return [f'{node_id(number)} token{number}' for number in range(count)]


class FastApi:
    name = dialect = 'fastapi'
    probe = '/health'

    def missing(self):
        found = subprocess.run(['/usr/bin/python3', '-c', 'import fastapi, uvicorn, websockets'],
                               stderr=subprocess.DEVNULL).returncode == 0
        return None if found else 'python3-fastapi, python3-uvicorn and python3-websockets are not installed'

    def command(self, directory, port):
        return ['/usr/bin/python3', PEERS / 'fastapi_relay.py', str(port)]

    def logins(self, directory, count):
        def sign(node):
            return hmac.new(b'bench', node.encode(), hashlib.sha256).hexdigest()
        nodes = [node_id(number) for number in range(count)]
        return [f'{node} {node}.{sign(node)}' for node in nodes]


# ---- Measuring ----

def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def wait_for(process, url, log):
    deadline = time.monotonic() + START_SECONDS
    while not answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(f'it does not start\n{tail(log)}')
        time.sleep(0.05)


def load(program, server, process, port, lines, args):
    command = [program, server.dialect, str(port), str(process.pid), str(len(lines)), str(args.pairs), str(args.seconds)]
    try:
        done = subprocess.run(command, input='\n'.join(lines), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=LOAD_SECONDS + 6 * args.seconds)
    except subprocess.TimeoutExpired:
        raise Failed('it takes too long') from None
    if done.returncode != 0:
        raise Failed(done.stderr.strip())
    return json.loads(done.stdout)


def measure(server, sockets, program, args):
    reason = server.missing()
    if reason:
        raise Failed(reason)
    print(f'{server.name}: {sockets} sockets', file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix='dpc-bench-') as name:
        directory, port = pathlib.Path(name), free_port()
        log = directory / 'log'
        with open(log, 'wb') as out:
            process = subprocess.Popen([str(word) for word in server.command(directory, port)], stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL)
        try:
            wait_for(process, f'http://127.0.0.1:{port}{server.probe}', log)
            return load(program, server, process, port, server.logins(directory, sockets), args)
        except Failed as failed:
            raise Failed(f'{failed}\n{tail(log)}'.strip()) from None
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ratio(more_is_better, ours, theirs):
    best, worst = (ours, theirs) if more_is_better else (theirs, ours)
    return round(best / worst, 2) if worst else None


def table(results, missing):
    yield 'one server at a time beside its load, loopback; in brackets how many times better dpc-hub is\n'
    yield ' ' * 34 + ''.join(f'{name:>22}' for name in results)
    ours = results['dpc-hub']
    for key, text, form, more_is_better in FIGURES:
        line = f'  {text:<32}'
        for name, figures in results.items():
            cell = format(figures[key], form)
            if name != 'dpc-hub' and more_is_better is not None:
                times = ratio(more_is_better, ours[key], figures[key])
                cell += f' ({times:.1f})' if times is not None else ' (-)'
            line += f'{cell:>22}'
        yield line
    for name, reason in missing.items():
        yield f'  {name}: not measured: {reason}'


def run(args):
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    sockets = min(args.sockets, max(2 * args.pairs, limit - DESCRIPTORS_LEFT))
    if sockets < args.sockets:
        print(f'hub: the limit of descriptors is {limit}: {sockets} sockets', file=sys.stderr)
    build = (ROOT / args.build).resolve()
    program = build / 'bench/hub_load'
    machine = json.loads(subprocess.run([build / 'bench/stalls', str(args.seconds)], check=True, text=True,
                                        stdout=subprocess.PIPE).stdout)
    results, missing = {'dpc-hub': measure(DpcHub(build), sockets, program, args)}, {}
    for server in () if args.only else (PeerJs(), FastApi()):
        try:
            results[server.name] = measure(server, max(PEER_SOCKETS, 2 * args.pairs), program, args)
        except Failed as failed:
            missing[server.name] = str(failed)
    if not args.json:
        print('\n'.join(table(results, missing)))
        print(f'\nbefore, {machine["processors"]} processors on which programs only read the clock stood still for '
              f'{machine["lost_percent"]} % of the time,\n{machine["longest_ms"]} ms at the longest')
        return
    ours = results.pop('dpc-hub')
    better = {name: {key: ratio(more, ours[key], figures[key]) for key, _, _, more in FIGURES if more is not None}
              for name, figures in results.items()}
    print(json.dumps({**ours, 'pairs': args.pairs, 'machine': machine, 'peers': results, 'not_measured': missing, 'dpc_is_better': better}))


def parse():
    parser = argparse.ArgumentParser(prog='./dev bench hub', description=__doc__)
    parser.add_argument('--json', action='store_true', help='one JSON object on stdout')
    parser.add_argument('--seconds', type=int, default=3, metavar='N', help='for each figure, 3 by default')
    parser.add_argument('--sockets', type=int, default=18000, metavar='N', help='of dpc-hub, 18000 by default')
    parser.add_argument('--pairs', type=int, default=1000, metavar='N', help='that signal, 1000 by default')
    parser.add_argument('--only', action='store_true', help='dpc-hub alone')
    parser.add_argument('--build', default='build', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not (1 <= args.seconds <= 600 and 16 <= args.pairs <= 5000 and 2 * args.pairs <= args.sockets <= 60000):
        parser.error('at least 16 pairs, and sockets for them')
    return args


def main():
    try:
        run(parse())
    except (Failed, OSError, sqlite3.Error) as failed:
        print(f'hub: {failed}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
