"""Two kinds of plots as SVG, written by hand: lines over a logarithmic axis, and bars."""

import math
from xml.sax.saxutils import escape

INK = "#222222"
FAINT = "#d9d9d9"
FONT = "font-family='sans-serif' font-size='13'"


def text(x, y, words, anchor="start", colour=INK, extra=""):
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{colour}' {FONT} {extra}>"
        f"{escape(words)}</text>"
    )


def line(x1, y1, x2, y2, colour=FAINT):
    return (
        f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}'/>"
    )


def number(value):
    return f"{value:,.0f}"


def round_up(value):
    """The next pleasant number above: what an axis ends with."""
    power = 10 ** math.floor(math.log10(max(value, 1)))
    return next(n * power for n in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if n * power >= value)


def page(width, height, title, parts):
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}'><rect width='{width}' height='{height}' fill='white'/>"
    )
    words = text(24, 32, title, extra="font-weight='bold'")
    return "\n".join([head, words, *parts, "</svg>", ""])


def lines_plot(title, x_title, y_title, series):
    """`series`: {name, colour, dashed, points: [(x, y), …]}; x is spread logarithmically."""
    width, height = 900, 520
    left, right, top, bottom = 90, 690, 84, 440
    all_points = [point for one in series for point in one["points"]]
    highest = round_up(max(y for _, y in all_points))
    last = math.log10(max(x for x, _ in all_points)) or 1

    def place(point):
        x = left + (right - left) * math.log10(point[0]) / last
        return x, bottom - (bottom - top) * point[1] / highest

    parts = []
    for step in range(6):
        y = bottom - (bottom - top) * step / 5
        parts += [line(left, y, right, y), text(left - 8, y + 4, number(highest * step / 5), "end")]
    for x in sorted({x for x, _ in all_points}):
        at, _ = place((x, 0))
        parts += [line(at, bottom, at, bottom + 5, INK), text(at, bottom + 20, number(x), "middle")]
    parts.append(line(left, bottom, right, bottom, INK))
    parts.append(text((left + right) / 2, bottom + 46, x_title, "middle"))
    parts.append(text(24, 58, y_title))
    label_ys = spread([place(one["points"][-1])[1] for one in series], 17)
    for one, label_y in zip(series, label_ys):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, one["points"]))
        dashes = "stroke-dasharray='6 4'" if one["dashed"] else ""
        colour = one["colour"]
        parts.append(
            f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2' {dashes}/>"
        )
        for x, y in map(place, one["points"]):
            parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>")
        parts.append(text(right + 12, label_y + 4, one["name"], colour=colour))
    return page(width, height, title, parts)


def spread(wanted, gap):
    """The same places, moved apart until none is closer than `gap` to its neighbour."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places = list(wanted)
    for before, after in zip(order, order[1:]):
        places[after] = max(places[after], places[before] + gap)
    return places


def bars_plot(title, note, bars):
    """`bars`: {name, value, colour}, drawn from the top in the order given."""
    width, row = 900, 30
    left, right, top = 330, 800, 76
    height = top + row * len(bars) + 24
    longest = max(bar["value"] for bar in bars)
    parts = [text(24, 54, note)]
    for place, bar in enumerate(bars):
        y = top + row * place
        length = max(1.0, (right - left) * bar["value"] / longest)
        parts.append(text(left - 10, y + 18, bar["name"], "end"))
        parts.append(
            f"<rect x='{left}' y='{y + 4}' width='{length:.1f}' height='{row - 10}' "
            f"fill='{bar['colour']}'/>"
        )
        parts.append(text(left + length + 8, y + 18, number(bar["value"])))
    return page(width, height, title, parts)
