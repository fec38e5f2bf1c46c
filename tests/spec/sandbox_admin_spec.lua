-- The sandbox's rules for scopes, usage and keys.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"
local digest = require "anyreach.digest"
local timestamp = require "anyreach.text.timestamp"

local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused

local SCOPES = "/admin/members/me/scopes"
local KEYS = "/admin/organization-pats"

describe("my scopes", function()
  it("are those of the credential", function()
    local box = new()
    local all = must(box, "GET", SCOPES)
    local _, some = ask(box, "GET", SCOPES, nil, { token = "ak_sandbox.viewer" })
    expect.truthy(#some > 0 and #some < #all)
    for _, scope in ipairs(some) do expect.match(scope, ":read$") end
  end)
end)

describe("usage", function()
  local RANGE = "/admin/usage/summary?from=2025-12-31T00:00:00Z&to=2026-12-31T00:00:00Z"

  it("counts runs and conversations of the range", function()
    local box = new()
    expect.equal(must(box, "GET", RANGE).total_calls, 0)
    must(box, "POST", "/workflow/workflow-executions", { workflow_id = "wf_1" })
    must(box, "POST", "/workflow/workflow-executions", { workflow_id = "wf_fail" })
    local path = asking.with_published(box)
    local agent_id = path:match("[^/]+$")
    must(box, "POST", "/core/conversations", { channel = "text", agent_id = agent_id, user_id = "ann" })
    local summary = must(box, "GET", RANGE)
    expect.equal({ summary.workflow_runs_total, summary.workflow_runs_success, summary.workflow_runs_failed },
      { 2, 1, 1 })
    expect.equal({ summary.total_calls, summary.chat_calls, summary.voice_calls, summary.inbound_calls },
      { 1, 1, 0, 1 })
    local earlier = must(box, "GET", "/admin/usage/summary?from=2025-01-01&to=2025-12-31")
    expect.equal({ earlier.workflow_runs_total, earlier.total_calls, earlier.voice_minutes }, { 0, 0, 0 })
  end)

  it("takes a range of 366 days at most, and needs its scope", function()
    local box = new()
    local function refuse(part, query) refused(box, 422, part, "GET", "/admin/usage/summary" .. query) end
    must(box, "GET", "/admin/usage/summary?from=2025-01-01&to=2026-01-02")
    refuse("366 days", "?from=2025-01-01&to=2026-01-03")
    refuse("later", "?from=2025-01-01&to=2025-01-01")
    refuse("later", "?from=2025-01-02&to=2025-01-01")
    refuse("to: required", "?from=2025-01-01")
    refuse("from: ", "?from=yesterday&to=2025-01-01")
    refused(box, 403, "billing:manage", "GET", RANGE, nil, { token = "ak_sandbox.viewer" })
  end)
end)

describe("keys of an organisation", function()
  it("are shown once, and work", function()
    local box = new()
    local _, made = ask(box, "POST", KEYS, { name = "CI" }, { token = "ak_sandbox.second" })
    expect.match(made.pat_key, "^ak_%x+%.%x+$")
    expect.equal({ made.name, made.expires_at }, { "CI", json.null })
    local key = { token = made.pat_key }
    expect.equal(ask(box, "POST", "/core/agents", { name = "by key" }, key), 200)
    local _, agents = ask(box, "GET", "/core/agents", nil, { token = "ak_sandbox.second" })
    expect.equal(asking.names(agents), "by key")
    local _, scopes = ask(box, "GET", SCOPES, nil, key)
    expect.equal(#scopes, #must(box, "GET", SCOPES))
    refused(box, 401, "Invalid", "GET", SCOPES, nil, { token = made.pat_key .. "0" })
    refused(box, 422, "name", "POST", KEYS, { name = "" })
  end)

  it("are not in the store, and gone after a reset", function()
    local box = new()
    local made = must(box, "POST", KEYS, { name = "CI" })
    local secret = made.pat_key:match("%.(.+)$")
    for _, row in ipairs(box.store.database:query("SELECT id, document FROM documents")) do
      expect.falsy((row.id .. row.document):find(secret, 1, true))
    end
    expect.equal(ask(box, "POST", "/_sandbox/reset"), 204)
    refused(box, 401, "Invalid", "GET", SCOPES, nil, { token = made.pat_key })
  end)

  it("expire", function()
    local box = new()
    local now = timestamp.parse(box.store.sequence:now()) // 1000
    local made = must(box, "POST", KEYS, { name = "short", expires_at = now + 60 })
    expect.equal(ask(box, "GET", SCOPES, nil, { token = made.pat_key }), 200)
    for _ = 1, 60 do box.store.sequence:now() end
    refused(box, 401, "Invalid", "GET", SCOPES, nil, { token = made.pat_key })
  end)
end)

describe("SHA-256", function()
  it("gives the standard's own examples", function()
    expect.equal(digest.sha256 "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    expect.equal(digest.sha256 "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    expect.equal(digest.sha256 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    expect.equal(digest.sha256(("a"):rep(1000)), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3")
  end)
end)
