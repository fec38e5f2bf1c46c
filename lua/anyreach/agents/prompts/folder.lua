-- A folder of prompts: Markdown files, each with one prompt of one agent. Front matter names the agent, or else the
-- name of the file does:
--
--   ---
--   agent: Riverside Dental Scheduler
--   field: channel_overrides.text.instructions     (default: instructions)
--   ---
--   You answer messages for …

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local missing_path = require("anyreach.text.messages").missing_path
local operations = require "anyreach.operations"

local folder = {}

local KEYS = { "agent", "field" }
local DEFAULT_FIELD = "instructions"
local BYTE_ORDER_MARK = "\xEF\xBB\xBF"

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

-- The YAML between the first two lines of three dashes, and the text after it; empty YAML when the file does not
-- begin with three dashes, nil when the second line is missing.
local function split(text)
  local rest = text:match("^%-%-%-[ \t]*\r?\n(.*)$")
  if not rest then return "", text end
  local head, body = ("\n" .. rest):match("^(.-\n)%-%-%-[ \t]*\r?\n(.*)$")
  if not head then head, body = ("\n" .. rest):match("^(.-\n)%-%-%-[ \t]*$"), "" end
  if not head then return nil end
  return head, (body:gsub("^[\r\n]+", ""))
end

-- Other tools may have keys of their own there; only what looks like a misspelling is refused.
local function check_keys(meta, file, problems)
  for key in pairs(meta) do
    local near = type(key) == "string" and key ~= "agent" and key ~= "field" and operations.nearest(key, KEYS)
    if near then add_problem(problems, file, "front matter: unknown key '%s'; did you mean '%s'?", key, near) end
  end
  for _, key in ipairs(KEYS) do
    local value = meta[key]
    if value ~= nil and (type(value) ~= "string" or value == "") then
      add_problem(problems, file, "front matter: %s: expected a text", key)
      meta[key] = nil
    end
  end
end

local function read_meta(head, file, problems)
  local ok, meta = pcall(files.decode_yaml, head, { name = file })
  if not ok then
    table.move(meta.problems, 1, #meta.problems, #problems + 1, problems)
    return {}
  end
  if type(meta) ~= "table" then meta = {} end
  check_keys(meta, file, problems)
  return meta
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
local function read_prompt(path, name, problems)
  local text = files.read_file(path)
  if text:sub(1, #BYTE_ORDER_MARK) == BYTE_ORDER_MARK then text = text:sub(#BYTE_ORDER_MARK + 1) end
  local head, body = split(text)
  if not head then
    return add_problem(problems, path, "the front matter does not end; expected a line of three dashes")
  end
  local meta = read_meta(head, path, problems)
  body = body:gsub("\r?\n$", "")
  check_text(body, path, problems)
  return {
    file = path, agent = meta.agent, base_name = name:gsub("%.md$", ""), field = meta.field or DEFAULT_FIELD,
    text = body,
  }
end

--- The prompts of a directory: the .md files directly in it, sorted by name, except those whose name begins with
--- "_" or ".".
---@param path string
---@param problems {path: string, message: string}[] to which problems are added
---@return anyreach.prompt[]
function folder.read(path, problems)
  local names, message = directory.names(path)
  if not names then errors.raise("input", "%s", missing_path(path, message)) end
  table.sort(names)
  local prompts, prefix = {}, path:gsub("/+$", "") .. "/"
  for _, name in ipairs(names) do
    if name:find("%.md$") and not name:find("^[._]") then
      prompts[#prompts + 1] = read_prompt(prefix .. name, name, problems)
    end
  end
  if #prompts == 0 and #problems == 0 then
    add_problem(problems, path, "no prompts (.md) in this directory")
  end
  return prompts
end

return folder
