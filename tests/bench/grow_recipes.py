"""How recipes grow with the number of agents: time, processor time and memory of each, against one sandbox.

Usage: grow_recipes.py PROGRAM COUNT...
Prints a line a recipe: seconds, processor seconds of the client and of the sandbox, the client's largest size in MB.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

PROMPT = "\n".join("    %d. Say \"hello\", ask für the name, and look up the appointment." % line for line in range(20))
AGENT = """name: Agent %06d of the clinic
metadata: {team: t%d, ref: r%d}
config:
  instructions: |
%s
"""
TOKENS = {"one": "ak_sandbox.admin", "two": "ak_sandbox.second"}
RECIPES = [
    ("validate", "validate agents"),
    ("provision, new", "provision agents"),
    ("provision, again", "provision agents"),
    ("diff", "diff agents"),
    ("export, new", "export exported"),
    ("export, again", "export exported"),
    ("migrate-prompts, new", "migrate-prompts prompts --publish"),
    ("migrate-prompts, again", "migrate-prompts prompts --publish"),
    ("promote, new", "promote --from one --to two --all --yes"),
    ("promote, again", "promote --from one --to two --all --yes"),
]


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def write_inputs(top, base_url, count):
    profiles = {name: {"base_url": base_url, "token": token} for name, token in TOKENS.items()}
    config = top + "/.config/anyreach/config.yaml"
    write(config, json.dumps({"default": "one", "profiles": profiles}))
    os.chmod(config, 0o600)
    for index in range(count):
        write("%s/agents/agent-%06d.yaml" % (top, index), AGENT % (index, index % 50, index, PROMPT))
        write("%s/prompts/agent-%06d-of-the-clinic.md" % (top, index), "Be brief.\n" + PROMPT)


def processor_time(process):
    with open("/proc/%d/stat" % process.pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(program, name, arguments, server, top):
    before, start = processor_time(server), time.monotonic()
    environment = {"PATH": os.environ["PATH"], "HOME": top, "LC_ALL": "C.UTF-8"}
    with open(top + "/output", "w") as output:
        client = subprocess.Popen([program, "run", *arguments.split()], cwd=top, env=environment,
                                  stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(client.pid, 0)
    print("  %-24s %8.2f s  %7.2f s  %7.2f s  %5d MB%s" % (
        name, time.monotonic() - start, usage.ru_utime + usage.ru_stime, processor_time(server) - before,
        usage.ru_maxrss // 1024, "" if status == 0 else "  failed"), flush=True)


def measure(program, count):
    top = tempfile.mkdtemp(prefix="anyreach-growth.")
    server = subprocess.Popen([program, "sandbox", "--json", "--db", top + "/state.db"], stdout=subprocess.PIPE,
                              text=True)
    try:
        write_inputs(top, json.loads(server.stdout.readline())["base_url"], count)
        print("%d agents" % count, flush=True)
        for name, arguments in RECIPES:
            run(program, name, arguments, server, top)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(top)


for word in sys.argv[2:]:
    measure(os.path.abspath(sys.argv[1]), int(word))
