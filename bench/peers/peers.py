#!/usr/bin/env python3
"""dpc and other implementations of WebRTC data channels, measured the same way on loopback.

    peers.py --dpc DPC_PEER [--json] [--seconds N] [--only NAME]...

Each figure is of a fresh pair of processes of the same kind with one ordered, reliable channel. A peer is a program that
speaks the lines described in dpc_peer.c; all that is decided, timed and computed is here, but for the times of
events, which the peers take on the monotonic clock.
"""
import argparse
import json
import os
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 30  # seconds for one line: a guard, not a measure
WARM_UP = 0.5  # seconds
SETUPS = 10

# key, what the table says, format, whether more is better
FIGURES = [
    ("bulk_MBps", "bulk, 16 KiB messages, MB/s", ".1f", True),
    ("bulk_cpu_s_per_GB", "CPU, both sides, s/GB", ".2f", False),
    ("msgs_200B_per_s", "messages of 200 B, /s", ".0f", True),
    ("msgs_10kB_per_s", "messages of 10 kB, /s", ".0f", True),
    ("msgs_100kB_per_s", "messages of 100 kB, /s", ".0f", True),
    ("rtt_us_p50", "round trip of 64 B, p50, us", ".0f", False),
    ("rtt_us_p99", "round trip of 64 B, p99, us", ".0f", False),
    ("setup_ms_p50", "set-up, median, ms", ".1f", False),
]


class Failed(Exception):
    pass


class Process:
    """One side: its signals go to the other, its other lines wait in a queue."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, cwd=HERE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.lines = queue.Queue()
        self.errors = []

    def start(self, other):
        self.threads = [threading.Thread(target=target, args=args, daemon=True)
                        for target, args in ((self.read, (other,)), (self.read_errors, ()))]
        for thread in self.threads:
            thread.start()

    def read(self, other):
        for text in self.process.stdout:
            line = json.loads(text)
            if "signal" in line:
                other.say(line)
            else:
                self.lines.put(line)
        self.lines.put(None)

    def read_errors(self):
        self.errors.extend(self.process.stderr)

    def say(self, line):
        try:
            self.process.stdin.write(json.dumps(line) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # it has ended: whoever waits for its next line learns that

    def wait(self, key):
        """Its next line, which has this key."""
        try:
            line = self.lines.get(timeout=TIMEOUT)
        except queue.Empty:
            raise Failed(f"no '{key}' within {TIMEOUT} s") from None
        if line is None or key not in line:
            self.threads[1].join(1)
            raise Failed(" ".join(self.errors[-1:]).strip() or f"it ended before '{key}'")
        return line

    def count(self):
        self.say({"count": True})
        return self.wait("counted")["counted"]

    def end(self):
        """Ends it; the CPU seconds that it took in all."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended already, with lines unread
        guard = threading.Timer(TIMEOUT, self.process.kill)
        guard.start()
        _, status, usage = os.wait4(self.process.pid, 0)
        guard.cancel()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        for thread in self.threads:
            thread.join()
        return usage.ru_utime + usage.ru_stime


class Pair:
    def __init__(self, command):
        self.offerer, self.answerer = Process(command + ["offer"]), Process(command + ["answer"])
        self.offerer.start(self.answerer)
        self.answerer.start(self.offerer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cpu = self.offerer.end() + self.answerer.end()

    def connect(self, label, size=0):
        """Milliseconds until the channel is open at both ends."""
        self.offerer.say({"connect": label, "size": size})
        offerer, answerer = self.offerer.wait("open"), self.answerer.wait("open")
        return (max(offerer["open"], answerer["open"]) - offerer["begun"]) / 1000

    def close(self):
        for side in self.offerer, self.answerer:
            side.say({"close": True})
            side.wait("closed")


def quantile(values, q):
    return sorted(values)[int((len(values) - 1) * q)]


def measure_rate(command, size, seconds):
    """Bytes and messages a second that the answerer took, CPU seconds of both, and bytes in all."""
    with Pair(command) as pair:
        pair.connect("sink", size)
        time.sleep(WARM_UP)
        before = pair.answerer.count()
        time.sleep(seconds)
        after = pair.answerer.count()
    elapsed = (after["at"] - before["at"]) / 1e6
    if after["messages"] == before["messages"]:
        raise Failed("no message arrived")
    return ((after["bytes"] - before["bytes"]) / elapsed, (after["messages"] - before["messages"]) / elapsed,
            pair.cpu, after["bytes"])


def measure_messages(command, size, seconds):
    """Messages a second; None where the peer does not take or send messages of this size."""
    try:
        return measure_rate(command, size, seconds)[1]
    except Failed as failed:
        print(f"messages of {size} bytes: {failed}", file=sys.stderr)
        return None


def measure_setup(command):
    """The median, and the CPU seconds of a pair that connects only once."""
    with Pair(command) as once:
        once.connect("sink")
        once.close()
    with Pair(command) as pair:
        times = []
        for _ in range(SETUPS):
            times.append(pair.connect("sink"))
            pair.close()
    return statistics.median(times), once.cpu


def measure_rtt(command, seconds):
    with Pair(command) as pair:
        pair.connect("echo", 64)
        time.sleep(WARM_UP)
        pair.offerer.count()
        time.sleep(seconds)
        round_trips = pair.offerer.count()["round_trips"]
    if not round_trips:
        raise Failed("no message came back")
    return quantile(round_trips, 0.5), quantile(round_trips, 0.99)


def measure(name, command, seconds):
    result = {}

    def progress(what):
        print(f"{name}: {what}", file=sys.stderr, flush=True)

    progress("set-up")
    result["setup_ms_p50"], cpu_once = measure_setup(command)
    progress("bulk")
    rate, _, cpu, total = measure_rate(command, 16384, seconds)
    result["bulk_MBps"] = rate / 1e6
    result["bulk_cpu_s_per_GB"] = max(0, cpu - cpu_once) / (total / 1e9)
    for text, size in ("200B", 200), ("10kB", 10000), ("100kB", 100000):
        progress(f"messages of {text}")
        result[f"msgs_{text}_per_s"] = measure_messages(command, size, seconds)
    progress("round trips")
    result["rtt_us_p50"], result["rtt_us_p99"] = measure_rtt(command, seconds)
    return {key: None if result[key] is None else round(result[key], 3) for key, *_ in FIGURES}


def find_aiortc():
    command = ["/usr/bin/python3", os.path.join(HERE, "aiortc_peer.py")]
    try:
        found = subprocess.run([command[0], "-c", "import aiortc"], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        found = False
    return command if found else "python3-aiortc is not installed"


def find_pion(directory):
    if not shutil.which("go") or not os.path.isdir("/usr/share/gocode/src/github.com/pion/webrtc"):
        return "golang-go and golang-github-pion-webrtc.v3-dev are not installed"
    program = os.path.join(directory, "pion_peer")
    environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="")
    built = subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "pion_peer.go")], env=environment,
                           stderr=sys.stderr)
    return [program] if built.returncode == 0 else "pion_peer.go cannot be built"


def find_npm(module):
    if not shutil.which("node"):
        return "nodejs is not installed"
    if not os.path.isdir(os.path.join(HERE, "node_modules", module)):
        return f"{module} is not installed: 'npm ci' in bench/peers"
    return ["node", os.path.join(HERE, "node_peer.mjs"), module]


def measure_all(args, directory):
    """The results by name, and the reasons of those that have none."""
    found = {"dpc": [os.path.abspath(args.dpc)], "wrtc": find_npm("@roamhq/wrtc"), "werift": find_npm("werift"),
             "aiortc": find_aiortc()}
    if not args.only or "pion" in args.only:
        found["pion"] = find_pion(directory)
    peers, missing = {}, {}
    for name, command in found.items():
        if args.only and name not in args.only:
            continue
        try:
            if isinstance(command, str):
                raise Failed(command)
            peers[name] = measure(name, command, args.seconds)
        except Failed as failed:
            missing[name] = str(failed)
            print(f"{name}: not measured: {failed}", file=sys.stderr)
    return peers, missing


def ratio(more_is_better, ours, theirs):
    """How many times better ours is; None where that has no meaning."""
    best, worst = (ours, theirs) if more_is_better else (theirs, ours)
    return best / worst if best is not None and worst else None


def print_table(peers, missing):
    others = [name for name in peers if name != "dpc"]
    print("two processes of each kind, loopback; in brackets how many times better dpc is\n")
    print(" " * 30 + "".join(f"{name:>20}" for name in peers))
    for key, text, form, more_is_better in FIGURES:
        line = f"  {text:<28}"
        for name, figures in peers.items():
            cell = "refused" if figures[key] is None else format(figures[key], form)
            if figures[key] is not None and name in others and "dpc" in peers:
                times = ratio(more_is_better, peers["dpc"][key], figures[key])
                cell += f" ({times:.1f})" if times else " (-)"
            line += f"{cell:>20}"
        print(line)
    for name, reason in missing.items():
        print(f"  {name}: not measured: {reason}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dpc", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", action="append")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dpc-bench-") as directory:
        peers, missing = measure_all(args, directory)
    if args.json:
        ratios = {name: {key: ratio(more, peers["dpc"][key], figures[key]) for key, _, _, more in FIGURES}
                  for name, figures in peers.items() if name != "dpc" and "dpc" in peers}
        print(json.dumps({"seconds": args.seconds, "peers": peers, "not_measured": missing, "dpc_is_better": ratios}))
    else:
        print_table(peers, missing)
    return "dpc" not in peers and not (args.only and "dpc" not in args.only)


if __name__ == "__main__":
    sys.exit(main())
