-- The official JSON Schema test suite: every required case of each draft, without exception, and the optional ones
-- about formats, but for those that are not checked. The Debian package json-schema-test-suite has the cases that say
-- what a pattern means in ECMA-262.

local directory = require "anyreach.directory"
local files = require "anyreach.files"
local pattern = require "anyreach.schema.pattern"
local schema = require "anyreach.schema"

-- Where Debian's copy is put by helpers/json_schema_suite.sh, and where another one may be.
local DEBIAN = (os.getenv "TEST_BUILD" or "build") .. "/json-schema-suite"
local SHARED = "../shared/conformance/json-schema"

local DRAFTS = {
  { dialect = "2020-12", directory = "draft2020-12", least = 46 },
  { dialect = "2019-09", directory = "draft2019-09", least = 46 },
  { dialect = "draft-07", directory = "draft7", least = 38 },
  { dialect = "draft-06", directory = "draft6", least = 36 },
}

-- Formats that check nothing.
local UNCHECKED = { ["idn-hostname.json"] = true, ["uri-template.json"] = true, ["unknown.json"] = true }

local REMOTES_ADDRESS = "http://localhost:1234"

-- Every document below a directory, by the address that the suite gives it.
local function read_remotes(path, address, found)
  for _, name in ipairs(directory.names(path)) do
    local full, its_address = path .. "/" .. name, address .. "/" .. name
    if directory.kind(full) == "directory" then
      read_remotes(full, its_address, found)
    else
      found[its_address] = files.read_json(full)
    end
  end
  return found
end

local function check_group(group, options)
  local validator = schema.compile(group.schema, options)
  for _, test in ipairs(group.tests) do
    local problems = validator:validate(test.data)
    local verdict = validator:is_valid(test.data)
    local name = group.description .. " › " .. test.description
    expect.equal({ name, #problems == 0, verdict }, { name, test.valid, test.valid })
    for _, problem in ipairs(problems) do
      expect.truthy(problem.message ~= "")
      expect.contains(problem.schema_path, "#")
    end
  end
end

local function find_suite(draft)
  local path = DEBIAN .. "/tests/" .. draft.directory
  if directory.kind(path) == "directory" then return path, DEBIAN .. "/remotes" end
  path = SHARED .. "/" .. draft.directory
  if directory.kind(path) == "directory" then return path, SHARED .. "/remotes" end
end

-- The required cases: the files themselves, without the folders of optional ones.
local function case_files(path)
  local names = {}
  for _, name in ipairs(directory.names(path)) do
    if name:find "%.json$" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- A test for each group of cases in the files of a directory. Returns how many files there were.
local function check_files(path, options, is_left_out)
  local names = case_files(path)
  for _, name in ipairs(names) do
    for _, group in ipairs(is_left_out[name] and {} or files.read_json(path .. "/" .. name)) do
      it(name:gsub("%.json$", "") .. ": " .. group.description, function() check_group(group, options) end)
    end
  end
  return #names
end

for _, draft in ipairs(DRAFTS) do
  describe("the official suite of " .. draft.dialect, function()
    local path, remotes = find_suite(draft)
    if not path then
      it("passes", function() skip(("neither %s nor %s has it"):format(DEBIAN, SHARED)) end)
      return
    end
    local documents = read_remotes(remotes, REMOTES_ADDRESS, {})
    local count = check_files(path, { documents = documents, dialect = draft.dialect }, {})
    it("was there as a whole", function() expect.truthy(count >= draft.least, count) end)

    local formats = path .. "/optional/format"
    if directory.kind(formats) ~= "directory" then return end
    check_files(formats, { documents = documents, dialect = draft.dialect, formats = true }, UNCHECKED)
  end)
end

describe("the patterns of ECMA-262", function()
  local optional = "/usr/share/json-schema-test-suite/tests/draft7/optional/ecmascript-regex.json"
  if not directory.kind(optional) then
    it("pass", function() skip "the Debian package json-schema-test-suite is not installed" end)
    return
  end
  for _, group in ipairs(files.read_json(optional)) do
    it(group.description, function()
      if group.schema.format ~= "regex" then return check_group(group, {}) end
      -- Formats are not asserted here; what is no pattern is no schema, though.
      for _, test in ipairs(group.tests) do expect.equal(pattern.compile(test.data) ~= nil, test.valid) end
    end)
  end
end)
