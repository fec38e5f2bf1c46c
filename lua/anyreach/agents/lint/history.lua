-- Prompts compared with git: a prompt that shrank to less than half, or grew to more than double, may have been cut
-- off or pasted twice. Without git, outside a repository and for new files nothing is reported.

local document = require "anyreach.agents.file.document"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local text_files = require "anyreach.agents.file.text_files"
local yaml = require "anyreach.yaml"

--- What prompts are compared with unless another revision is given.
local history = { DEFAULT = "HEAD" }

local FACTOR = 2
local DIFFERENCE_MIN = 200 -- characters; short prompts easily change by half

local function quote(word)
  return "'" .. word:gsub("'", [['\'']]) .. "'"
end

-- What git prints, or nil when it fails.
local function git(folder, ...)
  local words = {}
  for index, word in ipairs { ... } do words[index] = quote(word) end
  local pipe = io.popen(("git -C %s %s 2>/dev/null"):format(quote(folder), table.concat(words, " ")))
  if not pipe then return nil end
  local text = pipe:read("a")
  return pipe:close() and text or nil
end

local function split(path)
  local folder, name = path:match("^(.*)/([^/]+)$")
  return folder == "" and "/" or folder or ".", name or path
end

-- The names of changed files in the repository of a folder, without their folders. A missing revision is an error
-- only when the user has named it.
local function changed_names(folder, revision)
  local list, names = git(folder, "diff", "--name-only", "-z", revision, "--"), {}
  if not list and revision ~= history.DEFAULT then
    errors.raise("input", "--since: git has no revision '%s' in %s", revision, folder)
  end
  for path in (list or ""):gmatch("[^%z]+") do names[select(2, split(path))] = true end
  return names
end

-- The value of an agent file's text, with its tags as they are; nil when it cannot be read.
local function decode(file, text)
  local ok, value = pcall(document.extension(file) == "json" and json.decode or yaml.decode, text)
  return ok and type(value) == "table" and value or nil
end

-- The prompt of an agent file's value: its text, or the file that it names.
local function prompt_of(value, file)
  local config = value and value.config
  local node = type(config) == "table" and config.instructions
  if type(node) == "string" then return node end
  if type(node) ~= "table" or not yaml.is_tag(node) or node.tag ~= "!file" then return nil end
  local path = text_files.path(node)
  return nil, path and text_files.full_path(file, path)
end

local function read_file(path)
  local ok, text = pcall(files.read_file, path)
  return ok and text or nil
end

---@class anyreach.lint_history
---@field revision string
---@field changed table<string, table<string, boolean>> by folder
local History = {}
History.__index = History

function History:old_text(path)
  local folder, name = split(path)
  return git(folder, "show", ("%s:./%s"):format(self.revision, name))
end

function History:has_changed(path)
  local folder, name = split(path)
  self.changed[folder] = self.changed[folder] or changed_names(folder, self.revision)
  return self.changed[folder][name] ~= nil
end

--- The earlier prompt of an agent file; nil when it is new or certainly unchanged.
---@param file string
---@return string|nil
function History:old_prompt(file)
  local text = read_file(file)
  local _, source = prompt_of(text and decode(file, text), file)
  if not self:has_changed(file) and not (source and self:has_changed(source)) then return nil end
  local old_text = self:old_text(file)
  local prompt, old_source = prompt_of(old_text and decode(file, old_text), file)
  return prompt or old_source and self:old_text(old_source) or nil
end

--- The history up to a revision.
---@param revision string for git, such as "HEAD" or "origin/main"
---@return anyreach.lint_history
function history.at(revision)
  if revision:sub(1, 1) == "-" then errors.raise("command_line", "--since: expected a revision, got '%s'", revision) end
  return setmetatable({ revision = revision, changed = {} }, History)
end

--- Checks the size of a prompt.
---@param agent anyreach.agent
---@param past anyreach.lint_history
---@param report fun(check: string, where: table, message: string)
function history.check(agent, past, report)
  local now = agent.config.instructions
  local before = type(now) == "string" and past:old_prompt(agent.file)
  if not before then return end
  local size, old_size = utf8.len(now) or #now, utf8.len(before) or #before
  local is_near = size * FACTOR >= old_size and size <= old_size * FACTOR
  if is_near or math.abs(size - old_size) < DIFFERENCE_MIN then return end
  report("prompt-size", { container = agent.config, key = "instructions", path = "config.instructions" },
    ("the prompt has %d characters; at %s it had %d"):format(size, past.revision, old_size))
end

return history
