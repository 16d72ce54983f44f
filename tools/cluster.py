#!/usr/bin/env python3
"""PostgreSQL, a NATS server, hubs and nginx on loopback, in a temporary directory: for people who try it, and for tests.

    cluster.py [--hubs N] [--port PORT] [--hub PROGRAM] [--run COMMAND...]

It says what runs where, and lives until Ctrl-C or SIGTERM; then everything ends, and the directory goes. With --run
it lives as long as the command, which finds the url of nginx in DPC_CLUSTER, the ports of the hubs in
DPC_CLUSTER_HUBS, and the database in DPC_CLUSTER_STORE. Exit status: 0, that of the command, 1 when something does not start, 2 for wrong usage, 77 when
PostgreSQL, nats-server or nginx is not installed.
"""
import argparse
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from postgres_server import PR_SET_PDEATHSIG, Postgres, free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / 'packaging/nginx/dpc-hubs.conf'
START_SECONDS = 30


class Missing(Exception):
    """A program is not installed."""


def find(program):
    found = shutil.which(program) or shutil.which(program, path='/usr/sbin:/usr/local/sbin')
    if not found:
        raise Missing(f'{program} is not installed')
    return found


def die_with_parent():
    """Also when we are killed ourselves."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_for(what, condition, process, log):
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f'{what} does not start: {log.read_text(errors="replace")[-2000:]}')
        time.sleep(0.02)


def takes_connections(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=2).close()
        return True
    except OSError:
        return False


def is_ready(port):
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/ready', timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def metric(port, name):
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=5) as answer:
        found = re.search(rf'^dpc_hub_{re.escape(name)} (\S+)$', answer.read().decode(), re.M)
    return float(found[1]) if found else None


class Service:
    """A process that is started again with the same command."""

    def __init__(self, cluster, name, command, port, is_up):
        self.name, self.command, self.port, self.is_up = name, command, port, is_up
        self.log = cluster.directory / f'{name}.log'
        self.process = None

    def start(self):
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=die_with_parent)
        wait_for(self.name, lambda: self.is_up(self.port), self.process, self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """The exit status; None: it had to be killed."""
        if not self.process or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            return None


class Cluster:
    def __init__(self, hub_program, hubs=3, port=None, config=''):
        nats, nginx = find('nats-server'), find('nginx')
        self.hub_program, self.config = str(hub_program), config
        try:
            self.postgres = Postgres()
        except FileNotFoundError as problem:
            raise Missing(str(problem)) from problem
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-cluster-'))
        self.port = port or free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self.nats = self.nats_service(nats)
        ports = [free_port() for _ in range(hubs)]
        # By these a node may know it: through nginx, and each hub by itself.
        self.origins = ' '.join([self.url, *(f'http://localhost:{port}' for port in ports)])
        self.hubs = [self.hub_service(number, port) for number, port in enumerate(ports, 1)]
        self.nginx = self.nginx_service(nginx)

    def nats_service(self, program):
        port = free_port()
        return Service(self, 'nats-server', [program, '-a', '127.0.0.1', '-p', str(port)], port, takes_connections)

    def hub_service(self, number, port):
        data = self.directory / f'hub-{number}'
        data.mkdir(mode=0o700)
        (data / 'hub.ini').write_text(
            f'[hub]\nlisten = 127.0.0.1:{port}\ndata = {data}\norigin = {self.origins}\nstore = {self.postgres.url}\n'
            f'bus = nats://127.0.0.1:{self.nats.port}\ntrusted_proxies = 127.0.0.1\n{self.config}')
        return Service(self, f'hub-{number}', [self.hub_program, '--config', str(data / 'hub.ini')], port, is_ready)

    def nginx_service(self, program):
        """The sample of packaging/, with our addresses and without TLS."""
        text = SAMPLE.read_text(encoding='utf-8')
        servers = ''.join(f'\tserver 127.0.0.1:{hub.port} max_fails=1 fail_timeout=2s;\n' for hub in self.hubs)
        text, count = re.subn(r'(?:\tserver 192\.0\.2\.\d+:8080 [^\n]*\n)+', servers, text)
        assert count == 1, 'the sample names hubs'
        text = re.sub(r'\n\tlisten \[::\][^\n]*|\n\tssl_[^\n]*', '', text)
        text, count = re.subn(r'\tlisten 443 ssl;', f'\tlisten 127.0.0.1:{self.port};', text)
        assert count == 1, 'the sample listens'
        text = re.sub(r'access_log \S+', f'access_log {self.directory}/access.log', text)
        places = ''.join(f'{name}_temp_path {self.directory}/{name};\n'
                         for name in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        path = self.directory / 'nginx.conf'
        user = 'user root;\n' if os.getuid() == 0 else ''
        path.write_text(f'{user}daemon off;\nworker_processes 1;\npid {self.directory}/nginx.pid;\nerror_log stderr;\n'
                        f'events {{ worker_connections 4096; }}\nhttp {{\n{places}{text}}}\n')
        return Service(self, 'nginx', [program, '-c', str(path), '-p', str(self.directory), '-e', 'stderr'], self.port, is_ready)

    def start(self):
        self.postgres.start()
        self.nats.start()
        for hub in self.hubs:
            hub.start()
        self.nginx.start()
        self.wait_until_whole()

    def wait_until_whole(self, seconds=START_SECONDS):
        """Until each hub hears all others that run."""
        running = [hub for hub in self.hubs if hub.process and hub.process.poll() is None]
        deadline = time.monotonic() + seconds
        while any(metric(hub.port, 'bus_hubs') != len(running) - 1 for hub in running):
            if time.monotonic() > deadline:
                raise RuntimeError('the hubs do not hear each other')
            time.sleep(0.02)

    def close(self):
        """What did not go well, in words."""
        problems = []
        for service in (self.nginx, *self.hubs, self.nats):
            status = service.stop()
            if status != 0 and service in self.hubs:
                problems.append(f'{service.name} ended with status {status}: {service.log.read_text(errors="replace")[-3000:]}')
        self.postgres.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        return problems


def describe(cluster):
    print(f'the hub       {cluster.url}  (nginx, pid {cluster.nginx.process.pid})')
    for hub in cluster.hubs:
        print(f'{hub.name}         http://127.0.0.1:{hub.port}  (pid {hub.process.pid})')
    print(f'nats-server   nats://127.0.0.1:{cluster.nats.port}  (pid {cluster.nats.process.pid})')
    print(f'postgresql    {cluster.postgres.url}  (pid {cluster.postgres.process.pid})')
    print(f'logs          {cluster.directory}')
    print(f'\nA node:  dpc login --hub {cluster.url}')
    print('Kill one of the hubs and see; Ctrl-C stops everything.', flush=True)


def main():
    parser = argparse.ArgumentParser(prog='./dev cluster', description='PostgreSQL, a NATS server, three hubs and nginx '
                                     'on loopback, until Ctrl-C. Everything is in a temporary directory, and goes with it.',
                                     epilog='Exit status: 0, or that of the command; 1 when something does not start; 2 '
                                     'for wrong usage; 77 when PostgreSQL, nats-server or nginx is not installed.')
    parser.add_argument('--hubs', type=int, default=3, choices=range(1, 8), metavar='N', help='how many, 3 unless told')
    parser.add_argument('--port', type=int, help='of nginx; a free one unless told')
    parser.add_argument('--hub', default=str(ROOT / 'build/src/hub/dpc-hub'), help=argparse.SUPPRESS)
    parser.add_argument('--run', nargs=argparse.REMAINDER, metavar='COMMAND',
                        help='run this, with DPC_CLUSTER, DPC_CLUSTER_HUBS and DPC_CLUSTER_STORE in its environment, and '
                        'stop with it')
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        cluster = Cluster(options.hub, options.hubs, options.port)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 77
    status, problems = 0, []
    try:
        cluster.start()
        if options.run:
            ports = ' '.join(str(hub.port) for hub in cluster.hubs)
            status = subprocess.run(options.run, env={**os.environ, 'DPC_CLUSTER': cluster.url, 'DPC_CLUSTER_HUBS': ports,
                                                          'DPC_CLUSTER_STORE': cluster.postgres.url}).returncode
        else:
            describe(cluster)
            signal.pause()
    except KeyboardInterrupt:
        print()
    except RuntimeError as problem:
        print(f'cluster: {problem}', file=sys.stderr)
        status = 1
    finally:
        problems = cluster.close()
    for problem in problems:
        print(problem, file=sys.stderr)
    return status or (1 if problems else 0)


if __name__ == '__main__':
    sys.exit(main())
