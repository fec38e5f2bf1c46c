-- Documents that lie about what is safe: for each operation and each extension of ours that bears on it, and for
-- templates that only resemble ours. Nothing that they say lets a write pass that would be refused without them.
-- The table is one for the process, so the lies come one after the other and add up.
-- luacheck: ignore 211 (variables that are only closed)

local document = require "anyreach.openapi.document"
local host = require "anyreach.host"
local json = require "anyreach.json"
local live = require "anyreach.openapi.live_documents"
local operations = require "anyreach.operations"

local api = anyreach.client { base_url = "http://127.0.0.1:1", token = "ak_test", retries = 0 }
local FACTS = { "name", "writes", "writes_when", "retry", "paging", "wait" }

-- What is refused before it is sent has the kind "guard"; nothing listens on port 1, so the rest is "network".
local function kind_of(f, ...)
  local ok, err = pcall(f, ...)
  return ok and "passed" or type(err) == "table" and err.kind or tostring(err)
end

local function parameters_of(path)
  local list = json.array {}
  for name in path:gmatch "{([^}]*)}" do list[#list + 1] = { name = name, ["in"] = "path", schema = {} } end
  return list
end

-- A document of one operation, with extensions.
local function lie(method, path, extensions)
  local node = { parameters = parameters_of(path), responses = { ["200"] = { description = "fine" } } }
  for key, value in pairs(extensions) do node[key] = value end
  local value = { openapi = "3.0.3", paths = { [path] = { [method:lower()] = node } } }
  local reading = live.read(document.decode(json.encode(value), "lie"), "lie")
  live.define(reading)
  return reading
end

local ours = {}
for _, name in ipairs(operations.names()) do ours[name] = operations.describe(name) end

-- Sorted, so that every run is the same.
local function each_of_ours()
  local names = {}
  for name in pairs(ours) do names[#names + 1] = name end
  table.sort(names)
  local i = 0
  return function()
    i = i + 1
    return names[i] and ours[names[i]]
  end
end

local function filled(path)
  return (path:gsub("{[^}]*}", "x1"))
end

describe("a document that lies about an operation of ours", function()
  local LIES = {
    ["x-writes"] = { true, false },
    ["x-retry"] = { "safe", "idempotent", "never" },
    ["x-writes-when"] = { "nothing-of-the-sort" },
    ["x-pagination"] = { "none", "cursor", "offset" },
    ["x-wait"] = { { poll = "agents.delete", state = { "s" }, running = { "r" }, failed = { "f" } } },
    ["x-lua-name"] = { "agents.versions.innocent" },
  }

  it("changes nothing of what we know, and is found out", function()
    local told = 0
    for row in each_of_ours() do
      for extension, values in pairs(LIES) do
        for _, value in ipairs(values) do
          local reading = lie(row.method, row.path, { [extension] = value })
          expect.equal(reading.refused, {})
          local now = operations.describe(row.name)
          for _, fact in ipairs(FACTS) do
            expect.equal({ row.name, extension, fact, now[fact] }, { row.name, extension, fact, row[fact] })
          end
          local fact = extension:sub(3):gsub("-", "_"):gsub("pagination", "paging")
          if extension ~= "x-lua-name" then
            local is_lie = not json.equal(json.array { value }, json.array { row[fact] })
            expect.equal({ row.name, extension, #live.overruled(reading) }, { row.name, extension, is_lie and 1 or 0 })
            told = told + (is_lie and 1 or 0)
          end
        end
      end
    end
    expect.truthy(told > 300)
  end)
end)

-- Every template that has a parameter in place of one or more literals.
local function resembling(path)
  local segments, list = {}, {}
  for segment in path:gmatch "[^/]+" do segments[#segments + 1] = segment end
  for mask = 1, (1 << #segments) - 1 do
    local parts = {}
    for i, segment in ipairs(segments) do
      parts[i] = "/" .. (mask >> (i - 1) & 1 == 1 and "{p" .. i .. "}" or segment)
    end
    local template = table.concat(parts)
    if template:gsub("{[^}]*}", "{}") ~= path:gsub("{[^}]*}", "{}") then list[#list + 1] = template end
  end
  return list
end

-- The values that make the template the path.
local function values_for(template, path)
  local values, given = {}, {}
  for segment in path:gmatch "[^/]+" do given[#given + 1] = segment end
  local i = 0
  for segment in template:gmatch "[^/]+" do
    i = i + 1
    if segment:find "^{" then values[#values + 1] = given[i] end
  end
  return values
end

-- Whether the call is refused when these writes are declared, and no others.
local function is_refused(declared, call, ...)
  local scope <close> = host.guard_scope()
  host.restrict_writes(declared)
  local kind = kind_of(call, ...)
  if kind ~= "guard" then expect.equal({ declared, kind }, { declared, "network" }) end
  return kind == "guard"
end

-- A path of the row with values; with the one that makes a read write, if there is such a value.
local function writing_path(row)
  local path = filled(row.path)
  return row.writes_when and path:gsub("x1$", row.writes_when) or path
end

local function each_write()
  local next_row = each_of_ours()
  return function()
    for row in next_row do
      if row.writes or row.writes_when then return row end
    end
  end
end

describe("a template that only resembles one of ours", function()
  it("is judged as what goes out, whatever its name and extensions say", function()
    local tried = 0
    for row in each_write() do
      for _, template in ipairs(resembling(row.path)) do
        if not document.known { method = row.method, path = template } then
          tried = tried + 1
          lie(row.method, template, { ["x-lua-name"] = "agents.versions.lie" .. tried, ["x-writes"] = false,
            ["x-retry"] = "safe" })
        end
        local name = document.known({ method = row.method, path = template }).name
        local call = require("anyreach.client.client").member(api, name)
        local values = values_for(template, writing_path(row))
        for _, declared in ipairs { {}, { name }, { "trunks.*", "agents.x.*" }, { row.name .. ".*" } } do
          if name ~= row.name and not row.name:find "^trunks%." then
            expect.equal({ template, declared, is_refused(declared, call, table.unpack(values)) },
              { template, declared, true })
          end
        end
        expect.equal({ template, is_refused({ name, row.name }, call, table.unpack(values)) }, { template, false })
      end
    end
    expect.truthy(tried > 100)
  end)

  it("does not join a family of ours", function()
    lie("POST", "/core/unheard-of", { ["x-lua-name"] = "agents.versions.unheard_of" })
    expect.equal(is_refused({ "agents.versions.*" }, api.agents.versions.unheard_of), true)
    expect.equal(is_refused({ "agents.versions.unheard_of" }, api.agents.versions.unheard_of), false)
  end)
end)

describe("a raw request", function()
  -- Ways to write a path that some server or other takes for the same.
  local VARIANTS = {
    function(path) return path end,
    function(path) return path:gsub("/", "//") end,
    function(path) return path .. "/" end,
    function(path) return path:gsub("/([^/]+)$", "/./%1") end,
    function(path) return path:gsub("/([^/]+)$", "%%2F%1") end,
    function(path) return path:gsub("/([^/]+)$", "%%2f%%2F%1") end,
    function(path) return path:gsub("/([^/]+)$", "/y%%2F..%%2f%1") end,
    function(path) return (path:gsub("%a", function(c) return ("%%%02x"):format(c:byte()) end)) end,
    function(path) return path .. "?a=/b" end,
  }

  it("is judged as each operation that a server may take it for", function()
    for row in each_write() do
      for i, variant in ipairs(VARIANTS) do
        local request = { method = row.method, path = variant(writing_path(row)):match "^[^?]*" }
        local function send() return api.request(request) end
        if not pcall(require("anyreach.client.request").bind(function() end), request) then
          expect.equal(i, 4) -- what the client itself refuses
        elseif row.name ~= "agents.delete" then
          expect.equal({ request.path, is_refused({ "agents.delete", "request" }, send) }, { request.path, true })
          expect.equal({ request.path, is_refused({}, send) }, { request.path, true })
        end
      end
    end
  end)

  it("is judged with what the base URL holds of the path", function()
    for row in each_write() do
      local path = writing_path(row)
      for at in path:gmatch "()/" do
        local base_url = "http://127.0.0.1:1/gateway" .. path:sub(1, at - 1)
        local other = anyreach.client { base_url = base_url, token = "ak_test", retries = 0 }
        local function send() return other.request { method = row.method, path = path:sub(at) } end
        expect.equal({ path, at, is_refused({ "request" }, send) }, { path, at, true })
        expect.equal({ path, at, is_refused({ row.name }, send) }, { path, at, false })
      end
    end
  end)

  it("with HEAD is judged as its GET", function()
    expect.equal(is_refused({}, api.request, { method = "HEAD", path = "/core/agents/x/versions/latest" }), true)
    expect.equal(is_refused({}, api.request, { method = "HEAD", path = "/core/agents/x/versions/1" }), false)
  end)

  it("whose header names another method passes only where everything may be written", function()
    for _, header in ipairs { "X-HTTP-Method-Override", "x-http-method", "X-Method-Override" } do
      local other = anyreach.client { base_url = "http://127.0.0.1:1", token = "ak_test", retries = 0,
        headers = { [header] = "DELETE" } }
      for _, call in ipairs { function() return other.agents.get "x" end,
        function() return other.request { path = "/core/agents/x" } end } do
        expect.equal({ header, is_refused({ "agents.delete" }, call) }, { header, true })
        expect.equal(kind_of(call), "network")
      end
    end
  end)
end)

describe("a value of a path", function()
  it("does not make another operation of one of ours, where a server decodes it first", function()
    expect.equal(is_refused({}, api.agents.get, "x/versions/latest"), true)
    expect.equal(is_refused({ "agents.delete" }, api.agents.delete, "x"), false)
    expect.equal(is_refused({ "trunks.delete" }, api.trunks.delete, "../agents/x"), true)
  end)
end)

describe("how a document says to wait", function()
  it("is not followed when looking would write", function()
    lie("POST", "/core/jobs", { ["x-lua-name"] = "jobs.start",
      ["x-wait"] = { poll = "agents.delete", state = { "s" }, running = { "r" }, failed = { "f" } } })
    expect.equal(require("anyreach.client.waiting").rule "jobs.start", nil)
  end)
end)
