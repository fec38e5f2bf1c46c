-- A reference: a thing of an organisation by kind and name, such as `dataset:Clinic FAQ`, in place of an id
-- that means nothing elsewhere. What it stands for is the business of references.lua.

local errors = require "anyreach.errors"
local operations = require "anyreach.operations"

local reference = {}

--- The kinds of things that can be referred to, sorted.
reference.kinds = { "agent", "dataset", "number", "trunk", "workflow" }

local is_kind = {}
for _, kind in ipairs(reference.kinds) do is_kind[kind] = true end

---@class anyreach.reference
---@field kind "agent"|"dataset"|"number"|"trunk"|"workflow"
---@field name string
local Reference = { __name = "anyreach.reference" }

-- One blank after the colon is none of a name's own.
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

--- What is wrong with a kind that is none.
---@param kind any
---@return string
function reference.kind_problem(kind)
  local near = type(kind) == "string" and operations.nearest(kind, reference.kinds)
  return ("unknown kind '%s'; %s"):format(tostring(kind), near and ("did you mean '%s'?"):format(near)
    or "expected one of " .. table.concat(reference.kinds, ", "))
end

--- Makes a reference. An unknown kind, or a name that is empty or no text, raises an error.
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

--- Reads "kind:name" or "kind: name". All that follows is the name, which may begin or end with blanks.
---@param text any
---@return anyreach.reference|nil
---@return string|nil problem when it is none
function reference.parse(text)
  local kind, name
  if type(text) == "string" then kind, name = text:match("^%s*([^:%s]*)%s*: ?(.*)$") end
  if not kind or name == "" then return nil, "expected KIND:NAME, such as dataset:Clinic FAQ" end
  if not is_kind[kind] then return nil, reference.kind_problem(kind) end
  return reference.make(kind, name)
end

return reference
