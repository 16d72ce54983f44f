#!/usr/bin/env python3
"""The comparison's driver with a pair of ours, briefly: every figure is there and is more than nothing.

    test_peers.py DPC_PEER
"""
import json
import os
import subprocess
import sys

from peers import FIGURES

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers.py")

done = subprocess.run([sys.executable, PEERS, "--dpc", sys.argv[1], "--only", "dpc", "--seconds", "0.2", "--json"],
                      stdout=subprocess.PIPE, text=True, check=True)
told = json.loads(done.stdout)
assert told["not_measured"] == {}, told
assert set(told["peers"]) == {"dpc"}, told
figures = told["peers"]["dpc"]
assert set(figures) == {key for key, *_ in FIGURES}, told
assert all(value > 0 for value in figures.values()), told
assert figures["rtt_us_p50"] <= figures["rtt_us_p99"], told

done = subprocess.run([sys.executable, PEERS, "--dpc", "/bin/false", "--only", "dpc", "--seconds", "0.2", "--json"],
                      stdout=subprocess.PIPE, text=True)
assert done.returncode == 1, done
assert json.loads(done.stdout)["peers"] == {}, done
assert "dpc" in json.loads(done.stdout)["not_measured"], done
