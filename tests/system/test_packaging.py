"""The units in packaging/: systemd understands them, and what they start takes the options they give it."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

UNITS = harness.ROOT / 'packaging/systemd'


def setting(unit, key):
    found = re.findall(f'(?m)^{key}=(.*)$', (UNITS / unit).read_text(encoding='utf-8'))
    assert found, f'{unit} has no {key}'
    return found


def verify(unit, text, *words):
    """What systemd has to say of a unit, in a directory where nothing else is."""
    with tempfile.TemporaryDirectory(prefix='dpc-unit-') as directory:
        path = pathlib.Path(directory) / unit
        path.write_text(text, encoding='utf-8')
        done = subprocess.run(['systemd-analyze', 'verify', '--man=no', *words, str(path)], text=True,
                              capture_output=True, timeout=60)
        return [line for line in (done.stdout + done.stderr).splitlines() if unit in line or str(path) in line]


@unittest.skipUnless(shutil.which('systemd-analyze'), 'systemd is not installed')
class UnitTest(unittest.TestCase):
    """With our programs in place of those that would be installed."""

    def test_the_hubs_unit_is_understood(self):
        text = (UNITS / 'dpc-hub.service').read_text(encoding='utf-8').replace('/usr/bin/dpc-hub', harness.PROGRAM_HUB)
        self.assertEqual(verify('dpc-hub.service', text), [])

    def test_the_nodes_unit_is_understood(self):
        text = (UNITS / 'dpc.service').read_text(encoding='utf-8').replace('/usr/bin/dpc', harness.PROGRAM_DPC)
        self.assertEqual(verify('dpc.service', text), [])

    def test_the_override_of_coturn_is_understood(self):
        text = (UNITS / 'coturn.override.conf').read_text(encoding='utf-8')
        self.assertEqual(verify('coturn.service', text + 'ExecStart=/bin/true\n'), [])

    def test_a_mistake_is_noticed(self):
        text = '[Service]\nExecStart=/bin/true\nNoNewPrivilege=yes\n'
        self.assertNotEqual(verify('wrong.service', text), [])


class CommandTest(harness.StageTest):
    def test_the_commands_of_the_units_are_ours(self):
        words = setting('dpc-hub.service', 'ExecStart')[0].split()
        self.assertEqual(words[0], '/usr/bin/dpc-hub')
        known = subprocess.run([harness.PROGRAM_HUB, '--help'], text=True, capture_output=True, timeout=30).stdout
        for word in words[1:]:
            self.assertTrue(not word.startswith('--') or word + ' ' in known, word)
        self.assertEqual(setting('dpc.service', 'ExecStart'), ['/usr/bin/dpc up'])


if __name__ == '__main__':
    harness.main()
