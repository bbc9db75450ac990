"""The programs that the benchmark starts: the servers, Slipway itself and its yardsticks.

Everything here gives a figure or raises Failed with the reason; nothing waits without an end.
"""

import glob
import json
import os
import queue
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time


class Failed(Exception):
    pass


class Child:
    """A program that lives until its standard input ends, and says something when it is ready."""

    def __init__(self, arguments):
        self.name = os.path.basename(arguments[0])
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, seconds, about=""):
        """The next line that has `about` in it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{self.name} said nothing for {seconds} s") from None
            if line is None:
                raise Failed(f"{self.name} ended early")
            if about in line:
                return line

    def stop(self):
        """SIGTERM for what does not mind its standard input; its end is enough for the others."""
        self.process.stdin.close()
        if self.name == "slipway":
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(arguments, seconds, environment=None):
    """Its standard output. Standard error is shown only if it fails."""
    try:
        done = subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(arguments)}: no end after {seconds} s") from None
    if done.returncode != 0:
        said = (done.stderr + done.stdout)[-800:]
        raise Failed(f"{' '.join(arguments)}: exit {done.returncode}: {said}")
    return done.stdout


class Installation:
    """Kafka, PostgreSQL and a folder for SQLite on the same disk, with Slipway set up on them."""

    def __init__(self, build):
        self.slipway = os.path.join(build, "ops/slipway")
        self.live_servers = os.path.join(build, "tests/live/live_servers")
        self.bench = os.path.join(build, "tests/bench")
        self.folder = tempfile.mkdtemp(prefix="slipway-bench-")
        self.children = []
        self.servers = self.child([self.live_servers])
        self.fresh = 0

    def child(self, arguments):
        child = Child(arguments)
        self.children.append(child)
        return child

    def close(self):
        for child in reversed(self.children):
            child.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def set_up(self):
        """Waits for the servers; makes schema and topics."""
        addresses = json.loads(self.servers.hear(90, "brokers"))
        self.brokers = addresses["brokers"]
        self.database = addresses["database"]
        self.ceiling_database = self.new_database("ceiling")
        self.kafka_config = self.write_config(
            f"database: {{url: '{self.database}'}}\n"
            f"broker: {{kind: kafka, addresses: '{self.brokers}'}}\n"
        )
        run([self.slipway, "migrate", "--config", self.kafka_config], 30)
        run(
            [self.slipway, "topics", "--replicas", "1", "create", "--config", self.kafka_config],
            60,
        )

    def new_folder(self):
        self.fresh += 1
        folder = os.path.join(self.folder, str(self.fresh))
        os.mkdir(folder)
        return folder

    def write_config(self, text):
        folder = self.new_folder()
        path = os.path.join(folder, "slipway.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{text}state_folder: {folder}\nlog: {{level: error}}\n")
        return path

    def new_database(self, name):
        run(["psql", "--quiet", self.database, "-c", f"CREATE DATABASE {name}"], 60)
        return self.database.rsplit("/", 1)[0] + "/" + name

    def drop_database(self, name):
        run(["psql", "--quiet", self.database, "-c", f"DROP DATABASE {name}"], 60)

    def ours(self, mode, in_flight, seconds, embedded=False):
        """The rehearsal, every role in one process."""
        config = self.write_config("broker: {kind: embedded}\n") if embedded else self.kafka_config
        command = [self.slipway, "rehearse", "--alone", "--keep", "--json", "--config", config]
        command += ["--seconds", str(seconds), "--in-flight", str(in_flight)]
        hand_off = "false" if mode == "strict" else "true"
        text = run(command, seconds + 90, {"SLIPWAY_RUNTIME_HAND_OFF": hand_off})
        if embedded:
            shutil.rmtree(os.path.dirname(config))
        said = json.loads(text.strip().splitlines()[-1])
        if said["problems"]:
            raise Failed("rehearse: " + "; ".join(said["problems"][:3]))
        return {"steps_per_s": said["steps_per_s"], "p50_ms": said["step_p50_ms"]}

    def ceiling(self, mode, in_flight, seconds, warm_up=0.4, embedded=False):
        """The smallest program that does a step's durable work."""
        command = [os.path.join(self.bench, "ceiling"), "--mode", mode]
        command += ["--in-flight", str(in_flight), "--seconds", str(seconds)]
        command += ["--warm-up", str(warm_up)]
        broker = None
        if embedded:
            # A broker of its own, as ours has: topics come by themselves, of four partitions.
            broker = self.child([self.slipway, "embedded-broker"])
            broker.say("serve")
            file = os.path.join(self.new_folder(), "ceiling.db")
            command += ["--brokers", broker.hear(20), "--topics-exist", "--partitions", "4"]
            command += ["--store", "sqlite", "--database", file]
        else:
            command += ["--brokers", self.brokers, "--database", self.ceiling_database]
        try:
            said = json.loads(run(command, seconds + 90))
        finally:
            if broker:
                self.children.remove(broker)
                broker.process.stdin.close()
                broker.process.wait(10)
        return {"steps_per_s": said["steps_per_s"], "p50_ms": said["p50_us"] / 1000}

    def raw(self, seconds):
        command = [os.path.join(self.bench, "raw"), "--brokers", self.brokers]
        command += ["--database", self.ceiling_database, "--folder", self.folder]
        return json.loads(run(command + ["--seconds", str(seconds)], 60 + 10 * seconds))


class DueBench:
    """Cost of a sweep that finds nothing: fills two databases of one kind, measures when told."""

    def __init__(self, installation, small, large):
        program = os.path.join(installation.bench, "due_bench")
        self.child = installation.child([program, small, large])

    def filled(self):
        self.child.hear(120, "filled")

    def measure(self):
        self.child.say("")
        return json.loads(self.child.hear(60, "ratio"))["ratio"]


class Crowd:
    """`slipway up` with its broker, and a hundred thousand VMs in it that wait."""

    vms = 100_000
    asked_at_once = 5_000
    # The embedded broker keeps 5 MB of a partition and drops what is older: about 19,000 orders.
    asked_ahead = 10_000

    def __init__(self, installation):
        self.installation = installation
        self.config = installation.write_config("broker: {kind: embedded}\n")
        self.database = os.path.join(os.path.dirname(self.config), "slipway.db")
        self.up = installation.child([installation.slipway, "up", "--config", self.config])

    def gather(self, seconds):
        """All of them ask for a VM, and each stands at a step that waits for an hour."""
        self.up.hear(30, "next")
        rows = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        deadline = time.monotonic() + seconds
        asked = 0
        while True:
            (there,) = rows.execute("SELECT count(*) FROM vm").fetchone()
            if there == self.vms and self.all_wait(rows):
                break
            if time.monotonic() > deadline:
                raise Failed(f"only {there} of {self.vms} VMs are there after {seconds} s, or not all wait")
            if asked < self.vms and asked - there <= self.asked_ahead - self.asked_at_once:
                self.ask()
                asked += self.asked_at_once
            else:
                time.sleep(0.15)
        rows.close()

    def all_wait(self, rows):
        return not rows.execute("SELECT 1 FROM vm WHERE answer = '' LIMIT 1").fetchall()

    def ask(self):
        count = str(self.asked_at_once)
        command = [self.installation.slipway, "rehearse", "--config", self.config, "--json"]
        command += ["--vms", count, "--in-flight", count, "--no-wait"]
        run(command + ["--wait", "set_ip=3600000"], 60)

    def rss_mib(self):
        pid = self.up.process.pid
        pids = {pid}
        for file in glob.glob(f"/proc/{pid}/task/*/children"):
            with open(file, encoding="ascii") as children:
                pids.update(int(child) for child in children.read().split())
        if len(pids) < 2:
            raise Failed("slipway up has no broker as its child")
        return sum(rss_kib(pid) for pid in pids) / 1024

    def stop(self):
        self.installation.children.remove(self.up)
        self.up.stop()
        shutil.rmtree(os.path.dirname(self.config))


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise Failed(f"process {pid} has no VmRSS")
