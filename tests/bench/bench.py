"""`make bench`: anyreach beside other clients on this machine, as one table of ratios.

Usage: bench.py BUILD, where BUILD holds anyreach, bench/plain and bench/empty. Nothing is asserted: a
machine that is busy must not fail a build. All that is compared takes turns within one run; a ratio is
the median of the ratios of the turns. README.md says what each row means.
"""

import itertools
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from bench_servers import HERE, NGINX, Servers, agent_config

REQUESTS_PER_ITEM = 4
SLOW_SECONDS = 0.020  # what the slow servers take for an answer
LIMIT_RATE, LIMIT_BURST = 10, 10  # of the limited server
TIME_LIMIT = 90  # seconds that one run of anything may take

Cost = namedtuple("Cost", "wall cpu peak")  # seconds a request, twice; KB
Row = namedtuple("Row", "what ours rival ratio target")


class Failed(Exception):
    """A contender did not do its work; what it said is the message."""


class Bench:
    def __init__(self, build, directory, servers):
        self.program = os.path.join(build, "anyreach")
        self.empty = os.path.join(build, "bench/empty")
        self.directory = directory
        self.servers = servers
        self.config = directory + "/config.json"
        self.environment = {"PATH": os.environ["PATH"], "HOME": directory, "LC_ALL": "C.UTF-8",
                            "ANYREACH_TOKEN": "ak_bench"}
        self.commands = {
            "anyreach": self.anyreach("work.lua"),
            "anyreach --http2": self.anyreach("work.lua", "--http2"),
            "plain C": [os.path.join(build, "bench/plain")],
            "JSON alone": self.anyreach("json_work.lua"),
            "aiohttp": [sys.executable, self.file("rival_aiohttp.py")],
            "requests": [sys.executable, self.file("rival_requests.py")],
            "Node fetch": ["node", self.file("rival_fetch.mjs")],
            "bash, curl, jq": ["bash", self.file("rival_shell.sh")],
        }

    def file(self, name):
        return os.path.join(HERE, name)

    def anyreach(self, script, *options):
        return [self.program, "--ca-file", self.directory + "/server.pem", *options, self.file(script)]

    def run(self, command):
        """Runs a command and returns what it printed, in words."""
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, timeout=TIME_LIMIT,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["exit code %d" % done.returncode]
            raise Failed(lines[-1])
        return done.stdout.split()

    def measure(self, name, server, items, concurrency):
        """One run of a contender. One that prints no times is measured from outside."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        words = self.run(self.commands[name] + [self.servers.url(server), str(items), str(concurrency),
                                                self.config])
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if words:
            wall, cpu = float(words[0]), float(words[1])
        requests = items * REQUESTS_PER_ITEM
        return Cost(wall / requests, cpu / requests, int(words[2]) if len(words) > 2 else 0)

    def take_turns(self, rounds, runs):
        """Runs {name: function} in turn, several times. Returns {name: [result, …]}; the result of what
        has failed is a Failed."""
        results = {name: [] for name in runs}
        for _ in range(rounds):
            for name, function in runs.items():
                try:
                    results[name].append(function())
                except (Failed, subprocess.TimeoutExpired) as problem:
                    results[name].append(problem if isinstance(problem, Failed) else Failed("takes too long"))
        return results


# {====== numbers ======


def first_failure(results):
    return next((result for result in results if isinstance(result, Failed)), None)


def middle(values):
    return statistics.median(values)


def ratio_of(numerators, denominators):
    return middle([a / b for a, b in zip(numerators, denominators)])


def column(costs, name):
    return [getattr(cost, name) for cost in costs]


def per_second(seconds):
    return "{:,.0f} requests/s".format(1 / seconds)


def microseconds(seconds):
    return "%.1f µs" % (seconds * 1e6)


def milliseconds(seconds):
    return "%.2f ms" % (seconds * 1e3)


def failed_row(what, problem, target=""):
    return Row(what, "failed: %s" % problem, "", "", target)


# }======

# {====== rows ======


def throughput_rows(bench, title, concurrency, items, targets):
    """Ratios of requests a second, and of processor time a request, to each rival in `items`."""
    runs = {name: lambda name=name: bench.measure(name, "FAST", items[name], concurrency) for name in items}
    costs = bench.take_turns(5, runs)
    own = costs["anyreach"]
    if first_failure(own):
        return [failed_row(title, first_failure(own))]
    rows = []
    for name in items:
        if name == "anyreach":
            continue
        what = "%s / %s" % (title, name)
        if first_failure(costs[name]):
            rows.append(Row(what, "", "failed: %s" % first_failure(costs[name]), "", ""))
            continue
        walls, rival_walls = column(own, "wall"), column(costs[name], "wall")
        cpus, rival_cpus = column(own, "cpu"), column(costs[name], "cpu")
        rows.append(Row(what, per_second(middle(walls)), per_second(middle(rival_walls)),
                        ratio_of(rival_walls, walls), targets.get(name, "")))
        rows.append(Row("    processor time a request", microseconds(middle(cpus)),
                        microseconds(middle(rival_cpus)), ratio_of(rival_cpus, cpus), ""))
    return rows


def latency_rows(bench):
    items, concurrency = 5120, 256
    theory = items / concurrency * REQUESTS_PER_ITEM * SLOW_SECONDS
    runs = {name: lambda name=name: bench.measure(name, "SLOW", items, concurrency)
            for name in ("anyreach", "plain C")}
    rows = []
    for name, costs in bench.take_turns(3, runs).items():
        what = "20 ms a request, 256 at once" if name == "anyreach" else "    the same, plain C"
        target = "at most 1.10" if name == "anyreach" else ""
        if first_failure(costs):
            rows.append(failed_row(what, first_failure(costs), target))
            continue
        wall = middle(column(costs, "wall")) * items * REQUESTS_PER_ITEM
        rows.append(Row(what, "%.3f s" % wall, "%.3f s in theory" % theory, wall / theory, target))
    return rows


def http2_rows(bench):
    what, target = "--http2, 100 streams / HTTP/1.1", ""
    runs = {server: lambda server=server, name=name: bench.measure(name, server, 1000, 100)
            for server, name in (("SLOW_HTTP2", "anyreach --http2"), ("SLOW_HTTP1", "anyreach"))}
    costs = bench.take_turns(3, runs)
    problem = first_failure(costs["SLOW_HTTP2"]) or first_failure(costs["SLOW_HTTP1"])
    if problem:
        return [failed_row(what, problem, target)]
    two, one = column(costs["SLOW_HTTP2"], "wall"), column(costs["SLOW_HTTP1"], "wall")
    total = 1000 * REQUESTS_PER_ITEM
    rounds = len(two)
    return [Row(what, "%.3f s" % (middle(two) * total), "%.3f s" % (middle(one) * total),
                ratio_of(two, one), target),
            Row("    connections of a run", "%g" % (bench.servers.connections("http2.log") / rounds),
                "%g" % (bench.servers.connections("http1.log") / rounds), "")]


def memory_rows(bench):
    peaks = {}
    for items in (1000, 10000, 100000):
        try:
            peaks[items] = bench.measure("anyreach", "FAST", items, 32).peak / 1024
        except (Failed, subprocess.TimeoutExpired) as problem:
            return [failed_row("largest resident size, %d agents" % items, problem)]
    return [Row("largest resident size, 10,000 agents", "%.1f MB" % peaks[10000], "", "", "under 40 MB"),
            Row("    100,000 agents / 1,000 agents", "%.1f MB" % peaks[100000], "%.1f MB" % peaks[1000],
                peaks[100000] / peaks[1000], "flat")]


def json_rows(bench):
    file = bench.directory + "/config64.json"
    with open(file, "w") as text:
        json.dump(agent_config(64 * 1024), text)
    try:
        times = [float(word) for word in bench.run(bench.anyreach("json.lua") + [file])]
    except Failed as problem:
        return [failed_row("JSON", problem)]
    return [Row("JSON of 64 KB, decode / lua-cjson", "%.0f µs" % times[0], "%.0f µs" % times[1],
                times[1] / times[0], "1.5 or more"),
            Row("JSON of 64 KB, encode / lua-cjson", "%.0f µs" % times[2], "%.0f µs" % times[3],
                times[3] / times[2], "1.2 or more")]


def start_rows(bench):
    def spawn(command):
        start = time.perf_counter()
        child = os.posix_spawn(command[0], command, bench.environment)
        _, status, usage = os.wait4(child, 0)
        if status != 0:
            raise Failed("%s ends with status %d" % (command[0], status))
        return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, 0)

    what, target = "start to exit of -e '' / empty C program", "at most 1.30"
    costs = bench.take_turns(60, {"ours": lambda: spawn([bench.program, "-e", ""]),
                                  "empty": lambda: spawn([bench.empty])})
    if first_failure(costs["ours"]):
        return [failed_row(what, first_failure(costs["ours"]), target)]
    ours, empty = costs["ours"], costs["empty"]
    return [Row(what, milliseconds(middle(column(ours, name))), milliseconds(middle(column(empty, name))),
                ratio_of(column(ours, name), column(empty, name)), target)
            for name, what, target in (("wall", what, target), ("cpu", "    processor time", ""))]


def start_rate_limited(bench, items):
    command = bench.anyreach("update.lua") + [bench.servers.url("LIMITED"), str(items)]
    return subprocess.Popen(command, env=bench.environment, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def rate_limit_rows(process, items):
    what, target = "%d updates at 10 a second" % items, "at most 1.05"
    theory = (items - 1 - LIMIT_BURST) / LIMIT_RATE
    try:
        output, errors = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return [failed_row(what, "takes too long", target)]
    if process.returncode != 0:
        return [failed_row(what, (errors.strip().splitlines() or ["?"])[-1], target)]
    wall, failures = output.split()
    if int(failures):
        return [failed_row(what, "%s updates were refused" % failures, target + ", no failure")]
    return [Row(what, "%.2f s" % float(wall), "%.2f s in theory" % theory, float(wall) / theory, target)]


def provision_seconds(bench, files, *options):
    """Provisions an empty sandbox, which is in the same process, and takes 20 ms for an answer."""
    start = time.monotonic()
    bench.run([bench.program, "--sandbox", "--sandbox-faults", "latency=%g" % (SLOW_SECONDS * 1000), "--quiet",
               "run", "provision", files, "--no-lock", *options])
    return time.monotonic() - start


def provision_rows(bench, count, meanwhile):
    """One by one it waits for a minute, and hardly works: the rows of `meanwhile` are measured beside it."""
    files, target = bench.directory + "/agents", "10 or more"
    what = "provision of %d files / one by one" % count
    try:
        bench.run([bench.program, "--sandbox", bench.file("agent_files.lua"), str(count), files])
        together = provision_seconds(bench, files)
    except Failed as problem:
        yield failed_row(what, problem, target)
        yield from meanwhile
        return
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(provision_seconds, bench, files, "--concurrency", "1")
        yield from meanwhile
        try:
            alone = waiting.result()
            yield Row(what, "%.2f s" % together, "%.2f s" % alone, alone / together, target)
        except (Failed, subprocess.TimeoutExpired) as problem:
            yield failed_row(what, problem, target)


def waiting_rows(bench):
    # Waits for the most part, and so disturbs the measuring of memory as little as that does it.
    limited = start_rate_limited(bench, 200)
    yield from memory_rows(bench)
    yield from rate_limit_rows(limited, 200)


def all_rows(bench):
    yield from throughput_rows(
        bench, "32 at once", 32,
        {"anyreach": 1500, "plain C": 3000, "JSON alone": 3000, "aiohttp": 200, "requests": 100, "Node fetch": 300},
        {"plain C": "0.80 or more", "aiohttp": "10 or more", "Node fetch": "10 or more"})
    yield from throughput_rows(
        bench, "one at a time", 1,
        {"anyreach": 600, "plain C": 600, "aiohttp": 150, "requests": 100, "Node fetch": 150,
         "bash, curl, jq": 3},
        {"plain C": "0.85 or more"})
    yield from latency_rows(bench)
    yield from http2_rows(bench)
    yield from json_rows(bench)
    yield from start_rows(bench)
    yield from provision_rows(bench, 500, waiting_rows(bench))


# }======

# {====== the table ======


def first_line(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return (done.stdout.splitlines() or ["?"])[0]


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def python_module_version(name):
    return first_line([sys.executable, "-c", "import %s; print(%s.__version__)" % (name, name)])


def print_machine(bench):
    print("machine   %s, %d processors, Linux %s, load %.2f" %
          (processor(), os.cpu_count(), platform.release(), os.getloadavg()[0]))
    libcurl = first_line(["curl", "--version"]).split()[3]
    print("versions  %s, %s, nginx %s" % (first_line([bench.program, "--version"]), libcurl,
                                          first_line([NGINX, "-v"]).split("/")[-1]))
    print("          Python %s, aiohttp %s, requests %s, Node %s, %s, %s" %
          (platform.python_version(), python_module_version("aiohttp"), python_module_version("requests"),
           first_line(["node", "--version"]), " ".join(first_line(["curl", "--version"]).split()[:2]),
           first_line(["jq", "--version"])))


def print_row(row):
    ratio = row.ratio if isinstance(row.ratio, str) else "%.2f" % row.ratio
    line = "%-42s %18s %20s %7s   %s" % (row.what, row.ours, row.rival, ratio, row.target)
    print(line.rstrip(), flush=True)


def main(build, rows):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end too
    build, config = os.path.abspath(build), agent_config(8 * 1024)
    with tempfile.TemporaryDirectory(prefix="anyreach-bench.") as directory:
        with open(directory + "/config.json", "w") as file:
            json.dump(config, file)
        with Servers(build, directory, config) as servers:
            bench = Bench(build, directory, servers)
            print_machine(bench)
            print()
            print_row(Row("what / rival", "anyreach", "rival", "ratio", "target"))
            for row in itertools.islice(all_rows(bench), rows):
                print_row(row)


# }======

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: bench.py BUILD [ROWS]")
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else None)
