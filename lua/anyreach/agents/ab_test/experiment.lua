-- Experiment files: which variants are tried on which numbers, and what counts as success (scripts/README.md describes
-- them). Everything that is wrong with one is reported at once, with file, line and column.

local canonical = require "anyreach.text.canonical"
local conversations = require "anyreach.agents.ab_test.conversations"
local directory = require "anyreach.directory"
local document = require "anyreach.agents.file.document"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local slots = require "anyreach.agents.numbers.slots"
local yaml = require "anyreach.yaml"

local experiment = {}

---@class anyreach.variant
---@field name string
---@field numbers string[]
---@field prompt string|nil the instructions; nil: those of the agent's current version

---@class anyreach.experiment
---@field file string
---@field name string the file's name without directory and extension
---@field agent string name or id
---@field direction "inbound"|"outbound"|"both"
---@field variants anyreach.variant[] the first is what the others are compared with
---@field outcome anyreach.outcome
---@field success string what counts as success, in words
---@field caller string path of the field that identifies the caller
---@field match_numbers boolean only conversations over the variants' numbers count
---@field lift number the smallest difference that matters
---@field alpha number probability of a false verdict
---@field power number probability of finding `lift` if it exists
---@field set_up string digest of what `start` does
---@field question string digest of outcome, lift, alpha and the like

local KEYS = { "agent", "alpha", "caller", "direction", "lift", "match_numbers", "outcome", "power", "variants" }
local VARIANT_KEYS = { "name", "phone_numbers", "prompt" }

-- {====== reading parts ======

local function is_mapping(value)
  return type(value) == "table" and not json.is_array(value) and not yaml.is_tag(value)
end

local function check_keys(doc, container, known, path)
  for key in pairs(container) do
    local is_known = false
    for _, name in ipairs(known) do is_known = is_known or name == key end
    if not is_known then
      local near = operations.nearest(tostring(key), known)
      doc:problem(container, key, "%sunknown key '%s'; %s", path, key,
        near and ("did you mean '%s'?"):format(near) or "expected one of " .. table.concat(known, ", "))
    end
  end
end

-- A text that is not empty; adds a problem otherwise.
local function read_text(doc, container, key, path, expected)
  local value = container[key]
  if type(value) == "string" and value:find "%S" then return value end
  doc:problem(container, value ~= nil and key or nil, "%s: expected %s, got %s", path, expected,
    document.describe(value))
end

local function read_share(doc, key, default)
  local value = doc.value[key]
  if value == nil then return default end
  if type(value) == "number" and value > 0 and value < 1 then return value end
  doc:problem(doc.value, key, "%s: expected a number between 0 and 1, got %s", key, document.describe(value))
end

-- The path of a file, with or without !file, relative to the experiment file.
local function read_path(doc, container, key, path)
  local value = container[key]
  if type(value) == "table" and yaml.is_tag(value) and value.tag == "!file" then value = value.value end
  if type(value) ~= "string" or value == "" then
    doc:problem(container, key, "%s: expected the path of a file", path)
    return nil
  end
  local full = value:sub(1, 1) == "/" and value or (doc.file:match "^(.*/)" or "") .. value
  if directory.kind(full) == "file" then return full end
  doc:problem(container, key, "%s: %s: no such file", path, full)
end

local function read_direction(doc)
  local direction = doc.value.direction
  if direction == nil then return "inbound" end
  if type(direction) == "string" and slots.of(direction) then return direction end
  doc:problem(doc.value, "direction", "direction: expected one of %s, got %s", table.concat(slots.directions, ", "),
    document.describe(direction))
end

local function read_flag(doc, key, default)
  local value = doc.value[key]
  if value == nil then return default end
  if type(value) == "boolean" then return value end
  doc:problem(doc.value, key, "%s: expected true or false, got %s", key, document.describe(value))
end

-- }======

-- {====== variants ======

local function read_prompt(doc, entry, path)
  if entry.prompt == nil then return nil end
  local full = read_path(doc, entry, "prompt", path .. ".prompt")
  if not full then return nil end
  local text = files.normalize_text(files.read_file(full)):gsub("\n$", "")
  if text:find "%S" and utf8.len(text) then return text end
  doc:problem(entry, "prompt", "%s.prompt: %s: expected a text in UTF-8 that is not empty", path, full)
end

-- A number belongs to one variant. `claimed` has the places of all numbers so far.
local function read_numbers(doc, entry, path, claimed)
  local list, numbers = entry.phone_numbers, {}
  if not json.is_array(list) or #list == 0 then
    local got = json.is_array(list) and "an empty one" or document.describe(list)
    doc:problem(entry, list ~= nil and "phone_numbers" or nil,
      "%s.phone_numbers: expected a list of numbers of its own, got %s", path, got)
    return numbers
  end
  for index, number in ipairs(list) do
    local here = ("%s.phone_numbers[%d]"):format(path, index)
    if type(number) ~= "string" or not number:find "^%+[1-9]%d+$" or #number > 16 then
      doc:problem(list, index, '%s: expected a quoted E.164 number such as "+15551234567", got %s', here,
        document.describe(number))
    elseif claimed[number] then
      doc:problem(list, index, "%s: %s is already claimed at %s", here, number, claimed[number])
    else
      claimed[number] = doc:place(list, index)
      numbers[#numbers + 1] = number
    end
  end
  return numbers
end

local function read_variant(doc, list, index, claimed)
  local entry, path = list[index], ("variants[%d]"):format(index)
  if not is_mapping(entry) then
    doc:problem(list, index, "%s: expected a mapping with name and phone_numbers, got %s", path,
      document.describe(entry))
    return {}
  end
  check_keys(doc, entry, VARIANT_KEYS, path .. ": ")
  return {
    name = read_text(doc, entry, "name", path .. ".name", "a name"),
    numbers = read_numbers(doc, entry, path, claimed),
    prompt = read_prompt(doc, entry, path),
  }
end

local function read_variants(doc)
  local list, variants, claimed, names = doc.value.variants, {}, {}, {}
  if not json.is_array(list) or #list < 2 then
    doc:problem(doc.value, list ~= nil and "variants" or nil, "variants: expected a list of at least two")
    return variants
  end
  for index = 1, #list do
    local variant = read_variant(doc, list, index, claimed)
    if variant.name and names[variant.name] then
      doc:problem(list, index, "variants[%d].name: another variant has the name '%s'", index, variant.name)
    end
    names[variant.name or ""] = true
    variants[index] = variant
  end
  return variants
end

-- }======

-- {====== outcomes ======

local OUTCOME_KEYS = { "among", "function", "metadata", "status" }

local function read_statuses(doc, container, key, path)
  local value = container[key]
  if type(value) == "string" then value = json.array { value } end
  if not json.is_array(value) or #value == 0 then
    doc:problem(container, key, "%s: expected a status or a list of them, got %s", path, document.describe(value))
    return nil
  end
  for index, status in ipairs(value) do
    if not conversations.is_final(status) then
      local near = type(status) == "string" and operations.nearest(status, conversations.final_statuses)
      doc:problem(container, key, "%s[%d]: %s is not a status that a conversation ends with; %s", path, index,
        document.describe(status), near and ("did you mean '%s'?"):format(near)
        or "expected one of " .. table.concat(conversations.final_statuses, ", "))
    end
  end
  return value
end

local function read_metadata(doc, container)
  if is_mapping(container.metadata) and next(container.metadata) then return container.metadata end
  doc:problem(container, "metadata", "outcome.metadata: expected fields of custom_metadata and their values, got %s",
    document.describe(container.metadata))
end

local function read_outcome(doc)
  local value = doc.value.outcome
  if type(value) == "table" and yaml.is_tag(value) then
    return { file = read_path(doc, doc.value, "outcome", "outcome") }
  elseif not is_mapping(value) then
    doc:problem(doc.value, value ~= nil and "outcome" or nil,
      "outcome: expected a mapping with one of status, metadata and function, got %s", document.describe(value))
    return {}
  end
  check_keys(doc, value, OUTCOME_KEYS, "outcome: ")
  local count = 0
  for _, key in ipairs { "status", "metadata", "function" } do count = count + (value[key] ~= nil and 1 or 0) end
  if count ~= 1 then
    doc:problem(doc.value, "outcome", "outcome: expected exactly one of status, metadata and function")
  end
  return {
    status = value.status ~= nil and read_statuses(doc, value, "status", "outcome.status") or nil,
    metadata = value.metadata ~= nil and read_metadata(doc, value) or nil,
    file = value["function"] ~= nil and read_path(doc, value, "function", "outcome.function") or nil,
    among = value.among ~= nil and read_statuses(doc, value, "among", "outcome.among") or nil,
  }
end

-- }======

local function digest_of_question(self, wanted)
  return canonical.digest {
    outcome = { status = wanted.status, metadata = wanted.metadata, among = wanted.among,
      text = wanted.file and files.read_file(wanted.file) },
    caller = self.caller, match_numbers = self.match_numbers, lift = self.lift, alpha = self.alpha, power = self.power,
  }
end

local function digest_of_set_up(self)
  return canonical.digest { agent = self.agent, direction = self.direction, variants = json.array(self.variants) }
end

local function read_fields(doc)
  check_keys(doc, doc.value, KEYS, "")
  local wanted = read_outcome(doc)
  local self = {
    file = doc.file,
    name = doc.file:match "([^/]+)%.%w+$",
    agent = read_text(doc, doc.value, "agent", "agent", "the name or id of an agent"),
    direction = read_direction(doc),
    variants = read_variants(doc),
    caller = doc.value.caller ~= nil and read_text(doc, doc.value, "caller", "caller", "the path of a field")
      or "user_id",
    match_numbers = read_flag(doc, "match_numbers", true),
    lift = read_share(doc, "lift", 0.05),
    alpha = read_share(doc, "alpha", 0.05),
    power = read_share(doc, "power", 0.8),
  }
  return self, wanted
end

--- Reads an experiment file. All that is wrong with it raises one error of kind "input".
---@param file string
---@return anyreach.experiment
function experiment.read(file)
  if not document.extension(file) then
    errors.raise("input", "%s: expected an experiment file that ends in .yaml, .yml or .json", file)
  end
  local problems = {}
  local doc = document.read(file, problems)
  if doc and not is_mapping(doc.value) then
    document.add_problem(problems, file, "expected a mapping with the keys agent, variants and outcome, got %s",
      document.describe(doc.value))
    doc = nil
  end
  local self, wanted
  if doc then self, wanted = read_fields(doc) end
  document.raise_problems(problems, { file })
  self.outcome, self.success = conversations.outcome(wanted), conversations.describe_outcome(wanted)
  self.set_up, self.question = digest_of_set_up(self), digest_of_question(self, wanted)
  return self
end

return experiment
