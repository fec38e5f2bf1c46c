-- The guard: --read-only, and the writes that a recipe declares. Nothing that is refused reaches the
-- server; the sandbox's log is the witness.

local process = require "helpers.process"

local sandbox = process.sandbox()
local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin" }

-- Runs code against the sandbox; returns exit code, stdout, stderr, and the requests that arrived.
local function run(code, ...)
  api.request { method = "POST", path = "/_sandbox/reset" }
  local command = ("ANYREACH_TOKEN=ak_sandbox.admin ANYREACH_BASE_URL=%s %s"):format(sandbox.base_url,
    process.anyreach(...) .. " -e " .. process.quote("local api = anyreach.client() " .. code))
  local exit_code, out, err = process.run(command)
  local arrived = {}
  for _, request in ipairs(api.request { path = "/_sandbox/requests" }) do
    if not request.path:find("^/_sandbox") then arrived[#arrived + 1] = request.method .. " " .. request.path end
  end
  return exit_code, out, err, arrived
end

local function expect_refused(operation, code, ...)
  local exit_code, _, err, arrived = run(code, ...)
  expect.equal({ exit_code, arrived }, { 6, {} })
  expect.contains(err, operation)
end

describe("--read-only", function()
  it("lets reads pass, POSTs that read among them", function()
    local code, out, err = run([[
      print(#api.agents.list())
      print(select(2, api.try.agents.versions.compare("x", { from_version = 1, to_version = 2 })).status)
      print(select(2, api.try.request { method = "POST", path = "/core/agents/x/versions/compare",
        body = { from_version = 1, to_version = 2 } }).status)]], "--read-only")
    expect.equal({ code, out, err }, { 0, "0\n404\n404\n", "" })
  end)

  it("refuses every write before the first byte", function()
    expect_refused("agents.create", 'api.agents.create { name = "x" }', "--read-only")
    expect_refused("phone_numbers.update", 'api.phone_numbers.update("+1", {})', "--read-only")
    expect_refused("sources.create", 'api.sources.upload(arg[0]:match("^/") and arg[0] or "/etc/passwd")',
      "--read-only")
  end)

  it("is not passed by raw requests, a second client or a pcall", function()
    expect_refused("agents.create", 'api.request { method = "POST", path = "/core/agents", body = { name = "x" } }',
      "--read-only")
    expect_refused("request", 'api.request { method = "DELETE", path = "/core/unheard-of/1" }', "--read-only")
    expect_refused("agents.create", 'pcall(api.agents.create, { name = "x" }) '
      .. 'anyreach.client { token = "ak_sandbox.second" }.agents.create { name = "y" }', "--read-only")
  end)

  it("is not lifted by a session that was read-only, and is so no longer", function()
    expect_refused("agents.create", 'local host = require "anyreach.host" host.set_read_only(true) '
      .. 'host.set_read_only(false) api.agents.create { name = "x" }', "--read-only")
  end)

  it("is not lifted through the registry, nor by a row that a script defines", function()
    expect_refused("agents.create", [[
      local registry = debug.getregistry()
      for key, value in pairs(registry) do
        if value == true then registry[key] = nil end
      end
      api.agents.create { name = "x" }]], "--read-only")
    expect_refused("agents.create", [[
      local operations = require "anyreach.operations"
      local row = operations.describe "agents.create"
      row.writes, row.retry = false, "safe"
      operations.define { row }
      anyreach.client().agents.create { name = "x" }]], "--read-only")
  end)

  it("knows the read that may write", function()
    expect_refused("agents.versions.get", 'api.agents.versions.get("x", "latest")', "--read-only")
    expect_refused("agents.versions.get", 'api.request { path = "/core/agents/x/versions/l%61test" }', "--read-only")
    expect_refused("agents.versions.get", 'api.request { path = "/core/agents/x/versions//latest" }', "--read-only")
  end)
end)

describe("declared writes", function()
  local restrict = 'require("anyreach.host").restrict_writes { "agents.versions.*", "agents.update" } '

  it("pass, and no others", function()
    local code, out = run(restrict .. [[
      print(select(2, api.try.agents.update("x", { active = true })).status)
      print(select(2, api.try.agents.versions.publish("x", 1)).status)]])
    expect.equal({ code, out }, { 0, "404\n404\n" })
    expect_refused("agents.create", restrict .. 'api.agents.create { name = "x" }')
    expect_refused("agents.delete", restrict .. 'api.agents.delete "x"')
  end)

  it("cannot be widened afterwards", function()
    expect_refused("agents.create", restrict
      .. 'require("anyreach.host").restrict_writes { "agents.create" } api.agents.create { name = "x" }')
  end)
end)

sandbox:stop()
