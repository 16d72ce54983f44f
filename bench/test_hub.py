#!/usr/bin/env python3
"""The measurement of the hub, briefly: every figure is there and is more than nothing.

    test_hub.py BUILD
"""
import json
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True

from hub import FIGURES  # noqa: E402 (found beside this file)

HUB = pathlib.Path(__file__).resolve().parent / 'hub.py'

done = subprocess.run([sys.executable, HUB, '--build', sys.argv[1], '--only', '--json', '--seconds', '1', '--sockets', '400',
                       '--pairs', '50'], stdout=subprocess.PIPE, text=True, check=True)
told = json.loads(done.stdout)
assert told['not_measured'] == {}, told
assert set(key for key, *_ in FIGURES) <= set(told), told
assert all(told[key] > 0 for key, *_ in FIGURES), told
assert told['sockets'] == 400, told
assert told['machine']['processors'] >= 1 and 0 <= told['machine']['lost_percent'] <= 100, told
for load in ('burst_relay', 'lone_relay', 'relay'):
    assert told[f'{load}_us_p50'] <= told[f'{load}_us_p99'], told

# Too few logins, a server that is none: said, and a failure.
done = subprocess.run([pathlib.Path(sys.argv[1]) / 'bench/hub_load', 'dpc', '1', '1', '100', '16', '1'], input='',
                      capture_output=True, text=True)
assert done.returncode == 1, done
assert done.stderr == 'hub_load: only 0 logins\n', done
