"""A hub and nodes as processes on loopback, for the demo and the system tests.

A Stage owns a directory and the processes in it; a Node runs `dpc` commands as a person types them
and reads the node's stream of events. Waiting is for a condition with a deadline, never for a time.
"""
import http.client
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

START_SECONDS = 30     # for a process to listen
STEP_SECONDS = 30      # for something to happen between nodes
COMMAND_SECONDS = 300  # for one command; a model may have to be loaded first


class Failure(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def tail(log, count=10):
    try:
        lines = log.read_text(errors='replace').splitlines()[-count:]
    except OSError:
        return ''
    return '\n'.join(f'   | {line}' for line in lines)


def wait_until(what, condition, seconds, process=None, log=None):
    """Asks again and again; fails with the log's end when the process is gone or the time is over."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        if condition():
            return
        if process and process.poll() is not None:
            raise Failure(f'{what}: the process ended with status {process.returncode}\n{tail(log)}')
        pause.wait(0.02)
    raise Failure(f'{what}: not within {seconds} s\n{tail(log) if log else ""}')


class Stage:
    """Processes and their directory. `dpc` and `hub` are the programs."""

    def __init__(self, dpc, hub, directory):
        self.dpc, self.hub, self.directory = str(dpc), str(hub), directory
        self.processes = []

    def start(self, name, command):
        log = self.directory / f'{name}.log'
        with open(log, 'ab') as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        self.processes.append((name, process))
        return process, log

    def stop_one(self, process):
        """Asks it to end, and returns its exit status; None when it had to be killed."""
        process.terminate()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def stop(self):
        """Stops everything. Returns what did not go well, in words."""
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        problems = []
        for name, process in reversed(self.processes):
            status = self.stop_one(process)
            if status is None:
                problems.append(f'{name} did not stop when asked')
            elif status not in (0, -signal.SIGTERM, -signal.SIGKILL):
                problems.append(f'{name} ended with status {status}\n{tail(self.directory / (name + ".log"))}')
        self.processes = []
        return problems

    def start_hub(self, port=None, name='hub', config=''):
        """Starts a hub, waits until it is healthy, and returns its URL and process."""
        url = f'http://127.0.0.1:{port or free_port()}'
        data = self.directory / name
        data.mkdir(exist_ok=True)
        (data / 'hub.ini').write_text(config, encoding='utf-8')
        process, log = self.start(name, [self.hub, '--config', str(data / 'hub.ini'), '--listen', url[len('http://'):],
                                         '--data', str(data)])

        def healthy():
            try:
                with urllib.request.urlopen(url + '/health', timeout=2) as answer:
                    return answer.status == 200
            except OSError:
                return False
        wait_until('the hub listens', healthy, START_SECONDS, process, log)
        return url, process

    def start_relay(self, *options, where=()):
        """Starts coturn with options of tools/coturn, on loopback without; None where coturn is not installed.
        `where` is a command that runs it elsewhere."""
        log = self.directory / 'coturn.log'
        command = [*where, sys.executable, str(pathlib.Path(__file__).with_name('coturn')), *options]
        with open(log, 'ab') as errors:
            process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                       env={**os.environ, 'DPC_COTURN_LOG': str(self.directory / 'turnserver.log')})
        line = process.stdout.readline().split()
        if not line and process.wait(20) == 77:
            return None
        if not line:
            raise Failure(f'coturn did not start\n{tail(log)}')
        self.processes.append(('coturn', process))
        port, tls_port, certificate = line
        relay = Relay(int(port), int(tls_port), certificate)
        relay.process = process
        return relay


class Relay:
    """A coturn, and what a node has to know of it."""

    def __init__(self, port, tls_port, certificate):
        self.port, self.tls_port, self.certificate = port, tls_port, certificate
        self.process = None

    def uri(self, transport, address='127.0.0.1'):
        return {'udp': f'turn:{address}:{self.port}', 'tcp': f'turn:{address}:{self.port}?transport=tcp',
                'tls': f'turns:{address}:{self.tls_port}'}[transport]

    def hub_config(self, secret, *transports, ttl=600):
        """For a hub that names this relay, which was started with the secret."""
        servers = ' '.join(self.uri(transport) for transport in transports)
        return f'[turn]\nservers = {servers}\nsecret = {secret}\nttl = {ttl}\n'

    def trust(self, node):
        """The node believes the certificate; before it is up."""
        with open(node.home / 'config.ini', 'a', encoding='utf-8') as config:
            config.write(f'[turn]\nauthorities = {self.certificate}\n')

    def configure(self, node, *transports, password='secret', address='127.0.0.1'):
        """Before the node is up."""
        servers = ''.join(f'server = {self.uri(transport, address)}\n' for transport in transports)
        with open(node.home / 'config.ini', 'a', encoding='utf-8') as config:
            config.write(f'[turn]\n{servers}username = alice\npassword = {password}\nauthorities = {self.certificate}\n')


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('dpc', timeout=None)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


class Node:
    """One person's node, in a home of its own. `where` is a command that runs it elsewhere, in another network."""

    def __init__(self, stage, name, where=()):
        self.stage, self.name, self.where = stage, name, where
        self.home = stage.directory / name
        self.id = None
        self.port_mapping = False  # the router of this machine is none of a test's business
        self.process = None
        self.events = queue.Queue()

    def run(self, *words, stdin=None, environment=None):
        """A command as it is; returns what subprocess.run() does."""
        return subprocess.run([self.stage.dpc, *words, '--home', str(self.home)], text=True, capture_output=True,
                              input=stdin if stdin is not None else '', timeout=COMMAND_SECONDS,
                              env={**os.environ, **(environment or {})})

    def lines(self, *words):
        """A command that must succeed; what it prints, each line read as JSON."""
        done = self.run(*words, '--json')
        if done.returncode != 0:
            raise Failure(f'{self.name}: dpc {" ".join(words)}\n   {done.stderr.strip()}')
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def one(self, *words):
        return self.lines(*words)[0]

    def init(self):
        self.id = self.one('init', '--name', self.name)['node_id']
        with open(self.home / 'config.ini', 'a', encoding='utf-8') as config:
            config.write(f'[node]\nport_mapping = {"yes" if self.port_mapping else "no"}\n')

    def ask(self, path, body=None):
        """A request of the local API; its status and answer. With a body it is a POST."""
        connection = UnixConnection(self.home / 'control.sock')
        connection.request('GET' if body is None else 'POST', '/api/v1' + path,
                           None if body is None else json.dumps(body), {'Content-Type': 'application/json'})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text else None

    def keep_from_looking(self):
        """What AI programs this machine runs is none of a test's business, unless it names one."""
        config = self.home / 'config.ini'
        if config.exists() and '[ai]' not in config.read_text(encoding='utf-8', errors='replace'):
            with open(config, 'a', encoding='utf-8') as file:
                file.write('[ai]\nprovider = none\n')

    def up(self, *words, port=None, listen=None):
        """Runs the node and waits until it answers."""
        self.keep_from_looking()
        command = [*self.where, self.stage.dpc, 'up', '--home', str(self.home), '--listen',
                   listen or f'127.0.0.1:{port or free_port()}', *words]
        self.process, log = self.stage.start(self.name, command)
        wait_until(f'{self.name} is up', self.answers, START_SECONDS, self.process, log)
        self.events = queue.Queue()
        threading.Thread(target=self.read_events, args=[self.events], daemon=True).start()
        self.event('hello')

    def down(self):
        return self.stage.stop_one(self.process)

    def answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.home / 'control.sock'))
            return True
        except OSError:
            return False

    def read_events(self, events):
        connection = UnixConnection(self.home / 'control.sock')
        try:
            connection.request('GET', '/api/v1/events')
            for line in connection.getresponse():
                if line.strip():
                    events.put((time.monotonic(), json.loads(line)))
        except (OSError, http.client.HTTPException, ValueError):
            pass
        connection.close()
        events.put((time.monotonic(), {'event': 'the end'}))

    def event(self, kind, matches=lambda event: True, seconds=STEP_SECONDS):
        """The next event of this kind; those before it are let go. Returns when it came, and itself."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                when, event = self.events.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failure(f'{self.name}: no event {kind!r} within {seconds} s') from None
            if event['event'] == kind and matches(event):
                return when, event
            if event['event'] == 'the end':
                raise Failure(f'{self.name}: the node has stopped\n{tail(self.stage.directory / (self.name + ".log"))}')
