#!/usr/bin/env python3
"""The measurement of files, briefly: every figure is there and means something.

    test_file.py BUILD
"""
import json
import pathlib
import subprocess
import sys

FILE = pathlib.Path(__file__).resolve().parent / 'file.py'

done = subprocess.run([sys.executable, FILE, '--build', sys.argv[1], '--json', '--size', '8', '--seconds', '1'],
                      stdout=subprocess.PIPE, text=True, check=True)
told = json.loads(done.stdout)['file']
assert told['size_mib'] == 8, told
assert min(told['rtc_MBps'] + told['tls_MBps']) > 0, told
for place in ('memory', 'disk'):
    for link in ('webrtc', 'direct'):
        figures = told[place][link]
        assert figures['MBps'] >= figures['MBps_with_hash'] > 0, told
        assert figures['ratio'] >= 0 and figures['hash_s'] >= 0, told
        assert figures['quiet_chat_ms']['count'] > 0, told
        assert len(figures['memory_mib']) == len(figures['cpu_s_per_GB']) == 2, told

# A disk that is none: said, and a failure.
done = subprocess.run([sys.executable, FILE, '--build', sys.argv[1], '--size', '1', '--seconds', '1', '--disk', '/nonexistent'],
                      capture_output=True, text=True)
assert done.returncode == 1, done
assert done.stderr.startswith('file: '), done
assert '/nonexistent' in done.stderr, done
