-- The lock during a run of `provision`: an agent that was written is read back, compared and noted.

local json = require "anyreach.json"
local lock = require "anyreach.agents.lock"
local lock_accounts = require "anyreach.agents.lock_accounts"
local locking = require "anyreach.agents.provision.locking"
local process = require "helpers.process"
local references = require "anyreach.agents.references"
local report = require "anyreach.report"
local secret = require "anyreach.secret"

-- An organisation with one agent and one version, which are read by their ids.
local function api_of(agent, version)
  return { agents = { get = function() return agent end, versions = { get = function() return version end } } }
end

local AGENT = { id = "a1", name = "Desk", description = "x", active = true, metadata = {}, sip_endpoint = json.null }

local function version_of(config)
  return { id = "v1", version = 1, published = true, config = config, instruction_builder_inputs = json.null }
end

local function wanted(config, file)
  return {
    name = "Desk", file = file, own = { description = "x" }, config = config, generate = false, publish = true,
    numbers = {}, deploy_as_sip = false, secrets = {}, references = {},
  }
end

local WRITTEN = { { action = "update_version" } }

-- Tells a run that an agent with a config was written, where the server has another one. Returns its row in the lock.
local function written(config, actual, given)
  local directory = process.directory()
  local agent, version = wanted(config, directory .. "/desk.yaml"), version_of(actual)
  local locks <close> = locking.start(api_of(AGENT, version), { agent }, given or {})
  local begin = lock_accounts.begin
  lock_accounts.begin = function() end
  locks:connect({ key = "here/1", server = "here" }, function() end)
  lock_accounts.begin = begin
  local resolver = references.resolver({}, {})
  locks:applied({ name = "Desk", file = agent.file, agent = agent, steps = WRITTEN, resolver = resolver },
    { agent = AGENT, version = version })
  locks:write()
  return lock.read(directory .. "/anyreach.lock"):get("here/1", "Desk")
end

-- Calls f, and returns the warnings that it prints.
local function warnings_of(f)
  local warnings, warn = {}, report.warn
  report.warn = function(format, ...) warnings[#warnings + 1] = format:format(...) end
  local ok, err = pcall(f)
  report.warn = warn
  if not ok then error(err, 0) end
  return warnings
end

describe("an agent that was written", function()
  it("is as it was written when the server only added to it", function()
    local row = written({ instructions = "x", tools = json.array {} },
      { instructions = "x", tools = json.array {}, more = 1 })
    expect.equal({ row.agent_id, row.version }, { "a1", 1 })
  end)

  it("raises a conflict when the server ignored a field", function()
    local err = expect.raises(function()
      written({ instructions = "x", voice = { speed = 2 } }, { instructions = "x", voice = { speed = 1 } })
    end, "the organisation has other values than were written to it: config.voice.speed")
    expect.equal(err.kind, "conflict")
  end)

  it("is warned of instead, and noted, when the run is lenient", function()
    local row
    local warnings = warnings_of(function()
      row = written({ instructions = "x", speed = 2 }, { instructions = "x" }, { lenient = true })
    end)
    expect.equal(warnings, { "Desk: the organisation has other values than were written to it: config.speed" })
    expect.equal(row.version, 1)
  end)

  it("names six paths that differ, and that there are more", function()
    for count, tail in pairs { [6] = "config.p6$", [7] = "config.p6, …$" } do
      local config = {}
      for index = 1, count do config["p" .. index] = true end
      local err = expect.raises(function() written(config, {}) end)
      expect.match(err.message, tail)
    end
  end)

  it("is noted without its secrets", function()
    local rows = {}
    for index, value in ipairs { "hush-1", "hush-2" } do
      rows[index] = written({ instructions = "x", key = secret(value) }, { instructions = "x", key = value })
    end
    expect.truthy(rows[1].files and rows[1].remote)
    for _, row in ipairs(rows) do
      expect.match(row.fields["config.key"], "^%x%x%x%x$")
      row.fields["config.key"] = nil
    end
    expect.equal(rows[1], rows[2])
  end)

  it("is not noted with --no-lock", function()
    expect.falsy(written({ instructions = "x" }, { instructions = "x" }, { no_lock = true }))
  end)
end)
