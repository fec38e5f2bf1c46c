-- What an export must not write: what is a secret by its name, by its shape (src/api/secret_shapes.c), or because an
-- agent file, an environment file or the lock of the directory calls it one: the same value, or the same field of
-- another agent. A secret that is a part of a long text cannot be taken out of it; it is written, and named.

local diff = require "anyreach.text.diff"
local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"
local redaction = require "anyreach.text.redaction"
local variables = require "anyreach.agents.file.variables"
local yaml = require "anyreach.yaml"

local secrets = {}

local SHORT = 300 -- bytes; a longer text, or one of several lines, is more than its secret

---@class anyreach.known_secrets
---@field values {secret: anyreach.secret, name: string}[] with the variables that hold them
---@field paths table<string, string> path of a field -> who calls it a secret

local function is_secret_tag(value)
  return yaml.is_tag(value) and value.tag == "!env" and type(value.value) == "table" and value.value.secret == true
end

-- Elements of lists have other places in other agents.
local function add_path(known, path, where)
  if path ~= "" and not path:find("[", 1, true) then known.paths[path] = known.paths[path] or where end
end

local function add_tag(known, tag, path, where)
  add_path(known, path, where)
  local value, name = variables.value(tag), variables.name(tag)
  if type(value) == "userdata" and name then known.values[#known.values + 1] = { secret = value, name = name } end
end

local function add_value(known, value, path, where)
  if type(value) ~= "table" or json.is_number(value) then return end
  if is_secret_tag(value) then return add_tag(known, value, path, where) end
  if yaml.is_tag(value) then return end
  for key, part in pairs(value) do add_value(known, part, diff.path(path, key), where) end
end

local function add_environment(known, environment)
  local value = environment.doc.value
  if type(value) ~= "table" then return end
  add_value(known, value.defaults, "", environment.file)
  for _, overlay in pairs(type(value.agents) == "table" and value.agents or {}) do
    add_value(known, overlay, "", environment.file)
  end
end

--- What a directory calls secret.
---@param where anyreach.folder
---@param environment? anyreach.environment
---@param rows anyreach.lock_row[]
---@return anyreach.known_secrets
function secrets.collect(where, environment, rows)
  local known, names = { values = {}, paths = {} }, {}
  for name in pairs(where.by_name) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do add_value(known, where.by_name[name].value, "", where.by_name[name].file) end
  if environment then add_environment(known, environment) end
  for _, row in ipairs(rows) do
    for path, entry in pairs(field_digests.entries(row.fields)) do
      if field_digests.is_of_secret(entry) then add_path(known, path, "the lock") end
    end
  end
  return known
end

-- Why a text is, or holds, a secret, in words; and the variable that holds it.
local function reason_of(known, text)
  local kind = redaction.kind(text)
  for _, item in ipairs(known.values) do
    if item.secret:equals(text) then return "is what the variable " .. item.name .. " holds", item.name end
    if item.secret:redact(text) ~= text then kind = kind or "what the variable " .. item.name .. " holds" end
  end
  return kind
end

---@class anyreach.secret_finding
---@field words string
---@field variable string|nil that holds the value
---@field is_part boolean the text is more than its secret

--- Whether a text is a secret.
---@param known? anyreach.known_secrets
---@param path string
---@param text string
---@return anyreach.secret_finding|nil
function secrets.find(known, path, text)
  if text == "" then return nil end
  known = known or { values = {}, paths = {} }
  local reason, variable = reason_of(known, text)
  if variable then return { words = reason, variable = variable, is_part = false } end
  if known.paths[path] then return { words = "is a secret by " .. known.paths[path], is_part = false } end
  if not reason then return nil end
  local is_short = #text <= SHORT and not text:find("\n", 1, true)
  local is_whole = is_short or redaction.shapes(text):find("^%s*%[secret%]%s*$") ~= nil
  if is_whole then return { words = "looks like " .. reason, is_part = false } end
  return { words = "holds what looks like " .. reason, is_part = true }
end

return secrets
