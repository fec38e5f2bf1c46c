-- A reference names a thing of an organisation by kind and name, such as `dataset:Clinic FAQ`, in place of an id
-- that means nothing in another organisation. Here are reading and writing it, and finding references in whole
-- values; agents/references.lua resolves them. Pure.

local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local yaml = require "anyreach.yaml"

local reference = {}

--- The kinds of things that can be referred to, sorted.
reference.kinds = { "agent", "dataset", "number", "trunk", "workflow" }

local is_kind = {}
for _, kind in ipairs(reference.kinds) do is_kind[kind] = true end

---@class anyreach.reference
---@field kind "agent"|"dataset"|"number"|"trunk"|"workflow"
---@field name string
local Reference = { __name = "anyreach.reference" }

-- One space after the colon is not part of the name.
function Reference:__tostring()
  return self.kind .. (self.name:find("^ ") and ": " or ":") .. self.name
end

function Reference.__eq(a, b)
  return reference.is_reference(a) and reference.is_reference(b) and a.kind == b.kind and a.name == b.name
end

---@param value any
---@return boolean
function reference.is_reference(value)
  return type(value) == "table" and getmetatable(value) == Reference
end

--- Why a kind is not one of reference.kinds, in words.
---@param kind any
---@return string
function reference.kind_problem(kind)
  local near = type(kind) == "string" and operations.nearest(kind, reference.kinds)
  return ("unknown kind '%s'; %s"):format(tostring(kind), near and ("did you mean '%s'?"):format(near)
    or "expected one of " .. table.concat(reference.kinds, ", "))
end

--- Makes a reference. An unknown kind, or a name that is empty or not text, raises an error of kind "usage".
---@param kind string one of reference.kinds
---@param name string
---@return anyreach.reference
function reference.make(kind, name)
  if not is_kind[kind] then errors.raise("usage", "reference: %s", reference.kind_problem(kind)) end
  if type(name) ~= "string" or name == "" then
    errors.raise("usage", "reference: expected a name after '%s:'", kind)
  end
  return setmetatable({ kind = kind, name = name }, Reference)
end

--- Reads "kind:name" or "kind: name". Everything after that is the name, which may begin or end with spaces.
---@param text any
---@return anyreach.reference|nil
---@return string|nil problem why the text is not a reference
function reference.parse(text)
  local kind, name
  if type(text) == "string" then kind, name = text:match("^%s*([^:%s]*)%s*: ?(.*)$") end
  if not kind or name == "" then return nil, "expected KIND:NAME, such as dataset:Clinic FAQ" end
  if not is_kind[kind] then return nil, reference.kind_problem(kind) end
  return reference.make(kind, name)
end

-- {====== whole values ======

--- A copy of a value in which each leaf, a reference or anything that is not a table, is replaced.
---@param value any
---@param path string of the value
---@param replace fun(leaf: any, path: string): any
---@return any
function reference.map(value, path, replace)
  if type(value) ~= "table" or reference.is_reference(value) or json.is_number(value) then
    return replace(value, path)
  end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[key] = reference.map(part, diff.path(path, key), replace) end
  return copy
end

--- The references that a value holds, sorted by path.
---@param value any
---@param path? string of the value; default none
---@return {reference: anyreach.reference, path: string}[]
function reference.list(value, path)
  local found = {}
  reference.map(value, path or "", function(leaf, place)
    if reference.is_reference(leaf) then found[#found + 1] = { reference = leaf, path = place } end
    return leaf
  end)
  table.sort(found, function(a, b) return a.path < b.path end)
  return found
end

local function replace_references(value, replace)
  return reference.map(value, "", function(leaf) return reference.is_reference(leaf) and replace(leaf) or leaf end)
end

--- A copy of a value with each reference as the text "kind:name".
---@generic T
---@param value T
---@return T
function reference.as_text(value)
  return replace_references(value, tostring)
end

--- A copy of a value with each reference as the tag !ref, as YAML writes it.
---@generic T
---@param value T
---@return T
function reference.as_tags(value)
  return replace_references(value, function(leaf) return yaml.tag("!ref", tostring(leaf)) end)
end

-- }======

return reference
