"""The servers of `make bench`: canned answers, nginx's configuration, a certificate made for the run.

What they answer is what the built-in sandbox answers; a new version comes back with its configuration.
"""

import json
import os
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX = "/usr/sbin/nginx"
AGENT_ID = "86d3f7ad-e739-4210-b83b-043ae6fb9bed"
NUMBER = "+15551234567"
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
    return {"AGENT": agent, "VERSION": version, "NUMBERS": [number]}


def quoted(value):
    """JSON text for nginx's single quotes, which know no escape for '$'."""
    text = json.dumps(value, separators=(",", ":"))
    assert "$" not in text
    return text.replace("\\", "\\\\").replace("'", "\\'")


def settings(directory, config):
    """What stands between @ in the templates. nginx takes at most 4 KB of text in one piece."""
    texts = {name: quoted(value) for name, value in answers(config).items()}
    version = texts.pop("VERSION")
    pieces, start = [], 0
    for _ in range(3):
        end = min(len(version), start + 4000)
        while end > start and version[end - 1] == "\\":
            end -= 1
        pieces.append(version[start:end])
        start = end
    assert start == len(version), "the configuration is too large for nginx"
    for number, piece in enumerate(pieces, 1):
        texts["VERSION_%d" % number] = piece
    return dict(texts, DIRECTORY=directory)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def write_filled(name, directory, values):
    with open(os.path.join(HERE, name + ".in")) as template:
        text = template.read()
    for key, value in values.items():
        text = text.replace("@%s@" % key, str(value))
    with open(os.path.join(directory, name), "w") as file:
        file.write(text)


def make_certificate(directory):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", directory + "/server.key", "-out", directory + "/server.pem"],
        check=True, stderr=subprocess.DEVNULL)


class Servers:
    """nginx, running while the `with` block does; `url(name)` is where a server is."""

    def __init__(self, directory, config):
        self.directory = directory
        names = ["FAST", "SLOW", "SLOW_HTTP1", "SLOW_HTTP2", "LIMITED"]
        self.ports = dict(zip(names, free_ports(len(names))))
        values = dict(settings(directory, config), **self.ports)
        write_filled("nginx.conf", directory, values)
        write_filled("slow.conf", directory, values)
        make_certificate(directory)

    def __enter__(self):
        self.process = subprocess.Popen(
            [NGINX, "-p", self.directory, "-e", self.directory + "/error.log",
             "-c", self.directory + "/nginx.conf"])
        for port in self.ports.values():
            self.wait_for(port)
        return self

    def wait_for(self, port):
        deadline = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("bench: nginx does not start; see above")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def url(self, name):
        scheme = "https" if name in ("SLOW_HTTP1", "SLOW_HTTP2") else "http"
        return "%s://127.0.0.1:%d" % (scheme, self.ports[name])

    def connections(self, log):
        """How many connections carried the requests in a log; empties it."""
        with open(os.path.join(self.directory, log), "r+") as file:
            count = len(set(file.read().split()))
            file.truncate(0)
        return count
