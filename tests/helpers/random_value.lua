-- Random values for property tests: whatever JSON and the tags of agent files can hold, with the texts that
-- writers of YAML get wrong. The same seed gives the same values.

local json = require "anyreach.json"
local reference = require "anyreach.yaml.reference"
local yaml = require "anyreach.yaml"

local random_value = {}

local MAX_DEPTH = 4

local PIECES = {
  "a", "word", "Ends the call.", "no", "null", "1", "-", "- x", "? ", ": ", "key: value", " #c", "#", "&x", "*x", "!t",
  "|", ">", "%", "@", "`", "'", '"', "\\", "\n", "\n\n", "\n  ", " ", "  ", "\t", "\r", "\0", "é", "日本", "😀",
  "\u{85}", "\u{2028}", "\u{FEFF}", "\127", "[", "]", "{", "}", ",", "---", "...", "\n---\n", "\n# x\n", "{{b}}",
}
local SCALARS = {
  json.null, true, false, 0, 1, -7, math.maxinteger, math.mininteger, 0.5, -1.0, 1e300, 1e-9, "", "x", "yes",
  "2026-01-01", json.decode "123456789012345678901",
}

-- A small generator of its own, so that what it gives does not depend on the Lua release.
local function numbers(seed)
  local state = seed
  return function(low, high)
    state = (state * 6364136223846793005 + 1442695040888963407)
    return low + (state >> 33) % (high - low + 1)
  end
end

local function make_text(random)
  local pieces = {}
  for index = 1, random(0, 6) do pieces[index] = PIECES[random(1, #PIECES)] end
  return table.concat(pieces)
end

local make

local function make_map(random, depth)
  local value = {}
  for _ = 1, random(0, 4) do
    local key = random(1, 4) == 1 and make_text(random) or ("key%d"):format(random(1, 9))
    value[key] = make(random, depth + 1)
  end
  return value
end

local function make_list(random, depth)
  local value = json.array {}
  for index = 1, random(0, 4) do value[index] = make(random, depth + 1) end
  return value
end

function make(random, depth)
  local choice = random(1, depth >= MAX_DEPTH and 5 or 9)
  if choice <= 3 then return make_text(random) end
  if choice == 4 then return SCALARS[random(1, #SCALARS)] end
  if choice == 5 then
    if random(1, 2) == 1 then return yaml.tag("!file", "p/" .. make_text(random)) end
    return reference.make("dataset", "x" .. random(1, 9))
  end
  return (choice <= 7 and make_map or make_list)(random, depth)
end

--- A function that makes a new value each time, and the numbers that it makes them from.
---@param seed integer
---@return fun(): any
---@return fun(low: integer, high: integer): integer
function random_value.generator(seed)
  local random = numbers(seed)
  return function() return make(random, 1) end, random
end

--- A mapping with some such values in it.
---@param random fun(low: integer, high: integer): integer
---@return table
function random_value.map(random)
  return make_map(random, 1)
end

--- A value in words, for a message.
---@param value any
---@return string
function random_value.show(value)
  return json.encode(reference.as_tags(value), { indent = 2 })
end

return random_value
