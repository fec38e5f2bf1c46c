-- Changes what a file says, with its tags, into what it is to say: tags whose value is still right stay, references and
-- secrets become tags, and prompts are marked so that export/prompt_files.lua can put them into files of their own.
-- Nothing is written here.

local canonical = require "anyreach.text.canonical"
local diff = require "anyreach.text.diff"
local fields = require "anyreach.agents.file.fields"
local json = require "anyreach.json"
local markers = require "anyreach.agents.file.markers"
local overlays = require "anyreach.text.overlay"
local redaction = require "anyreach.text.redaction"
local secrets = require "anyreach.agents.export.secrets"
local reference = require "anyreach.yaml.reference"
local text_files = require "anyreach.agents.file.text_files"
local variables = require "anyreach.agents.file.variables"
local yaml = require "anyreach.yaml"

local reconcile = {}

---@class anyreach.prompt stands in the place of a text that is in a file of its own, or may be
---@field text string
---@field old? string path as the agent file has it; nil when the text is in no file yet
---@field old_tag? table the tag with that path
---@field path string of the field, such as "config.instructions"
local Prompt = {}

---@param value any
---@return boolean
function reconcile.is_prompt(value)
  return getmetatable(value) == Prompt
end

---@class anyreach.reconcile_context : anyreach.export_context
---@field stem string name of the file without extension
---@field splits boolean prompts go into files of their own
---@field only_owned boolean keys that the file does not have are left out
---@field stands? table<string, true> paths at which the file's values stay, whatever the organisation has
---@field environment? anyreach.environment
---@field secrets? anyreach.known_secrets

local function note(context, format, ...)
  context.notes[#context.notes + 1] = format:format(...)
end

local function is_object(value)
  return type(value) == "table" and not json.is_array(value) and not yaml.is_tag(value)
    and not reference.is_reference(value)
end

-- {====== what is new in the file ======

local SHORT = 120 -- bytes; a line that is no longer needs no file of its own

local function is_long(text)
  return #text > SHORT or text:find("\n", 1, true) ~= nil
end

local function variable_name(context, path)
  local name = (context.stem .. "_" .. path:gsub("^config%.", "")):upper():gsub("[^%w]+", "_"):gsub("_+$", "")
  return name:find("^%d") and "AGENT_" .. name or name
end

local function secret_tag(context, path, finding)
  local name = finding.variable or variable_name(context, path)
  note(context, "%s %s and is not written; the file takes it from the environment variable %s", path, finding.words,
    name)
  return yaml.tag("!env", { name = name, secret = true })
end

local BY_NAME = { words = "is a secret", is_part = false }

-- What makes a text a secret, or nil. One that is a part of a longer text is noted, and stays.
local function secret_in(context, text, path, hidden)
  local finding = secrets.find(context.secrets, path, text)
  if finding and not finding.is_part then return finding end
  if hidden and text ~= "" then return BY_NAME end
  if finding then note(context, "%s %s; it is written as it is", path, finding.words) end
end

local fresh

local function fresh_text(context, text, path, key, hidden)
  local finding = secret_in(context, text, path, hidden)
  if finding then
    if context.has_tags then return secret_tag(context, path, finding) end
    note(context, "%s %s and is left out", path, finding.words)
    return nil
  end
  if key == "instructions" and context.splits and is_long(text) and utf8.len(text) then
    return setmetatable({ text = text, path = path }, Prompt)
  end
  return text
end

-- A value that the file does not have yet.
function fresh(context, value, path, key, hidden)
  hidden = hidden or redaction.hides(key, value)
  if type(value) == "string" then return fresh_text(context, value, path, key, hidden) end
  if reference.is_reference(value) then return yaml.tag("!ref", tostring(value)) end
  if type(value) ~= "table" or yaml.is_tag(value) then return value end
  local copy = json.is_array(value) and json.array {} or {}
  for name, part in pairs(value) do
    copy[name] = fresh(context, part, diff.path(path, name), type(name) == "string" and name or key, hidden)
  end
  return copy
end

-- }======

-- {====== tags ======

local merge_tag = {}

merge_tag["!file"] = function(context, old, new, path)
  if type(new) ~= "string" or text_files.problem(old) then return nil end
  if secret_in(context, new, path, false) then return nil end
  return setmetatable({ text = new, old = text_files.path(old), old_tag = old, path = path }, Prompt)
end

-- What a variable holds is not the file's: it may be another one elsewhere.
merge_tag["!env"] = function(context, old, new, path)
  local value = variables.value(old)
  if value ~= nil and not json.equal(value, new) then
    note(context, "%s is another than the environment variable %s; the file's !env stays", path, variables.name(old))
  end
  return old
end

-- The id that a reference stands for; of a text, the text.
local function id_of(context, value)
  if not reference.is_reference(value) then return value end
  return (context.resolver:id(value.kind, value.name))
end

merge_tag["!ref"] = function(context, old, new)
  local named = reference.parse(old.value)
  if not named then return nil end
  if named == new then return old end
  local id = id_of(context, named)
  return id ~= nil and id == id_of(context, new) and old or nil
end

local function keep_tag(context, old, _, path)
  note(context, "%s is not written; %s stays", path, old.tag)
  return old
end

-- }======

local merge

local function is_secret_tag(value)
  return type(value) == "table" and yaml.is_tag(value) and value.tag == "!env"
end

-- An absent key and null are the same, an empty mapping owns nothing, and a server need not show what a secret of the
-- file is for.
local function stays_without_value(value)
  return value == json.null or is_secret_tag(value) or is_object(value) and next(value) == nil
end

local function stands(context, path)
  return context.stands ~= nil and context.stands[path] ~= nil
end

-- {====== what an environment file says ======

-- True when a value as it is written, with tags, is what there is.
local function stands_for(context, written, new, path, key)
  local quiet = setmetatable({ notes = {} }, { __index = context })
  return json.equal(merge(quiet, written, new, path, key), written)
end

local function note_overlay(context, path)
  note(context, "%s is set by %s and is another; change it there", path, context.environment.file)
end

local function is_open(value)
  return value == nil or type(value) == "table" and yaml.is_tag(value) and value.tag == "!required"
end

local merge_objects

-- A field of which the environment says something: what it says stays there. An overlay counts more than the
-- file, and the file more than defaults.
local function merge_field(context, old, new, place)
  local path, overlay, defaults = place.path, place.overlay, place.defaults
  if is_object(new) and (is_object(overlay) or is_object(defaults)) and (is_open(old) or is_object(old)) then
    local merged = merge_objects(context, is_object(old) and old or {}, new, path, place)
    return (old ~= nil or next(merged) ~= nil) and merged or nil
  end
  if overlay ~= nil then
    if not stands_for(context, overlay, new, path, place.key) then note_overlay(context, path) end
    return old
  end
  if defaults ~= nil and is_open(old) and stands_for(context, defaults, new, path, place.key) then return old end
  return merge(context, old, new, path, place.key)
end

-- What the environment adds and the organisation has not: a null keeps a default away.
local function refuse_additions(context, copy, new, place)
  for key, value in pairs(place.overlay or {}) do
    if new[key] == nil and not stays_without_value(value) then note_overlay(context, diff.path(place.path, key)) end
  end
  for key, value in pairs(place.defaults or {}) do
    if new[key] == nil and not stays_without_value(value) then copy[key] = json.null end
  end
end

-- }======

local function object_or_nil(value)
  return is_object(value) and value or nil
end

---@param said? {overlay: any, defaults: any} of an environment, for this object
function merge_objects(context, old, new, path, said)
  local overlay, defaults = object_or_nil(said and said.overlay), object_or_nil(said and said.defaults)
  local copy = {}
  for key, value in pairs(old) do
    local is_kept = stands(context, diff.path(path, key))
    if is_kept or new[key] == nil and stays_without_value(value) then copy[key] = value end
  end
  for key, value in pairs(new) do
    local is_owned = old[key] ~= nil or overlay and overlay[key] ~= nil or defaults and defaults[key] ~= nil
    if copy[key] == nil and (is_owned or not context.only_owned) then
      copy[key] = merge_field(context, old[key], value, {
        path = diff.path(path, key), key = key, overlay = overlay and overlay[key],
        defaults = defaults and defaults[key],
      })
    end
  end
  refuse_additions(context, copy, new, { path = path, overlay = overlay, defaults = defaults })
  return copy
end

-- The same context for something of which the file owns all that there is.
local function with_all_fields(context)
  return setmetatable({ only_owned = false }, { __index = context })
end

-- Elements belong together as they do when a file is laid over a configuration. In a list that has become longer or
-- shorter, an element without a name may be another one than the one at its place before.
local function merge_lists(context, old, new, path)
  local before_of, copy = {}, json.array {}
  local partner, named = overlays.pair_elements(old, new)
  for index, other in pairs(partner) do before_of[other] = index end
  for index = 1, #new do
    local before = before_of[index]
    local is_sure = #old == #new or before and named[before]
    local element_context = is_sure and context or with_all_fields(context)
    local element_path = diff.path(path, index)
    if stands(context, element_path) then
      copy[index] = old[index]
    else
      copy[index] = merge(element_context, before and old[before], new[index], element_path)
    end
  end
  return copy
end

function merge(context, old, new, path, key)
  if type(new) == "table" and yaml.is_tag(new) then return json.equal(old, new) and old or new end
  if type(old) == "table" and yaml.is_tag(old) then
    local kept = (merge_tag[old.tag] or keep_tag)(context, old, new, path)
    if kept ~= nil then return kept end
    return fresh(context, new, path, key)
  end
  if reference.is_reference(new) and old ~= nil and old == id_of(context, new) then return old end
  if is_object(old) and is_object(new) then return merge_objects(context, old, new, path) end
  if json.is_array(old) and json.is_array(new) then return merge_lists(context, old, new, path) end
  local are_texts = type(old) == "string" and type(new) == "string"
  if are_texts and old ~= new and not secret_in(context, new, path, redaction.hides(key, new)) then return new end
  if old ~= nil and canonical.same(old, new) then return old end
  return fresh(context, new, path, key)
end

--- What the file is to say.
---@param context anyreach.reconcile_context
---@param old table|nil what it says now
---@param new table from anyreach.export.describe
---@return table with tags, and anyreach.prompt in the places of texts that go into files
function reconcile.agent(context, old, new)
  local said = {}
  if context.environment then said.defaults, said.overlay = context.environment:values_of(new.name) end
  said.defaults, said.overlay = markers.read_all(said.defaults), markers.read_all(said.overlay)
  local value = merge_objects(context, old or {}, new, "", said)
  for key, own in pairs(old or {}) do
    if not fields.is_known(key) or key == "allow_markers" then value[key] = own end
  end
  return value
end

return reconcile
