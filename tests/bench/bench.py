"""How fast Slipway is on this machine, as a share of what the machine can do at all.

Ours is the fifteen-step rehearsal. The ceiling is the smallest program that does a step's durable
work on the same servers (tests/bench/ceiling.cpp). The two take turns within one run, because the
figures of a machine change with the hour and only their ratio stays.
"""

import argparse
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import svg
from programs import Crowd, DueBench, Failed, Installation

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "../../build")
OUT = os.path.join(HERE, "out")

# name, mode, VMs in flight, embedded, what is measured, target, what people read
PAIRS = [
    ("kafka_strict_1_p50_ms", "strict", 1, False, "p50_ms", 1.5, "one VM, strictly by Kafka, a step"),
    ("kafka_handoff_1_p50_ms", "handoff", 1, False, "p50_ms", 0.5, "one VM, hand-off, a step"),
    ("kafka_strict_64_steps_per_s", "strict", 64, False, "steps_per_s", 15_000, "64 VMs, strictly by Kafka"),
    ("kafka_handoff_64_steps_per_s", "handoff", 64, False, "steps_per_s", 25_000, "64 VMs, hand-off"),
    ("kafka_handoff_256_steps_per_s", "handoff", 256, False, "steps_per_s", 40_000, "256 VMs, hand-off"),
    ("embedded_64_steps_per_s", "handoff", 64, True, "steps_per_s", 15_000, "64 VMs, embedded, hand-off"),
]
SINGLES = [
    ("due_1m_to_1k_ratio", 1.2, "idle sweep, 1,000,000 at rest to 1,000"),
    ("rss_100k_mib", 400, "100,000 VMs that wait, MiB"),
]
SHARE_WANTED = 70
GROWTH = [1, 4, 16, 64, 256, 1024, 10_000]
GROWTH_KEEPS = 75  # per cent of the peak that is left at the largest
# Durable steps a second of others on such a machine: reference points, not measured here.
PUBLISHED = [
    ("BullMQ, Redis, fsync once a second", 18_290),
    ("Restate, 256 in flight", 5_600),
    ("Restate, 64 in flight", 4_200),
    ("DBOS", 1_639),
    ("River", 1_496),
    ("Temporal on PostgreSQL", 117),
]


def options():
    parser = argparse.ArgumentParser(
        prog="tests/bench/run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Starts a Kafka and a PostgreSQL of its own. Give it the machine alone. Plots go to "
        "tests/bench/out/.\nWithout --quick it takes about ten minutes: longer windows, each pair "
        "three times\n(the median counts), and the plot of growth up to 10,000 VMs in flight.",
    )
    parser.add_argument("--quick", action="store_true", help="under 50 s on a built tree")
    parser.add_argument("--json", metavar="FILE", help="write the figures as one flat JSON object")
    parser.add_argument("--build", metavar="FOLDER", default=BUILD, help="a tree built already")
    return parser.parse_args()


class Bench:
    def __init__(self, quick, installation):
        self.installation = installation
        self.seconds = 1.3 if quick else 6
        self.seconds_of_one = 0.9 if quick else 6  # one VM gives an even figure sooner
        self.times = 1 if quick else 3
        self.quick = quick
        self.figures = {}
        self.failures = []
        self.growth = {}
        self.began = time.monotonic()

    def say(self, words):
        print(f"  {time.monotonic() - self.began:5.1f} s  {words}", file=sys.stderr, flush=True)

    def attempt(self, name, measure):
        """A figure that could not be had is null, and the reason stands below the table."""
        try:
            return measure()
        except Failed as why:
            self.failures.append(f"{name}: {why}")
            self.say(f"{name} failed: {why}")
            return None

    def prepare(self):
        """Whatever is not measured by time happens at once: servers start, tables fill."""
        here = self.installation
        self.say("starting Kafka and PostgreSQL, filling tables, gathering 100,000 VMs")
        crowd = Crowd(here)
        with ThreadPoolExecutor() as at_once:
            gathered = at_once.submit(crowd.gather, 60)
            here.set_up()
            # The broker's virtual machine compiles for its first 15 s, which costs half a core.
            warmed = at_once.submit(here.ceiling, "handoff", 64, 8)
            sqlite = [f"sqlite:{here.new_folder()}/due.db" for _ in range(2)]
            postgres = [here.new_database(name) for name in ("due_1k", "due_1m")]
            dues = [DueBench(here, *postgres), DueBench(here, *sqlite)]
            for due in dues:
                due.filled()
        warmed.result()
        # Meanwhile the crowd puts down what it had in hand.
        self.say("measuring idle sweeps")
        ratios = [self.attempt("due_1m_to_1k_ratio", due.measure) for due in dues]
        self.figures["rss_100k_mib"] = self.attempt("rss_100k_mib", lambda: self.rss(crowd, gathered))
        self.figures["due_1m_to_1k_ratio"] = None if None in ratios else max(ratios)
        crowd.stop()
        for due in dues:
            here.children.remove(due.child)
            due.child.stop()
        for name in ("due_1k", "due_1m"):
            here.drop_database(name)
        os.sync()

    def rss(self, crowd, gathered):
        gathered.result()
        return crowd.rss_mib()

    def warm_up(self):
        self.say("warming the broker's virtual machine up")
        self.installation.ceiling("handoff", 256, 1.5 if self.quick else 10)
        self.installation.ours("handoff", 256, 1 if self.quick else 6)

    def measure_raw(self):
        self.say("raw figures")
        raw = self.attempt("raw", lambda: self.installation.raw(0.1 if self.quick else 1))
        self.figures.update(raw or {})

    def measure_pairs(self):
        for name, mode, in_flight, embedded, what, _, words in PAIRS:
            self.say(words)
            seconds = self.seconds_of_one if in_flight == 1 else self.seconds
            found = {"": [], "ceiling_": []}
            for _ in range(self.times):
                for kind, measure in (
                    ("ceiling_", self.installation.ceiling),
                    ("", self.installation.ours),
                ):
                    one = self.attempt(
                        kind + name,
                        lambda: measure(mode, in_flight, seconds, embedded=embedded)[what],
                    )
                    if one is not None:
                        found[kind].append(one)
            for kind, values in found.items():
                self.figures[kind + name] = statistics.median(values) if values else None

    def measure_growth(self):
        for in_flight in GROWTH:
            self.say(f"growth: {in_flight} VMs in flight")
            for mode in ("handoff", "strict"):
                for who, measure in (
                    ("the ceiling", self.installation.ceiling),
                    ("Slipway", self.installation.ours),
                ):
                    one = self.attempt(
                        f"growth, {who}, {mode}, {in_flight}",
                        lambda: measure(mode, in_flight, self.seconds)["steps_per_s"],
                    )
                    if one is not None:
                        self.growth.setdefault((who, mode), []).append((in_flight, one))


def row(words, ours, ceiling="", share="", target="", verdict=""):
    return f"{words:<42}{ours:>11}{ceiling:>11}{share:>8}{target:>12}  {verdict}"


def shown(value, is_latency):
    if value is None:
        return "failed"
    return f"{value:.3f} ms" if is_latency else f"{value:,.0f}"


def share_of(ours, ceiling, is_latency):
    if not ours or not ceiling:
        return None
    return 100 * (ceiling / ours if is_latency else ours / ceiling)


def print_table(bench):
    figures = bench.figures
    print()
    print(row("steps a second; p50 of one step", "ours", "ceiling", "share", "target"))
    for name, _, _, _, what, target, words in PAIRS:
        is_latency = what == "p50_ms"
        ours, ceiling = figures[name], figures["ceiling_" + name]
        share = share_of(ours, ceiling, is_latency)
        met = ours is not None and (ours <= target if is_latency else ours >= target)
        print(
            row(
                words,
                shown(ours, is_latency),
                shown(ceiling, is_latency),
                f"{share:.0f} %" if share else "",
                f"<= {target} ms" if is_latency else f">= {target:,}",
                ("met" if met else "MISSED")
                + (f", share below {SHARE_WANTED} %" if share and share < SHARE_WANTED else ""),
            )
        )
    for name, target, words in SINGLES:
        value = figures[name]
        met = value is not None and value <= target
        found = "failed" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"
        print(row(words, found, "", "", f"<= {target}", "met" if met else "MISSED"))
    for (who, mode), points in bench.growth.items():
        if who == "Slipway":
            kept = 100 * points[-1][1] / max(y for _, y in points)
            met = points[-1][0] == GROWTH[-1] and kept >= GROWTH_KEEPS
            words = f"growth, {mode}: left of the peak at {points[-1][0]:,}"
            verdict = "met" if met else "MISSED"
            print(row(words, f"{kept:.0f} %", "", "", f">= {GROWTH_KEEPS} %", verdict))
    print()
    for name, value in figures.items():
        if name.startswith("raw_"):
            print(f"  {name:<40}{value:>12,.0f}")
    for failure in bench.failures:
        print(f"failed: {failure}")


def write_plot(name, text):
    os.makedirs(OUT, exist_ok=True)
    path = os.path.join(OUT, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"plot: {os.path.relpath(path)}")


def write_plots(bench):
    bars = []
    for name, _, _, _, what, _, words in PAIRS:
        if what == "p50_ms":
            continue
        for prefix, who, colour in (("", "Slipway", "#1f6fb4"), ("ceiling_", "ceiling", "#a9c8e3")):
            value = bench.figures[prefix + name]
            if value:
                bars.append({"name": f"{who}, {words}", "value": value, "colour": colour})
    bars += [{"name": n, "value": v, "colour": "#b8b8b8"} for n, v in PUBLISHED]
    note = "Blue: measured in one run on this machine. Grey: reference points for such a machine."
    write_plot("comparison.svg", svg.bars_plot("Durable steps a second", note, bars))
    if bench.growth:
        colours = {"handoff": "#1f6fb4", "strict": "#c2571a"}
        names = {"handoff": "hand-off", "strict": "strictly by Kafka"}
        series = [
            {
                "name": f"{who}, {names[mode]}",
                "colour": colours[mode],
                "dashed": who != "Slipway",
                "points": points,
            }
            for (who, mode), points in bench.growth.items()
        ]
        plot = svg.lines_plot("Growth", "VMs in flight", "durable steps a second", series)
        write_plot("growth.svg", plot)


def main():
    chosen = options()
    installation = Installation(chosen.build)
    bench = Bench(chosen.quick, installation)
    try:
        bench.prepare()
        bench.warm_up()
        bench.measure_pairs()
        bench.measure_raw()
        if not chosen.quick:
            bench.measure_growth()
    except Failed as why:
        print(f"tests/bench/run: {why}", file=sys.stderr)
        return 1
    finally:
        installation.close()
    print_table(bench)
    write_plots(bench)
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(bench.figures, file, indent=2)
            file.write("\n")
    print(f"took {time.monotonic() - bench.began:.0f} s")
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
