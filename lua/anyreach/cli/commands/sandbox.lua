-- anyreach sandbox: serves the emulator until it is interrupted.

local arguments = require "anyreach.arguments"
local host = require "anyreach.host"
local json = require "anyreach.json"
local report = require "anyreach.report"

local spec = {
  usage = "anyreach sandbox [--port N] [--db FILE] [--faults FAULTS] [--seed TEXT] [--json]",
  summary = "Serves an emulator of the API on 127.0.0.1.",
  options = {
    { name = "port", value = "N", type = "integer", help = "listen here; without it on any free port" },
    { name = "db", value = "FILE", help = "keep the state in this SQLite file; without it in memory" },
    { name = "faults", value = "FAULTS", help = "misbehave, such as 'latency=20' or 'rate=0.1;503'" },
    { name = "seed", value = "TEXT", help = "repeatable ids and clock" },
  },
  notes = [[
With --json the first line of stdout holds the base URL, organisations and tokens. Point a client at it with
ANYREACH_BASE_URL and ANYREACH_TOKEN. To use a sandbox for a single run, give any command --sandbox.]],
}

local function print_description(description)
  print("Sandbox at " .. description.base_url)
  for _, organization in ipairs(description.organizations) do
    print(("  organisation %s  %s"):format(organization.id, organization.name))
  end
  for _, token in ipairs(description.tokens) do
    print(("  token %-18s %s"):format(token.token, token.organization ~= json.null and token.organization
      or "any organisation, named in X-Anyreach-Org"))
  end
  print("")
  print("export ANYREACH_BASE_URL=" .. description.base_url .. " ANYREACH_TOKEN=ak_sandbox.admin")
end

local function run(given)
  if given.port and (given.port < 1 or given.port > 65535) then
    arguments.fail(spec, "--port: expected 1 to 65535, got %d", given.port)
  end
  local line = host.start_sandbox {
    port = given.port,
    file = given.db or host.options.sandbox ~= "" and host.options.sandbox or nil,
    faults = given.faults or host.options["sandbox-faults"],
    seed = given.seed,
  }
  if report.is_json() then
    io.stdout:write(line, "\n")
  else
    print_description(json.decode(line))
  end
  io.stdout:flush()
  while true do host.sleep(3600) end
end

return { spec = spec, run = run }
