"""The demo: what its transcript must hold, and what it says when something fails."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

BUILD = pathlib.Path(harness.PROGRAM_DPC).resolve().parents[2]


def run_demo(build, *words):
    environment = {key: value for key, value in os.environ.items() if key != 'NO_COLOR'}
    return subprocess.run([str(harness.ROOT / 'tools/demo'), '--build', str(build), *words], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, env=environment)


def chapters(transcript):
    """What stands under each heading, by the first words that tell it apart."""
    parts = re.split(r'^\d+\. ', transcript, flags=re.M)
    return {part.splitlines()[0]: part for part in parts[1:]}


class Demo(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-t-'))
        os.environ['TMPDIR'] = str(self.directory)

    def tearDown(self):
        del os.environ['TMPDIR']
        shutil.rmtree(self.directory)

    def test_two_people_meet_and_talk_in_every_way(self):
        done = run_demo(BUILD)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn('\x1b', done.stdout)
        found = chapters(done.stdout)
        for words in ('over WebRTC', 'direct TLS'):
            [part] = [part for title, part in found.items() if words in title]
            self.assertRegex(part, r'alice → bob +“')
            self.assertRegex(part, r'bob → alice +“')
            self.assertEqual(part.count('✓ delivered'), 2)
            self.assertRegex(part, r'set-up +[\d.]+ ms')
            self.assertRegex(part, r'round trip +[\d.]+ ms')
        [part] = [part for title, part in found.items() if '64 MiB' in title]
        self.assertRegex(part, r'arrived +film\.bin, 64 MiB')
        self.assertRegex(part, r'rate +\d+ MB/s')
        [part] = [part for title, part in found.items() if 'context' in title]
        self.assertRegex(part, r'granted +profile\.name: Alice')
        self.assertRegex(part, r'denied +profile\.email')
        [part] = [part for title, part in found.items() if 'AI' in title]
        self.assertRegex(part, r"bob's AI +a (real Ollama|small test provider)")
        self.assertRegex(part, r'bob → alice +“.')
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_with_a_relay_they_talk_through_it(self):
        if not shutil.which('turnserver'):
            self.skipTest('coturn is not installed')
        done = run_demo(BUILD, '--relay')
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        [part] = [part for title, part in chapters(done.stdout).items() if 'no address but the relay' in title]
        self.assertRegex(part, r'\(relay\) ⇄ ')
        self.assertEqual(part.count('✓ delivered'), 2)
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_a_step_that_fails_says_where_the_logs_are(self):
        build = self.directory / 'build'
        for program, text in (('src/cli/dpc', f'#!/bin/sh\nexec {harness.PROGRAM_DPC} "$@"\n'),
                              ('src/hub/dpc-hub', '#!/bin/sh\necho the hub is out of order\nexit 1\n')):
            path = build / program
            path.parent.mkdir(parents=True)
            path.write_text(text)
            path.chmod(0o755)
        done = run_demo(build)
        self.assertEqual(done.returncode, 1)
        self.assertIn('the hub is out of order', done.stderr)
        logs = pathlib.Path(re.search(r'the logs are in (\S+)', done.stderr)[1])
        self.assertIn('out of order', (logs / 'hub.log').read_text())

    def test_without_a_build_it_says_how_to_get_one(self):
        done = run_demo(self.directory)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count('\n'), 1)
        self.assertIn('./dev demo', done.stderr)


if __name__ == '__main__':
    harness.main()
