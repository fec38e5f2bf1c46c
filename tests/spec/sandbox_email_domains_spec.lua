-- The sandbox's rules for email domains.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"

local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused

local PATH = "/core/email-domains"
local VIEWER = { token = "ak_sandbox.viewer" }

-- A registered domain; returns its path and the domain.
local function register(box, name)
  local domain = must(box, "POST", PATH, { domain = name or "mail.example.com" })
  return PATH .. "/" .. domain.id, domain
end

describe("email domains", function()
  it("are registered with the records that prove them", function()
    local box = new()
    local path, domain = register(box, "Mail.Example.COM")
    expect.equal({ domain.domain, domain.provider, domain.status }, { "mail.example.com", "resend", "pending" })
    expect.equal(domain.verification_initiated_at, json.null)
    local kinds = {}
    for index, record in ipairs(domain.dns_records) do
      kinds[index] = record.type
      expect.equal(record.status, "pending")
      expect.equal(record.priority ~= nil, record.type == "MX")
    end
    expect.equal(kinds, { "MX", "TXT", "CNAME" })
    expect.equal(must(box, "GET", path), domain)
  end)

  it("must be bare", function()
    local box = new()
    local LONG = ("a"):rep(64)
    for _, name in ipairs {
      "", "example", "https://example.com", "example.com/", "a@example.com", "example..com", ".example.com",
      "example.com.", "-a.example.com", "a-.example.com", "exa mple.com", "example.com:25", LONG .. ".com",
      ("a."):rep(127) .. "com", "bücher.example",
    } do
      refused(box, 422, "domain", "POST", PATH, { domain = name })
    end
    refused(box, 422, "domain", "POST", PATH, {})
  end)

  it("are held by one organisation alone", function()
    local box = new()
    local path = register(box)
    local taken, second = "The domain mail.example.com is already registered.", { token = "ak_sandbox.second" }
    refused(box, 409, taken, "POST", PATH, { domain = "MAIL.example.com" })
    refused(box, 409, taken, "POST", PATH, { domain = "mail.example.com" }, second)
    refused(box, 404, "not found", "GET", path, nil, second)
    expect.equal(ask(box, "DELETE", path), 204)
    refused(box, 404, "not found", "GET", path)
    expect.equal(ask(box, "POST", PATH, { domain = "mail.example.com" }, second), 200)
  end)

  it("are verified some refreshes after the check has begun", function()
    local box = new()
    local path = register(box)
    for _ = 1, 3 do expect.equal(must(box, "POST", path .. "/refresh").status, "pending") end
    local verified = must(box, "POST", path .. "/verify")
    expect.equal(verified.status, "pending")
    expect.match(verified.verification_initiated_at, "^2026")
    expect.equal(must(box, "POST", path .. "/refresh").status, "pending")
    local domain = must(box, "POST", path .. "/refresh")
    expect.equal({ domain.status, domain.dns_records[1].status }, { "verified", "verified" })
    expect.equal(domain.verification_initiated_at, verified.verification_initiated_at)
    expect.equal(must(box, "POST", path .. "/verify").status, "verified")
    expect.equal(must(box, "GET", path).looks_left, nil)
  end)

  it("fail where the records cannot be, and can be tried again", function()
    local box = new()
    local path = register(box, "mail.nowhere.invalid")
    must(box, "POST", path .. "/verify")
    must(box, "POST", path .. "/refresh")
    expect.equal(must(box, "POST", path .. "/refresh").status, "failed")
    expect.equal(must(box, "POST", path .. "/verify").status, "pending")
  end)

  it("are listed newest first; readers refresh and do not verify", function()
    local box = new()
    local path = register(box, "a.example")
    register(box, "b.example")
    local list = must(box, "GET", PATH)
    expect.equal({ #list, list[1].domain, list[2].domain }, { 2, "b.example", "a.example" })
    expect.equal(#must(box, "GET", PATH .. "?limit=1"), 1)
    expect.equal(ask(box, "POST", path .. "/refresh", nil, VIEWER), 200)
    refused(box, 403, "email_domains:manage", "POST", path .. "/verify", nil, VIEWER)
    for _, verb in ipairs { "/verify", "/refresh" } do
      refused(box, 404, "Email domain x", "POST", PATH .. "/x" .. verb)
    end
  end)
end)
