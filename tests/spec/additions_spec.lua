-- What a server adds to what it is given, and what somebody makes of it.

local additions = require "anyreach.agents.additions"
local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"
local plan_property = require "helpers.plan_property"

local ID = "an-agent"
local ADDED = { [1] = 1, [2] = "x", [3] = false, [4] = { a = 1, b = { c = 2 } }, [5] = json.array { "p", "q" },
  [6] = json.array { { name = "n" } }, [7] = {}, [8] = json.array {} }

local function copy(value)
  if type(value) ~= "table" or json.is_number(value) then return value end
  local other = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do other[key] = copy(part) end
  return other
end

-- All mappings in a value, in a fixed order.
local function mappings(value, found)
  if type(value) ~= "table" or json.is_number(value) then return found end
  if not json.is_array(value) then found[#found + 1] = value end
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do mappings(value[key], found) end
  return found
end

local function add(made, value)
  local places = mappings(value, {})
  for index = 1, made.random(1, 3) do
    made:pick(places)["added " .. index] = copy(made:pick(ADDED))
  end
end

-- Written content, what came back, and what is noted.
local function world(made)
  local written = { config = made:config(), metadata = made:mapping(2) }
  local there = copy(written)
  add(made, there.config)
  if made:chance(50) then add(made, there.metadata) end
  local fields = field_digests.note(written, there, ID)
  additions.note(fields, written, there, ID)
  return written, there, fields
end

describe("what a server adds", function()
  it("is no difference while it stays as it is, and is not noted twice", function()
    plan_property.each_seed("ADDITIONS_SEED", 200, function(made)
      local written, there, fields = world(made)
      expect.equal(additions.find(written, additions.without(fields, written, there, ID)), {})
      expect.equal(additions.note(fields, written, there, ID), {})
      expect.truthy(#additions.find(written, there) > 0)
      for _, text in pairs(fields) do expect.truthy(field_digests.parse(text)) end
    end)
  end)

  it("is one as soon as somebody changes it, or adds something", function()
    plan_property.each_seed("ADDITIONS_SEED", 200, function(made)
      local written, there, fields = world(made)
      local changed = copy(there)
      made:pick(mappings(changed.config, {})).somebodys = 1
      expect.truthy(#additions.find(written, additions.without(fields, written, changed, ID)) > 0)
      changed = copy(there)
      local added = {}
      for _, place in ipairs(mappings(changed, {})) do
        for key in pairs(place) do
          if tostring(key):find("^added %d") then added[#added + 1] = { place, key } end
        end
      end
      table.sort(added, function(a, b) return a[2] < b[2] end)
      added[1][1][added[1][2]] = "somebody's"
      expect.truthy(#additions.find(written, additions.without(fields, written, changed, ID)) > 0)
    end)
  end)
end)
