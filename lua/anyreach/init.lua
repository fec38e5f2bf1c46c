-- The library that scripts use, also preloaded as the global `anyreach`. What is not needed at once is
-- loaded when it is first asked for.

local json = require "anyreach.json"
local host = require "anyreach.host"

-- The name under which scripts may require the word diff, and the one that it had before.
for _, name in ipairs { "anyreach.word_diff", "anyreach.words" } do
  package.preload[name] = function() return require "anyreach.text.word_diff" end
end

-- The command line as scripts see it. What guards is in C; the rest of it is not for them to change either.
local function view_of(options)
  return setmetatable({}, {
    __name = "anyreach.options",
    __metatable = false,
    __index = options,
    __pairs = function() return pairs(options) end,
    __newindex = function(_, name)
      local errors = require "anyreach.errors"
      errors.raise("usage", "anyreach.options.%s cannot be set: it is what the command line says", tostring(name))
    end,
  })
end

local anyreach = {
  version = host.version,
  json = json,
  null = json.null,
  array = json.array,
  is_array = json.is_array,
  spawn = host.spawn,
  sleep = host.sleep,
  options = view_of(host.options),
}

-- name -> module that has it under that name, or is it.
local parts = {
  client = "anyreach.openapi.live_documents",
  map = "anyreach.client.tasks",
  all = "anyreach.client.tasks",
  race = "anyreach.client.tasks",
  timeout = "anyreach.client.tasks",
  secret = "anyreach.secret",
  env = "anyreach.files",
  read_file = "anyreach.files",
  read_json = "anyreach.files",
  read_yaml = "anyreach.files",
  write_json = "anyreach.files",
  is_error = "anyreach.errors",
  agent_files = "anyreach.agent_files",
  schema = "anyreach.schema",
  word_diff = "anyreach.text.word_diff",
}

-- A misspelt name is refused with its place in the script, like that of an operation.
local function refuse_unknown(self, name)
  local names = {}
  for known in pairs(self) do names[#names + 1] = known end
  for known in pairs(parts) do names[#names + 1] = rawget(self, known) == nil and known or nil end
  table.sort(names)
  local near = require("anyreach.operations").nearest(name, names)
  local reader = debug.getinfo(3, "Sl")
  error(require("anyreach.errors").make {
    kind = "usage",
    message = ("anyreach has no '%s'; %s"):format(name, near and ("did you mean '%s'?"):format(near)
      or "it has " .. table.concat(names, ", ")),
    where = reader and reader.currentline > 0 and ("%s:%d"):format(reader.short_src, reader.currentline) or nil,
  }, 0)
end

return setmetatable(anyreach, {
  __index = function(self, name)
    local module = parts[name]
    if not module then return type(name) == "string" and refuse_unknown(self, name) or nil end
    local value = require(module)
    if type(value) == "table" and value[name] ~= nil then value = value[name] end
    rawset(self, name, value)
    return value
  end,
})
