-- What an export is about to write, read as `provision` would read it: a file that would be refused, or that would say
-- something else than it is meant to, is not written. Variables may be unset here, and places that an environment
-- fills may be empty. Nothing is written or asked for.

local diff = require "anyreach.text.diff"
local document = require "anyreach.agents.file.document"
local errors = require "anyreach.errors"
local fields = require "anyreach.agents.file.fields"
local json = require "anyreach.json"
local tags = require "anyreach.agents.file.tags"
local yaml = require "anyreach.yaml"

local verify = {}

local function refuse(problems, file)
  document.sort_problems(problems, { file })
  table.insert(problems, 1, { path = file, message = "it is not written, because it would be refused" })
  error(errors.make { kind = "input", problems = problems }, 0)
end

-- The path of the first part that is read as something else.
local function first_difference(meant, found)
  local difference = diff.compare(meant, found, { exact = true })[1]
  return difference and difference.path or "the file"
end

local function check_value(file, meant, found)
  if json.equal(meant, found) then return end
  errors.raise("input", "%s: it is not written, because %s would be read as something else; YAML and JSON cannot hold "
    .. "what the organisation has there", file, first_difference(meant, found))
end

local function check_prompt(path, text)
  if utf8.len(text) then return end
  errors.raise("input", "%s: it is not written, because its text is not UTF-8, and would be refused", path)
end

--- Refuses a value with a text that YAML cannot hold.
---@param file string
---@param value any
---@param path? string of the value
function verify.check_texts(file, value, path)
  path = path or ""
  if type(value) == "string" and not utf8.len(value) then
    errors.raise("input", "%s: it is not written, because YAML cannot hold %s, a text that is not UTF-8: it has half "
      .. "of a character (a lone surrogate), or a byte that is none; correct it in the organisation, or export to a "
      .. "JSON file", file, path)
  end
  if type(value) ~= "table" or json.is_number(value) or yaml.is_tag(value) then return end
  for key, part in pairs(value) do
    if type(key) == "string" then verify.check_texts(file, key, "a key in " .. (path ~= "" and path or "it")) end
    verify.check_texts(file, part, diff.path(path, key))
  end
end

--- Checks the texts of an agent's files. A mistake raises an error of kind "input" that says which check it is.
---@param file string path of the agent file
---@param meant table what it is to say, with tags, and with markers escaped
---@param writes {path: string, text: string}[]
---@param environment? anyreach.environment
function verify.check(file, meant, writes, environment)
  local own, texts, problems = nil, {}, {}
  for _, item in ipairs(writes) do
    if item.path == file then
      own = item.text
    else
      texts[item.path] = item.text
      check_prompt(item.path, item.text)
    end
  end
  if not own then return end
  local doc = document.parse(file, own, problems)
  if not doc then refuse(problems, file) end
  check_value(file, meant, doc.value)
  if environment then environment:overlay(doc) end
  tags.resolve(doc, nil, nil, { texts = texts, keeps_open = true })
  if type(doc.value) == "table" and not yaml.is_tag(doc.value) then fields.read(doc) end
  if #problems > 0 then refuse(problems, file) end
end

return verify
