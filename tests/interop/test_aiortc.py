#!/usr/bin/env python3
"""Our peer and aiortc (Debian's python3-aiortc) on loopback, as offerer and answerer, in both forms of SDP, either
side sending, either side closing.   usage: test_aiortc.py DPC_PEER [CASE]"""
import json
import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
AIORTC = ["/usr/bin/python3", os.path.join(HERE, "aiortc_peer.py")]
TIMEOUT = 120  # seconds: a guard, not a measure

# name, who offers, form of the offer, who sends, who closes, messages
CASES = {
    "dpc-offers-and-sends": ("dpc", "modern", "dpc", "dpc", 1000),
    "dpc-offers-aiortc-sends": ("dpc", "modern", "aiortc", "aiortc", 1000),
    "dpc-offers-legacy": ("dpc", "legacy", "dpc", "aiortc", 200),
    "aiortc-offers-legacy-and-sends": ("aiortc", "legacy", "aiortc", "aiortc", 1000),
    "aiortc-offers-legacy-dpc-sends": ("aiortc", "legacy", "dpc", "dpc", 1000),
    "aiortc-offers-modern": ("aiortc", "modern", "aiortc", "dpc", 200),
}


def command(side, program, case):
    offers, form, sends, closes, count = case
    line = list(program) + ["--offer" if offers == side else "--answer"]
    # aiortc announces that it accepts 65,536 bytes, so that is the most that we send; it may send more.
    line += ["--size-max", "65536" if side == "dpc" else "262144"]
    if offers == side and side == "dpc" and form == "legacy":
        line.append("--legacy")
    if offers == side and side == "aiortc" and form == "modern":
        line.append("--modern")
    if sends == side:
        line += ["--send", str(count)]
        if closes == side:
            line.append("--close")
    return line


class Side:
    """A process with JSON lines, whose descriptions and candidates go to the other."""

    def __init__(self, name, line):
        self.name, self.seen, self.other = name, [], None
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, other, on_line):
        self.other, self.on_line = other, on_line
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            self.seen.append({k: v for k, v in message.items() if k not in ("description", "candidate")})
            if "description" in message or "candidate" in message:
                self.other.write(line)
            self.on_line(self, message)

    def write(self, line):
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # it has closed already


def run(dpc_peer, name):
    case = CASES[name]
    sides = {
        "dpc": Side("dpc", command("dpc", [dpc_peer], case)),
        "aiortc": Side("aiortc", command("aiortc", AIORTC, case)),
    }
    sends, closes = case[2], case[3]

    def on_line(side, message):
        # Where the one that sent does not close, the other is told to by the end of its input.
        if side.name == sends and "verified" in message and "closed" not in message and closes != sends:
            if closes == "aiortc":
                sides["aiortc"].process.stdin.close()
            else:
                sides["dpc"].write('{"close": true}\n')

    sides["dpc"].start(sides["aiortc"], on_line)
    sides["aiortc"].start(sides["dpc"], on_line)
    codes = {}
    try:
        for side in sides.values():
            codes[side.name] = side.process.wait(TIMEOUT)
            side.thread.join(5)
    except subprocess.TimeoutExpired:
        codes[side.name] = "no end"
    finally:
        for side in sides.values():
            side.process.kill()
    verified = [m for m in sides[sends].seen if "verified" in m]
    good = codes == {"dpc": 0, "aiortc": 0} and verified and verified[0]["verified"] == case[4]
    print(f"{'ok' if good else 'FAILED'} {name}: {verified[0] if verified else codes}", flush=True)
    if not good:
        for side in sides.values():
            print(f"  {side.name}: exit {codes.get(side.name)}, {side.seen}")
    return good


def main():
    probe = subprocess.run(["/usr/bin/python3", "-c", "import aiortc"], capture_output=True)
    if probe.returncode != 0:
        print("SKIP: python3-aiortc is not installed")
        return 77
    names = sys.argv[2:] or CASES
    return 0 if all([run(sys.argv[1], name) for name in names]) else 1


sys.exit(main())
