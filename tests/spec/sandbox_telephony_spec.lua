-- The sandbox's rules for publishing to phone numbers, SIP, and the numbers themselves.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"

local NUMBER, NO_AGENT = asking.NUMBER, asking.NO_AGENT
local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused
local with_draft = asking.with_draft

describe("publishing", function()
  local function slots(box, number)
    local record = must(box, "GET", "/core/phone-numbers/" .. (number or NUMBER))
    return { record.inbound_agent_version_id, record.outbound_agent_version_id }
  end

  it("without numbers touches no assignment", function()
    local box = new()
    local path, version = with_draft(box)
    expect.equal(#must(box, "POST", version .. "/publish"), 0)
    local published = must(box, "GET", version)
    expect.truthy(published.published)
    expect.match(published.published_at, "^2026")
    expect.equal(must(box, "GET", path).versions[1].published, true)
    expect.equal(slots(box), { json.null, json.null })
    must(box, "POST", version .. "/publish", {})
    expect.equal(must(box, "GET", version).published_at, published.published_at)
  end)

  it("writes the slots that direction names, inbound by default", function()
    local box = new()
    local path, version = with_draft(box)
    local updated = must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER } })
    local first = must(box, "GET", version).id
    expect.equal(#updated, 1)
    expect.equal(updated[1].inbound_agent_version_id, first)
    expect.equal(slots(box), { first, json.null })

    must(box, "POST", path .. "/versions", { base_version = 1 })
    local second = path .. "/versions/2"
    must(box, "POST", second .. "/publish", { phone_numbers = { NUMBER }, direction = "outbound" })
    local second_id = must(box, "GET", second).id
    expect.equal(slots(box), { first, second_id })
    must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER }, direction = "both" })
    expect.equal(slots(box), { first, first })
    expect.equal(must(box, "GET", path).phone_numbers[1].phone_number, NUMBER)
    refused(box, 422, "direction", "POST", version .. "/publish", { direction = "sideways" })
  end)

  it("clears only slots that hold a version of this agent", function()
    local box = new()
    local path, version = with_draft(box)
    local _, other = with_draft(box)
    must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER }, direction = "inbound" })
    must(box, "POST", other .. "/publish", { phone_numbers = { NUMBER }, direction = "outbound" })
    must(box, "POST", path .. "/versions", { base_version = 1 })
    local outbound = slots(box)[2]
    local updated = must(box, "POST", path .. "/versions/2/publish",
      { unassign_phone_numbers = { NUMBER, "+15551230001" }, direction = "both" })
    expect.equal(#updated, 1)
    expect.equal(slots(box), { json.null, outbound })
  end)

  it("answers each number once, also when it is in both lists", function()
    local box = new()
    local _, version = with_draft(box)
    must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER }, direction = "both" })
    local updated = must(box, "POST", version .. "/publish", {
      phone_numbers = { "+15551230001", NUMBER, NUMBER }, unassign_phone_numbers = { NUMBER }, direction = "inbound",
    })
    expect.equal(#updated, 2)
    local id = must(box, "GET", version).id
    expect.equal(slots(box), { id, id })
    expect.equal(slots(box, "+15551230001"), { id, json.null })
  end)

  it("with an unknown number changes nothing at all", function()
    local box = new()
    local _, version = with_draft(box)
    refused(box, 404, "+15550000000", "POST", version .. "/publish", { phone_numbers = { NUMBER, "+15550000000" } })
    refused(box, 404, "+15557654321", "POST", version .. "/publish", { unassign_phone_numbers = { "+15557654321" } })
    expect.falsy(must(box, "GET", version).published)
    expect.equal(slots(box), { json.null, json.null })
  end)
end)

describe("deployment as SIP", function()
  it("needs a published version, and shows on the agent", function()
    local box = new()
    local path, version, agent = with_draft(box)
    refused(box, 400, "published", "POST", path .. "/deploy-as-sip")
    must(box, "POST", version .. "/publish")
    must(box, "POST", path .. "/deploy-as-sip")
    local endpoint = must(box, "GET", path).sip_endpoint
    expect.equal(endpoint.uri, "sip:" .. agent.id .. "@sip.sandbox.invalid")
    must(box, "POST", path .. "/deploy-as-sip")
    expect.equal(must(box, "GET", path).sip_endpoint, endpoint)
    refused(box, 404, "not found", "POST", NO_AGENT .. "/deploy-as-sip")
  end)
end)

describe("phone numbers", function()
  local OWN_TRUNK, MANAGED_TRUNK = "1a000000-0000-4000-8000-000000000002", "1a000000-0000-4000-8000-000000000001"

  it("every organisation has some of its own", function()
    local box = new()
    expect.equal(#must(box, "GET", "/core/phone-numbers"), 4)
    local _, second = ask(box, "GET", "/core/phone-numbers", nil, { token = "ak_sandbox.second" })
    expect.equal(#second, 4)
    for _, record in ipairs(second) do expect.match(record.phone_number, "^%+155576") end
  end)

  it("are filtered by a part of the number and by trunk", function()
    local box = new()
    local function count(query) return #must(box, "GET", "/core/phone-numbers" .. query) end
    expect.equal(count "?phone_number=123000", 3)
    expect.equal(count "?phone_number=%2B15551234567", 1)
    expect.equal(count("?trunk_id=" .. MANAGED_TRUNK), 4)
    expect.equal(count("?trunk_id=" .. OWN_TRUNK), 0)
    expect.equal(count "?limit=1", 1)
  end)

  it("are read by number, percent-encoded or not", function()
    local box = new()
    expect.equal(must(box, "GET", "/core/phone-numbers/+15551234567").phone_number, NUMBER)
    expect.equal(must(box, "GET", "/core/phone-numbers/%2B15551234567").phone_number, NUMBER)
    refused(box, 404, "+1999", "GET", "/core/phone-numbers/+1999")
  end)

  it("are registered on a trunk of one's own alone", function()
    local box = new()
    local function register(number, trunk) return { phone_number = number, trunk_id = trunk } end
    local record = must(box, "POST", "/core/phone-numbers", register("+4930123456", OWN_TRUNK))
    expect.equal({ record.inbound_agent_version_id, record.outbound_shareable }, { json.null, false })
    expect.equal(#must(box, "GET", "/core/phone-numbers"), 5)
    refused(box, 409, "already", "POST", "/core/phone-numbers", register("+4930123456", OWN_TRUNK))
    refused(box, 409, "already", "POST", "/core/phone-numbers", register("+15557654321", OWN_TRUNK))
    refused(box, 400, "managed", "POST", "/core/phone-numbers", register("+4930123457", MANAGED_TRUNK))
    refused(box, 404, "Trunk x", "POST", "/core/phone-numbers", register("+4930123457", "x"))
    refused(box, 422, "E.164", "POST", "/core/phone-numbers", register("030123457", OWN_TRUNK))
    refused(box, 422, "trunk_id", "POST", "/core/phone-numbers", { phone_number = "+4930123457" })
  end)

  it("change in outbound_shareable alone", function()
    local box = new()
    local path = "/core/phone-numbers/" .. NUMBER
    expect.equal(must(box, "PATCH", path, { outbound_shareable = true }).outbound_shareable, true)
    expect.equal(must(box, "GET", path).outbound_shareable, true)
    refused(box, 422, "trunk_id", "PATCH", path, { trunk_id = "x" })
    refused(box, 422, "outbound_shareable", "PATCH", path, {})
  end)
end)
