"""The work of `make bench` with requests, a thread and a session for each that runs at once.
Usage: rival_requests.py URL ITEMS CONCURRENCY CONFIG WARM"""

import json
import sys
import threading
import time

import requests

HEADERS = {"Authorization": "Bearer ak_bench", "Accept": "application/json"}
times = []


def call(session, method, url, **options):
    start = time.monotonic()
    response = session.request(method, url, **options)
    response.raise_for_status()
    answer = response.json()
    times.append(time.monotonic() - start)
    return answer


def work(session, agents, index, config):
    name = "Agent %06d" % index
    if call(session, "GET", agents, params={"name": name}):
        raise SystemExit("found " + name)
    agent = call(session, "POST", agents, json={"name": name, "active": True})
    versions = "%s/%s/versions" % (agents, agent["id"])
    version = call(session, "POST", versions, json={"config": config})
    publish = "%s/%d/publish" % (versions, version["version"])
    call(session, "POST", publish, json={"phone_numbers": ["+15551234567"], "direction": "both"})


def run(sessions, agents, items, config):
    def worker(session, first):
        for index in range(first, items + 1, len(sessions)):
            work(session, agents, index, config)

    times.clear()
    threads = [threading.Thread(target=worker, args=(session, i + 1)) for i, session in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main(url, items, concurrency, config, warm):
    sessions = [requests.Session() for _ in range(concurrency)]
    for session in sessions:
        session.headers.update(HEADERS)
    run(sessions, url + "/core/agents", warm, config)
    wall, cpu = time.monotonic(), time.process_time()
    run(sessions, url + "/core/agents", items, config)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    times.sort()
    print(wall, cpu, times[len(times) // 2], times[len(times) * 99 // 100])


with open(sys.argv[4]) as file:
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.load(file), int(sys.argv[5]))
