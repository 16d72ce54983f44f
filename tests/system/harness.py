"""What every system test starts with: the programs under test, and a stage that is cleared up.

DPC and DPC_HUB name the programs. Under the sanitizers a node that leaks or trips over itself ends
with another status than 0, and then the test fails when the stage is stopped.
"""
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / 'tools'))

from stage import Node, Stage  # noqa: E402 (found by the line above)

PROGRAM_DPC = os.environ.get('DPC', str(ROOT / 'build/src/cli/dpc'))
PROGRAM_HUB = os.environ.get('DPC_HUB', str(ROOT / 'build/src/hub/dpc-hub'))


class StageTest(unittest.TestCase):
    """Each test has a directory and processes of its own."""

    def setUp(self):
        # A short path: that of a unix socket may have 107 bytes.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-t-'))
        self.stage = Stage(PROGRAM_DPC, PROGRAM_HUB, self.directory)

    def tearDown(self):
        problems = self.stage.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.assertEqual(problems, [])

    def node(self, name, up=True, *words):
        """A node with an identity, running unless `up` is false."""
        node = Node(self.stage, name)
        node.init()
        if up:
            node.up(*words)
        return node

    def assert_fails(self, done, status, *parts):
        """Exit status, nothing on stdout, and exactly one line on stderr that holds the parts."""
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, '')
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)
        self.assertTrue(done.stderr.startswith('dpc'), done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)


def main():
    unittest.main(verbosity=2)
