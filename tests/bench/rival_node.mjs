// The work of `make bench` with Node's fetch. Usage: rival_fetch.mjs URL ITEMS CONCURRENCY CONFIG
import { readFileSync } from "node:fs";

const [url, items, concurrency, configFile] = process.argv.slice(2);
const agents = url + "/core/agents";
const config = JSON.parse(readFileSync(configFile, "utf8"));
const headers = { Authorization: "Bearer ak_bench", Accept: "application/json" };
const jsonHeaders = { ...headers, "Content-Type": "application/json" };

async function call(address, body) {
  const options = body ? { method: "POST", headers: jsonHeaders, body: JSON.stringify(body) } : { headers };
  const response = await fetch(address, options);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

async function work(index) {
  const name = "Agent " + String(index).padStart(6, "0");
  const found = await call(agents + "?name=" + encodeURIComponent(name));
  if (found.length > 0) throw new Error("found " + name);
  const agent = await call(agents, { name, active: true });
  const versions = `${agents}/${agent.id}/versions`;
  const version = await call(versions, { config });
  const numbers = { phone_numbers: ["+15551234567"], direction: "both" };
  await call(`${versions}/${version.version}/publish`, numbers);
}

let next = 1;
async function worker() {
  while (next <= Number(items)) await work(next++);
}

const wall = performance.now();
const cpu = process.cpuUsage();
await Promise.all(Array.from({ length: Number(concurrency) }, worker));
const used = process.cpuUsage(cpu);
console.log((performance.now() - wall) / 1e3, (used.user + used.system) / 1e6);
