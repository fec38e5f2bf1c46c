// The work of `make bench` with Node: its fetch, or undici's request with a pool of connections.
// Usage: rival_node.mjs fetch|UNDICI URL ITEMS CONCURRENCY CONFIG WARM, where UNDICI is the package's directory
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [client, url, items, concurrency, configFile, warm] = process.argv.slice(2);
const agents = "/core/agents";
const config = JSON.parse(readFileSync(configFile, "utf8"));
const headers = { Authorization: "Bearer ak_bench", Accept: "application/json" };
const jsonHeaders = { ...headers, "Content-Type": "application/json" };
let times = [];

async function callFetch(path, options) {
  const response = await fetch(url + path, options);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

let pool;
if (client !== "fetch") {
  const { Pool } = createRequire(import.meta.url)(client);
  pool = new Pool(url, { connections: Number(concurrency) });
}

async function callUndici(path, options) {
  const response = await pool.request({ path, method: "GET", ...options });
  if (response.statusCode > 299) throw new Error(`${path}: ${response.statusCode}`);
  return response.body.json();
}

const send = pool ? callUndici : callFetch;

async function call(path, body) {
  const options = body ? { method: "POST", headers: jsonHeaders, body: JSON.stringify(body) } : { headers };
  const start = performance.now();
  const answer = await send(path, options);
  times.push((performance.now() - start) / 1e3);
  return answer;
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

async function run(count) {
  times = [];
  let next = 1;
  const worker = async () => {
    while (next <= count) await work(next++);
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, worker));
}

await run(Number(warm));
const wall = performance.now();
const cpu = process.cpuUsage();
await run(Number(items));
const seconds = (performance.now() - wall) / 1e3;
const used = process.cpuUsage(cpu);
times.sort((a, b) => a - b);
const at = (share) => times[Math.floor(times.length * share)];
console.log(seconds, (used.user + used.system) / 1e6, at(0.5), at(0.99));
if (pool) await pool.close();
