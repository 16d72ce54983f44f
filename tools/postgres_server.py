#!/usr/bin/env python3
"""A PostgreSQL of our own, empty, in a temporary directory, on loopback at a free port.

    postgres_server.py [--run COMMAND...]

With --run the command runs with the url of the database in DPC_TEST_POSTGRES, and its exit status is
ours. Without, the url is printed on one line when it answers, and it lives until the standard input
ends. Exit status 77: PostgreSQL is not installed.

PostgreSQL refuses to run as root: then it runs as the user `postgres` that its package has made.
"""
import ctypes
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PR_SET_PDEATHSIG = 1
START_SECONDS = 60
# A crash of this machine may take it all: it is gone afterwards anyhow.
SETTINGS = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'max_connections=40', 'shared_buffers=16MB',
            'autovacuum=off', 'log_min_messages=warning']


def find_programs():
    """The directory of initdb and postgres; None: not installed."""
    versions = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin/postgres'), key=lambda p: float(p.parts[-3]))
    found = versions[-1] if versions else shutil.which('postgres')
    return pathlib.Path(found).resolve().parent if found else None


def free_port():
    """One below those that the kernel gives out, which the next connection of anybody might take."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
                return port
            except OSError:
                continue


class Postgres:
    """Started and stopped as often as one likes; what is in it stays until close()."""

    def __init__(self, port=None):
        self.programs = find_programs()
        if not self.programs:
            raise FileNotFoundError('PostgreSQL is not installed')
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-pg-'))
        self.port = port or free_port()
        self.process = None
        self.user = pwd.getpwnam('postgres') if os.getuid() == 0 else None
        if self.user:
            os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        subprocess.run([self.programs / 'initdb', '-D', self.directory / 'data', '-U', 'dpc', '-A', 'trust', '-E', 'UTF8',
                        '--locale=C.UTF-8', '--no-sync'], check=True, stdout=subprocess.DEVNULL, cwd='/', preexec_fn=self.prepare)

    @property
    def url(self):
        return f'postgresql://dpc@127.0.0.1:{self.port}/postgres'

    def prepare(self):
        """In the child: no rights, and an end with ours, however that comes."""
        if self.user:
            os.setgroups([])
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)

    def start(self):
        settings = [word for setting in SETTINGS for word in ('-c', setting)]
        log = open(self.directory / 'log', 'ab')
        self.process = subprocess.Popen(
            [self.programs / 'postgres', '-D', self.directory / 'data', '-h', '127.0.0.1', '-p', str(self.port),
             '-k', self.directory, *settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd='/',
            start_new_session=True, preexec_fn=self.prepare)
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError('PostgreSQL does not start: ' + (self.directory / 'log').read_text(errors='replace')[-2000:])
            time.sleep(0.05)

    def answers(self):
        """Whether it takes connections: not while it starts, though its port is open then."""
        ready = self.programs / 'pg_isready'
        return subprocess.run([ready, '-q', '-h', '127.0.0.1', '-p', str(self.port), '-U', 'dpc']).returncode == 0

    def pause(self):
        """It keeps its connections and answers nothing, all of its processes."""
        self.signal_all(signal.SIGSTOP)

    def go_on(self):
        self.signal_all(signal.SIGCONT)

    def signal_all(self, number):
        pid = self.process.pid
        children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        for each in (pid, *map(int, children)):
            try:
                os.kill(each, number)
            except ProcessLookupError:  # it has just ended
                pass

    def stop(self):
        """At once, its connections cut."""
        if self.process and self.process.poll() is None:
            self.go_on()
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(20)
        self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def main():
    words = sys.argv[1:]
    if words and words[0] != '--run':
        print(__doc__.strip(), file=sys.stderr)
        return 0 if words[0] in ('-h', '--help') else 2
    try:
        postgres = Postgres()
    except FileNotFoundError as problem:
        print(problem, file=sys.stderr)
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        postgres.start()
        if words:
            return subprocess.run(words[1:], env={**os.environ, 'DPC_TEST_POSTGRES': postgres.url}).returncode
        print(postgres.url, flush=True)
        sys.stdin.read()
    finally:
        postgres.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
