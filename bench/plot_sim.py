#!/usr/bin/env python3
"""Draws throughput against round trip and against loss, from what `sim --all --json` measured.

usage: plot_sim.py RESULTS.json PICTURE.svg

Only the standard library is needed. The picture has the colours of the reader's light or dark theme."""

import json
import math
import sys

WIDTH, HEIGHT = 900, 400
PLOT_TOP, PLOT_HEIGHT, PLOT_WIDTH = 78, 240, 350
LEFTS = (70, 520)

# In the order in which they are drawn: what matters most comes last, on top.
LINES = (
    ('NewReno, 1 MiB', 'baseline', 'NewReno of RFC 9260, window 1 MiB'),
    ('CUBIC', 'cubic', 'CUBIC, growing window'),
    ('default', 'default', 'dpc as it comes (BBR, growing window)'),
)

STYLE = '''
    .card { fill: #fbfaf7 } .ink { fill: #1c2737 } .soft { fill: #59616c }
    .grid { stroke: #d9d7d0; stroke-width: 1 } .axis { stroke: #59616c; stroke-width: 1.2 }
    polyline { fill: none; stroke-width: 2.2; stroke-linejoin: round }
    .baseline { stroke: #8a8f98; stroke-dasharray: 6 4 } .cubic { stroke: #2f7d4f; stroke-dasharray: 2 3 }
    .default { stroke: #2257b5; stroke-width: 3.4 }
    circle.default { fill: #2257b5; stroke: none } circle.baseline { fill: #8a8f98; stroke: none }
    @media (prefers-color-scheme: dark) {
      .card { fill: #171b21 } .ink { fill: #e6e9ee } .soft { fill: #a4acb8 }
      .grid { stroke: #333a44 } .axis { stroke: #a4acb8 }
      .baseline { stroke: #8f97a3 } .cubic { stroke: #63c58c } .default { stroke: #7aa8ff }
      circle.default { fill: #7aa8ff } circle.baseline { fill: #8f97a3 }
    }
'''


def log_position(value, low, high):
    return (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))


def round_trip_position(ms):
    return log_position(ms, 1, 300)


def loss_position(percent):
    """None has a place of its own left of the logarithmic scale."""
    return 0.0 if percent == 0 else 0.14 + 0.86 * log_position(percent, 0.1, 5)


class Panel:
    def __init__(self, left, rate):
        self.left, self.rate = left, rate
        self.parts = []

    def x(self, position):
        return self.left + PLOT_WIDTH * position

    def y(self, mbits):
        return PLOT_TOP + PLOT_HEIGHT * (1 - mbits / self.rate)

    def text(self, x, y, text, css='soft', anchor='middle', size=12):
        self.parts.append(
            f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{text}</text>')

    def line(self, x1, y1, x2, y2, css):
        self.parts.append(f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def frame(self, title, unit, ticks):
        self.text(self.left, PLOT_TOP - 18, title, 'ink', 'start', 14)
        for i in range(6):
            mbits = self.rate * i / 5
            self.line(self.left, self.y(mbits), self.left + PLOT_WIDTH, self.y(mbits), 'grid' if i else 'axis')
            self.text(self.left - 8, self.y(mbits) + 4, f'{mbits:.0f}', anchor='end')
        bottom = PLOT_TOP + PLOT_HEIGHT
        for position, label in ticks:
            self.line(self.x(position), bottom, self.x(position), bottom + 5, 'axis')
            self.text(self.x(position), bottom + 20, label)
        self.text(self.left + PLOT_WIDTH / 2, bottom + 40, unit)

    def curve(self, css, points):
        places = [(self.x(position), self.y(mbits)) for position, mbits in points]
        self.parts.append(f'<polyline class="{css}" points="' + ' '.join(f'{x:.1f},{y:.1f}' for x, y in places) + '"/>')
        if css in ('default', 'baseline'):
            self.parts += [f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>' for x, y in places]


def curves(panel, rows, key, position):
    for name, css, _ in LINES:
        points = sorted((position(row[key]), row['mbits']) for row in rows if row['connection'] == name)
        panel.curve(css, points)


def draw(results):
    distance = Panel(LEFTS[0], results['distance'][0]['link_mbits'])
    ticks = sorted({row['round_trip_ms'] for row in results['distance']})
    distance.frame('100 Mbit/s, no random loss: Mbit/s of messages', 'round trip, ms',
                   [(round_trip_position(ms), f'{ms:.0f}') for ms in ticks])
    curves(distance, results['distance'], 'round_trip_ms', round_trip_position)
    loss = Panel(LEFTS[1], results['loss'][0]['link_mbits'])
    ticks = sorted({row['loss_percent'] for row in results['loss']})
    loss.frame('50 Mbit/s, 50 ms: Mbit/s of messages', 'random loss in each direction, %',
               [(loss_position(percent), f'{percent:g}') for percent in ticks])
    curves(loss, results['loss'], 'loss_percent', loss_position)
    legend = []
    x = LEFTS[0]
    for _, css, label in reversed(LINES):
        legend.append(f'<polyline class="{css}" points="{x},{HEIGHT - 22} {x + 36},{HEIGHT - 22}"/>')
        legend.append(f'<text class="ink" x="{x + 44}" y="{HEIGHT - 18}" font-size="12">{label}</text>')
        x += 76 + 7 * len(label)
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" '
        'role="img" aria-labelledby="title">',
        '  <title id="title">Throughput of one data channel against round trip and against loss</title>',
        f'  <style>{STYLE}  </style>',
        f'  <rect class="card" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        f'  <text class="ink" x="{LEFTS[0]}" y="32" font-size="17" font-weight="600">'
        'One data channel over distance and loss</text>',
        *('  ' + part for part in distance.parts + loss.parts + legend),
        '</svg>', ''])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split('\n\n')[1])
    with open(sys.argv[1], encoding='utf-8') as file:
        results = json.load(file)
    if 'loss' not in results or 'distance' not in results:
        sys.exit('plot_sim.py: the results lack the sweeps: measure with --all')
    with open(sys.argv[2], 'w', encoding='utf-8') as file:
        file.write(draw(results))


if __name__ == '__main__':
    main()
