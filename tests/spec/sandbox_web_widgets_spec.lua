-- The sandbox's rules for web widgets, and for what a visitor's browser reads of them.

local asking = require "helpers.sandbox"
local json = require "anyreach.json"

local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused

local PATH = "/core/web-widgets"
local VIEWER = { token = "ak_sandbox.viewer" }

-- A sandbox with a published agent; returns it, the ids that a widget refers to, and the agent's path.
local function with_agent(box)
  box = box or new()
  local path, version, agent = asking.with_published(box)
  return box, { agent_id = agent.id, agent_version_id = must(box, "GET", version).id }, path
end

local function with_widget()
  local box, references, agent_path = with_agent()
  local widget = must(box, "POST", PATH, references)
  return box, PATH .. "/" .. widget.id, widget, agent_path
end

describe("web widgets", function()
  it("are created with the documented defaults", function()
    local box, path, widget = with_widget()
    expect.equal({ widget.domains, widget.published, widget.config }, { json.array {}, false, {} })
    expect.equal(widget.organization_id, asking.FIRST)
    expect.equal(must(box, "GET", path), widget)
    refused(box, 422, "agent_version_id", "POST", PATH, { agent_id = widget.agent_id })
  end)

  it("refer to an agent and a version of it", function()
    local box, references = with_agent()
    local _, other = with_agent(box)
    local function refuse(part, agent_id, version_id)
      refused(box, 404, part, "POST", PATH, { agent_id = agent_id, agent_version_id = version_id })
    end
    refuse("Agent x", "x", references.agent_version_id)
    refuse("no version x", references.agent_id, "x")
    refuse("no version", references.agent_id, other.agent_version_id)
  end)

  it("replace each field that is sent, and keep the others", function()
    local box, path, widget = with_widget()
    local config = { v1 = { title = "Hi", color = "red" } }
    must(box, "PUT", path, { config = config, domains = { "a.example", "b.example" } })
    local changed = must(box, "PUT", path, { config = { v1 = { title = "Ho" } } })
    expect.equal(changed.config, { v1 = { title = "Ho" } })
    expect.equal(changed.domains, json.array { "a.example", "b.example" })
    expect.equal({ changed.agent_id, changed.published }, { widget.agent_id, false })
    expect.truthy(changed.updated_at > widget.updated_at)
    expect.equal(must(box, "PUT", path, { domains = json.array {} }).domains, json.array {})
    refused(box, 422, "title: unknown field", "PUT", path, { title = "x" })
    refused(box, 404, "Agent x", "PUT", path, { agent_id = "x" })
  end)

  it("are published with a published version alone", function()
    local box, path, _, agent_path = with_widget()
    expect.equal(must(box, "PUT", path, { published = true }).published, true)
    local draft = must(box, "POST", agent_path .. "/versions", { base_version = 1 }).id
    refused(box, 400, "draft", "PUT", path, { agent_version_id = draft })
    must(box, "PUT", path, { agent_version_id = draft, published = false })
    refused(box, 400, "draft", "PUT", path, { published = true })
    must(box, "POST", agent_path .. "/versions/2/publish")
    expect.equal(must(box, "PUT", path, { published = true }).agent_version_id, draft)
  end)

  it("show on their agent, and go with it", function()
    local box, path, widget, agent_path = with_widget()
    with_agent(box)
    expect.equal(must(box, "GET", agent_path).web_widgets, json.array { widget })
    expect.equal(#must(box, "GET", PATH), 1)
    must(box, "DELETE", agent_path, nil, 204)
    refused(box, 404, "not found", "GET", path)
  end)

  it("are deleted, and belong to one organisation", function()
    local box, path = with_widget()
    refused(box, 404, "not found", "GET", path, nil, { token = "ak_sandbox.second" })
    refused(box, 403, "web_widgets:manage", "DELETE", path, nil, VIEWER)
    expect.equal(ask(box, "GET", path, nil, VIEWER), 200)
    expect.equal(ask(box, "DELETE", path), 204)
    refused(box, 404, "not found", "GET", path)
    refused(box, 404, "not found", "DELETE", path)
  end)
end)

describe("the brand of a domain", function()
  it("is found whatever stands around the domain", function()
    local box, path, widget = with_widget()
    for _, text in ipairs { "riverside.example", "https://www.Riverside.example/", "www.riverside.example" } do
      local brand = must(box, "POST", path .. "/auto-brand", { domain = text })
      expect.equal({ brand.domain, brand.name }, { "riverside.example", "Riverside" })
    end
    expect.equal(must(box, "GET", path), widget)
  end)

  it("is 404 when there is none", function()
    local box, path = with_widget()
    refused(box, 404, "nothing.invalid", "POST", path .. "/auto-brand", { domain = "https://nothing.invalid" })
    refused(box, 404, "localhost", "POST", path .. "/auto-brand", { domain = "localhost" })
    refused(box, 404, "widget x", "POST", PATH .. "/x/auto-brand", { domain = "a.example" })
    refused(box, 422, "domain", "POST", path .. "/auto-brand", { domain = "not a domain" })
    refused(box, 422, "domain", "POST", path .. "/auto-brand", {})
  end)
end)

describe("a widget in the browser", function()
  it("is read without a credential, and with any", function()
    local box, path, widget = with_widget()
    local public = path:gsub("^/core/", "/core/public/")
    for _, token in ipairs { false, "ak_nobody", "ak_sandbox.second", "pat_sandbox" } do
      local status, body = ask(box, "GET", public, nil, { token = token })
      expect.equal({ status, body }, { 200, widget })
    end
    refused(box, 404, "x not found", "GET", "/core/public/web-widgets/x", nil, { token = false })
    must(box, "DELETE", path, nil, 204)
    refused(box, 404, "not found", "GET", public, nil, { token = false })
  end)
end)
