-- A folder of prompts: Markdown files, each with one prompt of one agent. Front matter names the agent, or else the
-- name of the file does:
--
--   ---
--   agent: Riverside Dental Scheduler
--   field: channel_overrides.text.instructions     (default: instructions)
--   ---
--   You answer messages for …
--
-- Nothing of a prompt is dropped: lines between rules that are no mapping with one of these keys belong to the prompt.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local missing_path = require("anyreach.text.messages").missing_path
local operations = require "anyreach.operations"

local folder = {}

local KEYS = { "agent", "field" }
local DEFAULT_FIELD = "instructions"
local HINT = "; if these lines are part of the prompt, put front matter before them"

---@class anyreach.prompt
---@field file string
---@field agent string|nil the agent's name, from front matter
---@field base_name string the name of the file without its extension
---@field field string path in the configuration
---@field text string

local function add_problem(problems, file, format, ...)
  problems[#problems + 1] = { path = file, message = format:format(...) }
end

-- {====== front matter ======

-- The lines between the first two of three dashes, and the text after them; nil when there are no such lines. Without
-- the second one there is no text.
local function split(text)
  local rest = text:gsub("^\u{FEFF}", ""):match("^%-%-%-[ \t]*\r?\n(.*)$")
  if not rest then return nil end
  local head, body = ("\n" .. rest):match("^(.-\n)%-%-%-[ \t]*\r?\n(.*)$")
  if not head then head, body = ("\n" .. rest):match("^(.-\n)%-%-%-[ \t]*$"), "" end
  if not head then return rest end
  return head, (body:gsub("^[\r\n]+", ""))
end

-- True when lines are meant as front matter, whether or not they can be read.
local function is_meant(lines)
  for _, key in ipairs(KEYS) do
    if ("\n" .. lines):find("\n" .. key .. "[ \t]*:[ \t\r\n]") then return true end
  end
  return false
end

-- The known key that one of the keys may stand for.
local function misspelling(meta)
  for key in pairs(meta) do
    local near = type(key) == "string" and operations.nearest(key, KEYS)
    if near and not meta[near] then return key, near end
  end
end

local function add_unknown(meta, file, warnings)
  local unknown = {}
  for key in pairs(meta) do
    if key ~= "agent" and key ~= "field" then unknown[#unknown + 1] = tostring(key) end
  end
  table.sort(unknown)
  if #unknown == 0 then return end
  add_problem(warnings, file, "front matter: unknown and ignored: %s", table.concat(unknown, ", "))
end

local function check_values(meta, file, problems)
  for _, key in ipairs(KEYS) do
    local value = meta[key]
    if value ~= nil and (type(value) ~= "string" or value == "") then
      add_problem(problems, file, "front matter: %s: expected a text", key)
      meta[key] = nil
    end
  end
end

-- Other tools may have keys of their own there; only what looks like a misspelling is refused.
local function check_meta(meta, file, found)
  local is_known = meta.agent ~= nil or meta.field ~= nil
  local key, near = misspelling(meta)
  if key then
    add_problem(found.problems, file, "front matter: unknown key '%s'; did you mean '%s'?%s", key, near,
      is_known and "" or HINT)
    return {}
  elseif is_known then
    add_unknown(meta, file, found.warnings)
    check_values(meta, file, found.problems)
    return meta
  end
  add_problem(found.warnings, file, "the lines between '---' are taken as part of the prompt; front matter has the "
    .. "key agent or field")
end

-- What front matter says; nil when the lines are part of the prompt.
local function read_meta(head, file, found)
  local ok, meta = pcall(files.decode_yaml, head, { name = file })
  if not ok and is_meant(head) then
    table.move(meta.problems, 1, #meta.problems, #found.problems + 1, found.problems)
    return {}
  end
  local is_mapping = ok and type(meta) == "table" and not json.is_array(meta) and next(meta) ~= nil
  return is_mapping and check_meta(meta, file, found) or nil
end

-- What a file's front matter says, and the text without it.
local function read_front_matter(text, file, found)
  local head, body = split(text)
  if head and not body and is_meant(head) then
    add_problem(found.problems, file, "the front matter does not end; expected a line of three dashes")
    return {}, nil
  end
  local meta = body and read_meta(head, file, found)
  if meta then return meta, body end
  return {}, text
end

-- }======

local function check_text(text, file, problems)
  if not utf8.len(text) then
    add_problem(problems, file, "the prompt is not UTF-8")
  elseif not text:find("%S") then
    add_problem(problems, file, "the prompt is empty")
  end
end

-- One line break at the end of the file is not part of the prompt, as with !file in an agent file.
local function read_prompt(path, name, found, options)
  local text = files.read_file(path)
  if not options.keep_line_ends then text = files.normalize_text(text) end
  local meta, body = read_front_matter(text, path, found)
  if not body then return nil end
  body = body:gsub("\n$", "")
  check_text(body, path, found.problems)
  return {
    file = path, agent = meta.agent, base_name = name:gsub("%.md$", ""), field = meta.field or DEFAULT_FIELD,
    text = body,
  }
end

--- The prompts of a directory: the .md files directly in it, sorted by name, except those whose name begins with
--- "_" or ".".
---@param path string
---@param found {problems: table[], warnings: table[]} lists of {path: string, message: string}, which are added to
---@param options? {keep_line_ends?: boolean} keep_line_ends: also a byte order mark
---@return anyreach.prompt[]
function folder.read(path, found, options)
  local names, message = directory.names(path)
  if not names then errors.raise("input", "%s", missing_path(path, message)) end
  table.sort(names)
  local prompts, prefix = {}, path:gsub("/+$", "") .. "/"
  for _, name in ipairs(names) do
    if name:find("%.md$") and not name:find("^[._]") then
      prompts[#prompts + 1] = read_prompt(prefix .. name, name, found, options or {})
    end
  end
  if #prompts == 0 and #found.problems == 0 then
    add_problem(found.problems, path, "no prompts (.md) in this directory")
  end
  return prompts
end

return folder
