"""Networks that change under a link: what the two who talk over it notice, and for how long.

Both send a message every 50 ms all the time. The cut-over is the longest silence that either of
them hears from the change on. Every message must arrive, once, in the order in which it was sent.
"""
import dataclasses
import json
import queue
import threading
import time
import typing

import lab_net

EVERY_SECONDS = 0.05
BEFORE_SECONDS = 2   # of talk before the change
AFTER_SECONDS = 15   # and after it, at least
LATEST_SECONDS = 90  # until when what was sent must have arrived

NEW_ADDRESS = '192.168.1.77'
NEW_PORTS = '''
flush chain ip nat postrouting
add rule ip nat postrouting oifname "wan" meta l4proto udp masquerade to :50000-60000 random
add rule ip nat postrouting oifname "wan" masquerade
'''


class Talk:
    """One direction: what is sent, and when what arrives."""

    def __init__(self, sender, receiver):
        self.sender, self.receiver = sender, receiver
        self.sent, self.arrived, self.refused = [], [], None
        self.sending, self.listening = True, True
        self.threads = [threading.Thread(target=self.send, daemon=True), threading.Thread(target=self.listen, daemon=True)]
        for thread in self.threads:
            thread.start()

    def send(self):
        while self.sending:
            text = f'{self.sender.name} {len(self.sent)}'
            try:
                status, answer = self.sender.ask('/messages', {'peer': self.receiver.name, 'text': text})
            except OSError as error:
                self.refused = str(error)
                return
            if status >= 300:
                self.refused = f'{self.receiver.name}: {answer["error"]["message"]}'
                return
            self.sent.append((time.monotonic(), text))
            time.sleep(EVERY_SECONDS)

    def listen(self):
        while self.listening:
            try:
                when, event = self.receiver.events.get(timeout=0.2)
            except queue.Empty:
                continue
            if event['event'] == 'chat' and event['message']['text'].startswith(f'{self.sender.name} '):
                self.arrived.append((when, event['message']['text']))

    def silence(self, since):
        """The longest wait for the next message that ended after this moment."""
        times = [when for when, _ in self.arrived]
        gaps = [(later - earlier) for earlier, later in zip(times, times[1:]) if later > since]
        return max(gaps, default=LATEST_SECONDS)

    def has_recovered(self, since):
        return bool(self.arrived) and self.sent[-1][0] - self.sent_at(self.arrived[-1][1]) < 1 and \
            self.sent_at(self.arrived[-1][1]) > since

    def sent_at(self, text):
        return self.sent[min(int(text.rsplit(' ', 1)[1]), len(self.sent) - 1)][0]

    def finish(self):
        """Nothing more is sent. What is wrong with what has arrived, or None."""
        self.sending = False
        self.threads[0].join()
        deadline = time.monotonic() + LATEST_SECONDS
        while time.monotonic() < deadline and len(self.arrived) < len(self.sent):
            time.sleep(0.05)
        self.listening = False
        self.threads[1].join()
        sent, arrived = [text for _, text in self.sent], [text for _, text in self.arrived]
        if self.refused:
            return f'{self.sender.name} may not send: {self.refused}'
        if len(set(arrived)) < len(arrived):
            return f'{len(arrived) - len(set(arrived))} messages arrived twice'
        if set(arrived) != set(sent):
            return f'{len(set(sent) - set(arrived))} of {len(sent)} messages did not arrive'
        return None if sent == arrived else 'messages arrived in another order'


# ---- What happens: each returns for how many seconds nothing could arrive, whatever we do ----

def replace_address(lab, a):
    """As a laptop that is given another address by the same network."""
    space = a.place.space
    space.ip('address', 'del', f'{lab_net.HOME_HOST}/24', 'dev', 'eth')
    gone = time.monotonic()
    space.ip('address', 'add', f'{NEW_ADDRESS}/24', 'dev', 'eth')
    space.ip('route', 'add', 'default', 'via', lab_net.HOME_ROUTER)
    return time.monotonic() - gone


def rebind(lab, a):
    """As a NAT that was started again: what it lets out now has other ports."""
    a.place.routers[0].nft(NEW_PORTS)
    a.place.forget_udp()
    return 0


def unplug(lab, a):
    lab.internet.space.ip('link', 'set', a.place.port, 'down')
    time.sleep(20)
    lab.internet.space.ip('link', 'set', a.place.port, 'up')
    return 20


def kill_hub(lab, a):
    lab.hub_process.kill()
    lab.hub_process.wait()
    time.sleep(60)
    lab.hub_process = lab.start_public_hub()
    return 0


def kill_relay(lab, a):
    lab.stop_one(lab.relay.process)
    time.sleep(5)
    lab.relay = lab.start_public_relay()
    return 5


@dataclasses.dataclass
class Run:
    name: str
    what: str
    kinds: tuple
    happen: typing.Callable
    at_most: float  # cut-over beyond the time for which nothing could arrive, in seconds
    via: str = 'auto'

    def __post_init__(self):
        self.result = None


# `at_most` leaves room for a machine that is busy with something else. Where the kernel tells of the change it is
# less than the three seconds after which a silent path is noticed anyway: who needs those has missed the news.
RUNS = [
    [Run('address', 'the address is replaced', ('port', 'public'), replace_address, 2.5),
     Run('tls', 'the same, under direct TLS', ('no-udp', 'public'), replace_address, 2.5, 'direct'),
     Run('rebind', 'the NAT gives other ports', ('port', 'port'), rebind, 7),
     Run('unplugged', 'the network is away for 20 s', ('port', 'port'), unplug, 5)],
    [Run('hub', 'the hub is dead for 60 s', ('port', 'port'), kill_hub, 1)],
    [Run('relay', 'the relay is dead for 5 s', ('symmetric', 'symmetric'), kill_relay, 7)],
]


def play(lab, run, a, b):
    a.must('/connect', {'peer': b.name, 'via': run.via, 'timeout_ms': 15000})
    before = a.link(b)
    talks = [Talk(a, b), Talk(b, a)]
    time.sleep(BEFORE_SECONDS)
    since = time.monotonic()
    away = run.happen(lab, a)
    changed = time.monotonic()
    while time.monotonic() < changed + AFTER_SECONDS or (
            time.monotonic() < changed + LATEST_SECONDS and not all(talk.has_recovered(changed) for talk in talks)):
        time.sleep(0.1)
    silence = max(talk.silence(since) for talk in talks)
    problems = [problem for problem in (talk.finish() for talk in talks) if problem]
    after = a.link(b)
    run.result = {
        'run': run.name, 'what': run.what, 'networks': list(run.kinds), 'silence_seconds': round(silence, 2), 'away_seconds': round(away, 2),
        'cut_over_seconds': round(max(0, silence - away), 2), 'at_most_seconds': run.at_most,
        'same_link': bool(after) and after['since'] == before['since'],
        'restarts': after.get('restarts', 0) if after else 0,
        'messages': sum(len(talk.sent) for talk in talks), 'problems': problems,
    }
    run.result['good'] = not problems and run.result['cut_over_seconds'] <= run.at_most


def line(result):
    link = 'the same link' if result['same_link'] else 'a new link'
    verdict = 'ok' if result['good'] else 'BAD'
    return (f'{verdict:4} {result["what"]:32} cut-over {result["cut_over_seconds"]:6.2f} s (at most {result["at_most_seconds"]:g}), '
            f'{link}; {result["messages"]} messages, '
            f'{"; ".join(result["problems"]) or "each arrived once"}')


def run_all(lab, in_parallel, only, as_json):
    results = []
    for group in RUNS:
        group = [run for run in group if not only or run.name in only]
        places = {f'{run.name}-{side}': lab_net.PLACES[kind][0](lab.internet, f'roam-{run.name}-{side}')
                  for run in group for side, kind in zip('ab', run.kinds)}
        residents = lab.settle(places)
        tasks = []
        for run in group:
            a, b = residents[f'{run.name}-a'], residents[f'{run.name}-b']
            a.add(b, run.kinds[0] == 'no-udp')
            b.add(a, False)
            tasks.append(lambda run=run, a=a, b=b: play(lab, run, a, b))
        if tasks:
            in_parallel(tasks, len(tasks))
        for run in group:
            results.append(run.result)
            if not as_json:
                print(line(run.result), flush=True)
    if as_json:
        print(json.dumps({'runs': results}))
    return 0 if all(result['good'] for result in results) else 1
