-- Text files behind the tag !file, of which one line break at the end is not part of the text:
--   !file prompts/greeting.md
--   !file {path: prompts/greeting.md, keep_line_ends: true}
-- The first reads every line end as "\n" and leaves out a byte order mark, whatever editor wrote the file; the second
-- takes it as it is. Here are both directions, so that what is written is read again.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local missing_path = require("anyreach.text.messages").missing_path
local operations = require "anyreach.operations"
local reach = require "anyreach.agents.file.reach"
local yaml = require "anyreach.yaml"

local text_files = {}

local KEYS = { "keep_line_ends", "path" }

-- {====== the tag ======

--- The path that a tag !file names, relative to its file, or nil when it names none.
---@param tag table
---@return string|nil
function text_files.path(tag)
  local path = tag.value
  if type(path) == "table" then path = path.path end
  return type(path) == "string" and path ~= "" and path or nil
end

local function keeps(tag)
  return type(tag.value) == "table" and tag.value.keep_line_ends == true
end

--- Why a tag !file is not well formed, or nil.
---@param tag table
---@return string|nil
function text_files.problem(tag)
  local given = tag.value
  if not text_files.path(tag) then return "expected the path of a text file after !file" end
  if type(given) == "string" then return nil end
  for key in pairs(given) do
    if key ~= "path" and key ~= "keep_line_ends" then
      local near = operations.nearest(key, KEYS)
      return ("!file: unknown key '%s'; %s"):format(key, near and ("did you mean '%s'?"):format(near)
        or "expected path or keep_line_ends")
    end
  end
  if given.keep_line_ends ~= nil and type(given.keep_line_ends) ~= "boolean" then
    return "!file: keep_line_ends: expected true or false"
  end
end

--- The path of a file that another one names.
---@param file string
---@param path string
---@return string
function text_files.full_path(file, path)
  if path:sub(1, 1) == "/" then return path end
  return (file:match("^(.*/)") or "") .. path
end

--- The tag for a text in a file. One that is there stays, if it can stand for the text.
---@param path string relative to the file of the tag
---@param text string
---@param old? table a tag
---@return table
function text_files.tag(path, text, old)
  local is_plain = files.normalize_text(text) == text
  if old and text_files.path(old) == path and (is_plain or keeps(old)) then return old end
  return yaml.tag("!file", is_plain and path or { path = path, keep_line_ends = true })
end

-- }======

-- {====== the text ======

local function parse(bytes, is_kept)
  if not is_kept then bytes = files.normalize_text(bytes) end
  return (bytes:gsub("\n$", ""))
end

--- The text for which the bytes of a file stand.
---@param bytes string
---@param tag table well formed
---@return string
function text_files.parse(bytes, tag)
  return parse(bytes, keeps(tag))
end

--- The text that a file holds for a tag, or nil and why there is none.
---@param file string that the tag is in
---@param tag table well formed
---@return string|nil
---@return string|nil problem
function text_files.read(file, tag)
  local full = text_files.full_path(file, text_files.path(tag))
  local problem = reach.problem(file, full)
  if problem then return nil, problem end
  local kind, missing = directory.kind(full)
  if not kind then return nil, missing_path(full, missing) end
  local ok, bytes = pcall(files.read_file, full)
  if not ok then return nil, errors.is_error(bytes) and bytes.message or tostring(bytes) end
  if not utf8.len(bytes) then return nil, full .. ": expected text in UTF-8" end
  return parse(bytes, keeps(tag))
end

--- What a file is to hold, so that a tag stands for a text. Line ends stay what they are in the file.
---@param path string of the file, which need not be there
---@param text string
---@param tag table as text_files.tag gives it
---@return string
function text_files.content(path, text, tag)
  local bytes = text .. "\n"
  if keeps(tag) or directory.kind(path) ~= "file" then return bytes end
  local present = files.read_file(path)
  local _, lines = present:gsub("\n", "")
  local _, pairs_of_signs = present:gsub("\r\n", "")
  local mark = present:match("^\u{FEFF}") or ""
  return mark .. (lines > 0 and lines == pairs_of_signs and bytes:gsub("\n", "\r\n") or bytes)
end

-- }======

return text_files
