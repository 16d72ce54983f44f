"""A few cells of the lab, as './dev lab' runs all of them: nodes, hub and coturn in networks of the kernel."""
import json
import pathlib
import subprocess
import sys
import unittest

import harness

LAB = harness.ROOT / 'tools/lab'
SKIP = 77


class LabTest(unittest.TestCase):
    def lab(self, *words):
        build = pathlib.Path(harness.PROGRAM_DPC).resolve().parents[2]
        done = subprocess.run([sys.executable, str(LAB), '--build', str(build), '--json', *words], text=True,
                              capture_output=True, timeout=280)
        if done.returncode == SKIP:
            self.skipTest(done.stderr.strip().splitlines()[-1])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def cells(self, *words):
        return {(cell['from'], cell['to'], cell['relay']): cell for cell in self.lab(*words)['cells']}

    def test_cells(self):
        cells = self.cells('--only', 'full-cone,symmetric,only-443,lan')
        self.assertEqual(len(cells), 2 * (3 * 3 + 1))
        paths = {cell: found['path'] for cell, found in cells.items()}
        self.assertEqual(paths['full-cone', 'symmetric', False], 'direct')
        self.assertEqual(paths['symmetric', 'symmetric', False], 'fails')
        self.assertEqual(paths['symmetric', 'symmetric', True], 'relay')
        self.assertEqual(paths['only-443', 'only-443', True], 'relay')
        self.assertEqual(paths['lan', 'lan', True], 'direct')

    def test_netcheck_tells_the_nats_apart(self):
        build = pathlib.Path(harness.PROGRAM_DPC).resolve().parents[2]
        done = subprocess.run([sys.executable, str(LAB), '--build', str(build), '--json', '--netcheck'], text=True,
                              capture_output=True, timeout=280)
        if done.returncode == SKIP:
            self.skipTest(done.stderr.strip().splitlines()[-1])
        rows = json.loads(done.stdout)['networks'] if done.stdout else []
        self.assertEqual({row['kind']: row['problems'] for row in rows if row['problems']}, {}, done.stderr)
        self.assertEqual(len(rows), 10, done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_routers_that_map_ports(self):
        build = pathlib.Path(harness.PROGRAM_DPC).resolve().parents[2]
        done = subprocess.run([sys.executable, str(LAB), '--build', str(build), '--json', '--portmap'], text=True,
                              capture_output=True, timeout=280)
        if done.returncode == SKIP:
            self.skipTest(done.stderr.strip().splitlines()[-1])
        rows = json.loads(done.stdout)['protocols'] if done.stdout else []
        self.assertEqual({row['protocol']: row['problem'] for row in rows}, {'NAT-PMP': None, 'UPnP': None}, done.stderr)

    def test_networks_that_change(self):
        """Links move to another address and to other ports, and every message arrives, once."""
        runs = {run['run']: run for run in self.lab('--roam', '--only', 'address,tls,rebind')['runs']}
        self.assertEqual(sorted(runs), ['address', 'rebind', 'tls'])
        for name in ('address', 'rebind'):
            self.assertTrue(runs[name]['same_link'], runs[name])
            self.assertGreaterEqual(runs[name]['restarts'], 1, runs[name])
        self.assertFalse(runs['tls']['same_link'])

    def test_an_unknown_network_is_refused(self):
        done = subprocess.run([sys.executable, str(LAB), '--only', 'avian'], text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no network 'avian'", done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
