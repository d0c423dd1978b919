# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Bar charts as SVG: pairs of horizontal bars. Colours are readable on light
and on dark pages; the background is left to the page."""

import dataclasses
from xml.sax.saxutils import escape

OURS = "#1f9e8a"
THEIRS = "#8b93a1"
TEXT = "#7b8290"
LABEL_WIDTH = 330
BAR_WIDTH = 420
FIGURE_WIDTH = 170
PAIR_HEIGHT = 34
TOP = 92
LONGEST = 2.0  # in units of the reference; longer bars are cut


@dataclasses.dataclass
class Pair:
    label: str
    ours: float
    theirs: float
    noisy: bool = False


def _text(x, y, text, *, size=13, anchor="start", color=TEXT, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" '
            f'text-anchor="{anchor}" font-weight="{weight}">'
            f"{escape(text)}</text>")


def _rect(x, y, width, height, color, opacity=1.0):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
            f'height="{height}" rx="2" fill="{color}" '
            f'fill-opacity="{opacity}"/>')


def _number(value):
    if value >= 1e6:
        return f"{value / 1e6:,.2f} M"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _bar(y, value, reference, color, opacity, note=""):
    relative = value / reference if reference > 0 else 0
    width = BAR_WIDTH * min(max(relative, 0), LONGEST) / LONGEST
    label = _number(value) + note
    if relative > LONGEST:
        label = "→ " + label
    return [_rect(LABEL_WIDTH, y, width, 11, color, opacity),
            _text(LABEL_WIDTH + width + 6, y + 10, label, size=11)]


def _grid(height):
    lines = []
    for tick in (0, 0.5, 1.0, 1.5, 2.0):
        x = LABEL_WIDTH + BAR_WIDTH * tick / LONGEST
        dash = "" if tick == 1 else ' stroke-dasharray="2 4"'
        lines.append(f'<line x1="{x}" x2="{x}" y1="{TOP - 10}" y2="{height}" '
                     f'stroke="{THEIRS}" stroke-opacity="0.35"{dash}/>')
        lines.append(_text(x, TOP - 14, f"{tick:g}", size=11, anchor="middle"))
    return lines


def _legend():
    x = LABEL_WIDTH
    return [_rect(x, 50, 12, 12, OURS), _text(x + 18, 60, "cucached"),
            _rect(x + 100, 50, 12, 12, THEIRS),
            _text(x + 118, 60, "memcached")]


def bars(title, note, pairs):
    height = TOP + PAIR_HEIGHT * len(pairs) + 8
    width = LABEL_WIDTH + BAR_WIDTH + FIGURE_WIDTH
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
             f'height="{height}" viewBox="0 0 {width} {height}" '
             'font-family="system-ui, sans-serif" role="img">',
             f"<title>{escape(title)}</title>",
             _text(14, 26, title, size=17, weight="600"),
             _text(14, 60, "faint: too noisy to tell", size=11),
             _text(LABEL_WIDTH, 44, note, size=11)]
    parts += _legend() + _grid(height - 8)
    for i, pair in enumerate(pairs):
        y = TOP + PAIR_HEIGHT * i
        opacity = 0.35 if pair.noisy else 1.0
        ratio = pair.ours / pair.theirs if pair.theirs > 0 else 0
        parts.append(_text(LABEL_WIDTH - 10, y + 16, pair.label,
                           anchor="end"))
        parts += _bar(y, pair.ours, pair.theirs, OURS, opacity,
                      f"  (× {ratio:.2f})")
        parts += _bar(y + 13, pair.theirs, pair.theirs, THEIRS, opacity)
    return "\n".join(parts) + "\n</svg>\n"
