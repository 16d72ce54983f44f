#!/usr/bin/env python3
"""How fast a file crosses, and what else that costs: two nodes on loopback, over WebRTC and over direct TLS, with their
homes and the file in memory (/dev/shm) and on a disk.

Beside it, in the same run, what the links could carry: the bulk rate of `bench/rtc` before and after, and TLS 1.3 between
two processes that do nothing else (Python's ssl: 256 KiB a call, records of 16 KiB, thrown away at the other end).
Only the ratios carry: all ends share the processors of one machine.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / 'tools'))

from stage import Failure, Node, Stage, wait_until  # noqa: E402 (found by the line above)

MIB = 1 << 20
MEMORY = '/dev/shm'
CHAT_PAUSE = 0.01
LINKS = ('webrtc', 'direct')
TICKS = os.sysconf('SC_CLK_TCK')


# ---- What the links could carry ----

def rtc(build, seconds):
    """Its rate and the CPU of both sides, s/GB."""
    told = subprocess.run([build / 'bench/rtc', '--json', '--seconds', str(seconds)], stdout=subprocess.PIPE, check=True).stdout
    told = json.loads(told)
    return told['bulk_MBps'], told['bulk_cpu_s_per_GB']


def certificate(directory):
    key, cert = directory / 'key.pem', directory / 'cert.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=bench',
                    '-keyout', key, '-out', cert], check=True, capture_output=True)
    return key, cert


def push(port, seconds):
    """The other process: TLS as fast as it goes."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(('127.0.0.1', port))) as stream:
        data, end = os.urandom(256 * 1024), time.monotonic() + seconds
        while time.monotonic() < end:
            stream.sendall(data)


def tls(directory, seconds):
    """MB/s that come out of TLS 1.3, from the first bytes to the last."""
    key, cert = certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(cert, key)
    with socket.create_server(('127.0.0.1', 0)) as listener:
        child = subprocess.Popen([sys.executable, __file__, '--push', str(listener.getsockname()[1]), '--seconds', str(seconds)])
        plain, _ = listener.accept()
        buffer = bytearray(256 * 1024)
        with context.wrap_socket(plain, server_side=True) as stream:
            stream.recv_into(buffer)
            start, count = time.monotonic(), 0
            while size := stream.recv_into(buffer):
                count += size
            rate = count / (time.monotonic() - start) / 1e6
        if child.wait() != 0:
            raise Failure('the sender of TLS failed')
    return rate


# ---- A transfer ----

class Process:
    """What the kernel says of one."""

    def __init__(self, node):
        self.proc = pathlib.Path(f'/proc/{node.process.pid}')

    def status(self, key):
        for line in (self.proc / 'status').read_text().splitlines():
            if line.startswith(key + ':'):
                return int(line.split()[1]) * 1024
        raise Failure(f'no {key} in {self.proc}/status')

    def forget_peak(self):
        (self.proc / 'clear_refs').write_text('5')

    def cpu(self):
        fields = (self.proc / 'stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Chat(threading.Thread):
    """Messages there, acknowledged, one after the other until it is told to stop."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.times, self.stopped, self.problem = node, [], threading.Event(), None

    def run(self):
        try:
            while not self.stopped.wait(CHAT_PAUSE):
                start = time.perf_counter()
                status, answer = self.node.ask('/messages', {'peer': 'bob', 'text': 'meanwhile', 'wait_ms': 10000})
                if status != 200:
                    raise Failure(f'/messages: {status} {answer}')
                self.times.append(1000 * (time.perf_counter() - start))
        except (Failure, OSError) as problem:
            self.problem = problem

    def end(self):
        self.stopped.set()
        self.join()
        if self.problem:
            raise Failure(f'chat meanwhile: {self.problem}')
        times = sorted(self.times)
        if not times:
            return {'count': 0, 'p50': None, 'p99': None}
        return {'count': len(times), 'p50': round(times[len(times) // 2], 1), 'p99': round(times[(len(times) * 99 + 99) // 100 - 1], 1)}


def quiet_chat(node):
    chat = Chat(node)
    chat.start()
    time.sleep(1)
    return chat.end()


def follow(node, number):
    """When its hash was known, the receiver's yes came, and it was over."""
    times = {}
    while times.get('state') != 'done':
        when, event = node.event('file', lambda event: event['file']['id'] == number, seconds=600)
        state = event['file']['state']
        if state not in ('offered', 'accepted', 'done'):
            raise Failure(f'the file is {state}: {event["file"].get("error")}')
        times[state], times['state'] = when, state
    return times


def transfer(alice, bob, path, link):
    alice.one('connect', 'bob', '--' + link)
    nodes = [Process(alice), Process(bob)]
    quiet = quiet_chat(alice)
    for process in nodes:
        process.forget_peak()
    idle, cpu = [process.status('VmRSS') for process in nodes], [process.cpu() for process in nodes]
    size, start = path.stat().st_size, time.monotonic()
    status, file = alice.ask('/files', {'peer': 'bob', 'path': str(path)})
    if status != 200:
        raise Failure(f'/files: {status} {file}')
    chat = Chat(alice)
    chat.start()
    times = follow(alice, file['id'])
    told = {'MBps': round(size / (times['done'] - times['accepted']) / 1e6, 1),
            'MBps_with_hash': round(size / (times['done'] - start) / 1e6, 1),
            'hash_s': round(times['offered'] - start, 2), 'chat_ms': chat.end(), 'quiet_chat_ms': quiet}
    told['cpu_s_per_GB'] = [round((process.cpu() - before) / size * 1e9, 2) for process, before in zip(nodes, cpu)]
    told['memory_mib'] = [round((process.status('VmHWM') - before) / MIB, 1) for process, before in zip(nodes, idle)]
    for received in (bob.home / 'downloads').iterdir():
        received.unlink()
    return told


def make(path, mib):
    block = os.urandom(MIB)
    with open(path, 'wb') as file:
        for _ in range(mib):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def use_memory(directory, mib):
    """On a virtual machine the first use of memory may cost more than all that is measured: what was free is used once."""
    make(directory / 'warm', mib)
    (directory / 'warm').unlink()


def at_place(build, place, mib):
    """Both links, with everything in one place."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-b-', dir=place))
    stage = Stage(build / 'src/cli/dpc', build / 'src/hub/dpc-hub', directory)
    try:
        url, _ = stage.start_hub()
        alice, bob = Node(stage, 'alice'), Node(stage, 'bob')
        for node in (alice, bob):
            node.init()
        (bob.home / 'access.ini').write_text('[default]\nfile.receive = allow\n')
        for node in (alice, bob):
            node.up()
            node.one('login', '--hub', url)
        bob.one('add', alice.id, '--name', 'alice')
        alice.one('add', bob.one('status')['uris'][0], '--name', 'bob')
        make(directory / 'file', mib)
        told = {}
        for link in LINKS:
            use_memory(directory, mib)
            told[link] = transfer(alice, bob, directory / 'file', link)
    finally:
        problems = stage.stop()
        shutil.rmtree(directory, ignore_errors=True)
    for problem in problems:
        raise Failure(problem)
    return told


# ---- The whole ----

def measure(arguments):
    build = (ROOT / arguments.build).resolve()
    places = {'memory': MEMORY} if os.access(MEMORY, os.W_OK) else {}
    places['disk'] = arguments.disk
    told = {'size_mib': arguments.size, 'load': os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix='dpc-b-') as directory:
        before = rtc(build, arguments.seconds), tls(pathlib.Path(directory), arguments.seconds)
        for name, place in places.items():
            told[name] = at_place(build, place, arguments.size)
        after = rtc(build, arguments.seconds), tls(pathlib.Path(directory), arguments.seconds)
    told['rtc_MBps'] = [before[0][0], after[0][0]]
    told['rtc_cpu_s_per_GB'] = [before[0][1], after[0][1]]
    told['tls_MBps'] = [round(before[1], 1), round(after[1], 1)]
    bounds = {'webrtc': sum(told['rtc_MBps']) / 2, 'direct': sum(told['tls_MBps']) / 2}
    for name in places:
        for link in LINKS:
            told[name][link]['ratio'] = round(told[name][link]['MBps'] / bounds[link], 2)
    return told


ROWS = (
    ('MB/s, from the yes to the end', lambda t: f'{t["MBps"]:.0f}'),
    ('  of what the link could carry', lambda t: f'{100 * t["ratio"]:.0f} %'),
    ('MB/s, with the hash before the offer', lambda t: f'{t["MBps_with_hash"]:.0f}'),
    ('hash before the offer, s', lambda t: f'{t["hash_s"]:.2f}'),
    ('CPU, sender / receiver, s/GB', lambda t: '{:.2f} / {:.2f}'.format(*t['cpu_s_per_GB'])),
    ('most memory above idle, MiB', lambda t: '{:.0f} / {:.0f}'.format(*t['memory_mib'])),
    ('chat there and back, p50 / p99, ms', lambda t: '{p50} / {p99}'.format(**t['chat_ms'])),
    ('  without a file', lambda t: '{p50} / {p99}'.format(**t['quiet_chat_ms'])),
)


def show(told):
    places = [name for name in ('memory', 'disk') if name in told]
    columns = [(place, link) for place in places for link in LINKS]
    print(f'a file of {told["size_mib"]} MiB between two nodes, loopback; load average {told["load"]:.1f} before\n')
    print(f'{"":<38}' + ''.join(f'{link + ", " + place:>17}' for place, link in columns))
    for name, text in ROWS:
        print(f'{name:<38}' + ''.join(f'{text(told[place][link]):>17}' for place, link in columns))
    print('\nbench/rtc bulk, before and after: {:.0f} and {:.0f} MB/s at {:.2f} and {:.2f} s/GB of both sides; TLS 1.3 alone: {:.0f} and '
          '{:.0f} MB/s'.format(*told['rtc_MBps'], *told['rtc_cpu_s_per_GB'], *told['tls_MBps']))


def parse():
    parser = argparse.ArgumentParser(prog='./dev bench file', description=__doc__)
    parser.add_argument('--json', action='store_true', help='one JSON object on stdout')
    parser.add_argument('--size', type=int, default=1024, metavar='N', help='MiB of the file, 1024 by default')
    parser.add_argument('--seconds', type=int, default=3, metavar='N', help='for each comparison, 3 by default')
    parser.add_argument('--disk', default='/var/tmp', metavar='DIR', help='a directory on a disk, /var/tmp by default')
    parser.add_argument('--build', default='build', help=argparse.SUPPRESS)
    parser.add_argument('--push', type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.size < 1 or arguments.seconds < 1:
        parser.error('--size and --seconds are at least 1')
    return arguments


def main():
    arguments = parse()
    try:
        if arguments.push:
            push(arguments.push, arguments.seconds)
            return 0
        told = measure(arguments)
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        print(f'file: {failure}', file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({'file': told}))
    else:
        show(told)
    return 0


if __name__ == '__main__':
    sys.exit(main())
