"""The servers of `make bench`: canned answers, configuration, a certificate made for the run.

What they answer is what the built-in sandbox answers; a new version comes back with its configuration.
"""

import json
import os
import socket
import subprocess
import time
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX = "/usr/sbin/nginx"
AGENT_ID = "86d3f7ad-e739-4210-b83b-043ae6fb9bed"
NUMBER = "+15551234567"
Limit = namedtuple("Limit", "name rate burst retry_after")
LIMITS = [Limit("LIMIT_%d_%d_%d" % (rate, burst, retry_after), rate, burst, retry_after)
          for rate in (10, 100) for burst in (1, 5, rate) for retry_after in (0, 1)]
TIMES = {"created_at": "2026-01-05T09:00:00.000000Z", "updated_at": "2026-01-05T09:00:00.000000Z"}


def agent_config(size):
    """A configuration of about so many bytes, in the proportions of a real one: mostly prose."""
    line = "When a caller asks for an appointment, offer the two next free times and read them back. "
    tool = {"name": "find_slot", "description": line, "timeout_seconds": 12.5, "enabled": True,
            "parameters": [{"name": "day", "required": True}, {"name": "dentist", "required": False}]}
    config = {"voice": {"id": "calm", "speed": 1.05}, "language": "en-US", "max_tool_steps": 8,
              "starting_message": "Riverside Dental, how may I help? \u2014 \u00bfEn espa\u00f1ol?",
              "metadata": None, "tools": [], "instructions": ""}
    while len(json.dumps(config)) < size * 2 // 5:
        config["tools"].append(dict(tool, name="find_slot_%d" % len(config["tools"])))
    left = size - len(json.dumps(config))
    config["instructions"] = (line.rstrip() + "\n") * (left // (len(line) + 1))
    return config


def answers(config):
    agent = {"id": AGENT_ID, "agent_id": AGENT_ID, "name": "Riverside Dental Scheduler", "active": True,
             "description": None, "is_demo": False, "metadata": {},
             "organization_id": "0a000000-0000-4000-8000-000000000001", **TIMES}
    version = {"id": "96078142-1bc5-4d46-a483-eff044024ee9", "agent_id": AGENT_ID, "version": 1,
               "base_version": None, "published": False, "published_at": None, "config": config, **TIMES}
    number = {"phone_number": NUMBER, "trunk_id": None, "inbound_agent_version_id": version["id"],
              "outbound_agent_version_id": version["id"], "outbound_shareable": False, **TIMES}
    return {"list": [], "agent": agent, "version": version, "numbers": [number]}


def json_text(value):
    return json.dumps(value, separators=(",", ":"))


def quoted(text):
    """Text for nginx's single quotes, which know no escape for '$'."""
    assert "$" not in text
    return text.replace("\\", "\\\\").replace("'", "\\'")


def in_pieces(text, count):
    """Cut into parts that nginx takes (at most 4 KB each), never behind a backslash."""
    pieces = []
    for _ in range(count):
        end = min(len(text), 4000)
        while end > 0 and text[end - 1] == "\\":
            end -= 1
        pieces.append(text[:end])
        text = text[end:]
    assert not text, "the configuration is too large for nginx"
    return pieces


def template_values(directory, texts):
    values = {name.upper(): quoted(text) for name, text in texts.items()}
    for number, piece in enumerate(in_pieces(values.pop("VERSION"), 3), 1):
        values["VERSION_%d" % number] = piece
    return dict(values, DIRECTORY=directory)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def limit_zones():
    """One bucket for each limited server."""
    return "\n".join("  limit_req_zone $server_port zone=%s:1m rate=%dr/s;" % (limit.name, limit.rate)
                     for limit in LIMITS)


def limit_server(limit, port):
    """`burst` requests at once and `rate` a second; the log counts what is refused."""
    header = "add_header Retry-After 1 always;" if limit.retry_after else ""
    return """
  server {
    listen 127.0.0.1:%d;
    access_log @DIRECTORY@/%s.log status;
    location / {
      limit_req zone=%s burst=%d nodelay;
      limit_req_status 429;
      limit_req_log_level info;
      error_page 429 @limited;
      proxy_pass http://fast;
    }
    location @limited { %s return 429 '{"detail":"Too many requests."}'; }
  }""" % (port, limit.name, limit.name, limit.burst, header)


def write_configuration(directory, values):
    with open(os.path.join(HERE, "nginx.conf.in")) as template:
        text = template.read()
    servers = "".join(limit_server(limit, values[limit.name]) for limit in LIMITS)
    text = text.replace("@LIMIT_ZONES@", limit_zones()).replace("@LIMIT_SERVERS@", servers)
    for name, value in values.items():
        text = text.replace("@%s@" % name, str(value))
    write(directory + "/nginx.conf", text)


def make_certificate(directory):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", directory + "/server.key", "-out", directory + "/server.pem"],
        check=True, stderr=subprocess.DEVNULL)


class Servers:
    """All servers, running while the `with` block does; `url(name)` is where one is."""

    def __init__(self, build, directory, config):
        self.directory = directory
        names = ["FAST", "SLOW", "SLOW_HTTP1", "SLOW_HTTP2"] + [limit.name for limit in LIMITS]
        self.ports = dict(zip(names, free_ports(len(names))))
        texts = {name: json_text(value) for name, value in answers(config).items()}
        for name, text in texts.items():
            write("%s/%s.json" % (directory, name), text)
        write_configuration(directory, dict(template_values(directory, texts), **self.ports))
        make_certificate(directory)
        self.commands = [
            [NGINX, "-p", directory, "-e", directory + "/error.log", "-c", directory + "/nginx.conf"],
            [build + "/bench/slow_server", str(self.ports["SLOW"]), directory]]
        self.processes = []

    def __enter__(self):
        try:
            for command in self.commands:
                self.processes.append(subprocess.Popen(command))
            for name in self.ports:
                self.wait_for(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_for(self, name):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and all(process.poll() is None for process in self.processes):
            try:
                socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("bench: the server %s does not start" % name)

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
            process.wait()

    def url(self, name):
        scheme = "https" if name in ("SLOW_HTTP1", "SLOW_HTTP2") else "http"
        return "%s://127.0.0.1:%d" % (scheme, self.ports[name])

    def refused(self, name):
        """How many requests a limited server has refused."""
        with open("%s/%s.log" % (self.directory, name)) as file:
            return file.read().split().count("429")

    def connections(self, log):
        """How many connections carried the requests in a log."""
        with open(os.path.join(self.directory, log)) as file:
            return len(set(file.read().split()))


class Sandbox:
    """The built-in sandbox in a process of its own; `environment` leads to it."""

    def __init__(self, program, faults=None):
        command = [program, "sandbox", "--json"] + (["--faults", faults] if faults else [])
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        described = json.loads(self.process.stdout.readline())
        self.environment = {"ANYREACH_BASE_URL": described["base_url"],
                            "ANYREACH_TOKEN": described["tokens"][0]["token"]}
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
