#!/usr/bin/python3
"""A page in a browser at the end of a pipe.   usage: browser_peer.py NAME

NAME is chromium or firefox, or with -interleaving, -snap, -usrsctp or -hidden behind it: the one with I-DATA (RFC 8260) or
SNAP (draft-hancke-tsvwg-snap) on, which it can do but does not by itself, the other with usrsctp in place of dcSCTP, or with
names for its addresses, as it has by itself. Chromium always has those.

It serves the page that runs peer.mjs, starts the browser on it, and carries lines: to the page as server-sent events,
from it as the bodies of requests. Nothing drives the browser but its command line and a profile of its own.
"""
import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = """<!doctype html><title>peer</title><script type="module">
import { createPeer } from './peer.mjs';
// Requests may overtake each other: one at a time.
let posted = Promise.resolve();
const say = (line) => { posted = posted.then(() => fetch('say', { method: 'POST', body: JSON.stringify(line) })); };
const take = createPeer(RTCPeerConnection, say);
new EventSource('lines').onmessage = ({ data }) => take(JSON.parse(data));
</script>"""

CHROMIUM = ["/usr/bin/chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            "--disable-background-timer-throttling",
            "--disable-renderer-backgrounding", "--allow-loopback-in-peer-connection"]
# What it can do, but does not by itself: I-DATA (RFC 8260), and the handshake of SCTP in the descriptions (SNAP).
CHROMIUM_TRIALS = {"interleaving": "WebRTC-DataChannelMessageInterleaving", "snap": "WebRTC-Sctp-Snap"}
FIREFOX = ["/usr/bin/firefox-esr", "--headless", "--no-remote", "--new-instance"]
# Candidates with addresses, as it sends nothing to loopback from others by itself; and a browser that asks nobody anything.
FIREFOX_PREFERENCES = {
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.peerconnection.ice.proxy_only_if_behind_proxy": False,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "captivedetect.canonicalURL": "",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.min_background_timeout_value": 4,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.url": "",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/lines":
            return self.send_lines()
        name, kind = ("peer.mjs", "text/javascript") if self.path == "/peer.mjs" else (None, "text/html")
        with open(os.path.join(HERE, name or "/dev/null"), "rb") as file:
            self.reply(kind, file.read() or PAGE.encode())

    def do_POST(self):
        print(self.rfile.read(int(self.headers["content-length"])).decode(), flush=True)
        self.reply("text/plain", b"")

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_lines(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        while (line := self.server.lines.get()) is not None:
            self.wfile.write(f"data: {line.strip()}\n\n".encode())
            self.wfile.flush()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # the browser is gone


def command(name, profile, url):
    browser, _, variant = name.partition("-")
    if browser == "chromium":
        trials = [f"--force-fieldtrials={CHROMIUM_TRIALS[variant]}/Enabled/"] if variant else []
        return CHROMIUM + trials + [f"--user-data-dir={profile}", url]
    preferences = dict(FIREFOX_PREFERENCES, **{"media.peerconnection.sctp.use_dcsctp": variant != "usrsctp"},
                       **({"media.peerconnection.ice.obfuscate_host_addresses": True} if variant == "hidden" else {}))
    with open(os.path.join(profile, "user.js"), "w") as file:
        for name, value in preferences.items():
            file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
    return FIREFOX + ["--profile", profile, url]


def main():
    server = Server(("127.0.0.1", 0), Handler)
    server.lines = queue.Queue()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="dpc-interop-", ignore_cleanup_errors=True) as profile:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        environment = dict(os.environ, HOME=profile, XDG_CONFIG_HOME=profile, XDG_CACHE_HOME=profile)
        browser = subprocess.Popen(command(sys.argv[1], profile, url), env=environment, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for line in sys.stdin:
                server.lines.put(line)
        finally:
            server.lines.put(None)
            # The browser and the processes that it started, which are a session of their own.
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()


main()
