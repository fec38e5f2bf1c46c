-- The sandbox's rules for trunks.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"

local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused

local PATH = "/core/trunks"
local MANAGED, OWN = PATH .. "/1a000000-0000-4000-8000-000000000001", PATH .. "/1a000000-0000-4000-8000-000000000002"
local VIEWER = { token = "ak_sandbox.viewer" }

local function outbound()
  return { address = "sip.example.com", auth_username = "ann", auth_password = "opensesame" }
end

describe("trunks", function()
  it("are listed newest first, by name and time", function()
    local box = new()
    local trunk = must(box, "POST", PATH, { name = "Berlin" })
    local function list(query) return asking.names(must(box, "GET", PATH .. query)) end
    expect.equal(list "", "Berlin,Own carrier,Default trunk")
    expect.equal(list "?name=own", "Own carrier")
    expect.equal(list("?created_after=" .. trunk.created_at), "Berlin")
    expect.equal(list "?updated_before=2026-01-01T00:00:00Z", "Default trunk")
    expect.equal(list("?limit=1&cursor=" .. asking.encode_query(asking.base64(trunk.created_at))), "Own carrier")
  end)

  it("are created with the documented defaults, and never show the password", function()
    local box = new()
    local trunk = must(box, "POST", PATH, { name = "Berlin", outbound_config = outbound() })
    expect.equal(trunk.outbound_config,
      { address = "sip.example.com", auth_username = "ann", transport = "UDP", media_encryption = "NONE" })
    expect.equal({ trunk.inbound_config, trunk.managed_account_id }, { json.null, json.null })
    local _, _, answer = ask(box, "GET", PATH .. "/" .. trunk.id)
    expect.falsy(answer.body:find("opensesame", 1, true))
    local inbound = must(box, "POST", PATH, { name = "b", inbound_config = {} }).inbound_config
    expect.equal(inbound.enable_noise_cancellation, false)
    refused(box, 422, "name", "POST", PATH, {})
    local incomplete = { address = "a", auth_username = "b" }
    refused(box, 422, "auth_password", "POST", PATH, { name = "b", outbound_config = incomplete })
  end)

  it("change in the fields that are sent", function()
    local box = new()
    local trunk = must(box, "POST", PATH, { name = "Berlin", outbound_config = outbound() })
    local path = PATH .. "/" .. trunk.id
    local changed = must(box, "PUT", path, { name = "Hamburg", organization_id = asking.SECOND })
    expect.equal({ changed.name, changed.outbound_config }, { "Hamburg", trunk.outbound_config })
    expect.equal(changed.organization_id, asking.FIRST)
    expect.truthy(changed.updated_at > trunk.updated_at)
    expect.equal(must(box, "PUT", path, { outbound_config = json.null }).outbound_config, json.null)
    expect.equal(must(box, "GET", path).name, "Hamburg")
  end)

  it("that are managed stay as they are", function()
    local box = new()
    refused(box, 400, "managed", "PUT", MANAGED, { name = "x" })
    refused(box, 400, "managed", "DELETE", MANAGED)
    expect.equal(must(box, "GET", MANAGED).name, "Default trunk")
  end)

  it("are deleted once they carry no number", function()
    local box = new()
    expect.equal(ask(box, "DELETE", OWN), 204)
    refused(box, 404, "not found", "GET", OWN)
    refused(box, 404, "not found", "DELETE", OWN)
    local trunk = must(box, "POST", PATH, { name = "Berlin" })
    must(box, "POST", "/core/phone-numbers", { phone_number = "+4930123456", trunk_id = trunk.id })
    refused(box, 409, "carries", "DELETE", PATH .. "/" .. trunk.id)
  end)

  it("belong to one organisation, and readers do not change them", function()
    local box = new()
    refused(box, 404, "not found", "GET", OWN, nil, { token = "ak_sandbox.second" })
    expect.equal(ask(box, "GET", OWN, nil, VIEWER), 200)
    refused(box, 403, "trunks:manage", "DELETE", OWN, nil, VIEWER)
  end)
end)
