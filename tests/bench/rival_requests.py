"""The work of `make bench` with requests, a thread and a session for each that runs at once.
Usage: rival_requests.py URL ITEMS CONCURRENCY CONFIG"""

import json
import sys
import threading
import time

import requests

HEADERS = {"Authorization": "Bearer ak_bench", "Accept": "application/json"}


def call(session, method, url, **options):
    response = session.request(method, url, **options)
    response.raise_for_status()
    return response.json()


def work(session, agents, index, config):
    name = "Agent %06d" % index
    if call(session, "GET", agents, params={"name": name}):
        raise SystemExit("found " + name)
    agent = call(session, "POST", agents, json={"name": name, "active": True})
    versions = "%s/%s/versions" % (agents, agent["id"])
    version = call(session, "POST", versions, json={"config": config})
    publish = "%s/%d/publish" % (versions, version["version"])
    call(session, "POST", publish, json={"phone_numbers": ["+15551234567"], "direction": "both"})


def main(url, items, concurrency, config):
    def worker(first):
        session = requests.Session()
        session.headers.update(HEADERS)
        for index in range(first, items + 1, concurrency):
            work(session, url + "/core/agents", index, config)

    threads = [threading.Thread(target=worker, args=(i + 1,)) for i in range(concurrency)]
    wall, cpu = time.monotonic(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(time.monotonic() - wall, time.process_time() - cpu)


with open(sys.argv[4]) as file:
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.load(file))
