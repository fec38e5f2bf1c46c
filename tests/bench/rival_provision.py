"""Provisioning as a script of a hundred lines does it: reads agent files, and for each finds the agent by its name,
creates it if there is none, compares its newest version with the file, and writes and publishes a version that
differs. Usage: rival_provision.py DIRECTORY   The address and the token come from the environment."""

import asyncio
import glob
import os
import sys

import aiohttp
import yaml

CONCURRENCY = 32
AGENTS = os.environ["ANYREACH_BASE_URL"] + "/core/agents"
HEADERS = {"Authorization": "Bearer " + os.environ["ANYREACH_TOKEN"], "Accept": "application/json"}


def read_files(directory):
    for path in sorted(glob.glob(directory + "/*.yaml")):
        with open(path) as file:
            yield yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


async def call(session, method, url, **options):
    async with session.request(method, url, **options) as response:
        response.raise_for_status()
        return await response.json()


async def find_or_create(session, name):
    for agent in await call(session, "GET", AGENTS, params={"name": name}):
        if agent["name"] == name:
            return agent, False
    return await call(session, "POST", AGENTS, json={"name": name, "active": True}), True


async def newest_config(session, versions):
    found = await call(session, "GET", versions)
    if not found:
        return None
    newest = max(found, key=lambda version: version["version"])
    if "config" not in newest:
        newest = await call(session, "GET", "%s/%d" % (versions, newest["version"]))
    return newest["config"]


async def provision(session, wanted):
    agent, is_new = await find_or_create(session, wanted["name"])
    versions = "%s/%s/versions" % (AGENTS, agent["id"])
    if not is_new and await newest_config(session, versions) == wanted["config"]:
        return "unchanged"
    version = await call(session, "POST", versions, json={"config": wanted["config"]})
    await call(session, "POST", "%s/%d/publish" % (versions, version["version"]), json={})
    return "created" if is_new else "updated"


async def main(directory):
    files = iter(list(read_files(directory)))
    counts = {}

    async def worker(session):
        for wanted in files:
            done = await provision(session, wanted)
            counts[done] = counts.get(done, 0) + 1

    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        await asyncio.gather(*(worker(session) for _ in range(CONCURRENCY)))
    print(counts, file=sys.stderr)


asyncio.run(main(sys.argv[1]))
