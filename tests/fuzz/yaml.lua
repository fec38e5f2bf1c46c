-- YAML: a document is refused with its place, or gives values of which every container has its place.
-- JSON is YAML: what can be written as JSON reads back the same. So does what is written as YAML, anew or
-- into the text that is there.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local yaml = require "anyreach.yaml"
local yaml_edit = require "anyreach.yaml.edit"
local yaml_text = require "anyreach.yaml.writer"
local yaml_value = require "anyreach.yaml.value"

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

-- The value with one part of it gone, or another, and one more.
local function changed(value)
  local kind = yaml_value.kind(value)
  if kind == "scalar" or kind == "tag" then return "another\ntext" end
  local copy = kind == "list" and json.array {} or {}
  for key, member in pairs(value) do copy[key] = member end
  if kind == "list" then
    table.remove(copy, 1)
    copy[#copy + 1] = { name = "new" }
    return copy
  end
  local first = yaml_value.keys(copy)[1]
  if first then copy[first] = #first % 2 == 0 and changed(copy[first]) or nil end
  copy.new = "a\nb\n"
  return copy
end

-- Only what no YAML file may hold is refused: a tag of another form, too many levels.
local function expect_written(value, write)
  local ok, text = pcall(write)
  if not ok then
    assert(errors.is_error(text) and text.kind == "usage", tostring(text))
    return
  end
  assert(yaml_value.same(yaml.decode(text), value), "differs when it is read again:\n" .. text)
end

return function(text)
  local ok, value, positions = pcall(yaml.decode, text, { name = "input" })
  if not ok then
    assert(type(value) == "string" and value:find("^input:%d+:%d+: ."), value)
    return
  end
  expect_places(value, positions)
  expect_written(value, function() return yaml_text.encode(value) end)
  local new = changed(value)
  expect_written(new, function() return (yaml_edit.update(text, new)) end)
  local written, as_json = pcall(json.encode, value)
  if not written then return end -- tags, and what JSON cannot say
  assert(json.equal(json.decode(as_json), value), "differs as JSON")
  local read, again = pcall(yaml.decode, as_json)
  -- libyaml has limits of its own, such as 1024 bytes for a key
  if read then assert(json.equal(again, value), "differs when read from JSON") end
end
