-- What the tags in an agent file stand for:
--   !file prompts/greeting.md         the text of a file, its path being relative to the agent file; see text_files.lua
--   !env NAME                         the value of an environment variable; see variables.lua
--   !env {name: NAME, secret: true}   the same as a secret, which no output ever shows
--   !ref dataset:Clinic FAQ           a reference, which becomes an id where the agent is provisioned
--   !required what it is              a place that an environment file must fill
-- A tag that cannot be resolved stays in place and is a problem of its document.

local diff = require "anyreach.text.diff"
local json = require "anyreach.json"
local markers = require "anyreach.agents.file.markers"
local operations = require "anyreach.operations"
local redaction = require "anyreach.text.redaction"
local reference = require "anyreach.yaml.reference"
local text_files = require "anyreach.agents.file.text_files"
local variables = require "anyreach.agents.file.variables"
local yaml = require "anyreach.yaml"

local tags = {}

-- Each resolver returns the value, or nil and a message.
local resolvers = {}

resolvers["!file"] = function(doc, _, node)
  local problem = text_files.problem(node)
  if problem then return nil, problem end
  local file = doc:file_of(node)
  local unwritten = doc.texts and doc.texts[text_files.full_path(file, text_files.path(node))]
  if unwritten then return text_files.parse(unwritten, node) end
  return text_files.read(file, node)
end

resolvers["!env"] = function(doc, _, node, path)
  local value, problem = variables.value(node)
  if type(node.value) == "table" and node.value.secret == true then redaction.add_field(path) end
  if value == nil then return nil, problem end
  if type(value) == "userdata" and value ~= json.null and not json.is_number(value) then
    table.insert(doc.secrets, value)
  elseif type(value) == "table" and not json.is_number(value) then
    doc.positions[value] = doc.positions[node]
  end
  return value
end

resolvers["!ref"] = function(doc, text, node, path)
  local named, problem = reference.parse(text)
  if not named then return nil, "!ref: " .. problem end
  table.insert(doc.references, { reference = named, place = doc:place(node), path = path })
  return named
end

resolvers["!required"] = function(doc, what)
  local where = doc.environment and doc.environment .. " gives none" or "choose an environment that gives it"
  return nil, ("a value is required here%s; %s"):format(type(what) == "string" and what ~= "" and ": " .. what or "",
    where)
end

local TAGS = { "!env", "!file", "!ref", "!required" }

-- Tags whose values others give.
local OPEN = { ["!env"] = true, ["!required"] = true }

-- What is left of a marker that another tool should have replaced. A text of a file is as that file has it.
local function check_text(doc, container, key, path)
  local text, marker = markers.read(container[key], doc.allowed_markers)
  container[key] = text
  if not marker then return end
  doc:problem(container, key, "%s: the marker %s was not replaced; if it is meant, write %s, or name it in "
    .. "allow_markers", path, marker, markers.escape(marker))
end

local function check_value_of_tag(doc, node, container, key, path)
  local marker = markers.find(container[key], doc.allowed_markers)
  if marker and node.tag == "!file" then
    doc:warning(container, key, "%s: the marker %s was not replaced; name it in allow_markers if it is meant", path,
      marker)
  elseif marker then
    doc:problem(container, key, "%s: the marker %s was not replaced; name it in allow_markers if it is meant", path,
      marker)
  end
end

local function resolve_tag(doc, container, key, path)
  local node = container[key]
  local resolver = resolvers[node.tag]
  if not resolver then
    local near = operations.nearest(node.tag, TAGS)
    return doc:problem(node, nil, "%s: unknown tag %s; %s", path, node.tag,
      near and ("did you mean %s?"):format(near) or "expected one of " .. table.concat(TAGS, ", "))
  end
  local value, problem = resolver(doc, node.value, node, path)
  if value == nil and doc.keeps_open and OPEN[node.tag] then return end
  if value == nil then return doc:problem(node, nil, "%s: %s", path, problem) end
  container[key] = value
  if type(value) == "string" then check_value_of_tag(doc, node, container, key, path) end
end

local resolve

local function resolve_children(doc, container, path)
  for key in pairs(container) do resolve(doc, container, key, diff.path(path, key)) end
end

function resolve(doc, container, key, path)
  local value = container[key]
  if type(value) == "number" and (value ~= value or math.abs(value) == math.huge) then
    doc:problem(container, key, "%s: expected a number that JSON can hold, got %s", path, value)
  elseif type(value) == "string" then
    check_text(doc, container, key, path)
  elseif type(value) == "table" then
    if yaml.is_tag(value) then
      resolve_tag(doc, container, key, path)
    else
      resolve_children(doc, value, path)
    end
  end
end

--- Puts the values of all tags in place, in the document itself, or a part of it.
---@param doc anyreach.document its value is a mapping
---@param part? table a mapping of the document
---@param path? string of the part
---@param options? {texts: table<string, string>, keeps_open: boolean} what files are to hold that are not yet written;
--- tags whose values others give may stay
function tags.resolve(doc, part, path, options)
  if options then doc.texts, doc.keeps_open = options.texts, options.keeps_open end
  local allowed = doc.allowed_markers or {}
  for name in pairs(markers.allowed(doc.value)) do allowed[name] = true end
  doc.allowed_markers = allowed
  resolve_children(doc, part or doc.value, path or "")
end

return tags
