# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Lines as SVG: miss ratio over cache size, one line for each server. Colours
as in scripts/compare."""

import math
from xml.sax.saxutils import escape

from comparelib.svg import OURS, TEXT, THEIRS

WIDTH, HEIGHT = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 74, 52
COLORS = {"cucached": OURS, "memcached": THEIRS}


def _text(x, y, text, size=12, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
            f'fill="{TEXT}" text-anchor="{anchor}" font-weight="{weight}">'
            f"{escape(text)}</text>")


def _nice_top(value):
    scale = 10 ** math.floor(math.log10(value))
    return next(scale * n for n in (1, 2, 3, 4, 5, 6, 8, 10)
                if scale * n >= value * 0.999)


class _Axes:
    def __init__(self, xs, ys):
        self.x0, self.x1 = math.log(min(xs)), math.log(max(xs))
        if self.x0 == self.x1:
            self.x0, self.x1 = self.x0 - 1, self.x1 + 1
        self.top = _nice_top(max(max(ys), 1e-6))

    def x(self, value):
        share = (math.log(value) - self.x0) / (self.x1 - self.x0)
        return LEFT + 20 + share * (WIDTH - LEFT - RIGHT - 40)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)

    def grid(self, xs, x_label):
        parts = []
        for i in range(5):
            value = self.top * i / 4
            y = self.y(value)
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" '
                         f'y2="{y:.1f}" stroke="{THEIRS}" '
                         'stroke-opacity="0.35"/>')
            parts.append(_text(LEFT - 8, y + 4, f"{value:.3g}", 11, "end"))
        for value in sorted(set(xs)):
            parts.append(_text(self.x(value), HEIGHT - BOTTOM + 18,
                               f"{value:,.4g}", 11, "middle"))
        parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_label,
                           12, "middle"))
        return parts


def lines(title, note, x_label, series):
    """series: {side: [(x, miss ratio), ...]}."""
    points = [p for side in series.values() for p in side]
    axes = _Axes([x for x, _ in points], [y for _, y in points])
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
             f'height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="system-ui, sans-serif" role="img">',
             f"<title>{escape(title)}</title>",
             _text(14, 24, title, 16, weight="600"), _text(14, 42, note, 11)]
    parts += axes.grid([x for x, _ in points], x_label)
    for number, (side, values) in enumerate(series.items()):
        color = COLORS[side]
        x = LEFT + 110 * number
        parts.append(f'<rect x="{x}" y="54" width="12" height="12" rx="2" '
                     f'fill="{color}"/>')
        parts.append(_text(x + 18, 64, side))
        drawn = [(axes.x(x), axes.y(y)) for x, y in sorted(values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
        parts.append(f'<polyline points="{path}" fill="none" '
                     f'stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" '
                  f'fill="{color}"/>' for x, y in drawn]
    return "\n".join(parts) + "\n</svg>\n"
