"""The work of `make bench` with aiohttp. Usage: rival_aiohttp.py URL ITEMS CONCURRENCY CONFIG"""

import asyncio
import json
import sys
import time

import aiohttp

HEADERS = {"Authorization": "Bearer ak_bench", "Accept": "application/json"}


async def call(session, method, url, **options):
    async with session.request(method, url, **options) as response:
        response.raise_for_status()
        return await response.json()


async def work(session, agents, index, config):
    name = "Agent %06d" % index
    if await call(session, "GET", agents, params={"name": name}):
        raise SystemExit("found " + name)
    agent = await call(session, "POST", agents, json={"name": name, "active": True})
    versions = "%s/%s/versions" % (agents, agent["id"])
    version = await call(session, "POST", versions, json={"config": config})
    publish = "%s/%d/publish" % (versions, version["version"])
    await call(session, "POST", publish, json={"phone_numbers": ["+15551234567"], "direction": "both"})


async def main(url, items, concurrency, config):
    indices = iter(range(1, items + 1))

    async def worker(session):
        for index in indices:
            await work(session, url + "/core/agents", index, config)

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        wall, cpu = time.monotonic(), time.process_time()
        await asyncio.gather(*(worker(session) for _ in range(concurrency)))
        print(time.monotonic() - wall, time.process_time() - cpu)


with open(sys.argv[4]) as file:
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.load(file)))
