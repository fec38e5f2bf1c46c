"""`make bench`: anyreach beside other clients on this machine, as one table of ratios.

Usage: bench.py BUILD [GROUP…], where BUILD holds anyreach and the programs of bench/; GROUP is a key of GROUPS
below. Nothing is asserted: a machine that is busy must not fail a build. All that is compared takes turns within one
run; a ratio is the median of the ratios of the turns. README.md says what each row means.
"""

import json
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from bench_servers import HERE, LIMITS, NGINX, Sandbox, Servers, agent_config

REQUESTS_PER_ITEM = 4
WARM_ITEMS = 200  # before the clock starts
SLOW_SECONDS = 0.020  # what the slow servers take for an answer
TIME_LIMIT = 90  # seconds that one run of anything may take
UNDICI = "undici@6"  # of npm; later ones need a newer Node than Debian's

Cost = namedtuple("Cost", "wall cpu median slow peak")  # seconds: two a request, two of a request; KB
Row = namedtuple("Row", "what ours rival ratio target")


class Failed(Exception):
    """A contender did not do its work; what it said is the message."""


class Bench:
    def __init__(self, build, directory, servers):
        self.build = build
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
            "plain C with our JSON": [os.path.join(build, "bench/bound")],
            "aiohttp": [sys.executable, self.file("rival_aiohttp.py")],
            "requests": [sys.executable, self.file("rival_requests.py")],
            "Node fetch": ["node", self.file("rival_node.mjs"), "fetch"],
            "bash, curl, jq": ["bash", self.file("rival_shell.sh")],
        }

    def add_rivals(self):
        """Adds those that this machine may lack. Returns why, by name."""
        missing = {}
        for name, command in (("Go net/http", self.build_go), ("undici", self.fetch_undici)):
            try:
                self.commands[name] = command()
            except (Failed, OSError, subprocess.TimeoutExpired) as problem:
                missing[name] = problem
        return missing

    def build_go(self):
        if not shutil.which("go"):
            raise Failed("Go is not installed")
        program = os.path.join(self.build, "bench/rival_go")
        self.run(["go", "build", "-o", program, self.file("rival_go.go")],
                 GOCACHE=os.path.join(self.build, "bench/go"), GO111MODULE="off")
        return [program]

    def fetch_undici(self):
        """Comes from npm's registry, once."""
        directory = os.path.join(self.build, "bench/npm")
        package = os.path.join(directory, "node_modules/undici")
        if not os.path.isdir(package):
            if not shutil.which("npm"):
                raise Failed("npm is not installed")
            self.run(["npm", "install", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund",
                      "--no-save", "--no-package-lock", "--fetch-retries=1", UNDICI], HOME=os.environ.get("HOME", "/"))
        return ["node", self.file("rival_node.mjs"), package]

    def file(self, name):
        return os.path.join(HERE, name)

    def anyreach(self, script, *options):
        return [self.program, "--ca-file", self.directory + "/server.pem", *options, self.file(script)]

    def run(self, command, **environment):
        """Runs a command and returns what it printed."""
        done = subprocess.run(command, env=dict(self.environment, **environment), stdin=subprocess.DEVNULL,
                              timeout=TIME_LIMIT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["exit code %d" % done.returncode]
            raise Failed(lines[-1])
        return done.stdout

    def measure(self, name, server, items, concurrency, warm=WARM_ITEMS, command=None):
        """One run of a contender. One that prints no times is measured from outside."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        words = self.run((command or self.commands[name]) + [self.servers.url(server), str(items), str(concurrency),
                                                             self.config, str(warm)]).split()
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if words:
            wall, cpu = float(words[0]), float(words[1])
        requests = items * REQUESTS_PER_ITEM
        median, slow = (float(words[2]), float(words[3])) if words else (wall / requests, wall / requests)
        return Cost(wall / requests, cpu / requests, median, slow, int(words[4]) if len(words) > 4 else 0)

    def take_turns(self, rounds, runs):
        """Runs {name: function} in turn, several times. Returns {name: [result, …]}; the result of what
        has failed is a Failed, and it gets no further turn."""
        results = {name: [] for name in runs}
        for _ in range(rounds):
            for name, function in runs.items():
                if first_failure(results[name]):
                    continue
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
    if isinstance(problem, subprocess.TimeoutExpired):
        problem = "takes too long"
    return Row(what, "failed: %s" % problem, "", "", target)


# }======

# {====== throughput and latency ======


def percentiles(costs):
    return "%.2f, %.2f ms" % (middle(column(costs, "median")) * 1e3, middle(column(costs, "slow")) * 1e3)


def rival_rows(what, own, costs, target):
    walls, rival_walls = column(own, "wall"), column(costs, "wall")
    cpus, rival_cpus = column(own, "cpu"), column(costs, "cpu")
    yield Row(what, per_second(middle(walls)), per_second(middle(rival_walls)), ratio_of(rival_walls, walls), target)
    yield Row("    processor time a request", microseconds(middle(cpus)), microseconds(middle(rival_cpus)),
              ratio_of(rival_cpus, cpus), "")
    yield Row("    p50, p99 of a request", percentiles(own), percentiles(costs),
              ratio_of(column(costs, "slow"), column(own, "slow")), "")


def throughput_rows(bench, title, concurrency, items, names, targets):
    """Ratios of requests a second, of processor time a request and of the 99th percentile to each rival."""
    missing = bench.add_rivals()
    runs = {name: lambda name=name: bench.measure(name, "FAST", items, concurrency)
            for name in ["anyreach"] + names if name not in missing}
    costs = bench.take_turns(3, runs)
    own = costs["anyreach"]
    if first_failure(own):
        yield failed_row(title, first_failure(own))
        return
    for name in names:
        what, target = "%s / %s" % (title, name), targets.get(name, "")
        problem = missing.get(name) or first_failure(costs[name])
        if problem:
            yield Row(what, "", "skipped: %s" % problem, "", "")
        else:
            yield from rival_rows(what, own, costs[name], target)


RIVALS = ["plain C with our JSON", "plain C", "Go net/http", "undici", "Node fetch", "aiohttp", "requests"]


def many_rows(bench):
    yield from throughput_rows(bench, "32 at once", 32, 500, RIVALS, {"plain C with our JSON": "0.95 or more"})


def single_rows(bench):
    yield from throughput_rows(bench, "one at a time", 1, 200, RIVALS, {"plain C with our JSON": "0.95 or more"})


def shell_rows(bench):
    what = "one at a time / bash, curl, jq"
    names = ("anyreach", "bash, curl, jq")
    costs = bench.take_turns(3, {name: lambda name=name: bench.measure(name, "FAST", 3, 1, 0) for name in names})
    problem = first_failure(costs[names[0]]) or first_failure(costs[names[1]])
    if problem:
        yield failed_row(what, problem)
        return
    walls, rival_walls = (column(costs[name], "wall") for name in names)
    yield Row(what, per_second(middle(walls)), per_second(middle(rival_walls)), ratio_of(rival_walls, walls), "")


def latency_rows(bench):
    items, concurrency = 2560, 256
    theory = items / concurrency * REQUESTS_PER_ITEM * SLOW_SECONDS
    runs = {name: lambda name=name: bench.measure(name, "SLOW", items, concurrency, 256)
            for name in ("anyreach", "plain C with our JSON")}
    for name, costs in bench.take_turns(3, runs).items():
        what = "20 ms a request, 256 at once" if name == "anyreach" else "    the same, plain C with our JSON"
        target = "at most 1.10" if name == "anyreach" else ""
        if first_failure(costs):
            yield failed_row(what, first_failure(costs), target)
            continue
        wall = middle(column(costs, "wall")) * items * REQUESTS_PER_ITEM
        yield Row(what, "%.3f s" % wall, "%.3f s in theory" % theory, wall / theory, target)


def http2_rows(bench):
    what, target = "--http2, 100 streams / HTTP/1.1", ""
    runs = {server: lambda server=server, name=name: bench.measure(name, server, 1000, 100, 0)
            for server, name in (("SLOW_HTTP2", "anyreach --http2"), ("SLOW_HTTP1", "anyreach"))}
    costs = bench.take_turns(3, runs)
    problem = first_failure(costs["SLOW_HTTP2"]) or first_failure(costs["SLOW_HTTP1"])
    if problem:
        yield failed_row(what, problem, target)
        return
    two, one = column(costs["SLOW_HTTP2"], "wall"), column(costs["SLOW_HTTP1"], "wall")
    total = 1000 * REQUESTS_PER_ITEM
    rounds = len(two)
    yield Row(what, "%.3f s" % (middle(two) * total), "%.3f s" % (middle(one) * total), ratio_of(two, one), target)
    yield Row("    connections of a run", "%g" % (bench.servers.connections("http2.log") / rounds),
              "%g" % (bench.servers.connections("http1.log") / rounds), "", "")


def observer_rows(bench):
    """Processor time of a request that is observed, relative to one that is not."""
    directory = bench.directory
    kinds = {"plain": [], "--har": ["--har", directory + "/run.har"], "--record": ["--record", directory + "/record"],
             "--trace=full": ["--trace=full"]}

    def run(options):
        shutil.rmtree(directory + "/record", ignore_errors=True)
        return bench.measure("", "FAST", 300, 32, 0, bench.anyreach("work.lua", *options))

    costs = bench.take_turns(3, {name: lambda options=options: run(options) for name, options in kinds.items()})
    for name in list(kinds)[1:]:
        what = "%s / without" % name
        problem = first_failure(costs[name]) or first_failure(costs["plain"])
        if problem:
            yield failed_row(what, problem)
            continue
        cpus, plain = column(costs[name], "cpu"), column(costs["plain"], "cpu")
        yield Row(what, microseconds(middle(cpus)), microseconds(middle(plain)), ratio_of(cpus, plain), "at most 3")


def memory_rows(bench):
    peaks = {}
    for items in (1000, 10000, 20000):
        try:
            peaks[items] = bench.measure("anyreach", "FAST", items, 32, 0).peak / 1024
        except (Failed, subprocess.TimeoutExpired) as problem:
            yield failed_row("largest resident size, %d agents" % items, problem)
            return
    yield Row("largest resident size, 10,000 agents", "%.1f MB" % peaks[10000], "", "", "under 40 MB")
    yield Row("    20,000 agents / 1,000 agents", "%.1f MB" % peaks[20000], "%.1f MB" % peaks[1000],
              peaks[20000] / peaks[1000], "flat")


# }======

# {====== JSON, start, limits, provisioning ======


def json_rows(bench):
    file = bench.directory + "/config64.json"
    with open(file, "w") as text:
        json.dump(agent_config(64 * 1024), text)
    try:
        lines = bench.run(bench.anyreach("json.lua") + [file]).splitlines()
    except Failed as problem:
        yield failed_row("JSON", problem)
        return
    for line in lines:
        corpus, *times = line.split("\t")
        for verb, ours, theirs in (("decode", *times[:2]), ("encode", *times[2:])):
            target = "1.5 or more" if corpus.startswith("prompts") else "1 or more"
            yield Row("%s %s / lua-cjson" % (verb, corpus), "%.0f µs" % float(ours), "%.0f µs" % float(theirs),
                      float(theirs) / float(ours), target)


def clinic(bench):
    """A copy of the example, whose lock and state belong to this run."""
    example = os.path.join(HERE, "../../scripts/examples/clinic")
    directory = bench.directory + "/clinic"
    if not os.path.isdir(directory):
        shutil.copytree(example, directory, ignore=shutil.ignore_patterns("anyreach.lock"))
    return directory + "/agents"


def start_rows(bench):
    output = os.open(os.devnull, os.O_RDWR)

    def spawn(command, environment):
        start = time.perf_counter()
        actions = [(os.POSIX_SPAWN_DUP2, output, descriptor) for descriptor in range(3)]
        child = os.posix_spawn(command[0], command, environment, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        if status != 0:
            raise Failed("%s ends with status %d" % (command[0], status))
        return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, 0, 0, 0)

    with Sandbox(bench.program) as sandbox:
        environment = dict(bench.environment, **sandbox.environment)
        provision = [bench.program, "run", "provision", clinic(bench)]
        bench.run(provision, **sandbox.environment)
        commands = {"empty C program": ([bench.empty], ""), "-e ''": ([bench.program, "-e", ""], ""),
                    "help": ([bench.program, "help"], "at most 10 ms"), "recipes": ([bench.program, "recipes"], ""),
                    "the prompt": ([bench.program, "repl"], "at most 12 ms"),
                    "--sandbox -e ''": ([bench.program, "--sandbox", "-e", ""], ""),
                    "provision, 3 agents unchanged": (provision, "at most 15 ms")}
        costs = bench.take_turns(30, {name: lambda command=command: spawn(command, environment)
                                      for name, (command, _) in commands.items()})
    os.close(output)
    for name, (_, target) in list(commands.items())[1:]:
        what = "start to exit of %s / empty" % name
        problem = first_failure(costs[name])
        if problem:
            yield failed_row(what, problem, target)
            continue
        own, empty = column(costs[name], "cpu"), column(costs["empty C program"], "cpu")
        yield Row(what, milliseconds(middle(own)), milliseconds(middle(empty)), ratio_of(own, empty), target)


def limit_row(bench, limit):
    """Updates against one limited server, for about eight seconds."""
    items = limit.burst + limit.rate * 8
    theory = (items - 1 - limit.burst) / limit.rate
    pause = "Retry-After 1" if limit.retry_after else "no Retry-After"
    what = "limit %d/s, burst %d, %s" % (limit.rate, limit.burst, pause)
    try:
        wall, failures = bench.run(bench.anyreach("update.lua") + [bench.servers.url(limit.name), str(items)]).split()
    except (Failed, subprocess.TimeoutExpired) as problem:
        return failed_row(what, problem)
    if int(failures):
        return failed_row(what, "%s updates were refused" % failures)
    refused = bench.servers.refused(limit.name) / items
    return Row(what, "%.2f s, %.0f %% refused" % (float(wall), refused * 100), "%.2f s in theory" % theory,
               float(wall) / theory, "at most 1.15, 5 %")


def limit_rows(bench):
    """All at once: they wait for nearly all of their time."""
    with ThreadPoolExecutor(len(LIMITS)) as pool:
        yield from pool.map(lambda limit: limit_row(bench, limit), LIMITS)


def write_agent_files(directory, count):
    config = agent_config(8 * 1024)
    del config["tools"]  # the sandbox wants more of a tool than the canned answers have
    os.makedirs(directory)
    for index in range(count):
        with open("%s/agent-%04d.yaml" % (directory, index), "w") as file:
            json.dump({"name": "Agent %04d" % index, "config": dict(config, max_tool_steps=index % 7 + 1)}, file)


def provision_seconds(command, bench, sandbox):
    start = time.monotonic()
    bench.run(command, **sandbox.environment)
    return time.monotonic() - start


def provision_rows(bench):
    """Agents that are new, and the same again: against the sandbox with 20 ms for an answer."""
    count, files = 200, bench.directory + "/agents"
    write_agent_files(files, count)
    contenders = {"anyreach": [bench.program, "--quiet", "run", "provision", files, "--no-lock"],
                  "Python": [sys.executable, bench.file("rival_provision.py"), files]}
    times = {}
    try:
        for name, command in contenders.items():
            with Sandbox(bench.program, "latency=%g" % (SLOW_SECONDS * 1000)) as sandbox:
                times[name] = [provision_seconds(command, bench, sandbox) for _ in range(2)]
        with Sandbox(bench.program, "latency=%g" % (SLOW_SECONDS * 1000)) as sandbox:
            alone = provision_seconds(contenders["anyreach"] + ["--concurrency", "1"], bench, sandbox)
    except (Failed, subprocess.TimeoutExpired) as problem:
        yield failed_row("provision of %d files" % count, problem)
        return
    for kind, own, rival in zip(("new", "unchanged"), times["anyreach"], times["Python"]):
        what = "provision of %d files, %s / Python" % (count, kind)
        yield Row(what, "%.2f s" % own, "%.2f s" % rival, rival / own, "")
    yield Row("    new / one by one", "%.2f s" % times["anyreach"][0], "%.2f s" % alone, alone / times["anyreach"][0],
              "10 or more")


def growth_rows(bench):
    """The sandbox with few agents and with ten times as many."""
    few, many = 1000, 10000
    try:
        command = [bench.program, "--sandbox", bench.file("growth.lua")]
        times = [[float(word) for word in bench.run(command + [str(count)]).split()] for count in (few, many)]
    except (Failed, subprocess.TimeoutExpired) as problem:
        yield failed_row("growth of the sandbox", problem)
        return
    for what, small, large in zip(("find by name", "find by metadata", "read by id"), *times):
        yield Row("sandbox, %s: %d / %d agents" % (what, many, few), microseconds(large), microseconds(small),
                  large / small, "flat")


# }======

GROUPS = {"many": many_rows, "single": single_rows, "shell": shell_rows, "latency": latency_rows, "http2": http2_rows,
          "json": json_rows, "start": start_rows, "observers": observer_rows, "limits": limit_rows,
          "provision": provision_rows, "growth": growth_rows, "memory": memory_rows}

# {====== the table ======


def first_line(command):
    if not shutil.which(command[0]):
        return "none"
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
    print("          Python %s, aiohttp %s, requests %s, Node %s, %s, Go %s" %
          (platform.python_version(), python_module_version("aiohttp"), python_module_version("requests"),
           first_line(["node", "--version"]), UNDICI, first_line(["go", "version"]).split("go")[-1].split()[0]))


def print_row(row):
    ratio = row.ratio if isinstance(row.ratio, str) else "%.2f" % row.ratio
    line = "%-50s %20s %20s %7s   %s" % (row.what, row.ours, row.rival, ratio, row.target)
    print(line.rstrip(), flush=True)


def main(build, groups):
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
            for group in groups:
                for row in GROUPS[group](bench):
                    print_row(row)


# }======

if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(GROUPS):
        sys.exit("usage: bench.py BUILD [GROUP…]; a group is one of " + ", ".join(GROUPS))
    main(sys.argv[1], sys.argv[2:] or list(GROUPS))
