"""The work of `make bench` with aiohttp. Usage: rival_aiohttp.py URL ITEMS CONCURRENCY CONFIG WARM"""

import asyncio
import json
import sys
import time

import aiohttp

HEADERS = {"Authorization": "Bearer ak_bench", "Accept": "application/json"}
times = []


async def call(session, method, url, **options):
    start = time.monotonic()
    async with session.request(method, url, **options) as response:
        response.raise_for_status()
        answer = await response.json()
    times.append(time.monotonic() - start)
    return answer


async def work(session, agents, index, config):
    name = "Agent %06d" % index
    if await call(session, "GET", agents, params={"name": name}):
        raise SystemExit("found " + name)
    agent = await call(session, "POST", agents, json={"name": name, "active": True})
    versions = "%s/%s/versions" % (agents, agent["id"])
    version = await call(session, "POST", versions, json={"config": config})
    publish = "%s/%d/publish" % (versions, version["version"])
    await call(session, "POST", publish, json={"phone_numbers": ["+15551234567"], "direction": "both"})


async def run(session, agents, items, concurrency, config):
    indices = iter(range(1, items + 1))
    times.clear()

    async def worker():
        for index in indices:
            await work(session, agents, index, config)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


async def main(url, items, concurrency, config, warm):
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        await run(session, url + "/core/agents", warm, concurrency, config)
        wall, cpu = time.monotonic(), time.process_time()
        await run(session, url + "/core/agents", items, concurrency, config)
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    times.sort()
    print(wall, cpu, times[len(times) // 2], times[len(times) * 99 // 100])


with open(sys.argv[4]) as file:
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.load(file), int(sys.argv[5])))
