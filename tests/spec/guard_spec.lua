-- The guard, from inside: which writes pass what is restricted, how restrictions add up, and how long they hold.
-- luacheck: ignore 211 (variables that are only closed)

local host = require "anyreach.host"
local operations = require "anyreach.operations"

host.start_sandbox { seed = "guard" }
local api = anyreach.client()

-- A client whose requests a wire would see: whatever the guard lets pass fails with another kind.
local function kind_of(f)
  local ok, err = pcall(f)
  return ok and "passed" or err.kind
end

local function create() return kind_of(function() api.agents.create { name = "x" } end) end
local function update() return kind_of(function() api.agents.update("none", { active = true }) end) end
local function publish() return kind_of(function() api.agents.versions.publish("none", 1) end) end
local function list() return kind_of(function() api.agents.list() end) end

describe("restricted writes", function()
  it("are those that a name or a family allows; reads pass", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes { "agents.update", "agents.versions.*" }
    expect.equal({ create(), update(), publish(), list() }, { "guard", "not_found", "not_found", "passed" })
  end)

  it("a second restriction leaves only what both allow", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes { "agents.update", "agents.create" }
    host.restrict_writes { "agents.update", "agents.versions.publish" }
    expect.equal({ create(), update(), publish() }, { "guard", "not_found", "guard" })
    host.restrict_writes {}
    expect.equal({ update(), list() }, { "guard", "passed" })
  end)

  it("a name is no prefix, and a family is not what its name begins with", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes { "agents", "agent.*", "agents.versions", "agents.updat", "agents.updated", ".*", "*" }
    expect.equal({ create(), update(), publish() }, { "guard", "guard", "guard" })
  end)

  it("a whole service of operations is a family, too", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes { "agents.*" }
    expect.equal({ create(), publish() }, { "passed", "not_found" })
    expect.equal(kind_of(function() api.trunks.create { name = "x" } end), "guard")
  end)

  it("are copied: changing the list afterwards changes nothing", function()
    local scope <close> = host.guard_scope()
    local names = { "agents.update" }
    host.restrict_writes(names)
    names[1] = "agents.create"
    expect.equal({ create(), update() }, { "guard", "not_found" })
  end)

  it("are all of the first argument, and give nothing back", function()
    local scope <close> = host.guard_scope()
    expect.equal(select("#", host.restrict_writes({ "agents.update" }, { "agents.create" })), 0)
    expect.equal(select("#", host.set_read_only(false)), 0)
    expect.equal({ create(), update() }, { "guard", "not_found" })
  end)

  it("must be an array of texts", function()
    local scope <close> = host.guard_scope()
    expect.raises(function() host.restrict_writes() end, "table expected")
    expect.raises(function() host.restrict_writes { true } end, "string expected")
    expect.equal(create(), "passed")
  end)

  it("hold for the scope that they were made in, and no longer", function()
    do
      local outer <close> = host.guard_scope()
      host.restrict_writes { "agents.*" }
      do
        local inner <close> = host.guard_scope()
        host.restrict_writes { "agents.update" }
        host.restrict_writes { "agents.update", "agents.create" }
        expect.equal(create(), "guard")
      end
      expect.equal({ create(), kind_of(function() api.trunks.create { name = "x" } end) }, { "passed", "guard" })
    end
    expect.equal(kind_of(function() api.trunks.create { name = "x" } end), "passed")
  end)

  it("several leave what all allow, whichever is the narrow one", function()
    local wide, narrow = { "agents.*", "trunks.*" }, { "agents.update" }
    for _, order in ipairs { { narrow, wide, wide }, { wide, narrow, wide }, { wide, wide, narrow } } do
      local scope <close> = host.guard_scope()
      for _, names in ipairs(order) do host.restrict_writes(names) end
      expect.equal({ create(), update(), publish() }, { "guard", "not_found", "guard" })
    end
    local scope <close> = host.guard_scope()
    host.restrict_writes {}
    host.restrict_writes(wide)
    expect.equal({ create(), update() }, { "guard", "guard" })
  end)

  it("a further one that is refused leaves them as they are", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes { "agents.update" }
    expect.raises(function() host.restrict_writes { "agents.create", {} } end, "string expected")
    expect.equal({ create(), update() }, { "guard", "not_found" })
  end)

  it("hold for every client and every task", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes { "agents.update" }
    local other = anyreach.client()
    expect.equal(kind_of(function() other.agents.create { name = "x" } end), "guard")
    expect.equal(anyreach.spawn(create):wait(), "guard")
  end)

  it("hold on when their scope is only collected", function()
    local outer <close> = host.guard_scope()
    local function forget()
      host.guard_scope()
      host.restrict_writes { "agents.update" }
    end
    forget()
    collectgarbage()
    expect.equal(create(), "guard")
  end)

  it("an empty scope lifts nothing", function()
    local outer <close> = host.guard_scope()
    host.restrict_writes { "agents.update" }
    do local inner <close> = host.guard_scope() end
    expect.equal(create(), "guard")
  end)
end)

describe("a session that is read-only", function()
  it("refuses writes until it is switched back", function()
    host.set_read_only(true)
    local refused = create()
    host.set_read_only(false)
    expect.equal({ refused, create() }, { "guard", "passed" })
  end)

  it("says so, and what else is refused stays so", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes { "agents.update" }
    host.set_read_only(true)
    local _, err = pcall(api.agents.create, { name = "x" })
    host.set_read_only(false)
    expect.contains(tostring(err), "agents.create (POST /core/agents) writes, and this session is read-only")
    _, err = pcall(api.agents.create, { name = "x" })
    expect.contains(tostring(err), "agents.create (POST /core/agents) is not among the writes that are declared")
    expect.raises(function() host.set_read_only("yes") end, "boolean expected")
  end)
end)

describe("a raw request", function()
  it("counts as the operation that it goes around", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes { "agents.update" }
    local method = operations.describe "agents.update".method
    local raw = { method = method, path = "/core/agents/none", body = { active = true } }
    expect.equal(kind_of(function() api.request(raw) end), "not_found")
    expect.equal(kind_of(function() api.request { method = "POST", path = "/core/agents", body = {} } end), "guard")
    expect.equal(kind_of(function() api.request { method = "POST", path = "/core/unheard-of" } end), "guard")
  end)

  it("to the latest version may write; to another it reads", function()
    local scope <close> = host.guard_scope()
    host.restrict_writes {}
    expect.equal(kind_of(function() api.agents.versions.get("none", "latest") end), "guard")
    expect.equal(kind_of(function() api.agents.versions.get("none", 1) end), "not_found")
    expect.equal(kind_of(function() api.request { path = "/core/agents/none/versions/latest" } end), "guard")
    expect.equal(kind_of(function() api.request { path = "/core/agents/none/versions/1" } end), "not_found")
  end)
end)
