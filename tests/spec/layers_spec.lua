-- src/README.md draws the layers of the C and Lua sources as lines "folder: the folders it needs". The drawing
-- must match the sources exactly, in both directions, and have no cycle. Comments that name a file or module
-- must name one that exists.

local markdown = require "anyreach.text.markdown"
local process = require "helpers.process"

local sources = {} -- path from the root -> text, of everything that comments may name
for path in io.popen("find src lua scripts tests -type f | LC_ALL=C sort"):lines() do
  sources[path] = assert(process.read(path))
end

local function files_below(directory, pattern)
  local files = {}
  for path in pairs(sources) do
    if path:find("^" .. directory .. "/") and path:find(pattern) then files[#files + 1] = path end
  end
  assert(#files > 0, directory)
  table.sort(files)
  return files
end

local function expect_none(problems)
  table.sort(problems)
  expect.equal(problems, {})
end

-- {====== the drawing ======

-- The lines of the code block below a heading: name -> set of the names it needs, and the names in order.
local function drawing(heading)
  local blocks = assert(markdown.section(markdown.read(sources["src/README.md"]), heading), heading)
  local block = 1
  while blocks[block].kind ~= "code" do block = block + 1 end
  local rows, order = {}, {}
  for line in blocks[block].text:gmatch "[^\n]+" do
    local name, needs = line:match "^(%S+):%s*(.*)$"
    rows[assert(name, line)], order[#order + 1] = {}, name
    for other in needs:gmatch "%S+" do rows[name][other] = true end
  end
  return rows, order
end

-- A line may need only what is above it, so there is no cycle.
local function problems_of_order(rows, order)
  local above, problems = {}, {}
  for _, name in ipairs(order) do
    for other in pairs(rows[name]) do
      if not above[other] then problems[#problems + 1] = ("%s needs %s, which is not above it"):format(name, other) end
    end
    above[name] = true
  end
  return problems
end

-- `found` is name -> name it needs -> a file that shows it.
local function differences(rows, found)
  local problems = {}
  for name, needs in pairs(found) do
    for other, file in pairs(needs) do
      local is_drawn = rows[name] and rows[name][other]
      if not is_drawn then problems[#problems + 1] = ("%s: %s needs %s, not drawn"):format(file, name, other) end
    end
  end
  for name, needs in pairs(rows) do
    for other in pairs(needs) do
      local is_real = found[name] and found[name][other]
      if not is_real then problems[#problems + 1] = ("%s needs %s is drawn, but not so"):format(name, other) end
    end
  end
  return problems
end

local function add_edge(found, from, to, file)
  if from == to then return end
  found[from] = found[from] or {}
  found[from][to] = found[from][to] or file
end

-- }======

-- {====== C ======

local c_files = files_below("src", "%.[ch]$")

-- "src/net/loop.c" -> "net"; nil for what belongs to no layer: the version, and the tools of the build.
local function c_layer(path)
  local layer = path:match "^src/(%w+)/"
  return layer ~= "gen" and layer or nil
end

-- The paths of the project's own headers that a file includes.
local function included(path)
  local headers = {}
  for name in sources[path]:gmatch '#include "([^"]+)"' do headers[#headers + 1] = "src/" .. name end
  return headers
end

local function c_graph()
  local found = {}
  for _, path in ipairs(c_files) do
    for _, header in ipairs(included(path)) do
      if c_layer(path) and c_layer(header) then add_edge(found, c_layer(path), c_layer(header), path) end
    end
  end
  return found
end

-- }======

-- {====== Lua ======

local lua_files = files_below("lua/anyreach", "%.lua$")
local file_of = {} -- of a module

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

for _, path in ipairs(lua_files) do file_of[module_of(path)] = path end

-- "anyreach.client.pager" -> "client"; "anyreach.schema", with its folder, -> "schema"; "anyreach" itself.
local function lua_layer(module)
  return module:match "^anyreach%.([%w_]+)" or "anyreach"
end

-- The modules of ours that a file requires, when it is loaded or later. Of a name that is computed at run time
-- ("anyreach.sandbox." .. family) the folder is known. init.lua names its parts in a table.
local function required(path)
  local modules = {}
  local pattern = path == "lua/anyreach/init.lua" and '"(anyreach%.[%w_.]+)"' or 'require[ (]+"(anyreach[%w_.]*)"'
  for name in sources[path]:gsub("%-%-[^\n]*", ""):gmatch(pattern) do
    if file_of[name] or name:find "%.$" then modules[#modules + 1] = name end
  end
  return modules
end

local function lua_graph()
  local found = {}
  for _, path in ipairs(lua_files) do
    for _, name in ipairs(required(path)) do add_edge(found, lua_layer(module_of(path)), lua_layer(name), path) end
  end
  return found
end

-- The cycle of modules that a walk from `module` runs into, as text, or nil. `trail` leads to it.
local function cycle_from(module, trail, visited)
  if visited[module] == "done" or not file_of[module] then return nil end
  if visited[module] then return table.concat(trail, " -> ") .. " -> " .. module end
  visited[module] = "open"
  trail[#trail + 1] = module
  for _, name in ipairs(required(file_of[module])) do
    local cycle = cycle_from(name, trail, visited)
    if cycle then return cycle end
  end
  trail[#trail] = nil
  visited[module] = "done"
end

-- }======

for heading, graph in pairs { ["The layers of C"] = c_graph, ["The layers of Lua"] = lua_graph } do
  describe(heading, function()
    local rows, order = drawing(heading)

    it("are as src/README.md draws them", function()
      expect_none(differences(rows, graph()))
    end)

    it("have no cycle", function()
      expect_none(problems_of_order(rows, order))
    end)
  end)
end

describe("C", function()
  it("includes headers by their path from src, and in no cycle of two", function()
    local problems = {}
    for _, path in ipairs(c_files) do
      for _, header in ipairs(c_layer(path) and included(path) or {}) do
        if not sources[header] then problems[#problems + 1] = ("%s: no %s"):format(path, header) end
        for _, back in ipairs(sources[header] and included(header) or {}) do
          if back == path then problems[#problems + 1] = ("%s and %s include each other"):format(path, header) end
        end
      end
    end
    expect_none(problems)
  end)

  it("keeps Lua out of api and net", function()
    local problems = {}
    for _, path in ipairs(c_files) do
      local is_core = c_layer(path) == "api" or c_layer(path) == "net"
      if is_core and sources[path]:find "#include <lu?a" then problems[#problems + 1] = path end
    end
    expect_none(problems)
  end)
end)

describe("Lua", function()
  it("has no module that requires itself by way of others", function()
    local visited = {}
    for _, path in ipairs(lua_files) do expect.equal(cycle_from(module_of(path), {}, visited), nil) end
  end)
end)

-- {====== what comments name ======

-- Files of others, and of the build.
local ELSEWHERE = { ["lua.h"] = true, ["lua.c"] = true, ["embedded_files.c"] = true }

-- NAME.lua and x/y.lua stand for any file, *_spec.lua for several.
local function is_placeholder(name)
  return name:find "%u%u" or name:find "%f[%w]x[/.]" or name:find "^_"
end

-- A comment may give a path from the root, or its end.
local function names_a_file(name)
  if sources[name] then return true end
  local ending = "/" .. name
  for path in pairs(sources) do
    if path:sub(-#ending) == ending then return true end
  end
  return false
end

local COMMENT = { lua = "%-%-([^\n]*)", c = "/%*(.-)%*/", h = "/%*(.-)%*/", md = "(.*)" }

-- Calls f(name, path) for everything that matches in comments of the sources, and in the documents among them.
local function each_name(pattern, f)
  for path, text in pairs(sources) do
    local comment = COMMENT[path:match "%.(%w+)$"]
    if comment and (path:find "^src/" or path:find "^lua/anyreach/") then
      for words in text:gmatch(comment) do
        for name in (not words:find "^%-@" and words or ""):gmatch(pattern) do f(name, path) end
      end
    end
  end
end

describe("a comment", function()
  it("that names a C or Lua file names one that exists", function()
    local problems, count = {}, 0
    each_name("[%w_][%w_/-]*%.[chl]u?a?%f[%W]", function(name, path)
      if not name:find "%.[ch]$" and not name:find "%.lua$" or is_placeholder(name) then return end
      count = count + 1
      if not ELSEWHERE[name] and not names_a_file(name) then problems[#problems + 1] = path .. ": " .. name end
    end)
    expect.truthy(count > 20)
    expect_none(problems)
  end)

  it("that names a module names one that exists", function()
    local problems = {}
    each_name("%f[%w]anyreach%.[%w_]+%.[%w_.]*[%w_]", function(name, path)
      local is_there = file_of[name] or file_of[name:match "^(.*)%." or ""] -- or a function of a module
      if not is_there and not name:find "%.x%." then problems[#problems + 1] = path .. ": " .. name end
    end)
    expect_none(problems)
  end)
end)

-- }======
