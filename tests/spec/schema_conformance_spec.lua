-- The official JSON Schema test suite, draft 2020-12: every required case, without exception. The package
-- json-schema-test-suite has older drafts only; of these come the cases that say what a pattern means in ECMA-262.

local directory = require "anyreach.directory"
local files = require "anyreach.files"
local pattern = require "anyreach.schema.pattern"
local schema = require "anyreach.schema"

-- Where Debian's copy is put by helpers/json_schema_suite.sh, and where another one may be.
local PLACES = {
  { suite = (os.getenv "TEST_BUILD" or "build") .. "/json-schema-suite/tests/draft2020-12",
    remotes = (os.getenv "TEST_BUILD" or "build") .. "/json-schema-suite/remotes" },
  { suite = "../shared/conformance/json-schema/draft2020-12", remotes = "../shared/conformance/json-schema/remotes" },
}
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

local function check_group(group, documents)
  local validator = schema.compile(group.schema, { documents = documents })
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

local function find_suite()
  for _, place in ipairs(PLACES) do
    if directory.kind(place.suite) == "directory" then return place end
  end
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

describe("the official suite", function()
  local place = find_suite()
  if not place then
    it("passes", function() skip(("neither %s nor %s is there"):format(PLACES[1].suite, PLACES[2].suite)) end)
    return
  end
  local documents = read_remotes(place.remotes, REMOTES_ADDRESS, {})
  local names = case_files(place.suite)
  for _, name in ipairs(names) do
    for _, group in ipairs(files.read_json(place.suite .. "/" .. name)) do
      it(name:gsub("%.json$", "") .. ": " .. group.description, function() check_group(group, documents) end)
    end
  end

  it("was there as a whole", function() expect.truthy(#names >= 46) end)
end)

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
