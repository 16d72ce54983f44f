"""libdpc-peer as another program meets it: installed into a prefix, found by pkg-config, linked.

It is built here without sanitizers, since a program that links a library does not know of them.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CC = os.environ.get('CC', 'cc')


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f'{command} ended with {done.returncode}:\n{done.stdout[-4000:]}')
    return done.stdout


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix='dpc-lib-'))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.prefix = cls.directory / 'prefix'
        build = cls.directory / 'build'
        run('meson', 'setup', build, ROOT, '--prefix', cls.prefix, '--libdir', 'lib', '--buildtype', 'debugoptimized')
        run('ninja', '-C', build, 'libdpc-peer')
        run('meson', 'install', '-C', build, '--no-rebuild', '--tags', 'devel,libdpc-peer')
        cls.environment = dict(os.environ, PKG_CONFIG_PATH=str(cls.prefix / 'lib/pkgconfig'),
                               LD_LIBRARY_PATH=str(cls.prefix / 'lib'))

    def flags(self, *words):
        return run('pkg-config', *words, 'dpc-peer', env=self.environment).split()

    def compile_echo(self, name, *flags):
        program = self.directory / name
        run(CC, '-std=gnu11', '-Wall', '-Wextra', '-Werror', ROOT / 'examples/echo.c', *flags, '-o', program)
        return program

    def echo(self, program):
        """Two of them joined by pipes, as the comment at the head of the example says."""
        back = self.directory / (program.name + '.fifo')
        os.mkfifo(back)
        command = f"'{program}' --offer <'{back}' | '{program}' --answer >'{back}'"
        said = run('bash', '-c', 'set -o pipefail; ' + command, env=self.environment)
        self.assertIn('1000 of 1000 messages came back', said)

    def test_the_example_compiles_with_the_flags_of_pkg_config_and_runs(self):
        self.echo(self.compile_echo('echo-shared', *self.flags('--cflags', '--libs')))

    def test_the_example_runs_with_the_static_library(self):
        flags = self.flags('--static', '--cflags', '--libs')
        library = self.prefix / 'lib/libdpc-peer.a'
        program = self.compile_echo('echo-static', *[library if flag == '-ldpc-peer' else flag for flag in flags])
        self.assertNotIn('libdpc-peer', run('ldd', program))
        self.echo(program)

    def exported(self, *nm):
        names = re.findall(r'^\S* +[A-TV-Z] (\w+)', run('nm', '--defined-only', *nm), re.MULTILINE)
        return sorted(name for name in names if name != 'DPC_PEER_0')

    def declared(self):
        header = (ROOT / 'include/dpc/peer.h').read_text(encoding='utf-8')
        header = re.sub(r'/\*.*?\*/', '', header, flags=re.DOTALL)
        return sorted(set(re.findall(r'\b(dpc_\w+)\(', header)))

    def test_both_libraries_export_what_the_header_declares_and_nothing_else(self):
        declared = self.declared()
        self.assertGreater(len(declared), 20)
        self.assertEqual([name for name in declared if not name.startswith('dpc_peer_')], [])
        self.assertEqual(self.exported('-D', self.prefix / 'lib/libdpc-peer.so'), declared)
        self.assertEqual(self.exported('-g', self.prefix / 'lib/libdpc-peer.a'), declared)

    def test_the_soname_carries_the_version_of_the_interface(self):
        self.assertIn('Library soname: [libdpc-peer.so.0]',
                      run('readelf', '-d', self.prefix / 'lib/libdpc-peer.so'))

    def test_a_cpp_program_can_include_the_header_and_link(self):
        if not shutil.which('g++'):
            self.skipTest('there is no g++')
        source = self.directory / 'main.cpp'
        source.write_text('#include <dpc/peer.h>\n'
                          'int main() { return dpc_peer_state_name(DPC_CLOSED)[0] == \'c\' ? 0 : 1; }\n')
        program = self.directory / 'cpp'
        run('g++', '-std=c++11', '-Wall', '-Wextra', '-Wpedantic', '-Werror', source,
            *self.flags('--cflags', '--libs'), '-o', program)
        run(program, env=self.environment)

    def test_the_reference_page_names_every_function(self):
        page = (self.prefix / 'share/man/man3/dpc_peer.3').read_text(encoding='utf-8').replace('\\-', '-')
        self.assertEqual([name for name in self.declared() if name + '(' not in page], [])


if __name__ == '__main__':
    sys.dont_write_bytecode = True
    unittest.main(verbosity=2)
