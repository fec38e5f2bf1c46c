-- What a version consists of, in the terms of another organisation: ids become references by the lists of
-- the one, and ids again by those of the other.

local references = require "anyreach.agents.references"

---@class anyreach.remap
---@field source anyreach.resolver
---@field target anyreach.resolver
local Remap = {}
Remap.__index = Remap

local remap = {}

---@param source anyreach.resolver
---@param target anyreach.resolver
---@return anyreach.remap
function remap.new(source, target)
  return setmetatable({ source = source, target = target }, Remap)
end

--- The content of a version: its configuration and the inputs of the instruction builder.
---@param version table with its configuration
---@return {config: table, instruction_builder_inputs: any}
function remap.content(version)
  return { config = version.config, instruction_builder_inputs = version.instruction_builder_inputs }
end

--- A value of the source with the ids of the target. What is still to be created there stays a reference.
---@generic T
---@param value T
---@return T copy
---@return {path: string, message: string}[] problems ids that stand for nothing known, or nothing in the target
function Remap:value(value)
  local extracted, problems = references.extract(value, self.source)
  local copy, missing = references.substitute(extracted, self.target)
  return copy, table.move(missing, 1, #missing, #problems + 1, problems)
end

--- The target's number for one of the source.
---@param number string
---@return string|nil
---@return string|nil problem
function Remap:number(number)
  local reference, problem = self.source:find(number)
  if not reference then return nil, problem or ("'%s' is no number of the source"):format(number) end
  return self.target:id("number", reference.name)
end

return remap
