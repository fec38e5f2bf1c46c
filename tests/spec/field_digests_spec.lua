-- What the lock remembers of single values.

local diff = require "anyreach.text.diff"
local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"
local random_value = require "helpers.random_value"
local reference = require "anyreach.yaml.reference"
local secret = require "anyreach.secret"

local function paths_of(value)
  local paths = {}
  for index, leaf in ipairs(field_digests.leaves(value)) do paths[index] = leaf.path end
  return paths
end

describe("the keys of a path", function()
  it("are those that it was made of", function()
    for _, keys in ipairs {
      { "config" }, { "config", "tools", 2, "name" }, { "a b" }, { 'x"]y', "\\", '\\"', "" }, { "[1]", 1, "é.ü" },
      { "a-b_c", "\n\0" },
    } do
      local path = ""
      for _, key in ipairs(keys) do path = diff.path(path, key) end
      expect.equal(diff.keys(path), keys)
    end
  end)

  it("are refused where there is none", function()
    for _, path in ipairs { "a..b", "[x]", '["a', "a b" } do
      expect.raises(function() diff.keys(path) end, "not a path")
    end
  end)
end)

describe("leaves", function()
  it("are values, lists of plain values, and of other lists their make-up and their elements' leaves", function()
    expect.equal(paths_of { config = { voice = "x", stop = json.array { "a", "b" }, empty = {}, none = json.null,
      tools = json.array { { name = "a", on = true }, { id = "b" } } } },
      { "config.empty", "config.none", "config.stop", "config.tools[1].name", "config.tools[1].on",
        "config.tools[2].id", "config.tools[]", "config.voice" })
  end)

  it("are found again at their paths, in any value", function()
    local _, random = random_value.generator(7)
    for _ = 1, 200 do
      local value = { config = random_value.map(random) }
      for _, leaf in ipairs(field_digests.leaves(value)) do
        expect.equal(field_digests.at(value, leaf.path), leaf.value)
        expect.equal(field_digests.of_place(value, leaf.path, leaf.is_secret, "a1"),
          field_digests.of_leaf(leaf, "a1"))
      end
    end
  end)
end)

describe("the digest of a value", function()
  local function digest(value, other_agent)
    return field_digests.of_leaf(field_digests.leaves({ x = value })[1], other_agent or "a1")
  end

  it("is that of equal values alone", function()
    expect.equal(digest(1), digest(1.0))
    expect.equal(digest(json.null), field_digests.of_place({}, "x", false, "a1"))
    expect.equal(digest(reference.make("agent", "X")), digest "agent:X")
    local seen = {}
    for _, value in ipairs { 1, "1", true, "true", false, json.null, "null", "", json.array {}, {}, 0.5 } do
      expect.falsy(seen[digest(value)])
      seen[digest(value)] = true
      expect.equal(#digest(value), 12)
    end
  end)

  it("is short and salted for a secret", function()
    local one = digest(secret "hush")
    expect.equal(#one, 4)
    expect.equal(one, field_digests.of_place({ x = "hush" }, "x", true, "a1"))
    expect.falsy(one == digest(secret "hush!"))
    expect.falsy(one == digest(secret "hush", "a2"))
    local fields = field_digests.note({ x = secret "hush", y = json.array { secret "hush" } },
      { x = "****", y = json.array { "hush" } }, "a1")
    expect.match(fields.x, "^%x%x%x%x/%x%x%x%x$")
    expect.match(fields["y[1]"], "^%x%x%x%x$")
    expect.falsy(fields["y[1]"] == one)
  end)
end)

describe("an entry", function()
  it("is written as it is read", function()
    for _, text in ipairs { "0123456789ab", "0123456789ab/ba9876543210", "01ab/02cd!", "01ab!@3", "01ab/02cd@12" } do
      expect.equal(field_digests.format(field_digests.parse(text)), text)
    end
  end)

  it("is refused when it is malformed", function()
    for _, text in ipairs { "", "x", "/ab", "ab/", "ab@", "ab@x", "ab!!", "ab/cd/ef", "ab3@ 1" } do
      expect.falsy(field_digests.parse(text))
    end
  end)
end)
