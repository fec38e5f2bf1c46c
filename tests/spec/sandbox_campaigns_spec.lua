-- The sandbox's rules for campaigns, contacts, configurations and settings.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"

local new, must, refused = asking.new, asking.must, asking.refused
local names = asking.names

local CAMPAIGNS = "/campaign/campaigns"
local CONFIGURATIONS = "/campaign/configurations"
local CONCURRENCY = "/campaign/concurrency-settings"
local UNKNOWN = "00000000-0000-4000-8000-000000000000"

local function new_campaign(box, fields)
  fields = fields or {}
  fields.name = fields.name or "Spring recall"
  return must(box, "POST", CAMPAIGNS, fields)
end

-- The path of the contacts of a new campaign whose configuration completes German numbers.
local function german_contacts(box)
  local configuration = must(box, "POST", CONFIGURATIONS, { default_country_code = "+49" })
  return CAMPAIGNS .. "/" .. new_campaign(box, { config_id = configuration.id }).id .. "/contacts"
end

describe("campaigns", function()
  it("start active and are found by id, then by external_id", function()
    local box = new()
    local campaign = new_campaign(box, { external_id = "crm/7 é", priority = 3 })
    expect.equal(campaign.status, "active")
    expect.equal(campaign.priority, 3)
    expect.equal(must(box, "GET", CAMPAIGNS .. "/" .. campaign.id), campaign)
    expect.equal(must(box, "GET", CAMPAIGNS .. "/crm%2F7%20%C3%A9"), campaign)
    local misleading = new_campaign(box, { external_id = campaign.id })
    expect.equal(must(box, "GET", CAMPAIGNS .. "/" .. campaign.id).id, campaign.id)
    refused(box, 409, misleading.id, "POST", CAMPAIGNS, { name = "x", external_id = campaign.id })
    refused(box, 404, "not found", "GET", CAMPAIGNS .. "/crm")
    refused(box, 404, "not found", "GET", CAMPAIGNS .. "/" .. campaign.id, nil, { token = "ak_sandbox.second" })
  end)

  it("need a name and a configuration that exists, and set their own status", function()
    local box = new()
    refused(box, 422, "name", "POST", CAMPAIGNS, {})
    refused(box, 422, "external_id", "POST", CAMPAIGNS, { name = "x", external_id = "" })
    refused(box, 404, UNKNOWN, "POST", CAMPAIGNS, { name = "x", config_id = UNKNOWN })
    refused(box, 422, "status: set by the service", "POST", CAMPAIGNS, { name = "x", status = "paused" })
    refused(box, 403, "campaigns:manage", "POST", CAMPAIGNS, { name = "x" }, { token = "ak_sandbox.viewer" })
  end)

  it("change what is sent and keep the rest", function()
    local box = new()
    local path = CAMPAIGNS .. "/" .. new_campaign(box, { external_id = "first" }).id
    local changed = must(box, "PATCH", path, { name = "Autumn", external_id = "second" })
    expect.equal({ changed.name, changed.status }, { "Autumn", "active" })
    expect.equal(must(box, "GET", CAMPAIGNS .. "/second").name, "Autumn")
    refused(box, 404, "first", "GET", CAMPAIGNS .. "/first")
    refused(box, 422, "id: set by the service", "PATCH", path, { id = "mine" })
  end)

  it("move between their statuses, and answer 400 where they must not", function()
    local box = new()
    local path = CAMPAIGNS .. "/" .. new_campaign(box).id
    local function move(action) return must(box, "POST", path .. "/" .. action).status end
    expect.equal(move "start", "active")
    expect.equal(move "pause", "paused")
    refused(box, 400, "paused", "POST", path .. "/pause")
    expect.equal(move "start", "active")
    expect.equal(move "close", "closed")
    for _, action in ipairs { "start", "pause", "close" } do
      refused(box, 400, "is closed", "POST", path .. "/" .. action)
    end
    expect.equal(must(box, "GET", path).status, "closed")
  end)

  it("are listed newest first, by a part of the name and by several statuses", function()
    local box = new()
    new_campaign(box, { name = "Spring" })
    local paused = new_campaign(box, { name = "Summer", external_id = "s" })
    local closed = new_campaign(box, { name = "Autumn" })
    must(box, "POST", CAMPAIGNS .. "/s/pause")
    must(box, "POST", CAMPAIGNS .. "/" .. closed.id .. "/close")
    local function list(query) return names(must(box, "GET", CAMPAIGNS .. query)) end
    expect.equal(list "", "Autumn,Summer,Spring")
    expect.equal(list "?name=UM", "Autumn,Summer")
    expect.equal(list "?status=active", "Spring")
    expect.equal(list "?status=closed&status=paused", "Autumn,Summer")
    local cursor = asking.encode_query(asking.base64(paused.created_at))
    expect.equal(list("?limit=1&cursor=" .. cursor), "Spring")
    refused(box, 422, "status", "GET", CAMPAIGNS .. "?status=actve")
  end)

  it("count their contacts", function()
    local box = new()
    local path = CAMPAIGNS .. "/" .. new_campaign(box, { external_id = "c" }).id
    must(box, "POST", path .. "/contacts", json.array { { phone_numbers = json.array { "+15551230009" } } })
    local stats = must(box, "GET", CAMPAIGNS .. "/c/stats")
    expect.equal(stats.contacts, { total = 1, pending = 1, in_progress = 0, completed = 0, exhausted = 0 })
    expect.equal(stats.attempts, { total = 0, average_per_contact = 0 })
    expect.equal({ stats.status, stats.active_calls, stats.concurrency_limit }, { "active", 0, 10 })
  end)
end)

describe("contacts of campaigns", function()
  local function contact(fields)
    fields.phone_numbers = json.array { "+4930901820" }
    return fields
  end

  it("are inserted, and updated by id or external_id", function()
    local box = new()
    local path = german_contacts(box)
    local first = must(box, "POST", path, json.array { contact { external_id = "a/1" }, contact {} })
    expect.equal({ first.inserted, first.updated }, { 2, 0 })
    expect.equal(first.contacts[1].external_id, "a/1")

    local again = must(box, "POST", path, {
      contacts = json.array {
        { external_id = "a/1", data = { name = "Ann" } }, { id = first.contacts[2].id, external_id = "b" },
        contact { external_id = "c" },
      },
    })
    expect.equal({ again.inserted, again.updated }, { 1, 2 })
    expect.equal(again.contacts[1].id, first.contacts[1].id)
    local ann = must(box, "GET", path .. "/a%2F1")
    expect.equal({ ann.data, ann.status, ann.phone_numbers[1] }, { { name = "Ann" }, "pending", "+4930901820" })
    expect.equal(must(box, "GET", path .. "/" .. ann.id), ann)
    expect.equal(must(box, "GET", path .. "/b").id, first.contacts[2].id)
    refused(box, 409, "different", "POST", path, json.array { { id = ann.id, external_id = "b" } })
  end)

  it("get their numbers completed with the configuration's country", function()
    local box = new()
    local path = german_contacts(box)
    local numbers = json.array { "030 / 901820", "(030) 90.18-20", "+1 555 123 4567" }
    refused(box, 422, "contacts[1].phone_numbers[1]", "POST", path, json.array { { phone_numbers = numbers } })
    numbers[1] = "030 901820"
    must(box, "POST", path, json.array { { external_id = "n", phone_numbers = numbers } })
    expect.equal(must(box, "GET", path .. "/n").phone_numbers, { "+4930901820", "+4930901820", "+15551234567" })
  end)

  it("of no campaign need whole numbers", function()
    local box = new()
    local path = CAMPAIGNS .. "/default/contacts"
    refused(box, 422, "E.164", "POST", path, json.array { { phone_numbers = json.array { "030901820" } } })
    must(box, "POST", path, json.array { contact { external_id = "adhoc" } })
    expect.equal(must(box, "GET", path).total, 1)
    expect.equal(must(box, "GET", german_contacts(box)).total, 0)
    refused(box, 404, "default", "GET", CAMPAIGNS .. "/default")
  end)

  it("are checked one by one, and nothing is kept when one is refused", function()
    local box = new()
    local path = german_contacts(box)
    local function refuse(part, element)
      refused(box, 422, part, "POST", path, json.array { contact { external_id = "fine" }, element })
    end
    refuse("contacts[2].phone_numbers", {})
    refuse("contacts[2].timezone", contact { timezone = "Mars/Base" })
    refuse("contacts[2].scheduled_at", contact { scheduled_at = "tomorrow" })
    refuse("contacts[2].external_id", contact { external_id = "" })
    refuse("status: set by the service", contact { status = "completed" })
    refused(box, 422, "expected a list", "POST", path, {})
    expect.equal(must(box, "GET", path).total, 0)
  end)

  it("come a thousand at a time at most, and in pages by offset", function()
    local box = new()
    local path, many = german_contacts(box), json.array {}
    for index = 1, 1001 do many[index] = contact { external_id = "c" .. index } end
    refused(box, 422, "at most 1000", "POST", path, many)
    many[1001] = nil
    expect.equal(must(box, "POST", path, many).inserted, 1000)
    local page = must(box, "GET", path .. "?limit=2&offset=997")
    expect.equal({ page.total, page.limit, page.offset }, { 1000, 2, 997 })
    expect.equal({ page.contacts[1].external_id, page.contacts[2].external_id }, { "c3", "c2" })
    expect.equal(must(box, "GET", path .. "?status=completed").total, 0)
    expect.equal(#must(box, "GET", path .. "?status=pending&offset=1000").contacts, 0)
  end)

  it("can be deleted by external_id", function()
    local box = new()
    local path = german_contacts(box)
    must(box, "POST", path, json.array { contact { external_id = "gone" } })
    must(box, "DELETE", path .. "/gone", nil, 204)
    refused(box, 404, "gone", "DELETE", path .. "/gone")
  end)
end)

describe("campaign configurations", function()
  it("have the documented schedule by default", function()
    local box = new()
    local configuration = must(box, "POST", CONFIGURATIONS, { name = "Office hours" })
    expect.equal(configuration.schedule, {
      default_timezone = "America/New_York", default_windows = json.array {}, overrides = json.array {},
      scheduled_windows = json.null, scheduled_overrides = json.null,
    })
    expect.equal(must(box, "GET", CONFIGURATIONS .. "/" .. configuration.id), configuration)
    expect.equal(names(must(box, "GET", CONFIGURATIONS)), "Office hours")
  end)

  it("refuse windows and zones that make no sense", function()
    local box = new()
    local function refuse(part, schedule) refused(box, 422, part, "POST", CONFIGURATIONS, { schedule = schedule }) end
    local function windows(from, to) return { default_windows = json.array { { start = from, ["end"] = to } } } end
    refuse("must differ", windows("09:00", "09:00"))
    refuse("schedule.default_windows[1].end", windows("09:00", "24:00"))
    refuse("schedule.default_windows[1].start", windows("9:00", "10:00"))
    refuse("IANA", { default_timezone = "Nowhere" })
    refused(box, 422, "calling code", "POST", CONFIGURATIONS, { default_country_code = "US" })
    must(box, "POST", CONFIGURATIONS, { schedule = windows("22:00", "02:00"), default_country_code = 1 })
  end)

  it("change what is sent, and cannot be deleted while a campaign uses them", function()
    local box = new()
    local id = must(box, "POST", CONFIGURATIONS, { name = "a" }).id
    expect.equal(must(box, "PATCH", CONFIGURATIONS .. "/" .. id, { name = "b" }).name, "b")
    local campaign = new_campaign(box, { config_id = id })
    refused(box, 409, campaign.id, "DELETE", CONFIGURATIONS .. "/" .. id)
    local other = must(box, "POST", CONFIGURATIONS, {}).id
    must(box, "PATCH", CAMPAIGNS .. "/" .. campaign.id, { config_id = other })
    must(box, "DELETE", CONFIGURATIONS .. "/" .. id, nil, 204)
    refused(box, 404, id, "GET", CONFIGURATIONS .. "/" .. id)
  end)
end)

describe("campaign settings", function()
  it("know the time zones", function()
    local list = must(new(), "GET", "/campaign/timezones")
    local known = {}
    for _, name in ipairs(list) do known[name] = true end
    expect.truthy(known["America/New_York"] and known["Europe/Berlin"] and known["UTC"])
  end)

  it("limit the calls of each organisation apart", function()
    local box = new()
    expect.equal(must(box, "GET", CONCURRENCY), { concurrency_limit = 10 })
    expect.equal(must(box, "PUT", CONCURRENCY, { concurrency_limit = 10000 }), { concurrency_limit = 10000 })
    expect.equal(must(box, "PUT", CONCURRENCY, { concurrency_limit = 25 }), { concurrency_limit = 25 })
    local _, second = asking.ask(box, "GET", CONCURRENCY, nil, { token = "ak_sandbox.second" })
    expect.equal(second.concurrency_limit, 10)
    refused(box, 422, "concurrency_limit", "PUT", CONCURRENCY, { concurrency_limit = 10001 })
    refused(box, 422, "concurrency_limit", "PUT", CONCURRENCY, { concurrency_limit = 0 })
    refused(box, 422, "concurrency_limit", "PUT", CONCURRENCY, {})
  end)
end)
