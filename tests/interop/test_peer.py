#!/usr/bin/python3
"""Our peer and another implementation on loopback: every role, every feature, with and without loss.

    test_peer.py PEER DPC_PEER [CONNECTION...]

PEER is aiortc, chromium, chromium-interleaving, chromium-snap, firefox, firefox-usrsctp, pion, werift or wrtc. The last
lines are the matrix, one row a connection.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 120  # seconds for one step: a guard, not a measure, on a machine that has much else to do
MESSAGE_MAX = 262144  # that we announce
MESSAGE_MAX_ABSENT = 65536  # RFC 8841 section 6.1: where none is announced
LOSS, REORDER = 10, 50  # per mille of the datagrams in both directions
FLOOD = 2 << 20
MANY = 60

# What a peer cannot do, or does otherwise than the standard: (peer, feature or connection) -> why. docs/interop.md says more.
BY_ICE_ROLE = "it takes the ids of channels by its ICE role, not by its DTLS role (RFC 8832 section 6)"
CHARACTERS = "it counts characters where DCEP counts bytes"
FORWARD_TSN = "a FORWARD TSN makes it drop the fragments of a later message that have arrived"
LIMITS = {
    ("aiortc", "retransmits"): FORWARD_TSN,
    ("aiortc", "lifetime"): FORWARD_TSN,
    ("werift", "retransmits"): FORWARD_TSN,
    ("werift", "lifetime"): FORWARD_TSN,
    ("aiortc", "offerer-client"): "it refuses an offer that is not 'actpass'",
    ("aiortc", "answerer-server"): BY_ICE_ROLE,
    ("aiortc", "labels"): CHARACTERS,
    ("werift", "answerer-server"): BY_ICE_ROLE,
    ("werift", "labels"): CHARACTERS,
    ("werift", "empty"): "it drops an empty message unread",
    ("werift", "many"): "a message that is whole before an older one of its channel is held back until another comes there",
    ("werift", "buffered low"): "no event comes when little is left of much that was sent at once",
    ("wrtc", "buffered low"): "it tells the amount only from one turn of the event loop to the next, and no event comes",
}
# It takes the id of a channel again as soon as the other side has reset its stream, before its own request to reset is
# answered; the answer then closes the new channel. Its ids are used again only once it has the answer.
REUSES_EARLY = ("werift",)
# The same where datagrams are lost.
RESET_ONCE = "it never repeats a request to reset a stream, and takes a repeated one for a new one"
LOSS_LIMITS = {
    ("aiortc", "reset"): RESET_ONCE,
    ("aiortc", "many"): RESET_ONCE,
    ("werift", "reset"): RESET_ONCE,
}
# What is tried under loss from our side only: not on channels that the peer sends on of itself.
SILENCE = "it may send nothing more, nor say that it skips, once a message that it has sent in part has expired"
OWN_LOSS_LIMITS = {(peer, "lifetime"): SILENCE for peer in ("chromium", "chromium-interleaving", "chromium-snap")}
# The largest message that a peer really takes and sends, where that is less than it says.
MESSAGE_LIMITS = {"pion": 65535}


class Failed(Exception):
    pass


class Side:
    """A process with JSON lines: what it says is kept until somebody waits for it."""

    def __init__(self, name, command, listens=True):
        self.name, self.lines, self.all, self.on_signal = name, [], [], None
        self.changed = threading.Condition()
        self.ended, self.other = False, None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        if listens:
            self.listen()

    def listen(self):
        """From here on it is read; what a signal is has to be known by then."""
        self.thread.start()

    def read(self):
        for text in self.process.stdout:
            try:
                line = json.loads(text)
            except ValueError:
                continue  # pion logs to its standard output
            if self.on_signal and ("description" in line or "candidate" in line):
                self.on_signal(line)
                continue
            with self.changed:
                self.lines.append(line)
                self.all.append(line)
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def say(self, line):
        try:
            self.process.stdin.write(json.dumps(line) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # it has ended: whoever waits for its next line learns that

    def take(self, fits):
        """The first line kept that fits, or None."""
        for i, line in enumerate(self.lines):
            if "error" in line:
                raise Failed(f"{self.name}: {line['error']}")
            if fits(line):
                return self.lines.pop(i)
        return None

    def wait(self, key, value=None, timeout=TIMEOUT):
        """The next line with this key, and value where one is given."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                line = self.take(lambda line: key in line and (value is None or line[key] == value))
                if line:
                    return line
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    raise Failed(f"{self.name}: {'ended' if self.ended else 'nothing'} instead of {key} {value or ''}")
                self.changed.wait(min(left, 0.5))
                if wrong := self.other and next((line for line in self.other.all if "error" in line), None):
                    raise Failed(f"{self.other.name}: {wrong['error']}")

    def forget(self):
        with self.changed:
            self.lines.clear()
            self.all.clear()

    def end(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Connection:
    """One connection of the two: who offers, who is the client of DTLS, and the weather between them."""

    def __init__(self, peer, dpc_command, name, offerer, client, lossy, ending, features, legacy=False, tcp=False):
        self.name, self.peer, self.lossy, self.ending, self.features = name, peer, lossy, ending, features
        self.offerer, self.client, self.legacy = offerer, client, legacy
        command = dpc_command + ["--offer" if offerer == "dpc" else "--answer"]
        if legacy and offerer == "dpc":
            command.append("--legacy")
        if tcp:
            command.append("--tcp")
        if lossy:
            command += ["--loss", str(LOSS), "--reorder", str(REORDER), "--seed", "1"]
        self.dpc = Side("dpc", command, listens=False)
        self.dpc.other, self.peer.other = self.peer, self.dpc
        self.labels = 0
        self.size_max = MESSAGE_LIMITS.get(peer.name, MESSAGE_MAX)

    def forward(self, source, target):
        """What carries signals from one to the other: candidates only after the description."""
        early, described = [], False

        def on_signal(line):
            nonlocal described
            sdp = line.get("description")
            if not sdp and not described:
                early.append(line)
                return
            if sdp and source is self.peer:
                found = re.search(r"a=max-message-size:(\d+)", sdp)
                self.peer_max = int(found[1]) if found else MESSAGE_MAX_ABSENT
                self.peer_max = min(self.peer_max or MESSAGE_MAX, self.size_max)
            offered = (source is self.dpc) == (self.offerer == "dpc")
            if sdp and offered and (self.client == "dpc") == (self.offerer == "dpc"):
                # An answerer chooses to be the client; told that the offerer is, it must not.
                line["description"] = sdp.replace("a=setup:actpass", "a=setup:active")
            described = True
            for each in [line] + early:
                target.say(each)
            early.clear()
        return on_signal

    def connect(self):
        self.peer.forget()
        self.peer.on_signal = self.forward(self.peer, self.dpc)
        self.peer.say({"begin": {"offer": self.offerer != "dpc", "legacy": self.legacy,
                                 "client": self.client == "peer"}})
        self.dpc.on_signal = self.forward(self.dpc, self.peer)
        self.dpc.listen()
        self.dpc.wait("state", "connected")

    def label(self, name):
        self.labels += 1
        return f"{name}-{self.labels}"

    def open(self, side, label, **options):
        """Opens a channel; what the two sides say of it, ours first."""
        side.say({"open": {"label": label, **options}})
        ours, theirs = self.dpc.wait("open", label), self.peer.wait("open", label)
        for line, at in (ours, self.dpc), (theirs, self.peer):
            if line["remote"] != (at is not side):
                raise Failed(f"{at.name} mistakes who opened '{label}'")
            if line["protocol"] != options.get("protocol", ""):
                raise Failed(f"{at.name} has the protocol '{line['protocol']}' for '{label}'")
        return ours, theirs

    def echo(self, side, label, count, size, **options):
        job = {"label": label, "count": count, "max": size, **options}
        if side is self.peer and self.peer_max < MESSAGE_MAX:
            job["answerMax"] = self.peer_max
        side.say({"send": job})
        told = side.wait("echoed", label)
        if not options.get("partial") and told["back"] != count:
            raise Failed(f"{told['back']} of {count} messages came back")
        return told

    def both(self):
        return (self.dpc, self.peer)


# ---- Features: each raises Failed, or returns a word for the matrix ----

def messages(c):
    """Texts and binaries of 1 byte to the largest, in order."""
    for side in c.both():
        label = c.label("messages")
        c.open(side, label)
        size = c.peer_max if side is c.dpc else c.size_max
        c.echo(side, label, 60, size, ordered=True)
    return f"{c.peer_max >> 10}K"


def labels(c):
    """Labels and protocols of more than ASCII."""
    for side in c.both():
        c.open(side, c.label("größe 😀"), protocol="écho/1")


def empty(c):
    """Empty texts and binaries (RFC 8831 section 6.6)."""
    for side in c.both():
        label = c.label("empty")
        c.open(side, label)
        c.echo(side, label, 4, 0, ordered=True)


def unordered(c):
    for side in c.both():
        label = c.label("unordered")
        _, theirs = c.open(side, label, ordered=False)
        if theirs["ordered"] is not False:
            raise Failed("the channel is ordered at the peer")
        c.echo(side, label, 100, 20000, tagged=True)


def partial(c, option, value):
    """What a lossy path takes is given up, the rest arrives, and the channel goes on."""
    lost = []
    feature = "lifetime" if option == "maxPacketLifeTime" else "retransmits"
    ours_only = c.lossy and (c.peer.name, feature) in OWN_LOSS_LIMITS
    for side in (c.dpc,) if ours_only else c.both():
        for ordered in True, False:
            label = c.label(option)
            _, theirs = c.open(side, label, ordered=ordered, **{option: value})
            if theirs[option] != value:
                raise Failed(f"{option} is {theirs[option]} at the peer")
            told = c.echo(side, label, 150, 10000, partial=True, ordered=ordered)
            # Without loss of ours some may be lost all the same, in a socket's buffer.
            if told["back"] == 0:
                raise Failed(f"{told['back']} of {told['sent']} messages came back")
            lost.append(told["sent"] - told["back"])
    if c.lossy and option == "maxRetransmits" and sum(lost) == 0:
        raise Failed("nothing was given up, though datagrams were lost")
    return f"-{sum(lost)}"


def retransmits(c):
    return partial(c, "maxRetransmits", 0)


def lifetime(c):
    # Where nothing is lost only a machine that is slow lets messages expire, which is not what is tried.
    return partial(c, "maxPacketLifeTime", 100 if c.lossy else 5000)


def close_all(c, side, labels):
    for label in labels:
        side.say({"close_channel": label})
    for label in labels:
        for at in c.both():
            at.wait("channel_closed", label)


def settle(c, label):
    """There and back on a channel of ours: what either side sent before that has been taken by the other."""
    c.echo(c.dpc, label, 1, 1, ordered=True)


def reset(c):
    """Channels are closed by either side, and their ids used again (RFC 8831 section 6.7)."""
    ids, steady = [], c.label("steady")
    c.open(c.dpc, steady)
    for opener in c.both():
        for closer in c.both():
            labels = [c.label("reset") for _ in range(4)]
            told = [c.open(opener, label) for label in labels]
            if any(ours["id"] != theirs["id"] for ours, theirs in told):
                raise Failed(f"the sides call the channels by different ids: {told}")
            ids.append({ours["id"] for ours, _ in told})
            c.echo(opener, labels[0], 4, 1000, ordered=True)
            close_all(c, closer, labels)
            if c.peer.name in REUSES_EARLY:
                settle(c, steady)
    if ids[0] != ids[1]:
        raise Failed(f"we use the ids {ids[1]} after {ids[0]} were closed")
    return "reused" if ids[2] == ids[3] else "ok"


def many(c):
    """Many channels at a time."""
    labels = [c.label("many") for _ in range(MANY)]
    for i, label in enumerate(labels):
        c.both()[i % 2].say({"open": {"label": label}})
    for label in labels:
        for side in c.both():
            side.wait("open", label)
    for i, label in enumerate(labels):
        c.both()[i % 2].say({"send": {"label": label, "count": 4, "max": 2000, "ordered": True}})
    for i, label in enumerate(labels):
        told = c.both()[i % 2].wait("echoed", label)
        if told["back"] != 4:
            raise Failed(f"{told['back']} of 4 messages came back on '{label}'")
    close_all(c, c.dpc, labels)


def buffered(c):
    """The buffered amount rises with what is sent at once, and the word comes when it is low again."""
    for side in c.both():
        label = c.label("sink")
        c.open(side, label)
        side.say({"flood": {"label": label, "bytes": FLOOD}})
        low = side.wait("low", label)
        if low.get("polled") and (side.name, "buffered low") not in LIMITS:
            raise Failed("no word came when little was left")
        peak = FLOOD if low.get("polled") else low["peak"]
        other = c.peer if side is c.dpc else c.dpc
        sunk = other.wait("sunk", label)["bytes"]
        if sunk != FLOOD or not FLOOD // 4 <= peak <= FLOOD + 100:
            raise Failed(f"{sunk} of {FLOOD} bytes arrived, {peak} were buffered")


def ending(c):
    """The other side sees the end, of whatever kind."""
    begun = time.monotonic()
    if c.ending == "peer closes":
        c.peer.say({"close": True})
        c.peer.wait("closed")
        why = c.dpc.wait("closed")
    else:
        c.dpc.say({"close" if c.ending == "dpc closes" else "abort": True})
        why = c.dpc.wait("closed")
        c.peer.wait("channel_closed")
        c.peer.say({"close": True})
        c.peer.wait("closed")
    if c.dpc.end() != 0:
        raise Failed(f"dpc_peer ended with {c.dpc.process.returncode}")
    if c.lossy and why["lost"] < 10:
        raise Failed(f"only {why['lost']} datagrams were lost")
    return f"{c.ending} {time.monotonic() - begun:.1f}s"


FEATURES = [messages, labels, empty, unordered, retransmits, lifetime, reset, many, buffered, ending]
SHORT = [messages, ending]

# name -> who offers, who is the DTLS client, with loss, how it ends, features
CONNECTIONS = {
    "offerer-server": ("dpc", "peer", False, "dpc closes", FEATURES),
    "offerer-server-loss": ("dpc", "peer", True, "dpc closes", FEATURES),
    "answerer-client": ("peer", "dpc", False, "peer closes", FEATURES),
    "answerer-client-loss": ("peer", "dpc", True, "dpc closes", FEATURES),
    "offerer-client": ("dpc", "dpc", False, "dpc aborts", SHORT),
    "answerer-server": ("peer", "peer", False, "dpc aborts", SHORT),
}
# The descriptions of old drafts, which aiortc can make too.
LEGACY = {
    "offerer-legacy": ("dpc", "peer", False, "dpc aborts", SHORT, True),
    "answerer-legacy": ("peer", "dpc", False, "peer closes", SHORT, True),
}
# A passive TCP candidate of ours and nothing else (RFC 6544): the peer connects.
TCP = {
    "offerer-tcp": ("dpc", "peer", False, "dpc closes", SHORT, False, True),
    "answerer-tcp": ("peer", "dpc", False, "peer closes", SHORT, False, True),
}
TCP_PEERS = ("chromium", "wrtc")


# ---- Peers ----

def node_peer(module):
    if not shutil.which("node"):
        return "nodejs is not installed"
    if not os.path.isdir(os.path.join(HERE, "node_modules", module)):
        return f"{module} is not installed: run 'npm ci --ignore-scripts' in tests/interop"
    return ["node", os.path.join(HERE, "node_peer.mjs"), module]


def browser_peer(name, program):
    if not os.path.exists(program):
        return f"{program} is not installed"
    return ["/usr/bin/python3", os.path.join(HERE, "browser_peer.py"), name]


def aiortc_peer():
    if subprocess.run(["/usr/bin/python3", "-c", "import aiortc"], capture_output=True).returncode:
        return "python3-aiortc is not installed"
    return ["/usr/bin/python3", os.path.join(HERE, "aiortc_peer.py")]


def pion_peer(directory):
    if not shutil.which("go") or not os.path.isdir("/usr/share/gocode/src/github.com/pion/webrtc"):
        return "golang-go and golang-github-pion-webrtc.v3-dev are not installed"
    program = os.path.join(directory, "pion_peer")
    environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="")
    subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "pion_peer.go")], env=environment, check=True)
    return [program]


def find_peer(name, directory):
    """The command, or why there is none."""
    if name == "aiortc":
        return aiortc_peer()
    if name == "pion":
        return pion_peer(directory)
    if name.startswith(("chromium", "firefox")):
        return browser_peer(name, "/usr/bin/chromium" if name.startswith("chromium") else "/usr/bin/firefox-esr")
    return node_peer("@roamhq/wrtc" if name == "wrtc" else name)


# ---- The run ----

def run_feature(c, peer, feature):
    """The cell of the matrix, and what went wrong."""
    name = feature.__name__
    if (peer, name) in LIMITS or (c.lossy and (peer, name) in LOSS_LIMITS):
        return "no", None
    try:
        return feature(c) or "ok", None
    except Failed as failed:
        return "FAILED", f"{name}: {failed}"


def run_connection(peer_name, peer, dpc_command, name, case):
    """A row of the matrix; whether all is well."""
    c = Connection(peer, dpc_command, name, *case)
    cells, wrong = {}, None
    try:
        c.connect()
        for feature in c.features:
            cells[feature.__name__], wrong = run_feature(c, peer_name, feature)
            if wrong:
                break
    except Failed as failed:
        wrong = f"connecting: {failed}"
    finally:
        c.dpc.end()
    if wrong:
        print(f"{peer_name} {name}: {wrong}")
        for side in c.both():
            print(f"  {side.name} said: {side.all[-12:]}")
    return cells, not wrong


def print_matrix(peer_name, rows):
    widths = {feature.__name__: max(len(feature.__name__), *(len(row.get(feature.__name__, "")) for row in rows.values()))
              for feature in FEATURES}
    first = max(len(name) for name in rows) + len(peer_name) + 1
    print("| " + " ".join([" " * first] + [f"{name:{width}}" for name, width in widths.items()]))
    for name, row in rows.items():
        print("| " + " ".join([f"{peer_name + ' ' + name:{first}}"] +
                              [f"{row.get(feature, '-'):{width}}" for feature, width in widths.items()]))
    for limits, when in (LIMITS, ""), (LOSS_LIMITS, " under loss"), (OWN_LOSS_LIMITS, " of its own under loss"):
        for (peer, feature), reason in limits.items():
            if peer == peer_name:
                print(f"| no {feature}{when}: {reason}")


def main():
    peer_name, dpc_command, names = sys.argv[1], [sys.argv[2]], sys.argv[3:]
    cases = dict(CONNECTIONS, **(LEGACY if peer_name == "aiortc" else {}), **(TCP if peer_name in TCP_PEERS else {}))
    with tempfile.TemporaryDirectory(prefix="dpc-interop-") as directory:
        command = find_peer(peer_name, directory)
        if isinstance(command, str):
            print(f"SKIP: {command}")
            return 77
        peer, rows, good = None, {}, True
        for name in names or cases:
            if (peer_name, name) in LIMITS:
                rows[name] = {feature.__name__: "no" for feature in cases[name][4]}
                continue
            peer = peer or Side(peer_name, command)
            begun = time.monotonic()
            rows[name], well = run_connection(peer_name, peer, dpc_command, name, cases[name])
            print(f"{peer_name} {name}: {time.monotonic() - begun:.1f} s", flush=True)
            if not well:  # a peer in an unknown state is of no use for the next connection
                peer.end()
                peer, good = None, False
        if peer:
            peer.end()
    print_matrix(peer_name, rows)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
