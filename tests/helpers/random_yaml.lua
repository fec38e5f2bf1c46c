-- Values written as YAML the way many different people do, for property tests: comments and blank lines
-- here and there, lists on the level of their key or below it, brackets, all kinds of quotes. What is written
-- reads as the value.

local yaml_text = require "anyreach.yaml.writer"
local yaml_value = require "anyreach.yaml.value"

local random_yaml = {}

local STYLES = { "plain", "single", "double", "literal" }

local Writer = {}
Writer.__index = Writer

function Writer:chance(of)
  return self.random(1, of) == 1
end

function Writer:line(indentation, text)
  self.lines[#self.lines + 1] = (" "):rep(indentation) .. text
end

-- Comments and blank lines may stand before an entry, unless a block that keeps its breaks would take them.
function Writer:space(indentation)
  if self.lines[#self.lines] == "" then return end
  if self:chance(6) then self:line(indentation, "# about this") end
  if self:chance(8) then self.lines[#self.lines + 1] = "" end
  if self:chance(12) then self:line(indentation, "# after a blank line") end
end

function Writer:comment()
  return self:chance(5) and "   # on the line" or ""
end

-- A scalar, a tag, or something between brackets, behind what stands on its line already.
function Writer:leaf(indentation, start, value)
  local style = type(value) == "string" and STYLES[self.random(1, 6)] or nil
  local head, body = yaml_text.node(value, style)
  if head == "" or yaml_value.kind(value) ~= "scalar" then head, body = yaml_text.inline(value), {} end
  local is_null = head == "null" and self:chance(2)
  self:line(indentation, start .. (is_null and "" or " " .. head) .. (head:find("^|") and "" or self:comment()))
  for _, line in ipairs(body) do
    self.lines[#self.lines + 1] = line == "" and "" or (" "):rep(indentation + 2) .. line
  end
end

function Writer:value(indentation, start, value)
  local kind = yaml_value.kind(value)
  local is_leaf = kind == "tag" or kind == "scalar" or next(value) == nil or self:chance(6)
  if is_leaf then return self:leaf(indentation, start, value) end
  self:line(indentation, start .. self:comment())
  if kind == "map" then return self:map(indentation + self.random(1, 2) * 2, value) end
  local is_level = start:find(":$") and self:chance(2)
  self:list(indentation + (is_level and 0 or 2), value)
end

function Writer:map(indentation, value)
  for _, key in ipairs(yaml_value.keys(value)) do
    self:space(indentation)
    self:value(indentation, yaml_text.text(key, true) .. ":", value[key])
  end
end

-- A mapping in a list begins on the line of its dash, mostly.
function Writer:element(indentation, value)
  local is_map = yaml_value.kind(value) == "map" and next(value) ~= nil
  if not is_map or self:chance(3) then return self:value(indentation, "-", value) end
  local start = #self.lines + 1
  local keys = yaml_value.keys(value)
  self:value(indentation + 2, yaml_text.text(keys[1], true) .. ":", value[keys[1]])
  self.lines[start] = (" "):rep(indentation) .. "- " .. self.lines[start]:sub(indentation + 3)
  local rest = {}
  for index = 2, #keys do rest[keys[index]] = value[keys[index]] end
  self:map(indentation + 2, rest)
end

function Writer:list(indentation, value)
  for _, element in ipairs(value) do
    self:space(indentation)
    self:element(indentation, element)
  end
end

--- A mapping as a YAML text.
---@param value table
---@param random fun(low: integer, high: integer): integer
---@return string
function random_yaml.write(value, random)
  if next(value) == nil then return "{}\n" end
  local writer = setmetatable({ lines = {}, random = random }, Writer)
  writer:map(0, value)
  return table.concat(writer.lines, "\n") .. "\n"
end

return random_yaml
