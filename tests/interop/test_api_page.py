"""Pages in Chromium at the local API on loopback: one whose origin the configuration names uses it with the token, WebSocket included;
another one, and one whose name was turned to this machine, get nothing even with the token.
"""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'system'))
import harness  # noqa: E402 (the path comes first)
from harness import StageTest  # noqa: E402
from stage import free_port  # noqa: E402

SKIP = 77
CHROMIUM = ['/usr/bin/chromium', '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--disable-sync', '--disable-extensions']
CONTACT = 'dpc-node-0123456789abcdef'
PAGE = """<!doctype html><script>
const port = PORT, token = 'TOKEN', api = 'http://127.0.0.1:' + port + '/api/v1';
const ask = (path, method, body) => fetch(api + path, {method, headers: {Authorization: 'Bearer ' + token, 'Content-Type': 'application/json'},
                                                       body: body && JSON.stringify(body)});
const told = {};
const events = new WebSocket('ws://localhost:' + port + '/api/v1/events', ['dpc.events', 'dpc-token.' + token]);
const hello = new Promise(done => {
    events.onmessage = ({data}) => done([events.protocol, JSON.parse(data).event]);
    events.onclose = () => done(null);
});
const added = () => new Promise(done => events.onmessage = ({data}) => done(JSON.parse(data).event));
async function run() {
    told.hello = await hello;
    const event = told.hello && added();
    told.added = (await ask('/peers', 'POST', {peer: 'CONTACT', name: 'bob'})).status;
    told.event = await event;
    told.removed = (await ask('/peers/bob', 'DELETE')).status;
    told.put = (await ask('/context', 'PUT')).status;
    told.refused = (await fetch(api + '/status')).status;
}
run().catch(error => told.error = error.name).finally(() => fetch('/told', {method: 'POST', body: JSON.stringify(told)}));
</script>"""


class Pages(StageTest):
    def setUp(self):
        super().setUp()
        test = self
        self.told, self.is_told = None, threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header('Content-Type', 'text/html')
                self.end_headers()
                self.wfile.write(test.page.encode())

            def do_POST(self):
                test.told = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                self.send_response(204)
                self.end_headers()
                test.is_told.set()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.page_port, self.port = self.server.server_address[1], free_port()
        self.alice = self.node('alice', up=False)
        with open(self.alice.home / 'config.ini', 'a', encoding='utf-8') as config:
            config.write(f'[api]\norigin = http://localhost:{self.page_port}\n')
        self.alice.up('--api-port', str(self.port))
        token = (self.alice.home / 'api.token').read_text(encoding='utf-8').strip()
        self.page = PAGE.replace('PORT', str(self.port)).replace('TOKEN', token).replace('CONTACT', CONTACT)

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        super().tearDown()

    def browser(self, url, *options):
        return [*CHROMIUM, f'--user-data-dir={self.directory}/profile', '--host-resolver-rules=MAP evil.example 127.0.0.1', *options, url]

    def visit(self, host):
        """What the page of that host has met with."""
        self.is_told.clear()
        process = subprocess.Popen(self.browser(f'http://{host}:{self.page_port}/'), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.assertTrue(self.is_told.wait(60), 'the page said nothing')
        finally:
            process.terminate()
            process.wait(20)
        return self.told

    def test_a_page_that_is_named_uses_all_of_it(self):
        told = self.visit('localhost')
        self.assertEqual(told, {'hello': ['dpc.events', 'hello'], 'added': 201, 'event': 'peer_added', 'removed': 204, 'put': 400, 'refused': 401})

    def test_any_other_page_gets_nothing_even_with_the_token(self):
        for host in ('127.0.0.1', 'evil.example'):
            self.assertEqual(self.visit(host), {'hello': None, 'error': 'TypeError'}, host)
            self.assertEqual(self.alice.ask('/peers')[1]['peers'], [])

    def test_a_name_that_is_turned_to_this_machine_is_refused(self):
        url = f'http://evil.example:{self.port}/api/v1/status'
        done = subprocess.run(self.browser(url, '--dump-dom'), capture_output=True, text=True, timeout=60)
        self.assertIn('"code":"host"', done.stdout)


if __name__ == '__main__':
    if not os.access(CHROMIUM[0], os.X_OK):
        print('SKIP: Chromium is not installed')
        sys.exit(SKIP)
    harness.main()
