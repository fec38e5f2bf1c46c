-- Whose data a client works on: the id that the organisation tells, and what stands in for it while nothing does.

local accounts = require "anyreach.account.sandbox"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local identity = require "anyreach.account.identity"
local json = require "anyreach.json"
local settings = require "anyreach.account.settings"
local secret = require "anyreach.secret"

local ORG, OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7", "11111111-7425-40de-944b-e07fc1f90ae7"

-- A client that answers by `answers`: name of the operation -> a value, or an error's kind.
local function client_of(answers, options)
  options = options or {}
  local asked = {}
  local function operation(name)
    return function()
      asked[#asked + 1] = name
      local answer = answers[name]
      if type(answer) == "string" then return nil, errors.make { kind = answer, message = answer } end
      return answer or json.array {}
    end
  end
  local api = { try = {
    agents = { list = operation "agents.list", get = operation "agents.get" },
    phone_numbers = { list = operation "phone_numbers.list" },
    conversations = { list = operation "conversations.list" },
  } }
  settings.keep(api, {
    base_url = options.base_url or "https://API.anyreach.ai", token = secret(options.token or "ak_a.1"),
    organization = options.organization, profile = options.profile,
  })
  return api, asked
end

local function list(row) return json.array { row } end

describe("an organisation", function()
  it("is told by the first answer that has its id, and is asked once", function()
    local row, with_id = { id = "a1" }, { id = "a1", organization_id = ORG }
    for _, case in ipairs {
      { { ["agents.list"] = list(with_id) }, 1 },
      { { ["agents.list"] = list(row), ["agents.get"] = with_id }, 2 },
      { { ["agents.list"] = list(row), ["agents.get"] = row, ["phone_numbers.list"] = list(with_id) }, 3 },
      { { ["phone_numbers.list"] = list(with_id) }, 2 },
      { { ["agents.list"] = "forbidden", ["phone_numbers.list"] = "forbidden",
        ["conversations.list"] = list(with_id) }, 3 },
      { { ["agents.list"] = "replay", ["phone_numbers.list"] = list(with_id) }, 2 },
    } do
      local api, asked = client_of(case[1])
      local account = identity.learn(api)
      expect.equal({ account.key, account.organization, #asked }, { "api.anyreach.ai/" .. ORG, ORG, case[2] })
      expect.truthy(rawequal(identity.learn(api), account))
      expect.equal(#asked, case[2])
    end
  end)

  it("has one account whatever its key, and each organisation another one", function()
    local keys = {}
    for index, case in ipairs { { "ak_a.1", ORG }, { "ak_b.2", ORG }, { "pat_c", ORG }, { "ak_a.1", OTHER } } do
      local api = client_of({ ["agents.list"] = list { id = "a1", organization_id = case[2] } }, { token = case[1] })
      keys[index] = identity.learn(api).key
    end
    expect.equal({ keys[1] == keys[2], keys[2] == keys[3], keys[1] == keys[4] }, { true, true, false })
  end)

  it("is not known when no answer has its id: then each credential is an account, which it does not tell", function()
    local odd = { list { id = "a1", organization_id = 7 }, list { id = "a1", organization_id = "" }, json.null, "x" }
    for _, answer in ipairs(odd) do
      local account = identity.learn((client_of({ ["agents.list"] = answer ~= "x" and answer or nil })))
      expect.equal({ account.organization, account.is_told }, { nil, false })
      expect.match(account.key, "^api%.anyreach%.ai/credential%-%x+$")
    end
    local first, second = client_of({}, { token = "ak_canary.1" }), client_of({}, { token = "ak_canary.2" })
    expect.truthy(identity.learn(first).key ~= identity.learn(second).key)
    expect.contains(identity.headline(identity.learn(first)), "unknown, ")
    expect.falsy(identity.headline(identity.learn(first)):find "canary")
  end)

  it("without anything in it is learned from the first agent that is created", function()
    local api = client_of {}
    local account = identity.learn(api)
    local before = account.key
    identity.note(api, { id = "a1" })
    expect.equal(account.key, before)
    identity.note(api, { id = "a1", organization_id = ORG })
    expect.equal({ account.key, account.organization }, { "api.anyreach.ai/" .. ORG, ORG })
  end)

  it("of a profile stands while nothing contradicts it, and another one is an error", function()
    local profile = { name = "one", organization = ORG, organization_name = "Clinic" }
    local options = { organization = ORG, profile = profile }
    local quiet = client_of({}, options)
    expect.equal({ identity.learn(quiet).key, identity.learn(quiet).organization_name },
      { "api.anyreach.ai/" .. ORG, "Clinic" })
    local other = client_of({ ["agents.list"] = list { id = "a1", organization_id = OTHER } }, options)
    local err = expect.raises(function() identity.learn(other) end, "'one' names the organisation " .. ORG)
    expect.equal(err.kind, "guard")
    expect.raises(function() identity.note(quiet, { organization_id = OTHER }) end, OTHER)
  end)

  it("that could not be asked is asked again", function()
    local answers = { ["agents.list"] = "network" }
    local api = client_of(answers)
    expect.equal(expect.raises(function() identity.learn(api) end, "network").kind, "network")
    answers["agents.list"] = list { id = "a1", organization_id = ORG }
    expect.equal(identity.learn(api).organization, ORG)
  end)

  it("of a sandbox is the same at each address and for each of its keys", function()
    for _, port in ipairs { 1, 2 } do
      for _, token in ipairs { "ak_sandbox.admin", "ak_made.there" } do
        local api = client_of({ ["agents.list"] = list { id = "a1", organization_id = accounts.organizations[2].id } },
          { token = token, base_url = "http://127.0.0.1:" .. port })
        local account = identity.learn(api)
        expect.equal({ account.key, account.organization_name },
          { "sandbox/" .. accounts.organizations[2].id, "Sandbox Two" })
      end
    end
  end)
end)

describe("a key that names a credential", function()
  it("is that of the client, of another one of the same server, or none", function()
    local account = identity.learn((client_of {}))
    local own = identity.old_key(account)
    expect.equal(own, account.key)
    expect.equal(identity.names_credential(account, own), true)
    expect.equal(identity.names_credential(account, "api.anyreach.ai/credential-0123456789ab"), false)
    for _, key in ipairs { "eu.anyreach.ai/credential-0123456789ab", "api.anyreach.ai/" .. ORG, "", "credential-0" } do
      expect.equal({ key, identity.names_credential(account, key) }, { key, nil })
    end
  end)
end)

describe("a client", function()
  it("is what has an account, and nothing else is", function()
    expect.raises(function() identity.of {} end, "expected a client, got a table")
    expect.falsy(host.sandbox_url())
  end)
end)
