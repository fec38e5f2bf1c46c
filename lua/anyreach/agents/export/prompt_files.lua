-- Chooses the file of each exported prompt. A text stays in the file that it is in, unless other agents share that file
-- and are to say something else; a new one goes to prompts/NAME.md beside the agent files.

local digest = require "anyreach.digest"
local directory = require "anyreach.directory"
local folder = require "anyreach.agents.export.folder"
local reach = require "anyreach.agents.file.reach"
local reconcile = require "anyreach.agents.export.reconcile"
local reference = require "anyreach.yaml.reference"
local text_files = require "anyreach.agents.file.text_files"
local yaml = require "anyreach.yaml"

local prompt_files = {}

local DIRECTORY = "prompts"
local HASH_LENGTH = 8 -- hex digits

---@class anyreach.prompt_plan
---@field folder anyreach.folder
---@field files table<string, string> path -> the text that the file is to hold

-- The text that a prompt file holds for a tag that would be written for some text, or nil.
local function read_text(where, relative, text, old)
  if directory.kind(folder.resolve(where.path, relative)) ~= "file" then return nil end
  return (text_files.read(where.path .. "/", text_files.tag(relative, text, old)))
end

-- Calls f(prompt) for each prompt in a value, and puts what it returns in its place.
local function replace(value, f)
  if type(value) ~= "table" or yaml.is_tag(value) or reference.is_reference(value) then return value end
  if reconcile.is_prompt(value) then return f(value) end
  for key, part in pairs(value) do value[key] = replace(part, f) end
  return value
end

-- {====== files that are there ======

-- Counts, for each file, the places that want each text.
local function count_wishes(agents, where)
  local wishes = {}
  for _, agent in ipairs(agents) do
    replace(agent.value, function(prompt)
      if prompt.old then
        local path = folder.resolve(where.path, prompt.old)
        wishes[path] = wishes[path] or {}
        wishes[path][prompt.text] = (wishes[path][prompt.text] or 0) + 1
      end
      return prompt
    end)
  end
  return wishes
end

-- A file may be written when all the places that name it want the same.
local function can_write(where, wishes, path, text)
  return wishes[path][text] == (where.uses[path] or 0) and not reach.problem(where.path .. "/", path)
end

-- }======

-- {====== new files ======

local function candidate(stem, field)
  local rest = field:gsub("^config%.", ""):gsub("%.?instructions$", ""):gsub("[^%w_]+", "-"):gsub("^%-+", "")
    :gsub("%-+$", ""):lower()
  return ("%s/%s%s"):format(DIRECTORY, stem, rest ~= "" and "." .. rest or "")
end

-- A file that is there belongs to somebody, unless it says just this.
local function is_free(plan, relative, text)
  local path = folder.resolve(plan.folder.path, relative)
  if plan.files[path] then return plan.files[path] == text end
  if directory.kind(path) and directory.kind(path) ~= "file" then return false end
  local present = read_text(plan.folder, relative, text)
  return present == nil or present == text and not plan.folder.uses[path]
end

local function new_file(plan, agent, prompt)
  local base = candidate(agent.stem, prompt.path)
  local relative = base .. ".md"
  if not is_free(plan, relative, prompt.text) then
    local hash = digest.sha256(agent.value.name .. "\0" .. prompt.path .. "\0" .. prompt.text):sub(1, HASH_LENGTH)
    relative = ("%s-%s.md"):format(base, hash)
  end
  return relative
end

-- }======

--- Finds a file for each prompt; the values get their !file tags.
---@param agents {value: table, stem: string, writes: {path: string, text: string}[]}[] what is to be written is
--- added to `writes`
---@param where anyreach.folder
function prompt_files.place(agents, where)
  local plan = { folder = where, files = {} }
  local wishes = count_wishes(agents, where)
  for _, agent in ipairs(agents) do
    agent.value = replace(agent.value, function(prompt)
      local relative = prompt.old
      local path = relative and folder.resolve(where.path, relative)
      local tag = relative and text_files.tag(relative, prompt.text, prompt.old_tag)
      if relative and read_text(where, relative, prompt.text, prompt.old_tag) == prompt.text then return tag end
      if not relative or not can_write(where, wishes, path, prompt.text) then
        relative = new_file(plan, agent, prompt)
        path, tag = folder.resolve(where.path, relative), text_files.tag(relative, prompt.text)
      end
      if not plan.files[path] and read_text(where, relative, prompt.text, tag) ~= prompt.text then
        table.insert(agent.writes, { path = path, text = text_files.content(path, prompt.text, tag) })
      end
      plan.files[path] = prompt.text
      return tag
    end)
  end
end

return prompt_files
