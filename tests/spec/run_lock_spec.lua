-- One writing run at a time: within one process, where a recipe may call another one and learn its organisation late.
-- Two processes are in tests/e2e/organization_spec.lua.

local directory = require "anyreach.directory"
local disk = require "anyreach.disk"
local host = require "anyreach.host"
local json = require "anyreach.json"
local process = require "helpers.process"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"
local run_lock = require "anyreach.account.run_lock"
local secret = require "anyreach.secret"
local settings = require "anyreach.account.settings"
local user_paths = require "anyreach.account.user_paths"

-- Calls f with a place of its own for state.
local function with_state(f)
  local state, root = user_paths.state, process.directory()
  user_paths.state = function(name) return root .. "/" .. name end
  local ok, err = pcall(f, root .. "/running")
  user_paths.state = state
  if not ok then error(err, 0) end
end

-- The files in a directory that somebody holds.
local function held_in(folder)
  local count = 0
  for _, name in ipairs(directory.names(folder) or {}) do
    local lock <close> = disk.lock(folder .. "/" .. name, 0) or nil
    if not lock then count = count + 1 end
  end
  return count
end

describe("the lock against other runs", function()
  it("is one for each account, which a process may take again, and ends with the last", function()
    with_state(function(folder)
      local first, again = run_lock.take("here", { recipe = "a" }), run_lock.take("here", { recipe = "b" })
      local other <close> = run_lock.take("there", { recipe = "a" })
      expect.equal(held_in(folder), 2)
      first:close()
      first:close()
      expect.equal(held_in(folder), 2)
      again:close()
      expect.equal(held_in(folder), 1)
      other:close()
      expect.equal(held_in(folder), 0)
    end)
  end)

  it("names whoever holds it, as far as the file tells it", function()
    local cases = {
      { '{"recipe":"provision","pid":7,"directory":"/x","since":"T"}', "'provision' in /x, process 7, since T; " },
      { "", "to this organisation: a recipe; --wait" }, { "[", "a recipe; " }, { '"x"', "a recipe; " },
      { '{"recipe":1,"pid":"x","since":[]}', "a recipe; " },
    }
    with_state(function(folder)
      run_lock.take("here", { recipe = "a" }):close()
      local path = folder .. "/" .. directory.names(folder)[1]
      for _, case in ipairs(cases) do
        process.write(path, case[1])
        local _ <close> = disk.lock(path, 0)
        local err = expect.raises(function() run_lock.take("here", { recipe = "b" }) end, case[2])
        expect.equal(err.kind, "conflict")
      end
    end)
  end)

  it("is waited for as long as it is asked, which is said once", function()
    with_state(function(folder)
      run_lock.take("here", { recipe = "a" }):close()
      local path, said = folder .. "/" .. directory.names(folder)[1], 0
      local lock = disk.lock(path, 0)
      local waiting = host.spawn(run_lock.take, "here", { recipe = "b", wait = math.huge, on_wait = function()
        said = said + 1
      end })
      process.eventually("the wait", function() return said > 0 end)
      expect.raises(function()
        run_lock.take("here", { recipe = "c", wait = 0.3, on_wait = function() said = said + 1 end })
      end, "another run")
      do local _ <close> = lock end
      waiting:wait():close()
      expect.equal(said, 2)
    end)
  end)
end)

describe("a run that learns its organisation when it creates the first agent", function()
  it("then keeps others from the organisation, too", function()
    local function nothing() return json.array {} end
    local api = { try = { agents = { list = nothing }, phone_numbers = { list = nothing },
      conversations = { list = nothing } } }
    settings.keep(api, { base_url = "https://api.anyreach.ai", token = secret "ak_a.1" })
    local header, headline = report.header, nil
    report.header = function(text) headline = text end
    with_state(function(folder)
      local _ <close> = host.guard_scope()
      local spec = { usage = "anyreach run x", summary = "x", writes = {}, options = { { name = "w", writes = { "x" },
        help = "x" } } }
      local code = recipe.run(spec, function()
        expect.match(recipe.connect(api).key, "^api%.anyreach%.ai/credential%-")
        expect.equal(held_in(folder), 1)
        expect.equal(recipe.note(api, { organization_id = "org-1" }).key, "api.anyreach.ai/org-1")
        recipe.note(api, { organization_id = "org-1" })
        expect.equal(held_in(folder), 2)
      end)
      expect.equal({ code, held_in(folder) }, { 0, 0 })
    end)
    report.header = header
    expect.contains(headline, "organisation: unknown, ")
  end)
end)
