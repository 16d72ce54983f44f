#!/usr/bin/env python3
"""coturn on loopback, with credentials alice:secret and a certificate for 127.0.0.1.

It prints `PORT TLS_PORT CERTIFICATE` on one line when it answers, and lives until its standard input
ends. Exit status 77: coturn is not installed.
"""
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as udp:
        probe.bind(('127.0.0.1', 0))
        udp.bind(('127.0.0.1', probe.getsockname()[1]))
        return probe.getsockname()[1]


def wait_for(port, server):
    limit = time.monotonic() + 20
    while time.monotonic() < limit and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return True
        time.sleep(0.05)
    return False


def main():
    if not shutil.which('turnserver'):
        print('coturn is not installed', file=sys.stderr)
        return 77
    with tempfile.TemporaryDirectory(prefix='dpc-turn-') as directory:
        directory = pathlib.Path(directory)
        key, certificate = directory / 'key.pem', directory / 'cert.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1',
                        '-keyout', key, '-out', certificate], check=True, stderr=subprocess.DEVNULL)
        port, tls_port = free_port(), free_port()
        log = open(directory / 'log', 'w')
        server = subprocess.Popen(
            ['turnserver', '-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', f'--listening-port={port}',
             f'--tls-listening-port={tls_port}', '--lt-cred-mech', '--user=alice:secret', '--realm=example.org',
             '--fingerprint', '--no-cli', '--allow-loopback-peers', f'--cert={certificate}', f'--pkey={key}',
             '--no-dtls', '--log-file=stdout', '--simple-log', f'--pidfile={directory}/pid', f'--userdb={directory}/db',
             '--user-quota=12', *sys.argv[1:]], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            if not wait_for(port, server):
                print((directory / 'log').read_text()[-2000:], file=sys.stderr)
                return 1
            print(port, tls_port, certificate, flush=True)
            sys.stdin.read()
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()
    return 0


sys.exit(main())
