-- What follows when an agent was provisioned: reading back, and the note in the lock.

local json = require "anyreach.json"
local lock = require "anyreach.agents.lock"
local process = require "helpers.process"
local record = require "anyreach.agents.provision.record"
local references = require "anyreach.agents.references"
local secret = require "anyreach.secret"

-- An organisation with one agent and one version, which are read by their ids.
local function api_of(agent, version)
  return { agents = { get = function() return agent end, versions = { get = function() return version end } } }
end

local AGENT = { id = "a1", name = "Desk", description = "x", active = true, metadata = {}, sip_endpoint = json.null }

local function version_of(config)
  return { id = "v1", version = 1, published = true, config = config, instruction_builder_inputs = json.null }
end

local function wanted(config)
  return {
    name = "Desk", file = "desk.yaml", own = { description = "x" }, config = config, generate = false, publish = true,
    numbers = {}, deploy_as_sip = false, secrets = {}, references = {},
  }
end

local function change_of(agent, steps)
  return { name = "Desk", file = "desk.yaml", agent = agent, steps = steps, resolver = references.resolver({}, {}) }
end

local WRITTEN = { { action = "update_version" } }

local function finish(config, actual, options)
  local agent, version = wanted(config), version_of(actual)
  options.account = "here"
  local keeper = record.new(api_of(AGENT, version), { agent }, options)
  keeper:finish(change_of(agent, WRITTEN), { agent = AGENT, version = version })
end

describe("an agent that was written", function()
  it("is as it was written when the server only added to it", function()
    finish({ instructions = "x", tools = json.array {} }, { instructions = "x", tools = json.array {}, more = 1 }, {})
  end)

  it("raises a conflict when the server ignored a field", function()
    local err = expect.raises(function()
      finish({ instructions = "x", voice = { speed = 2 } }, { instructions = "x", voice = { speed = 1 } }, {})
    end, "the organisation has other values than were written to it: config.voice.speed")
    expect.equal(err.kind, "conflict")
  end)

  it("is told of instead, and noted, when the options take differences", function()
    local path, told = process.directory() .. "/anyreach.lock", nil
    local kept = lock.read(path)
    finish({ instructions = "x", speed = 2 }, { instructions = "x" }, {
      lock_of = function() return kept end,
      on_difference = function(name, message) told = name .. ": " .. message end,
    })
    expect.contains(told, "Desk: the organisation has other values than were written to it: config.speed")
    expect.equal(kept:get("here", "Desk").version, 1)
  end)

  it("is noted without its secrets", function()
    local digests = {}
    for index, value in ipairs { "hush-1", "hush-2" } do
      local kept = lock.read(process.directory() .. "/anyreach.lock")
      finish({ instructions = "x", key = secret(value) }, { instructions = "x", key = value }, {
        lock_of = function() return kept end,
      })
      digests[index] = kept:get("here", "Desk")
    end
    expect.equal(digests[1], digests[2])
  end)
end)
