#!/usr/bin/env python3
"""A server on loopback that sends back what it gets: TCP, and TLS with a certificate for 127.0.0.1
and localhost. It prints the two ports and the certificate's file on one line, and lives until its
standard input ends. What is just 'quit' closes the connection."""
import pathlib
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(65536):
                if data == b'quit':
                    return
                self.request.sendall(data)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
        super().finish_request(request, client_address)
        try:
            request.unwrap() if self.context else request.shutdown(socket.SHUT_WR)
        except (OSError, ssl.SSLError):
            pass


def main():
    with tempfile.TemporaryDirectory(prefix='dpc-echo-') as directory:
        key, certificate = pathlib.Path(directory, 'key.pem'), pathlib.Path(directory, 'cert.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost',
                        '-keyout', key, '-out', certificate], check=True, stderr=subprocess.DEVNULL)
        plain, tls = Server(('127.0.0.1', 0), Echo), Server(('127.0.0.1', 0), Echo)
        tls.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.context.load_cert_chain(certificate, key)
        for server in (plain, tls):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        print(plain.server_address[1], tls.server_address[1], certificate, flush=True)
        sys.stdin.read()


main()
