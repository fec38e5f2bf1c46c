-- Whose rows a lock has: rows that name the organisation by a credential, and locks that know other organisations
-- alone.

local errors = require "anyreach.errors"
local identity = require "anyreach.account.identity"
local json = require "anyreach.json"
local lock = require "anyreach.agents.lock"
local lock_accounts = require "anyreach.agents.lock_accounts"
local process = require "helpers.process"
local secret = require "anyreach.secret"
local settings = require "anyreach.account.settings"

local HOST = "api.anyreach.ai/"
local HERE = HOST .. "7c9e6679-7425-40de-944b-e07fc1f90ae7"
local THERE = HOST .. "11111111-7425-40de-944b-e07fc1f90ae7"
local ROTATED = HOST .. "credential-0123456789ab"

-- A client of HERE, which has the agents h1, h2, ….
local function client()
  local lists = 0
  local function rows()
    lists = lists + 1
    local list = json.array {}
    for index = 1, 9 do
      list[index] = { id = "h" .. index, name = "Agent", organization_id = HERE:sub(#HOST + 1) }
    end
    return list
  end
  local api = { try = { agents = { list = rows } } }
  api.agents = { each = function()
    local list, index = rows(), 0
    return function()
      index = index + 1
      return list[index]
    end
  end }
  settings.keep(api, { base_url = "https://api.anyreach.ai", token = secret "ak_a.1" })
  return api, function() return lists end
end

local OWN = identity.old_key(identity.learn((client())))

local function opened_with(rows)
  local lines = {}
  for index, row in ipairs(rows) do lines[index] = json.encode(row) .. "\n" end
  return lock.read(process.directory_of { ["anyreach.lock"] = table.concat(lines) } .. "/anyreach.lock")
end

local function adopted(rows)
  local opened = opened_with(rows)
  lock_accounts.adopt(opened, (client()))
  opened:write()
  return lock.read(opened.path)
end

describe("rows that name an organisation by a credential", function()
  it("become the organisation's: those of this credential, and those of others whose agents it has", function()
    local found = adopted {
      { agent = "Own", account = OWN, agent_id = "gone", version = 1 },
      { agent = "Rotated", account = ROTATED, agent_id = "h1", version = 2, note = "kept" },
      { agent = "Elsewhere", account = ROTATED, agent_id = "x1", version = 3 },
      { agent = "Told", account = THERE, agent_id = "h2", version = 4 },
    }
    expect.equal({ found:get(HERE, "Own").version, found:get(HERE, "Rotated").version,
      found:get(HERE, "Rotated").note }, { 1, 2, "kept" })
    expect.equal({ found:get(OWN, "Own"), found:get(ROTATED, "Rotated") }, {})
    expect.equal({ found:get(ROTATED, "Elsewhere").version, found:get(THERE, "Told").version }, { 3, 4 })
  end)

  it("do so on both sides of a promotion", function()
    local row = { agent = "Desk", from_version = 2, version = 5 }
    for _, case in ipairs {
      { OWN, THERE, "h1", "x1", HERE, THERE }, { ROTATED, THERE, "h1", "x1", HERE, THERE },
      { THERE, OWN, "x1", "h1", THERE, HERE }, { THERE, ROTATED, "x1", "h1", THERE, HERE },
      { THERE, ROTATED, "x1", "x2", THERE, ROTATED },
    } do
      row.from, row.account, row.from_agent_id, row.agent_id = case[1], case[2], case[3], case[4]
      local found = adopted { row }:promotion(case[5], case[6], "Desk")
      expect.equal({ case, found and found.version }, { case, 5 })
    end
  end)

  it("give way to a row that the organisation has, unless that is older", function()
    for _, case in ipairs { { 1, 2, 2 }, { 2, 1, 2 }, { 3, 3, 3 } } do
      local found = adopted {
        { agent = "Desk", account = OWN, agent_id = "h1", version = case[1] },
        { agent = "Desk", account = HERE, agent_id = "h1", version = case[2] },
      }
      expect.equal({ found:get(HERE, "Desk").version, #found:all_rows() }, { case[3], 1 })
    end
  end)

  it("are all there is that costs a request, and that once", function()
    for _, case in ipairs { { HERE, 1 }, { THERE, 1 }, { OWN, 1 }, { ROTATED, 2 } } do
      local api, lists = client()
      local rows = {}
      for index = 1, 5 do rows[index] = { agent = "A" .. index, account = case[1], agent_id = "h" .. index } end
      lock_accounts.adopt(opened_with(rows), api)
      expect.equal({ case[1], lists() }, { case[1], case[2] })
    end
  end)

  it("are migrated once: a second time nothing changes, whatever rows there are", function()
    local state = 7
    local function random(n)
      state = (state * 1103515245 + 12345) % 2147483648
      return state // 65536 % n + 1
    end
    for _ = 1, 100 do
      local rows, keys = {}, { HERE, THERE, OWN, ROTATED }
      for index = 1, 12 do
        rows[index] = { agent = "A" .. index, account = keys[random(4)],
          agent_id = (random(2) == 1 and "h" or "x") .. random(9), version = random(5) }
      end
      local once = adopted(rows)
      local text = process.read(once.path)
      lock_accounts.adopt(once, (client()))
      once:write()
      expect.equal(process.read(once.path), text)
      expect.equal(#once:all_rows(), #rows)
      for _, row in ipairs(once:all_rows()) do expect.truthy(row.account ~= OWN) end
    end
  end)
end)

describe("a lock that knows other organisations alone", function()
  local function check(rows, options)
    options.accounts = options.accounts or { identity.learn((client())) }
    return pcall(lock_accounts.check, opened_with(rows), options)
  end

  local ELSEWHERE = { { agent = "Desk", account = THERE, agent_id = "x1", version = 1 } }

  it("stops the run, and names both organisations and the way on, where nobody can be asked", function()
    local ok, err = check(ELSEWHERE, { confirm = function() end })
    expect.equal({ ok, errors.is_error(err), err.kind }, { false, true, "guard" })
    for _, part in ipairs { THERE:sub(#HOST + 1), HERE:sub(#HOST + 1), "--first-time", "nothing was written" } do
      expect.contains(tostring(err), part)
    end
  end)

  it("asks on a terminal, and goes on after a yes alone", function()
    local asked
    local function answer(value)
      return function(question)
        asked = question
        return value
      end
    end
    expect.equal((check(ELSEWHERE, { confirm = answer(true) })), true)
    expect.contains(asked, THERE:sub(#HOST + 1))
    expect.equal((check(ELSEWHERE, { confirm = answer(false) })), false)
  end)

  it("is none without rows, with a row of the organisation on either side, or with --first-time", function()
    local function never() error "asked" end
    for _, rows in ipairs {
      {}, { ELSEWHERE[1], { agent = "Other", account = HERE, agent_id = "h1" } },
      { { agent = "Desk", account = THERE, from = HERE, from_version = 1, agent_id = "x1", version = 1 } },
      { { agent = "Desk", account = HERE, from = THERE, from_version = 1, agent_id = "h1", version = 1 } },
    } do
      expect.equal({ check(rows, { confirm = never }) }, { true })
    end
    expect.equal({ check(ELSEWHERE, { confirm = never, is_agreed = true }) }, { true })
  end)

  it("is a warning for a run that writes nothing", function()
    local warning
    expect.equal((check(ELSEWHERE, { on_check = function(format, ...) warning = format:format(...) end })), true)
    expect.contains(warning, "--first-time")
  end)
end)
