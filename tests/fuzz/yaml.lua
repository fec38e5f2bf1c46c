-- YAML: a document is refused with its place, or gives values of which every container has its place.
-- JSON is YAML: what can be written as JSON reads back the same.

local json = require "anyreach.json"
local yaml = require "anyreach.yaml"

-- Each container, and each tagged value, knows where it starts.
local function expect_places(value, positions)
  if type(value) ~= "table" then return end
  local own = assert(positions[value], "a value without a place")
  assert(own[0].line >= 1 and own[0].column >= 1)
  if yaml.is_tag(value) then return expect_places(value.value, positions) end
  for key, member in pairs(value) do
    assert(own[key], "a member without a place")
    expect_places(member, positions)
  end
end

return function(text)
  local ok, value, positions = pcall(yaml.decode, text, { name = "input" })
  if not ok then
    assert(type(value) == "string" and value:find("^input:%d+:%d+: ."), value)
    return
  end
  expect_places(value, positions)
  local written, as_json = pcall(json.encode, value)
  if not written then return end -- tags, and what JSON cannot say
  assert(json.equal(json.decode(as_json), value), "differs as JSON")
  local read, again = pcall(yaml.decode, as_json)
  -- libyaml has limits of its own, such as 1024 bytes for a key
  if read then assert(json.equal(again, value), "differs when read from JSON") end
end
