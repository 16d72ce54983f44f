#!/usr/bin/env python3
"""`dpc login` with identity providers: in a browser, by a code, and out again; with a real provider in a real browser too."""
import json
import os
import re
import signal
import subprocess
import unittest
import urllib.parse

import harness
from provider import Browser, Provider
from stage import free_port, wait_until

PLACE = harness.ROOT / 'tests/login'
CHROMIUM = os.environ.get('DPC_CHROMIUM', '/usr/bin/chromium')


class LoginTest(harness.StageTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.issue()
        self.hub, _ = self.stage.start_hub(self.port, config=self.provider_config())
        self.running = []

    def tearDown(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.communicate()
        super().tearDown()

    def issue(self):
        self.provider = Provider()
        self.addCleanup(self.provider.stop)

    def provider_config(self):
        return self.provider.config()

    def begin(self, node, *words, opener='#!/bin/sh\n', **environment):
        """`dpc login`, which goes on; `opener` is what the desktop opens addresses with."""
        programs = self.directory / 'bin'
        programs.mkdir(exist_ok=True)
        (programs / 'xdg-open').write_text(opener)
        (programs / 'xdg-open').chmod(0o755)
        process = subprocess.Popen(
            [self.stage.dpc, 'login', '--hub', self.hub, *words, '--home', str(node.home)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            env={**os.environ, 'PATH': f'{programs}:{os.environ["PATH"]}', **environment})
        self.running.append(process)
        return process

    def begin_json(self, node, *words):
        """The same, and its first line."""
        process = self.begin(node, *words, '--json')
        line = process.stdout.readline()
        self.assertTrue(line, process.poll() is None or process.stderr.read())
        return process, json.loads(line)

    def end(self, process, status=0):
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, status, out + err)
        return out if status == 0 else err

    def log_in(self, node, person='alice'):
        self.provider.person = {'sub': person}
        process, line = self.begin_json(node, '--provider', 'own', '--no-browser')
        status, text = Browser().follow(line['url'])
        self.assertEqual(status, 200, text)
        self.end(process)


class InABrowser(LoginTest):
    def test_a_person_logs_in_where_the_browser_opens_by_itself(self):
        alice = self.node('alice')
        seen = self.directory / 'seen'
        process = self.begin(alice, '--provider', 'own', opener=f'#!/bin/sh\necho "$1" > {seen}.new; mv {seen}.new {seen}\n')
        wait_until('the browser opens', seen.exists, 30, process)
        url = seen.read_text().strip()
        self.assertTrue(url.startswith(f'{self.hub}/login/own?'), url)
        status, text = Browser().follow(url)
        self.assertEqual(status, 200)
        self.assertIn('Your node goes on', text)
        out = self.end(process)
        self.assertIn(url, out)
        self.assertIn(f'logged in at {self.hub}\n', out)
        self.assertEqual(alice.one('status')['hub']['state'], 'connected')
        # The account is the provider's, and what it needs to log in again is kept.
        alice.down()
        alice.up()
        wait_until('it is there again', lambda: alice.one('status')['hub']['state'] == 'connected', 30)

    def test_the_code_in_the_browser_is_no_token_and_the_port_is_gone_afterwards(self):
        alice = self.node('alice')
        process, line = self.begin_json(alice, '--provider', 'own', '--no-browser')
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(line['url']).query))
        redirect = query['redirect_uri']
        self.assertRegex(redirect, r'^http://127\.0\.0\.1:\d+/done$')
        self.assertEqual(query['code_challenge_method'], 'S256')
        # Somebody else on this machine knows the port, and not the state.
        for wrong in ('', '?code=x', '?code=x&state=y', f'?state={query["code_challenge"]}&code=x'):
            self.assertEqual(Browser().ask('GET', redirect + wrong)[0], 403, wrong)
        browser = Browser()
        back = browser.follow(line['url'], until=redirect)
        self.assertEqual(sorted(urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)), ['code', 'state'])
        self.assertEqual(browser.ask('GET', back)[0], 200)
        self.end(process)
        with self.assertRaises(OSError):
            browser.ask('GET', back)

    def test_two_nodes_of_a_person_are_one_account_and_leave_together(self):
        alice, laptop, other = self.node('alice'), self.node('laptop'), self.node('other')
        self.log_in(alice)
        self.log_in(laptop)
        self.log_in(other, 'bob')
        done = alice.run('logout', '--all')
        self.assertEqual((done.returncode, done.stdout), (0, 'logged out, here and everywhere\n'), done.stderr)
        self.assertEqual(alice.one('status')['hub']['state'], 'login')
        log = (self.directory / 'laptop.log').read_text
        wait_until('the other node is told', lambda: 'logged out' in log(), 10)
        self.assertEqual(other.one('status')['hub']['state'], 'connected')
        self.assert_fails(alice.run('logout', '--all'), 1, 'not logged in')

    def test_a_node_that_logged_in_by_its_key_moves_to_the_account_of_the_person(self):
        alice = self.node('alice')
        alice.one('login', '--hub', self.hub)
        self.log_in(alice)
        self.assertEqual(alice.one('status')['hub']['state'], 'connected')
        # Another person's login does not get it, and what was stays.
        self.provider.person = {'sub': 'mallory'}
        process, line = self.begin_json(alice, '--provider', 'own', '--no-browser')
        Browser().follow(line['url'])
        self.assertIn('registered by another account', self.end(process, 1))
        wait_until('it is there again', lambda: alice.one('status')['hub']['state'] == 'connected', 30)

    def test_what_goes_wrong_is_one_line(self):
        alice = self.node('alice')
        run = alice.run
        hub = ('--hub', self.hub)
        self.assert_fails(run('login', *hub, '--provider', 'none'), 1, "has no provider 'none'", "'key', 'own'")
        self.assert_fails(run('login', *hub, '--provider', 'own', '--device'), 2, '--provider')
        self.assert_fails(run('login', '--hub', f'http://127.0.0.1:{free_port()}', '--provider', 'own'), 1, 'cannot reach hub')
        self.assert_fails(run('login', '--provider', 'own'), 1, 'no hub is configured')
        self.assertEqual(alice.one('status')['hub']['state'], 'none')
        self.provider.denies = True
        process, line = self.begin_json(alice, '--provider', 'own', '--no-browser')
        self.assert_fails(run('login', *hub), 1, 'under way')
        status, text = Browser().follow(line['url'])
        self.assertIn('did not work', text)
        self.assertIn('does not log you in: the login was refused', self.end(process, 1))
        self.assertEqual(alice.one('status')['hub']['state'], 'none')

    def test_who_gives_up_leaves_nothing(self):
        alice = self.node('alice')
        process, line = self.begin_json(alice, '--provider', 'own', '--no-browser')
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        redirect = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(line['url']).query))['redirect_uri']

        def is_gone():
            try:
                Browser().ask('GET', redirect)
            except OSError:
                return True
            return False
        wait_until('the port is closed', is_gone, 30)
        self.log_in(alice)

    def test_a_node_that_ends_meanwhile_leaves_nothing(self):
        alice = self.node('alice')
        process, _ = self.begin_json(alice, '--provider', 'own', '--no-browser')
        alice.down()
        self.end(process, 1)


class ByACode(LoginTest):
    def test_a_node_without_a_browser_shows_a_code(self):
        alice = self.node('alice')
        process = self.begin(alice, '--device')
        shown = ''
        while 'waiting' not in shown:
            line = process.stdout.readline()
            self.assertTrue(line, process.stderr)
            shown += line
        code, = re.findall(r'enter the code  ([A-Z]{4}-[A-Z]{4})\n', shown)
        self.assertIn(f'{self.hub}/device\n', shown)
        self.assertIn('\u2588', shown)  # the QR code
        browser = Browser()
        _, _, page = browser.ask('POST', f'{self.hub}/device', {'user_code': code})
        self.assertIn(alice.id, page)
        self.assertIn('<dd>alice</dd>', page)
        link, = re.findall(r'href="(/device/login/own\?form=[\w-]+)"', page)
        status, text = browser.follow(self.hub + link)
        self.assertIn('Your node is logged in', text)
        self.assertIn('logged in at', self.end(process))
        self.assertEqual(alice.one('status')['hub']['state'], 'connected')

    def test_a_person_who_refuses_is_heard(self):
        alice = self.node('alice')
        process, line = self.begin_json(alice, '--device')
        self.assertEqual(sorted(line['device']), ['expires_in_seconds', 'user_code', 'verification_uri',
                                                  'verification_uri_complete'])
        browser = Browser()
        _, _, page = browser.ask('POST', f'{self.hub}/device', {'user_code': line['device']['user_code']})
        form, = re.findall(r'name="form" value="([\w-]+)"', page)
        browser.ask('POST', f'{self.hub}/device/deny', {'form': form})
        self.assertIn('the person refused it', self.end(process, 1))


def missing():
    if not (PLACE / 'node_modules/oidc-provider').is_dir() or not (PLACE / 'node_modules/playwright-core').is_dir():
        return "oidc-provider is not installed: run 'npm ci --ignore-scripts' in tests/login"
    if not os.access(CHROMIUM, os.X_OK):
        return f"Chromium is not installed at '{CHROMIUM}'"
    return None


@unittest.skipIf(missing(), missing())
class WithARealProviderInChromium(LoginTest):
    def issue(self):
        with open(self.directory / 'provider.log', 'w', encoding='utf-8') as log:
            self.provider = subprocess.Popen(
                ['node', str(PLACE / 'provider.mjs'), f'http://127.0.0.1:{self.port}/auth/oidc/callback'], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.addCleanup(self.stop_provider)
        self.issuer = self.provider.stdout.readline().strip()
        self.assertTrue(self.issuer, (self.directory / 'provider.log').read_text())

    def stop_provider(self):
        self.provider.stdin.close()
        self.provider.stdout.close()
        self.provider.wait(20)

    def provider_config(self):
        return (f'[provider oidc]\nissuer = {self.issuer}\nclient_id = dpc\nclient_secret = a secret of the provider\n'
                'domains = people.example\n')

    def browse(self, url, person):
        done = subprocess.run(['node', str(PLACE / 'browser.mjs'), url, person], text=True, capture_output=True,
                              timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = json.loads(done.stdout)
        self.assertEqual([problem for problem in seen['problems'] if 'ERR_FAILED' not in problem], [], seen)
        return seen

    def test_a_person_logs_in(self):
        alice, seen = self.node('alice'), self.directory / 'seen'
        process = self.begin(alice, '--provider', 'oidc',
                             opener=f'#!/bin/sh\nexec node {PLACE}/browser.mjs "$1" alice > {seen}\n')
        out = self.end_slowly(process)
        self.assertIn(f'logged in at {self.hub}\n', out)
        self.assertEqual(alice.one('status')['hub']['state'], 'connected')
        wait_until('the browser ends', lambda: seen.read_text().endswith('\n'), 60)
        last = json.loads(seen.read_text())
        self.assertIn('Your node goes on', last['text'])
        self.assertTrue(last['url'].startswith('http://127.0.0.1:'), last)

    def end_slowly(self, process):
        out, err = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 0, out + err)
        return out

    def test_a_person_lets_a_node_in_by_a_code(self):
        alice = self.node('alice')
        process, line = self.begin_json(alice, '--device')
        seen = self.browse(line['device']['verification_uri_complete'], 'alice')
        self.assertIn('Your node is logged in', seen['text'])
        self.end_slowly(process)
        self.assertEqual(alice.one('status')['hub']['state'], 'connected')

    def test_an_address_that_is_not_verified_is_refused(self):
        alice = self.node('alice')
        process, line = self.begin_json(alice, '--provider', 'oidc', '--no-browser')
        self.assertIn('did not work', self.browse(line['url'], 'newcomer')['text'])
        self.assertIn('has not verified your e-mail address', self.end(process, 1))


if __name__ == '__main__':
    harness.main()
