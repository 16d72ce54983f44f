#!/usr/bin/env python3
"""The server's websockets, case by case as the Autobahn test suite has them for servers (docs/conformance/autobahn.md).

Written anew after the suite's descriptions, against tests/io/websocket_echo.c, which says what it hears, a binary message in
hexadecimal, and takes messages of 64 KiB. WEBSOCKET_ECHO names it.
"""
import os
import socket
import struct
import subprocess
import unittest

import harness
from websocket import Closed, WebSocket, close_all, frame

PROGRAM = os.environ.get('WEBSOCKET_ECHO', str(harness.ROOT / 'build/tests/io/websocket_echo'))
MESSAGE_MAX = 65536

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PROTOCOL, INVALID, TOO_LARGE = 1002, 1007, 1009
# How bytes are cut before they are sent.
WHOLE, OCTETS = None, 1


def echo_of(opcode, payload):
    """What comes back for a message."""
    return TEXT, payload if opcode == TEXT else payload.hex().encode()


def close_payload(code, reason=b''):
    return struct.pack('!H', code) + reason


class CasesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen([PROGRAM], stdout=subprocess.PIPE, text=True)
        cls.port = int(cls.process.stdout.readline())

    @classmethod
    def tearDownClass(cls):
        close_all()
        cls.process.terminate()
        status = cls.process.wait(30)
        cls.process.stdout.close()
        assert status == 0, status

    def start(self):
        client = WebSocket(self.port, '/')
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(client.close)
        return client

    def say(self, client, data, chop):
        step = chop or len(data)
        try:
            for at in range(0, len(data), step):
                client.socket.sendall(data[at:at + step])
        except OSError:
            pass  # it was closed before the end: what comes back says how

    def talk(self, name, frames, answers, code=None, chop=WHOLE):
        """Sends the frames and expects the answers. Then the connection is closed with this code, or, without one, it is
        alive and closes as it should."""
        with self.subTest(case=name):
            client = self.start()
            self.say(client, b''.join(frames), chop)
            for answer in answers:
                self.assertEqual(client.receive_frame(), answer)
            if code is None:
                client.send_frame(CLOSE, close_payload(1000))
                code = 1000
            opcode, payload = client.receive_frame()
            self.assertEqual((opcode, struct.unpack('!H', payload[:2])[0]), (CLOSE, code))
            client.socket.close()

    def talk_in_all_ways(self, names, frames, answers, code=None):
        """Three cases: in one piece, frame by frame (here: in pieces that cut the frames), octet by octet."""
        for name, chop in zip(names, (WHOLE, 3, OCTETS)):
            self.talk(name, frames, answers, code, chop)


class Framing(CasesTest):
    def test_1_messages_of_every_size(self):
        for group, opcode in (('1.1', TEXT), ('1.2', BINARY)):
            for number, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
                payload = (b'*' if opcode == TEXT else b'\xfe') * size
                self.talk(f'{group}.{number}', [frame(opcode, payload)], [echo_of(opcode, payload)])
            self.talk(f'{group}.8', [frame(opcode, payload)], [echo_of(opcode, payload)], chop=997)

    def test_2_pings_and_pongs(self):
        for name, payload in (('2.1', b''), ('2.2', b'Hello, world!'), ('2.3', b'\x00\xff\xfe\xfd\xfc\xfb\x00\xff'),
                              ('2.4', b'\xfe' * 125)):
            self.talk(name, [frame(PING, payload)], [(PONG, payload)])
        self.talk('2.5', [frame(PING, b'\xfe' * 126)], [], PROTOCOL)
        self.talk('2.6', [frame(PING, b'\xfe' * 125)], [(PONG, b'\xfe' * 125)], chop=OCTETS)
        self.talk('2.7', [frame(PONG, b'')], [])
        self.talk('2.8', [frame(PONG, b'unsolicited pong payload')], [])
        self.talk('2.9', [frame(PONG, b'unsolicited pong payload'), frame(PING, b'ping payload')], [(PONG, b'ping payload')])
        pings = [b'payload-%d' % number for number in range(10)]
        for name, chop in (('2.10', WHOLE), ('2.11', OCTETS)):
            self.talk(name, [frame(PING, ping) for ping in pings], [(PONG, ping) for ping in pings], chop=chop)

    def test_3_reserved_bits(self):
        hello = b'Hello, world!'
        self.talk('3.1', [frame(TEXT, hello, reserved=4)], [], PROTOCOL)
        frames = [frame(TEXT, hello), frame(TEXT, hello, reserved=2), frame(PING, b'')]
        self.talk_in_all_ways(('3.2', '3.3', '3.4'), frames, [(TEXT, hello)], PROTOCOL)
        self.talk('3.4 (RSV 3)', [frame(TEXT, hello), frame(TEXT, hello, reserved=3)], [(TEXT, hello)], PROTOCOL)
        self.talk('3.5', [frame(BINARY, b'\x00\xff\xfe\xfd', reserved=5)], [], PROTOCOL)
        self.talk('3.6', [frame(PING, hello, reserved=6)], [], PROTOCOL)
        self.talk('3.7', [frame(CLOSE, b'', reserved=7)], [], PROTOCOL)

    def test_4_reserved_opcodes(self):
        hello = b'Hello, world!'
        for group, first in (('4.1', 3), ('4.2', 11)):
            self.talk(f'{group}.1', [frame(first, b'')], [], PROTOCOL)
            self.talk(f'{group}.2', [frame(first + 1, b'reserved opcode payload')], [], PROTOCOL)
            frames = [frame(TEXT, hello), frame(first + 2, b''), frame(PING, b'')]
            self.talk(f'{group}.3', frames, [(TEXT, hello)], PROTOCOL)
            frames = [frame(TEXT, hello), frame(first + 3, hello), frame(PING, b'')]
            self.talk(f'{group}.4', frames, [(TEXT, hello)], PROTOCOL)
            frames = [frame(TEXT, hello), frame(first + 4, hello), frame(PING, b'')]
            self.talk(f'{group}.5', frames, [(TEXT, hello)], PROTOCOL, OCTETS)

    def test_5_fragments(self):
        def parts(*texts, first=TEXT):
            return [frame(CONTINUATION if number else first, text, number == len(texts) - 1)
                    for number, text in enumerate(texts)]
        two, whole = parts(b'fragment1', b'fragment2'), [(TEXT, b'fragment1fragment2')]
        self.talk('5.1', parts(b'fragment1', b'fragment2', first=PING), [], PROTOCOL)
        self.talk('5.2', parts(b'fragment1', b'fragment2', first=PONG), [], PROTOCOL)
        self.talk_in_all_ways(('5.3', '5.4', '5.5'), two, whole)
        between = [two[0], frame(PING, b'ping payload'), two[1]]
        self.talk_in_all_ways(('5.6', '5.7', '5.8'), between, [(PONG, b'ping payload')] + whole)
        for names, final in ((('5.9', '5.10', '5.11'), True), (('5.12', '5.13', '5.14'), False)):
            frames = [frame(CONTINUATION, b'non-continuation payload', final), frame(TEXT, b'Hello, world!')]
            self.talk_in_all_ways(names, frames, [], PROTOCOL)
        stray = [frame(CONTINUATION, b'fragment3', False), frame(CONTINUATION, b'fragment4', True)]
        self.talk('5.15', two + stray, whole, PROTOCOL)
        for name, final in (('5.16', False), ('5.17', True)):
            frames = [frame(CONTINUATION, b'fragment1', final), frame(TEXT, b'fragment2', False),
                      frame(CONTINUATION, b'fragment3', True)]
            self.talk(name, 2 * frames, [], PROTOCOL)
        self.talk('5.18', [frame(TEXT, b'fragment1', False), frame(TEXT, b'fragment2', True)], [], PROTOCOL)
        five = parts(b'fragment1', b'fragment2', b'fragment3', b'fragment4', b'fragment5')
        frames = five[:2] + [frame(PING, b'pongme 1!')] + five[2:4] + [frame(PING, b'pongme 2!')] + five[4:]
        answers = [(PONG, b'pongme 1!'), (PONG, b'pongme 2!'), (TEXT, b''.join(b'fragment%d' % n for n in range(1, 6)))]
        self.talk('5.19', frames, answers, chop=11)
        self.talk('5.20', frames, answers)


class Texts(CasesTest):
    def text(self, name, text, is_good, cuts=(len,)):
        """The text in one frame, and cut into so many bytes each."""
        for cut in cuts:
            step = cut(text) or 1
            pieces = [text[at:at + step] for at in range(0, len(text), step)] or [b'']
            frames = [frame(CONTINUATION if number else TEXT, piece, number == len(pieces) - 1)
                      for number, piece in enumerate(pieces)]
            self.talk(name, frames, [(TEXT, text)] if is_good else [], None if is_good else INVALID)

    def test_6_1_to_6_4_texts_in_fragments(self):
        def parts(*texts):
            return [frame(CONTINUATION if number else TEXT, text, number == len(texts) - 1)
                    for number, text in enumerate(texts)]
        self.talk('6.1.1', [frame(TEXT, b'')], [(TEXT, b'')])
        self.talk('6.1.2', parts(b'', b'', b''), [(TEXT, b'')])
        self.talk('6.1.3', parts(b'', b'middle frame payload', b''), [(TEXT, b'middle frame payload')])
        good = 'Hello-µ@ßöäüàá-UTF-8!!'.encode()
        self.text('6.2.1', good, True)
        self.talk('6.2.2', parts(good[:12], good[12:]), [(TEXT, good)])
        self.text('6.2.3', good, True, (lambda text: 1,))
        self.text('6.2.4', 'κόσμε'.encode(), True, (lambda text: 1,))
        bad = 'κόσμε'.encode() + b'\xed\xa0\x80' + b'edited'
        self.text('6.3.1', bad, False)
        self.text('6.3.2', bad, False, (lambda text: 1,))
        # Refused before the message is whole: its last part is never sent.
        start, wrong = 'κόσμε'.encode(), b'\xf4\x90\x80\x80'
        self.talk('6.4.1', [frame(TEXT, start, False), frame(CONTINUATION, wrong, False)], [], INVALID)
        self.talk('6.4.2', [frame(TEXT, start + b'\xf4', False), frame(CONTINUATION, b'\x90', False)], [], INVALID)
        # The same within a frame that is never whole.
        for name, payload in (('6.4.3', start + wrong + b'edited'), ('6.4.4', start + b'\xf4\x90' + b'\x80\x80edited')):
            self.talk(name, [frame(TEXT, payload)[:6 + len(start) + 2]], [], INVALID)

    def test_6_5_to_6_7_characters_and_what_begins_like_one(self):
        texts = ['κόσμε', 'ﾟ･✿ヾ╲(｡◕‿◕｡)╱✿･ﾟ', 'Sîne klâwen durh die wolken sint geslagen', '★\U0001f600', '\U00010348']
        for number, text in enumerate(texts, 1):
            self.text(f'6.5.{number}', text.encode(), True, (len, lambda text: 1))
        whole = 'κόσμε'.encode()
        for size in range(1, len(whole) + 1):
            try:
                whole[:size].decode()
                is_good = True
            except UnicodeDecodeError:
                is_good = False
            self.text(f'6.6.{size}', whole[:size], is_good)
        for number, code in enumerate((0, 0x80, 0x800, 0x10000), 1):
            self.text(f'6.7.{number}', chr(code).encode(), True)

    def test_6_8_to_6_11_boundaries(self):
        cases = {'6.8.1': (b'\xf8\x88\x80\x80\x80', False), '6.8.2': (b'\xfc\x84\x80\x80\x80\x80', False),
                 '6.9.1': (b'\x7f', True), '6.9.2': (b'\xdf\xbf', True), '6.9.3': (b'\xef\xbf\xbf', True),
                 '6.9.4': (b'\xf4\x8f\xbf\xbf', True), '6.10.1': (b'\xf7\xbf\xbf\xbf', False),
                 '6.10.2': (b'\xfb\xbf\xbf\xbf\xbf', False), '6.10.3': (b'\xfd\xbf\xbf\xbf\xbf\xbf', False),
                 '6.11.1': (b'\xed\x9f\xbf', True), '6.11.2': (b'\xee\x80\x80', True), '6.11.3': (b'\xef\xbf\xbd', True),
                 '6.11.4': (b'\xf4\x8f\xbf\xbf', True), '6.11.5': (b'\xf4\x90\x80\x80', False)}
        for name, (text, is_good) in cases.items():
            self.text(name, text, is_good, (len, lambda text: 1))

    def test_6_12_to_6_21_sequences_that_are_none(self):
        lonely = [b'\xc2', b'\xe1', b'\xf1', b'\xf9', b'\xfd']
        missing = [b'\xc0', b'\xe0\x80', b'\xf0\x80\x80', b'\xf8\x80\x80\x80', b'\xfc\x80\x80\x80\x80', b'\xdf', b'\xef\xbf',
                   b'\xf7\xbf\xbf', b'\xfb\xbf\xbf\xbf', b'\xfd\xbf\xbf\xbf\xbf']
        surrogates = [b'\xed\xa0\x80', b'\xed\xad\xbf', b'\xed\xae\x80', b'\xed\xaf\xbf', b'\xed\xb0\x80', b'\xed\xbe\x80',
                      b'\xed\xbf\xbf']
        groups = {
            '6.12': [b'\x80', b'\xbf'] + [(b'\x80\xbf' * 4)[:size] for size in range(2, 7)] + [bytes(range(0x80, 0xc0))],
            '6.13': [b''.join(bytes([first, 0x20]) for first in span)
                     for span in (range(0xc0, 0xe0), range(0xe0, 0xf0), range(0xf0, 0xf8), range(0xf8, 0xfc), range(0xfc, 0xfe))],
            '6.13 (each)': lonely,
            '6.14': missing,
            '6.15': [b''.join(missing)],
            '6.16': [b'\xfe', b'\xff', b'\xfe\xfe\xff\xff'],
            '6.17': [b'\xc0\xaf', b'\xe0\x80\xaf', b'\xf0\x80\x80\xaf', b'\xf8\x80\x80\x80\xaf', b'\xfc\x80\x80\x80\x80\xaf'],
            '6.18': [b'\xc1\xbf', b'\xe0\x9f\xbf', b'\xf0\x8f\xbf\xbf', b'\xf8\x87\xbf\xbf\xbf', b'\xfc\x83\xbf\xbf\xbf\xbf'],
            '6.19': [b'\xc0\x80', b'\xe0\x80\x80', b'\xf0\x80\x80\x80', b'\xf8\x80\x80\x80\x80', b'\xfc\x80\x80\x80\x80\x80'],
            '6.20': surrogates,
            '6.21': [high + low for high in surrogates[:4] for low in (surrogates[4], surrogates[6])],
        }
        for group, texts in groups.items():
            for number, text in enumerate(texts, 1):
                self.text(f'{group}.{number}', text, False)

    def test_6_22_and_6_23_characters_that_are_no_letters(self):
        last = [plane << 16 | end for plane in range(17) for end in (0xfffe, 0xffff)]
        special = [0xfff9, 0xfffa, 0xfffb, 0xfffc, 0xfffd, 0xfffe, 0xffff]
        for group, codes in (('6.22', last), ('6.23', special)):
            for number, code in enumerate(codes, 1):
                self.text(f'{group}.{number}', chr(code).encode(), True)


class Closing(CasesTest):
    def closed_by_us(self, name, frames, answers, payload, answered):
        """The close frame is answered with this one, nothing more comes, and the connection ends."""
        with self.subTest(case=name):
            client = self.start()
            self.say(client, b''.join(frames), WHOLE)
            for answer in answers + [(CLOSE, answered)]:
                self.assertEqual(client.receive_frame(), answer)
            with self.assertRaises(Closed) as closed:
                client.receive_frame()
            self.assertIsNone(closed.exception.code)

    def test_7_1_what_comes_behind_a_close_frame_is_not_heard(self):
        close, answered = frame(CLOSE, close_payload(1000)), close_payload(1000)
        hello = b'Hello World!'
        self.closed_by_us('7.1.1', [frame(TEXT, hello), close], [(TEXT, hello)], answered, answered)
        for name, behind in (('7.1.2', close), ('7.1.3', frame(PING, b'')), ('7.1.4', frame(TEXT, hello))):
            self.closed_by_us(name, [close, behind], [], answered, answered)
        frames = [frame(TEXT, b'fragment1', False), close, frame(CONTINUATION, b'fragment2')]
        self.closed_by_us('7.1.5', frames, [], answered, answered)
        large = b'BAsd7&jh23' * (MESSAGE_MAX // 10)
        self.closed_by_us('7.1.6', [frame(TEXT, large), close, frame(PING, b'')], [(TEXT, large)], answered, answered)

    def test_7_3_and_7_5_payloads_of_close_frames(self):
        self.closed_by_us('7.3.1', [frame(CLOSE, b'')], [], b'', b'')
        self.talk('7.3.2', [frame(CLOSE, b'a')], [], PROTOCOL)
        reasons = {'7.3.3': b'', '7.3.4': b'Hello World!', '7.3.5': b'*' * 123}
        for name, reason in reasons.items():
            self.closed_by_us(name, [frame(CLOSE, close_payload(1000, reason))], [], None, close_payload(1000))
        self.talk('7.3.6', [frame(CLOSE, close_payload(1000, b'*' * 124))], [], PROTOCOL)
        self.talk('7.5.1', [frame(CLOSE, close_payload(1000, b'\xce\xba\xed\xa0\x80edited'))], [], INVALID)

    def test_7_7_codes_that_there_are(self):
        codes = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
        for number, code in enumerate(codes, 1):
            self.closed_by_us(f'7.7.{number}', [frame(CLOSE, close_payload(code))], [], None, close_payload(code))

    def test_7_9_and_7_13_codes_that_there_are_not(self):
        codes = {'7.9': (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), '7.13': (5000, 65535)}
        for group, numbers in codes.items():
            for number, code in enumerate(numbers, 1):
                self.talk(f'{group}.{number}', [frame(CLOSE, close_payload(code))], [], PROTOCOL)


class Limits(CasesTest):
    def fragments(self, opcode, payload, size):
        pieces = [payload[at:at + size] for at in range(0, len(payload), size)]
        return [frame(CONTINUATION if number else opcode, piece, number == len(pieces) - 1)
                for number, piece in enumerate(pieces)]

    def test_9_1_and_9_2_large_messages_up_to_the_limit_and_beyond(self):
        for group, opcode in (('9.1', TEXT), ('9.2', BINARY)):
            payload = b'*' * MESSAGE_MAX
            self.talk(f'{group}.1', [frame(opcode, payload)], [echo_of(opcode, payload)])
            # Ours is the limit of the application: what is above it is skipped and told, up to 4 MiB.
            for number, size in ((2, 1 << 18), (3, 1 << 20), (4, 1 << 22)):
                frames = [frame(opcode, b'*' * size), frame(TEXT, b'next')]
                self.talk(f'{group}.{number}', frames, [(TEXT, b'too large'), (TEXT, b'next')])
            for number, size in ((5, 1 << 23), (6, 1 << 24)):
                self.talk(f'{group}.{number}', [frame(opcode, b'*' * size)], [], TOO_LARGE)

    def test_9_3_to_9_6_large_messages_in_pieces(self):
        payload = b'*' * MESSAGE_MAX
        sizes = (64, 256, 1024, 4096, 16384, 65536)
        for group, opcode in (('9.3', TEXT), ('9.4', BINARY)):
            for number, size in enumerate(sizes, 1):
                self.talk(f'{group}.{number}', self.fragments(opcode, payload, size), [echo_of(opcode, payload)])
            frames = self.fragments(opcode, payload + b'*', 1024) + [frame(TEXT, b'next')]
            self.talk(f'{group} (too large)', frames, [(TEXT, b'too large'), (TEXT, b'next')])
        for group, opcode in (('9.5', TEXT), ('9.6', BINARY)):
            for number, chop in enumerate((64, 128, 256, 512, 1024, 2048), 1):
                self.talk(f'{group}.{number}', [frame(opcode, payload)], [echo_of(opcode, payload)], chop=chop)

    def test_9_7_and_9_8_a_thousand_round_trips(self):
        for group, opcode in (('9.7', TEXT), ('9.8', BINARY)):
            for number, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
                with self.subTest(case=f'{group}.{number}'):
                    client, payload = self.start(), b'*' * size
                    for _ in range(1000):
                        client.send_frame(opcode, payload)
                        self.assertEqual(client.receive_frame(), echo_of(opcode, payload))

    def test_10_1_a_message_in_frames_of_a_size(self):
        payload = b'*' * MESSAGE_MAX
        self.talk('10.1.1', self.fragments(TEXT, payload, 1300), [(TEXT, payload)])

    def test_12_and_13_compression_is_not_agreed_to(self):
        client = WebSocket(self.port, '/', ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'])
        self.addCleanup(client.close)
        self.assertNotIn('extensions', client.head.lower())
        client.socket.sendall(frame(TEXT, b'\xf2H\xcd\xc9\xc9\x07\x00', reserved=4))
        opcode, payload = client.receive_frame()
        self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(PROTOCOL)))


class Handshakes(CasesTest):
    KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
    GOOD = ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', KEY]

    def ask(self, lines, method='GET', path='/', version='HTTP/1.1'):
        """Status line and headers of the answer."""
        with socket.create_connection(('127.0.0.1', self.port), timeout=10) as client:
            client.sendall('\r\n'.join([f'{method} {path} {version}', *lines, '', '']).encode())
            text = b''
            while b'\r\n\r\n' not in text:
                more = client.recv(4096)
                if not more:
                    break
                text += more
        head = text.split(b'\r\n\r\n')[0].decode().split('\r\n')
        return head[0], [line.lower() for line in head[1:]]

    def test_a_handshake_is_answered_as_the_standard_says(self):
        status, headers = self.ask(self.GOOD)
        self.assertEqual(status, 'HTTP/1.1 101 Switching Protocols')
        self.assertEqual(sorted(headers), ['connection: upgrade', 'sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=',
                                           'upgrade: websocket'])

    def test_letter_case_order_and_lists_do_not_matter(self):
        lines = [self.KEY.replace('Sec-WebSocket-Key', 'SEC-WEBSOCKET-KEY'), 'connection: keep-alive, UPGRADE', 'host: x',
                 'sec-websocket-version:13', 'upgrade: h2c, WebSocket', 'Sec-WebSocket-Protocol: a, b']
        status, headers = self.ask(lines)
        self.assertIn(' 101 ', status)
        self.assertNotIn('sec-websocket-protocol', ''.join(headers))

    def test_what_is_missing_or_wrong_is_answered_with_an_error(self):
        for number in range(1, len(self.GOOD)):
            with self.subTest(missing=self.GOOD[number]):
                status, headers = self.ask(self.GOOD[:number] + self.GOOD[number + 1:])
                self.assertIn(' 426 ', status)
                self.assertIn('sec-websocket-version: 13', headers)
        self.assertIn(' 400 ', self.ask(self.GOOD[1:])[0])
        for wrong in ('Sec-WebSocket-Version: 8', 'Sec-WebSocket-Version: 14', 'Sec-WebSocket-Version: 13, 8',
                      'Sec-WebSocket-Key: short', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=', 'Upgrade: h2c',
                      'Connection: close'):
            with self.subTest(wrong=wrong):
                name = wrong.split(':')[0]
                lines = [line for line in self.GOOD if not line.startswith(name)] + [wrong]
                self.assertIn(' 426 ', self.ask(lines)[0])
        self.assertIn(' 426 ', self.ask(self.GOOD + [self.KEY])[0])
        self.assertIn(' 426 ', self.ask(self.GOOD, version='HTTP/1.0')[0])
        self.assertIn(' 405 ', self.ask(self.GOOD, method='POST')[0])
        self.assertIn(' 404 ', self.ask(self.GOOD, path='/nothing')[0])


if __name__ == '__main__':
    harness.main()
