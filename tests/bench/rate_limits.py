"""How much of a server's limit is used, and how much is refused for it: a sweep in virtual time, and two points
over the wire, against the sandbox.

Usage: rate_limits.py BUILD. Needs BUILD/unit/test_rate_limits and BUILD/anyreach. bench.py may import rows().
"""

import json
import os
import re
import subprocess
import sys
import time

SWEEP_LINE = re.compile(r"^(\d+)/s, burst (\d+), Retry-After (-?\d+), (\d+) at once +(\d+) % used, +([\d.]+) % refused")
AT_ONCE, SECONDS = 24, 20  # of work at the limit
POINTS = ((10, 1, 1), (50, 5, 0))  # requests a second, burst, Retry-After (0: none)
SCRIPT = """
local api, numbers, count = anyreach.client(), {}, %d
for i = 1, count do numbers[i] = i end
anyreach.map(numbers, function() api.agents.list() end, { concurrency = %d })"""


def sweep(build):
    """Runs the sweep. Returns [(rate, burst, retry_after, at_once, used, refused), …], shares in percent."""
    output = subprocess.run([build + "/unit/test_rate_limits", "sweep"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return [tuple(map(float, match.groups())) for match in map(SWEEP_LINE.match, output.splitlines()) if match]


class Point:
    """A run against a sandbox with a limit, which goes on until finish() is called."""

    def __init__(self, build, rate, burst, retry_after):
        self.what = "%d/s, burst %d, %s" % (rate, burst, "Retry-After %d" % retry_after if retry_after else
                                            "no Retry-After")
        self.rate, self.burst, self.count = rate, burst, rate * SECONDS
        faults = "limit=%g;burst=%g" % (rate, burst) + (";retry-after=%d" % retry_after if retry_after else "")
        self.sandbox = subprocess.Popen([build + "/anyreach", "sandbox", "--json", "--faults", faults],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        url = json.loads(self.sandbox.stdout.readline())["base_url"]
        environment = {"PATH": os.environ["PATH"], "ANYREACH_BASE_URL": url, "ANYREACH_TOKEN": "ak_sandbox.admin"}
        self.start = time.monotonic()
        self.run = subprocess.Popen([build + "/anyreach", "--stats", "-e", SCRIPT % (self.count, AT_ONCE)],
                                    env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def finish(self):
        """Returns (seconds, in theory, refused in percent)."""
        errors = self.run.communicate(timeout=10 * SECONDS)[1]
        wall = time.monotonic() - self.start
        self.sandbox.terminate()
        self.sandbox.wait()
        match = re.search(r"^refused +(\d+)", errors, re.M)
        refused = int(match.group(1)) if match else 0
        if self.run.returncode != 0:
            raise RuntimeError(errors)
        return wall, (self.count - self.burst) / self.rate, 100 * refused / (self.count + refused)


def rows(build):
    """Yields (what, measured, in theory, ratio, refused in percent)."""
    points = [Point(build, *point) for point in POINTS]
    runs = sweep(build)
    used, refused = min(run[4] for run in runs), max(run[5] for run in runs)
    yield "worst of %d limits, simulated" % len(runs), "%.0f %% used" % used, "100 %", 100 / used, refused
    for point in points:
        wall, theory, refused = point.finish()
        yield point.what + ", from the first second", "%.1f s" % wall, "%.1f s" % theory, wall / theory, refused


def main(build):
    for what, measured, theory, ratio, refused in rows(build):
        print("%-45s %12s %10s %6.2f  %4.1f %% refused" % (what, measured, theory, ratio, refused))


if __name__ == "__main__":
    main(sys.argv[1])
