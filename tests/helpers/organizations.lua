-- A sandbox with its two organisations, for specs of recipes: both as profiles, `staging` and `production`,
-- of a config file; a place of its own for state; and what was asked to write.
-- luacheck: read globals expect

local digest = require "anyreach.digest"
local held_request = require "helpers.held_request"
local identity = require "anyreach.account.identity"
local json = require "anyreach.json"
local process = require "helpers.process"

local organizations = {}

local CONFIG = [[
default: staging
profiles:
  staging: {token_env: FIRST_TOKEN, base_url: "%s"}
  production: {token_env: SECOND_TOKEN, base_url: "%s"}
  guarded: {token_env: SECOND_TOKEN, base_url: "%s", protected: true}
]]

local Organizations = {}
Organizations.__index = Organizations

--- Starts a sandbox; stop() ends it, and so does the end of a variable that is `<close>`.
---@param ... string arguments for `anyreach sandbox`
function organizations.start(...)
  local self = setmetatable({ sandbox = process.sandbox(...), directory = process.directory() }, Organizations)
  local url = self.sandbox.base_url
  assert(os.execute("mkdir -p " .. self.directory .. "/config/anyreach " .. self.directory .. "/work"))
  process.write(self.directory .. "/config/anyreach/config.yaml", CONFIG:format(url, url, url))
  self.first = anyreach.client { base_url = url, token = "ak_sandbox.admin" }
  self.second = anyreach.client { base_url = url, token = "ak_sandbox.second" }
  self.environment = ("HOME=%s XDG_CONFIG_HOME=%s/config XDG_STATE_HOME=%s/state FIRST_TOKEN=ak_sandbox.admin "
    .. "SECOND_TOKEN=ak_sandbox.second ANYREACH_TOKEN= ANYREACH_BASE_URL= ANYREACH_PROFILE="):format(self.directory,
      self.directory, self.directory)
  return self
end

--- Starts a sandbox that holds one request of what it is asked, but for those of this helper's clients.
---@param case held_request.case
function organizations.hold(case)
  local self = organizations.start("--faults", case.faults)
  local url, headers = self.sandbox.base_url, held_request.headers
  self.first = anyreach.client { base_url = url, token = "ak_sandbox.admin", headers = headers }
  self.second = anyreach.client { base_url = url, token = "ak_sandbox.second", headers = headers }
  self.case = case
  return self
end

--- Runs a recipe until the request that the sandbox holds, and stops it there.
---@param signal string
---@param ... string
---@return integer code
function Organizations:stop_at_held_request(signal, ...)
  local words = { ... }
  return select(2, held_request.stop(self.first, self.case, function()
    return self:start(table.unpack(words))
  end, signal))
end

function Organizations:stop()
  self.sandbox:stop()
end

Organizations.__close = Organizations.stop

--- Forgets everything, on the server and beside it.
function Organizations:reset()
  self.first.request { method = "POST", path = "/_sandbox/reset" }
  assert(os.execute(("cd %s && rm -rf state work && mkdir work"):format(self.directory)))
end

--- The command line of `anyreach run …`, in the organisations' own directory.
function Organizations:command(...)
  return self.environment .. " " .. process.anyreach("--retries=0", "run", ...)
end

--- Runs a recipe as the profile `staging`.
---@param ... string
---@return integer code
---@return string stdout
---@return string stderr
function Organizations:run(...)
  return process.run(("cd %s/work && env %s"):format(self.directory, self:command(...)))
end

--- Runs a recipe as `run` does, with --json.
---@param ... string
---@return table[] events
---@return integer code
---@return string text what it printed
function Organizations:events(...)
  local words = { ... }
  words[#words + 1] = "--json"
  local code, out, err = self:run(table.unpack(words))
  local events = {}
  for line in out:gmatch("[^\n]+") do events[#events + 1] = json.decode(line) end
  return events, code, out .. err
end

--- Checks that a recipe refuses invocations and writes nothing.
---@param recipe string
---@param cases {[1]: string[], [2]: integer, [3]: string}[] words, exit code, part of what stderr says
function Organizations:expect_refused(recipe, cases)
  self:writes()
  for _, case in ipairs(cases) do
    local code, out, err = self:run(recipe, table.unpack(case[1]))
    expect.equal({ case[3], code, out }, { case[3], case[2], "" })
    expect.contains(err, case[3])
  end
  expect.equal(self:writes(), {})
end

--- Starts a recipe in the background.
function Organizations:start(...)
  return process.start(("-C %s/work %s"):format(self.directory, self:command(...)))
end

--- The writes that arrived since the last call: "METHOD /path", without those of this helper's clients when
--- they are taken away first.
---@return string[]
function Organizations:writes()
  local list, all = {}, self.first.request { path = "/_sandbox/requests" }
  for index = (self.seen or 0) + 1, #all do
    local request = all[index]
    if request.method ~= "GET" and not request.path:find("^/_sandbox") then
      list[#list + 1] = request.method .. " " .. request.path
    end
  end
  self.seen = #all
  return list
end

local function noted_holder(told)
  if told == json.null then return nil end
  return { agent = told.agent, agent_id = told.agent_id, version = told.agent_version,
    version_id = told.agent_version_id }
end

--- Leaves what a swap of two numbers leaves in the first organisation when it is interrupted before its first request.
---@param a string
---@param b string which is greater
function Organizations:leave_swap(a, b)
  local changes = json.array {}
  for _, event in ipairs((self:events("numbers", "swap", a, b, "--check"))) do
    if event.event == "slot" then
      changes[#changes + 1] = { number = event.phone_number, slot = event.slot, from = noted_holder(event.from),
        to = noted_holder(event.to) }
    end
  end
  local name = digest.sha256(identity.learn(self.first).key):sub(1, 16)
  local directory = self.directory .. "/state/anyreach/unfinished"
  assert(os.execute("mkdir -p " .. directory))
  process.write(("%s/%s.json"):format(directory, name), json.encode { what = ("swap %s %s --direction both")
    :format(a, b), changes = changes })
end

--- Where a file is in the directory where recipes run.
---@param name string
---@return string
function Organizations:path(name)
  return self.directory .. "/work/" .. name
end

--- Writes a file in the directory where recipes run.
function Organizations:write(name, text)
  local path = self:path(name)
  assert(os.execute("mkdir -p " .. path:match("^(.*)/")))
  process.write(path, text)
end

--- An agent whose first version, with this configuration, is published to numbers.
---@param api anyreach.client
---@param name string
---@param config table
---@param numbers? table body of the publication
---@return table agent
function organizations.agent(api, name, config, numbers)
  local agent = api.agents.create { name = name }
  organizations.version(api, agent, config, numbers)
  return agent
end

--- One more published version of an agent.
---@return table version
function organizations.version(api, agent, config, numbers)
  local version = api.agents.versions.create(agent.id, { config = config })
  api.agents.versions.publish(agent.id, version.version, numbers)
  return version
end

return organizations
