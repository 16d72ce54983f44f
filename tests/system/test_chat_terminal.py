"""dpc chat at a terminal: what is on the screen when a person has typed and the peer has written."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

from harness import PROGRAM_DPC, StageTest, main
from stage import STEP_SECONDS, Failure, wait_until

# Debian's Python packages, where the first python3 of the path is another one.
sys.path.append('/usr/lib/python3/dist-packages')
import pyte  # noqa: E402

UP, LEFT, ALT_ENTER = '\033[A', '\033[D', '\033\r'
PASTE_BEGIN, PASTE_END = '\033[200~', '\033[201~'
MARKS = {'queued': '⋯ ', 'sent': '✓ ', 'delivered': '✓✓'}


class Chat:
    """`dpc chat` in a terminal of its own, and the screen of that terminal."""

    def __init__(self, node, peer, columns=60, rows=16, shell=False, **environment):
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b''
        self.status = None
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
            fresh = {name: value for name, value in os.environ.items() if name != 'NO_COLOR'}
            command = [PROGRAM_DPC, 'chat', peer, '--home', str(node.home)]
            if shell:
                command = ['bash', '--norc', '--noprofile', '-i']
            os.execvpe(command[0], command, {**fresh, 'TERM': 'xterm-256color', 'PS1': '$ ', **environment})

    def type(self, text):
        os.write(self.terminal, text.encode())

    def read(self, seconds=0.02):
        """Takes what the program has written; False when it has ended."""
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.raw += data
        self.stream.feed(data)
        return bool(data)

    def lines(self):
        """What is on the screen, down to the last row that has something."""
        rows = [row.rstrip() for row in self.screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def wait(self, what, condition):
        deadline = time.monotonic() + STEP_SECONDS
        while not condition():
            if time.monotonic() > deadline or not self.read():
                if condition():
                    return
                raise Failure(f'{what}: the screen is\n' + '\n'.join('   | ' + row for row in self.lines()))

    def wait_for_line(self, pattern):
        self.wait(f'no line {pattern!r}', lambda: any(re.fullmatch(pattern, row) for row in self.lines()))

    def wait_for_last(self, line):
        """The last row, and the cursor behind it."""
        self.wait(f'the last line is not {line!r}', lambda: self.lines()[-1:] == [line] and self.is_behind(line))

    def is_behind(self, line):
        return self.screen.cursor.y == len(self.lines()) - 1 and self.screen.cursor.x >= len(line)

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def end(self):
        """Reads to the end; the exit status."""
        deadline = time.monotonic() + STEP_SECONDS
        while self.read():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                break
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class ChatTerminal(StageTest):
    def setUp(self):
        super().setUp()
        self.chats = []
        self.alice, self.bob = self.node('alice'), self.node('bob')
        self.alice.one('add', self.bob.one('status')['uris'][0], '--name', 'bob')
        self.bob.one('add', self.alice.one('status')['uris'][0], '--name', 'alice')
        self.alice.one('connect', 'bob')

    def tearDown(self):
        for chat in self.chats:
            os.kill(chat.pid, signal.SIGKILL)
            chat.end()
        super().tearDown()

    def chat(self, **options):
        """With bob, connected; the screen is empty but for the prompt."""
        chat = Chat(self.alice, 'bob', **options)
        self.chats.append(chat)
        chat.wait_for_line('-- talking to bob;.*')
        chat.wait_for_last('bob>')
        chat.type('\f')
        chat.wait('Ctrl-L clears', lambda: chat.lines() == ['bob>'])
        return chat

    def leave(self, chat, keys='\x03'):
        self.chats.remove(chat)
        chat.type(keys)
        status = chat.end()
        self.assertEqual(re.findall(rb'\033\[\?2004[hl]', chat.raw)[-1], b'\033[?2004l')
        return status

    def said_to_bob(self):
        return [message['text'] for message in self.bob.one('history', 'alice')['messages']]

    def test_a_line_that_comes_in_leaves_what_is_being_typed(self):
        chat = self.chat()
        chat.type('half a th')
        chat.wait_for_last('bob> half a th')
        self.bob.one('send', 'alice', 'knock knock\nsecond line')
        chat.wait_for_line(r' {9}second line')
        chat.wait_for_last('bob> half a th')
        self.assertRegex(chat.lines()[-3], r'^\d\d:\d\d    bob: knock knock$')
        chat.type('ought\r')
        chat.wait_for_line(r'\d\d:\d\d ✓✓ you: half a thought')
        chat.wait_for_last('bob>')
        self.assertEqual(len(chat.lines()), 4)
        self.assertEqual(self.leave(chat), 0)
        self.assertEqual(self.said_to_bob()[-1], 'half a thought')

    def test_a_line_longer_than_the_screen_is_wide_stays_whole(self):
        chat = self.chat(columns=20)
        chat.type('0123456789abcdefghijklmnopqrstuvwxyz日本')
        chat.wait_for_last('z日本')
        self.bob.one('send', 'alice', 'x' * 50)
        chat.wait('the message', lambda: chat.lines()[0].endswith('bob: xxxxxx'))
        chat.wait('the line', lambda: chat.lines()[-3:] == ['bob> 0123456789abcde', 'fghijklmnopqrstuvwxy', 'z日本'])
        self.leave(chat)

    def test_what_was_typed_comes_back_in_the_next_chat_and_to_this_peer_alone(self):
        chat = self.chat()
        chat.type('first\r/who\rsecond\r')
        chat.wait_for_line(r'.* ✓✓ you: second')
        chat.type('unfinished' + UP + UP)
        chat.wait_for_last('bob> /who')
        chat.type('\033[B\033[B')
        chat.wait_for_last('bob> unfinished')
        self.leave(chat)
        files = list((self.alice.home / 'typed').iterdir())
        self.assertEqual([file.name for file in files], [self.bob.id])
        self.assertEqual(files[0].stat().st_mode & 0o777, 0o600)
        self.assertEqual(files[0].read_text(), 'first\n/who\nsecond\n')
        chat = self.chat()
        chat.type(UP + UP + UP)
        chat.wait_for_last('bob> first')
        self.leave(chat)

    def test_several_lines_that_are_pasted_are_one_message(self):
        chat = self.chat()
        chat.type(PASTE_BEGIN + 'one\r\ntwo\033[31m\r' + PASTE_END)
        chat.wait('the paste', lambda: chat.lines() == ['bob> one', 'two[31m'])
        chat.type(ALT_ENTER + 'three\r')
        chat.wait_for_line(r' {9}three')
        chat.wait_for_last('bob>')
        self.leave(chat)
        self.assertEqual(self.said_to_bob(), ['one\ntwo[31m\nthree'])

    def test_a_paste_that_is_too_long_is_left_out(self):
        chat = self.chat()
        chat.type('kept ')
        chat.wait_for_last('bob> kept')
        for part in [PASTE_BEGIN, *['x' * 1024] * 65, PASTE_END]:
            chat.type(part)
            chat.read(0)
        chat.wait_for_line('-- a message has at most 65536 bytes')
        chat.wait_for_last('bob> kept')
        self.leave(chat)

    def test_ctrl_c_and_ctrl_d_leave_and_give_the_terminal_back(self):
        for keys in '\x03', '\x04', '/quit\r':
            chat = self.chat()
            self.assertEqual(self.leave(chat, keys), 0)

    def test_signals_give_the_terminal_back_too(self):
        for number in signal.SIGTERM, signal.SIGHUP:
            chat = self.chat()
            chat.type('half')
            chat.wait_for_last('bob> half')
            os.kill(chat.pid, number)
            self.assertEqual(self.leave(chat, ''), 0)

    def test_ctrl_z_stops_it_and_it_goes_on_where_it_was(self):
        chat = Chat(self.alice, 'bob', shell=True, columns=100)
        self.chats.append(chat)
        chat.wait_for_last('$')
        chat.type(f'{PROGRAM_DPC} chat bob --home {self.alice.home}\n')
        chat.wait_for_last('bob>')
        chat.type('half\x1a')
        chat.wait_for_line(r'\[1\]\+  Stopped .*')
        chat.wait_for_last('$')
        self.bob.one('send', 'alice', 'meanwhile')
        chat.type('fg\n')
        chat.wait_for_line('.*bob: meanwhile')
        chat.wait_for_last('bob> half')
        chat.type(' a line\r')
        chat.wait_for_line('.* ✓✓ you: half a line')
        chat.type('\x04')
        chat.wait_for_last('$')
        chat.type('stty -a\n')
        chat.wait_for_line('.*(?<!-)icanon.*')
        self.leave(chat, 'exit\n')

    def test_ctrl_c_leaves_while_something_is_typed_and_ctrl_d_does_not(self):
        chat = self.chat()
        chat.type('abc' + LEFT + '\x04')
        chat.wait_for_last('bob> ab')
        self.assertEqual(self.leave(chat, '\x03'), 0)
        self.assertEqual(self.said_to_bob(), [])

    def test_colours_are_for_those_who_want_them(self):
        plain, coloured = self.chat(NO_COLOR='1'), self.chat()
        for chat in plain, coloured:
            chat.type('/help\rhello\r')
            chat.wait_for_line(r'.* ✓✓ you: hello')
            self.leave(chat)
        self.assertEqual(re.findall(rb'\033\[[0-9;]*m', plain.raw), [])
        self.assertIn(b'\033[2m', coloured.raw)

    def test_nothing_that_a_peer_writes_moves_the_cursor(self):
        chat = self.chat(NO_COLOR='1')
        begin = len(chat.raw)
        hostile = 'a\033[2Jb\033]0;title\007c\rd\b\b\be\x9b2Jf\u202eg\u009dh\033[5A\x0e\x7f\n12:00 ✓✓ you: I owe you'
        self.bob.one('send', 'alice', hostile)
        chat.wait_for_line(r' {9}12:00 ✓✓ you: I owe you')
        chat.wait_for_last('bob>')
        self.assertRegex(chat.lines()[0], r'^\d\d:\d\d    bob: a·\[2Jb·\]0;title·c·d···e·2Jf·g·h·\[5A··$')
        self.assertEqual(len(chat.lines()), 3)
        # Of the sequences that went to the terminal all are ours: the line is taken off, and drawn.
        self.assertEqual(set(re.findall(rb'\033[^a-zA-Z]*.', chat.raw[begin:])), {b'\033[J', b'\033[5C'})
        self.leave(chat)

    def test_what_a_peer_writes_never_begins_a_row(self):
        chat = self.chat(columns=40)
        forged = '12:00 ✓✓ you: I owe you'
        for filler in '.' * 26, ' ' * 26, '.' * 26 + '\u00a0', '日' * 13, 'a.' * 60 + '12:00':
            chat.type('\f')
            chat.wait('Ctrl-L clears', lambda: chat.lines() == ['bob>'])
            self.bob.one('send', 'alice', f'{filler} {forged}')
            chat.wait('the message', lambda: any('I owe you' in row for row in chat.lines()[:-1]))
            rows = chat.lines()[:-1]
            self.assertTrue(all(row.startswith(' ' * 9) or ' ' not in row for row in rows[1:]), rows)
        self.leave(chat)

    def test_the_marks_of_ones_own_messages_change_in_place(self):
        chat = self.chat()
        self.bob.down()
        chat.wait_for_last('bob (away)>')
        chat.type('later\r')
        chat.wait_for_line(r'.* ⋯  you: later')
        for number in range(3):
            chat.type(f'/nothing{number}\r')
        chat.wait_for_line("-- there is no command '/nothing2'.*")
        self.bob.up()
        chat.wait_for_line(r'.* ✓✓ you: later')
        chat.wait_for_last('bob>')
        self.assertEqual(sum('later' in row for row in chat.lines()), 1)
        self.leave(chat)

    def test_a_mark_whose_line_has_gone_is_a_line_of_its_own(self):
        chat = self.chat(rows=8)
        self.bob.down()
        chat.wait_for_last('bob (away)>')
        chat.type('later\r')
        chat.wait_for_line(r'.* ⋯  you: later')
        chat.type('/help\r')
        chat.wait_for_line('⋯  waits .*')
        self.bob.up()
        chat.wait_for_line(r'-- ✓✓ delivered: later')
        self.leave(chat)

    def test_commands(self):
        chat = self.chat(columns=100, rows=30)
        (self.directory / 'a file.txt').write_text('contents')
        (self.directory / 'a folder').mkdir()
        chat.type('the needle\r//etc is a folder\r')
        chat.wait_for_line(r'.* ✓✓ you: /etc is a folder')
        chat.type('\f/who\r')
        chat.wait_for_line(r'bob  direct TLS .*')
        chat.type('/history 1\r/search needle\r')
        chat.wait_for_line(r'.* ✓✓ you: the needle')
        self.assertTrue(any(row.endswith('✓✓ you: /etc is a folder') for row in chat.lines()))
        chat.type('/h\t')
        chat.wait_for_line('-- help  history')
        chat.type('i\t501\r/quit now\r/search\r/nonsense x\r')
        chat.wait_for_line('-- /history takes a number from 1 to 500')
        chat.wait_for_line('-- usage: /quit')
        chat.wait_for_line('-- usage: /search WORDS')
        chat.wait_for_line("-- there is no command '/nonsense': /help lists them; .*")
        chat.type(f'/fi\t{self.directory}/a \t\t')
        chat.wait_for_line('-- a file.txt  a folder/')
        chat.type('i\t\r')
        chat.wait_for_line(r'-- file \d+, a file.txt, is under way')
        chat.type('/file /nowhere/at/all\r')
        chat.wait_for_line("-- cannot find '/nowhere/at/all'.*")
        self.leave(chat)
        self.assertEqual(self.said_to_bob(), ['the needle', '/etc is a folder'])

    def test_messages_are_edited_deleted_and_answered(self):
        chat = self.chat()
        chat.type('helo\r')
        chat.wait_for_line(r'.* ✓✓ you: helo')
        chat.type('/edit hello\r')
        chat.wait_for_line(r'.* you \(edited\): hello')
        wait_until('bob has it', lambda: self.said_to_bob() == ['hello'], STEP_SECONDS)
        chat.type('/reply to nothing\r')
        chat.wait_for_line("-- no message of bob's is shown here.*")
        asked = self.bob.one('send', 'alice', 'what?')
        chat.wait_for_line('.* bob: what.')
        chat.type('/reply that\r')
        chat.wait_for_line(r'.* ✓✓ you \(reply\): that')
        self.assertEqual(self.bob.one('history', 'alice')['messages'][-1]['reply_to'], asked['id'])
        self.bob.one('edit', 'alice', asked['id'], 'why?')
        chat.wait_for_line(r'.* bob \(edited\): why\?')
        chat.type('/delete\r')
        chat.wait_for_line(r'.* you \(deleted\):')
        self.bob.one('delete', 'alice', asked['id'])
        chat.wait_for_line(r'.* bob \(deleted\):')
        wait_until('bob has no answer', lambda: self.said_to_bob() == ['hello', '', ''], STEP_SECONDS)
        self.leave(chat)

    def test_what_is_read_and_who_is_typing_is_seen(self):
        chat = self.chat()
        chat.type('on')
        self.bob.event('typing')
        chat.type('e\rtwo\r')
        chat.wait_for_line(r'.* ✓✓ you: two')
        self.bob.one('read', 'alice')
        chat.wait_for_line(r'.* ●  you: two')
        chat.wait_for_line(r'.* ●  you: one')
        self.bob.ask('/typing', {'peer': 'alice'})
        chat.wait_for_last('bob (typing)>')
        self.bob.one('send', 'alice', 'here')
        chat.wait_for_last('bob>')
        wait_until('bob sees that it is read', lambda: self.bob.one('history', 'alice')['messages'][-1]['state'] == 'read',
                   STEP_SECONDS)
        self.leave(chat)

    def test_what_came_before_is_shown_and_then_read(self):
        for text in 'first', 'second':
            self.bob.one('send', 'alice', text, '--wait', '20')
        for text in 'ours', 'ours too', 'and this':
            self.alice.one('send', 'bob', text, '--wait', '20')
        chat = Chat(self.alice, 'bob')
        self.chats.append(chat)
        chat.wait_for_line('-- 2 unread')
        chat.wait_for_line('.* bob: first')
        chat.wait_for_line('.* bob: second')
        wait_until('bob sees that it is read', lambda: [message['state'] for message in self.bob.one('history', 'alice')['messages'][:2]] ==
                   ['read', 'read'], STEP_SECONDS)
        self.leave(chat)

    def test_a_terminal_that_changes_its_size(self):
        chat = self.chat(columns=40)
        chat.type('0123456789' * 5)
        chat.wait('two rows', lambda: chat.lines() == ['bob> 01234567890123456789012345678901234', '567890123456789'])
        chat.resize(80, 16)
        chat.wait_for_last('bob> ' + '0123456789' * 5)
        self.bob.one('send', 'alice', 'hello')
        chat.wait_for_line(r'.*bob: hello')
        chat.wait_for_last('bob> ' + '0123456789' * 5)
        self.leave(chat)

    def test_characters_that_take_two_cells_or_none(self):
        chat = self.chat()
        chat.type('日本e\u0301' + LEFT + LEFT + 'x\x7fX')
        chat.wait('the line', lambda: chat.lines() == ['bob> 日X本e\u0301'] or chat.lines() == ['bob> 日X本é'])
        self.assertEqual(chat.screen.cursor.x, 8)
        chat.type('\x05\x7f\x7f\r')
        chat.wait_for_line('.* ✓✓ you: 日X')
        self.leave(chat)
        self.assertEqual(self.said_to_bob(), ['日X'])

    def test_escape_alone_holds_nothing_up(self):
        chat = self.chat()
        chat.type('\033')
        self.bob.one('send', 'alice', 'still here?')
        chat.wait_for_line(r'.*bob: still here\?')
        self.leave(chat, '\033\x03\x03')

    def test_a_node_that_stops_ends_the_chat(self):
        chat = self.chat()
        self.chats.remove(chat)
        self.alice.down()
        self.assertEqual(chat.end(), 1)
        self.assertIn(b"dpc: the node has stopped: start it with 'dpc up'\r\n", chat.raw)

    def test_a_terminal_that_cannot_move_its_cursor_has_plain_lines(self):
        chat = Chat(self.alice, 'bob', TERM='dumb')
        chat.wait_for_line('-- talking to bob; an empty line does nothing, Ctrl-D ends')
        chat.type('hello\n')
        chat.wait_for_line('-- ✓ delivered: hello')
        chat.type('\x04')
        self.assertEqual(chat.end(), 0)


if __name__ == '__main__':
    main()
