local json = require "anyreach.json"
local operations = require "anyreach.operations"
local secret = require "anyreach.secret"

-- The problems as "path: message" lines.
local function problems(name, place, value)
  local lines = {}
  for i, problem in ipairs(operations.check(name, place, value) or {}) do
    lines[i] = problem.path .. ": " .. problem.message
  end
  return lines
end

local function body(name, value)
  return problems(name, "body", value)
end

local function query(name, value)
  return problems(name, "query", value)
end

describe("a body", function()
  it("that fits has no problem", function()
    expect.equal(operations.check("agents.create", "body", { name = "A", active = true }), nil)
    expect.equal(body("agents.create", { name = "A", description = json.null, metadata = {} }), {})
    expect.equal(body("agents.versions.publish", nil), {})
    expect.equal(body("agents.versions.publish", { phone_numbers = json.array {} }), {})
    expect.equal(body("agents.versions.publish", { phone_numbers = {} }), {})
  end)

  it("is told everything that is wrong at once", function()
    expect.equal(body("agents.create", { nmae = "x", active = "yes" }), {
      "name: required but missing",
      'active: expected a boolean, got "yes"',
      'nmae: unknown field; did you mean "name"?',
    })
  end)

  it("is told the known fields when none is near", function()
    expect.equal(body("phone_numbers.update", { zzz = 1 }),
      { "zzz: unknown field; the known ones are outbound_shareable" })
  end)

  it("is told the choices, and the nearest", function()
    expect.equal(body("agents.versions.publish", { direction = "inbuond" }), {
      'direction: expected one of "inbound", "outbound", "both", got "inbuond"; did you mean "inbound"?',
    })
    expect.equal(body("agents.versions.publish", { direction = 1 }),
      { 'direction: expected one of "inbound", "outbound", "both", got a number' })
  end)

  it("is told the element", function()
    expect.equal(body("agents.versions.publish", { phone_numbers = { "+1", 2, json.null } }), {
      "phone_numbers[2]: expected a string, got a number",
      "phone_numbers[3]: expected a string, got null",
    })
  end)

  it("holds exactly one of what excludes each other", function()
    expect.equal(body("agents.versions.create", {}),
      { ': expected exactly one of "config", "base_version", got none' })
    expect.equal(body("agents.versions.create", { config = {}, base_version = 1 }),
      { ': expected exactly one of "config", "base_version", got more than one' })
    expect.equal(body("agents.versions.create", { base_version = 1 }), {})
  end)

  it("may be missing only where it is optional", function()
    expect.equal(body("agents.create", nil), { ": the body is required but missing" })
    expect.equal(body("agents.deploy_as_sip", nil), {})
    expect.equal(body("agents.deploy_as_sip", {}), { ": the operation takes no body" })
  end)

  it("must be of the right type itself", function()
    expect.equal(body("agents.create", "x"), { ': expected an object, got "x"' })
    expect.equal(body("agents.create", json.array {}), { ": expected an object, got an array" })
    expect.equal(body("agents.create", { name = "A", "b" }), { ": expected an object, got an array" })
    expect.equal(body("agents.create", { name = "A", [7] = "b" }),
      { ": expected names as keys, got a list or other keys too" })
  end)

  it("may hold further fields where the schema is open", function()
    expect.equal(body("phone_numbers.create", { trunk_id = "t", anything = { 1 } }), {})
    expect.equal(body("agents.versions.create", { config = { a = { b = json.null } } }), {})
  end)

  it("may hold integers as floats without a fraction", function()
    expect.equal(body("agents.versions.create", { base_version = 2.0 }), {})
    expect.equal(body("agents.versions.create", { base_version = 2.5 }),
      { "base_version: expected an integer, got the number 2.5" })
    expect.equal(body("agents.versions.create", { base_version = json.decode("12345678901234567890") }), {})
  end)

  it("shows no secret and cuts long text between characters", function()
    expect.equal(body("agents.create", { name = secret("hush") }), {})
    expect.equal(body("agents.create", { name = "A", active = secret("hush") }),
      { "active: expected a boolean, got a secret" })
    expect.equal(body("agents.versions.publish", { direction = secret("inbuond") }),
      { 'direction: expected one of "inbound", "outbound", "both", got a secret' })
    expect.equal(body("agents.create", { name = "A", active = "x" .. ("é"):rep(50) }),
      { 'active: expected a boolean, got "x' .. ("é"):rep(19) .. '…"' })
  end)

  it("may hold values that JSON cannot: they are problems, not errors", function()
    expect.equal(body("agents.create", { name = print }), { "name: expected a string, got a function" })
    expect.equal(body("agents.create", { name = io.stdout }), { "name: expected a string, got a userdata" })
  end)

  it("with countless problems is told the first hundred", function()
    local numbers = {}
    for i = 1, 1000 do numbers[i] = i end
    local lines = body("agents.versions.publish", { phone_numbers = numbers })
    expect.equal(#lines, 101)
    expect.equal(lines[101], ": these are the first 100 problems; there are more")
  end)

  it("with countless unknown fields is told the first few in order", function()
    local value = { name = "A" }
    for i = 100, 199 do value["unknown" .. i] = i end
    local lines = body("agents.create", value)
    expect.equal(#lines, 21)
    expect.contains(lines[1], "unknown100: unknown field")
    expect.contains(lines[20], "unknown119: unknown field")
    expect.equal(lines[21], ": 80 more unknown fields")
  end)
end)

describe("a query", function()
  it("is read as text", function()
    expect.equal(query("agents.list", { limit = "3", active = "true", metadata = '{"a":1}', name = "7" }), {})
    expect.equal(query("agents.list", { limit = "0", active = "yes", metadata = "[1]" }), {
      'active: expected a boolean, got "yes"',
      "metadata: expected an object, got an array",
      "limit: must be at least 1",
    })
    expect.equal(query("agents.list", { limit = "3x", metadata = "{" }), {
      'metadata: expected an object, got "{"',
      'limit: expected an integer, got "3x"',
    })
  end)

  it("has no unknown and no repeated parameters", function()
    expect.equal(query("agents.list", { nmae = "x", cursor = { "a", "b" } }), {
      "cursor: expected a string, got an array",
      'nmae: unknown field; did you mean "name"?',
    })
    expect.equal(query("agents.get", { verbose = "1" }), { "verbose: unknown field; none is known here" })
  end)
end)

describe("the operation table", function()
  it("is sorted and describes every operation", function()
    local names = operations.names()
    local sorted = { table.unpack(names) }
    table.sort(sorted)
    expect.equal(names, sorted)
    for _, name in ipairs(names) do expect.equal(operations.describe(name).name, name) end
    expect.equal(operations.describe("agents.nothing"), nil)
  end)

  it("matches paths, literal segments first", function()
    local function match(method, path)
      local name, values = operations.match(method, path)
      return { name or "nil", values }
    end
    expect.equal(match("GET", "/core/agents"), { "agents.list", {} })
    expect.equal(match("GET", "/core/phone-numbers/%2B15551234567"),
      { "phone_numbers.get", { phone_number = "+15551234567" } })
    expect.equal(match("GET", "/core/agents/a%2Fb/versions/latest"),
      { "agents.versions.get", { agent_id = "a/b", version = "latest" } })
    expect.equal(match("POST", "/core/agents/x/versions/compare"),
      { "agents.versions.compare", { agent_id = "x" } })
    expect.equal(match("DELETE", "/core/agents"), { "nil", "method" })
    for _, path in ipairs { "/core/agents/", "/core", "", "core/agents", "/core/agents/x/", "/core/agents\0" } do
      expect.equal(match("GET", path), { "nil", "path" })
    end
  end)

  it("offers the nearest name", function()
    expect.equal(operations.nearest("agents.vresions.list", operations.names()), "agents.versions.list")
    expect.equal(operations.nearest("zzz", operations.names()), nil)
    expect.raises(function() operations.nearest("x", { print }) end, "array of strings")
  end)

  it("tells how to wait for generated instructions", function()
    local wait = operations.describe("agents.versions.generate_instructions").wait
    expect.equal(wait.poll, "agents.versions.get")
    expect.truthy(operations.describe(wait.poll))
  end)
end)
