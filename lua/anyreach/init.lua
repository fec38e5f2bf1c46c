-- The library that scripts use, also preloaded as the global `anyreach`. What is not needed at once is
-- loaded when it is first asked for.

local json = require "anyreach.json"
local host = require "anyreach.host"

local anyreach = {
  version = host.version,
  json = json,
  null = json.null,
  array = json.array,
  is_array = json.is_array,
  spawn = host.spawn,
  sleep = host.sleep,
  options = host.options,
}

-- name -> module that has it under that name, or is it.
local parts = {
  client = "anyreach.client",
  map = "anyreach.tasks",
  all = "anyreach.tasks",
  race = "anyreach.tasks",
  timeout = "anyreach.tasks",
  secret = "anyreach.secret",
  env = "anyreach.files",
  read_file = "anyreach.files",
  read_json = "anyreach.files",
  read_yaml = "anyreach.files",
  write_json = "anyreach.files",
  is_error = "anyreach.errors",
  agent_files = "anyreach.agent_files",
  schema = "anyreach.schema",
}

return setmetatable(anyreach, {
  __index = function(self, name)
    local module = parts[name]
    if not module then return nil end
    local value = require(module)
    if type(value) == "table" and value[name] ~= nil then value = value[name] end
    rawset(self, name, value)
    return value
  end,
})
