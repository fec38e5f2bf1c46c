-- The services as any HTTP client finds them: curl against `anyreach sandbox`, through each life cycle and
-- into each refusal that is documented.

local answers = require "helpers.openapi_answers"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local process = require "helpers.process"
local walk = require "helpers.walk"

local SERVICES = { "admin", "campaign", "core", "knowledge-base", "workflow" }
local UNKNOWN = "00000000-0000-4000-8000-000000000000"

-- Who asks: the headers that say so.
local ADMIN, VIEWER = { "Authorization: Bearer ak_sandbox.admin" }, { "Authorization: Bearer ak_sandbox.viewer" }
local NOBODY, UNHEARD_OF = {}, { "Authorization: Bearer ak_unknown.x" }
local HOMELESS = { "Authorization: Bearer pat_sandbox" }
local STRANGER = { "Authorization: Bearer pat_sandbox", "X-Anyreach-Org: elsewhere" }

local sandbox = process.sandbox()

-- {====== curl ======

-- Runs curl; returns status, body as text and content type.
local function curl(method, url, headers, body)
  local words = { "curl -sS -X " .. method, process.quote(url), "-w '\n%{http_code} %{content_type}'" }
  for _, header in ipairs(headers) do words[#words + 1] = "-H " .. process.quote(header) end
  if body then words[#words + 1] = "--data-binary @-" end
  local code, out, err = process.run(table.concat(words, " "), body)
  expect.equal({ code, err }, { 0, "" })
  local text, status, content_type = out:match("^(.*)\n(%d+) (.*)$")
  return tonumber(status), text, content_type
end

-- The same at the sandbox; the body is given and returned decoded, nil when there is none.
local function ask(method, target, body, who)
  local headers = table.move(who, 1, #who, 1, {})
  if body ~= nil then headers[#headers + 1] = "Content-Type: application/json" end
  local sent = type(body) == "table" and json.encode(body) or body
  local status, text, content_type = curl(method, sandbox.base_url .. target, headers, sent)
  if text == "" then return status, nil end
  return status, content_type == "application/json" and json.decode(text) or text
end

local function upload(url, bytes, content_type)
  expect.equal((curl("PUT", url, { "Content-Type: " .. content_type }, bytes)), 200)
end

-- }======

describe("with curl, one can walk", function()
  local walker = walk.new(function(request)
    local who = request.operation.public and NOBODY or ADMIN
    return ask(request.operation.method, walk.target(request), request.body, who)
  end, upload)

  for _, name in ipairs(walk.names()) do
    it(name, function() walker.cycle(name) end)
  end
end)

-- The body of an answer that must be a success.
local function must(method, target, body)
  local status, answer = ask(method, target, body, ADMIN)
  if status > 299 then error(("%s %s: %d %s"):format(method, target, status, json.encode(answer)), 2) end
  return answer
end

-- Expects a refusal as its document describes it, and notes it by operation and by service.
local provoked = {}

local function refuses(status, method, target, body, who)
  local got, answer = ask(method, target, body, who or ADMIN)
  expect.equal({ method, target, got }, { method, target, status })
  expect.equal(type(answer.detail), "string")
  local row = operations.describe((operations.match(method, (target:gsub("%?.*", "")))))
  expect.equal(answers.problems(row, status, answer), {})
  provoked[row.name .. " " .. status] = true
  provoked[row.service .. " " .. status] = true
end

it("bytes that were uploaded come back from the address that is given", function()
  local bytes = "nine\0to \255 five\r\n"
  local source = must("POST", "/knowledge-base/sources", json.array {
    { name = "hours.txt", type = "FILE", chunking_strategy = { method = "structure_based" } },
  })[1]
  upload(source.presigned_url, bytes, source.content_type)
  must("PUT", "/knowledge-base/sources/" .. source.id, { file_upload_status = "COMPLETE" })
  local url = must("GET", "/knowledge-base/sources/" .. source.id .. "/download").download_url
  local status, text, content_type = curl("GET", url, {})
  expect.equal({ status, text == bytes, content_type }, { 200, true, "text/plain" })
end)

describe("a refusal comes", function()
  local agent = must("POST", "/core/agents", { name = "Refusing" })
  local path = "/core/agents/" .. agent.id
  local version = must("POST", path .. "/versions", { config = { tools = json.array {} } })

  it("of agents", function()
    refuses(400, "POST", path .. "/deploy-as-sip")
    must("POST", path .. "/versions/1/publish")
    refuses(400, "PUT", path .. "/versions/1", { config = {} })
    refuses(400, "POST", path .. "/versions/1/generate-instructions")
    refuses(401, "GET", "/core/agents", nil, NOBODY)
    refuses(401, "GET", "/core/agents", nil, UNHEARD_OF)
    refuses(401, "GET", "/core/agents", nil, HOMELESS)
    refuses(403, "GET", "/core/agents", nil, STRANGER)
    refuses(403, "POST", "/core/agents", { name = "x" }, VIEWER)
    refuses(404, "GET", "/core/agents/" .. UNKNOWN)
    refuses(404, "GET", path .. "/versions/7")
    refuses(422, "POST", "/core/agents", { nmae = "x" })
    refuses(422, "POST", "/core/agents", "{")
    refuses(422, "POST", path .. "/versions", { config = {}, base_version = 1 })
    refuses(422, "GET", "/core/agents?limit=0")
  end)

  it("of conversations", function()
    local conversations = "/core/conversations"
    local text = { channel = "text", user_id = "guest", agent_id = agent.id }
    local ended = conversations .. "/" .. must("POST", conversations, text).conversation.id
    must("POST", ended .. "/end")
    text.channel, text.user_id = "telephone", "+15550100"
    local call = conversations .. "/" .. must("POST", conversations, text).conversation.id
    refuses(409, "POST", ended .. "/messages", { text = "Still there?" })
    refuses(409, "POST", call .. "/messages", { text = "Hello?" })
    refuses(409, "POST", call .. "/end")
    refuses(409, "POST", ended .. "/listener-token")
    refuses(403, "GET", ended, nil, STRANGER)
    refuses(403, "POST", ended .. "/end", nil, VIEWER)
    refuses(404, "GET", conversations .. "/" .. UNKNOWN)
    refuses(404, "POST", conversations .. "/" .. UNKNOWN .. "/end")
    refuses(404, "POST", conversations .. "/" .. UNKNOWN .. "/listener-token")
    refuses(404, "GET", "/core/agent-assist/%2B15559999999")
    text.agent_config = {}
    refuses(422, "POST", conversations, text)
    refuses(422, "POST", ended .. "/messages", { text = "" })
  end)

  it("of trunks and numbers", function()
    local managed = sandbox.description.organizations[1].trunks[1].id
    refuses(400, "PUT", "/core/trunks/" .. managed, { name = "x" })
    refuses(400, "DELETE", "/core/trunks/" .. managed)
    refuses(400, "POST", "/core/phone-numbers", { trunk_id = managed, phone_number = "+15559990001" })
    refuses(403, "POST", "/core/trunks", { name = "x" }, VIEWER)
    refuses(404, "GET", "/core/trunks/" .. UNKNOWN)
    refuses(404, "GET", "/core/phone-numbers/%2B15550000000")
    refuses(422, "POST", "/core/trunks", {})
    refuses(422, "POST", "/core/phone-numbers", { phone_number = "+15559990001" })
  end)

  it("of email domains and web widgets", function()
    must("POST", "/core/email-domains", { domain = "taken.example" })
    local status, answer = ask("POST", "/core/email-domains", { domain = "Taken.example" }, ADMIN)
    expect.equal({ status, answer }, { 409, { detail = "The domain taken.example is already registered." } })
    refuses(409, "POST", "/core/email-domains", { domain = "taken.example" })
    refuses(403, "POST", "/core/email-domains", { domain = "b.example" }, VIEWER)
    refuses(404, "GET", "/core/email-domains/" .. UNKNOWN)
    refuses(422, "POST", "/core/email-domains", { domain = "https://b.example" })
    local widget = must("POST", "/core/web-widgets", { agent_id = agent.id, agent_version_id = version.id })
    local draft = must("POST", path .. "/versions", { base_version = 1 }).id
    refuses(400, "PUT", "/core/web-widgets/" .. widget.id, { published = true, agent_version_id = draft })
    refuses(404, "POST", "/core/web-widgets/" .. widget.id .. "/auto-brand", { domain = "nothing.invalid" })
    refuses(404, "GET", "/core/public/web-widgets/" .. UNKNOWN, nil, NOBODY)
    refuses(403, "DELETE", "/core/web-widgets/" .. widget.id, nil, VIEWER)
    refuses(422, "POST", "/core/web-widgets", { agent_id = agent.id })
  end)

  it("of campaigns, contacts and configurations", function()
    local campaigns, configurations = "/campaign/campaigns", "/campaign/configurations"
    local used = must("POST", configurations, { name = "used" }).id
    local campaign = campaigns .. "/" .. must("POST", campaigns, { name = "x", external_id = "x", config_id = used }).id
    must("POST", campaign .. "/pause")
    refuses(400, "POST", campaign .. "/pause")
    must("POST", campaign .. "/close")
    refuses(400, "POST", campaign .. "/start")
    refuses(400, "POST", campaign .. "/close")
    refuses(401, "GET", campaigns, nil, NOBODY)
    refuses(403, "POST", campaigns, { name = "y" }, VIEWER)
    refuses(404, "GET", campaigns .. "/" .. UNKNOWN)
    refuses(404, "DELETE", campaign .. "/contacts/" .. UNKNOWN)
    refuses(404, "GET", configurations .. "/" .. UNKNOWN)
    refuses(409, "POST", campaigns, { name = "y", external_id = "x" })
    refuses(409, "DELETE", configurations .. "/" .. used)
    refuses(422, "POST", campaigns, {})
    refuses(422, "POST", campaign .. "/contacts", json.array { { phone_numbers = json.array { "911" } } })
    refuses(422, "PUT", "/campaign/concurrency-settings", { concurrency_limit = 10001 })
  end)

  it("of knowledge bases and sources", function()
    local sources = "/knowledge-base/sources"
    local file = { name = "hours.txt", type = "FILE", chunking_strategy = { method = "structure_based" } }
    local source = must("POST", sources, json.array { file })[1]
    local dataset = "/knowledge-base/datasets/" .. sandbox.description.organizations[1].datasets[1].id
    must("POST", dataset .. "/sources", json.array { { source_id = source.id } })
    refuses(400, "PUT", sources .. "/" .. source.id, { file_upload_status = "COMPLETE" })
    refuses(401, "GET", sources, nil, NOBODY)
    refuses(403, "POST", sources, json.array { file }, VIEWER)
    refuses(403, "DELETE", sources .. "/" .. source.id, nil, STRANGER)
    refuses(403, "GET", sources .. "/" .. source.id .. "/download", nil, STRANGER)
    refuses(404, "GET", sources .. "/" .. UNKNOWN)
    refuses(404, "POST", "/knowledge-base/datasets/" .. UNKNOWN .. "/query", { query = "x" })
    refuses(409, "POST", dataset .. "/sources", json.array { { source_id = source.id } })
    refuses(422, "POST", sources, json.array { { name = "no address", type = "URL", chunking_strategy = {} } })
    refuses(422, "GET", dataset .. "/sources?limit=101")
  end)

  it("of workflows", function()
    local run = "/workflow/workflow-executions"
    refuses(401, "POST", run, { workflow_id = "wf_1" }, NOBODY)
    refuses(403, "POST", run .. "/async", { workflow_id = "wf_1" }, STRANGER)
    refuses(422, "POST", run, { workflow_id = "wf_1", workflow_version = "first" })
    refuses(422, "POST", run .. "/async", "[]")
  end)

  it("of scopes, keys and usage", function()
    local usage = "/admin/usage/summary"
    refuses(401, "GET", "/admin/members/me/scopes", nil, UNHEARD_OF)
    refuses(403, "GET", usage .. "?from=2026-01-01&to=2026-02-01", nil, VIEWER)
    refuses(422, "GET", usage .. "?from=2025-01-01&to=2026-01-03")
    refuses(422, "POST", "/admin/organization-pats", { name = "" })
  end)

  it("with every status that the documents name for an operation", function()
    for _, refusal in ipairs(answers.named_refusals(SERVICES)) do
      expect.equal({ refusal, provoked[refusal] }, { refusal, true })
    end
  end)

  it("from every service without a credential, without permission, and of nonsense", function()
    for _, service in ipairs(SERVICES) do
      for _, status in ipairs { 401, 403, 422 } do
        expect.equal({ service, status, provoked[service .. " " .. status] }, { service, status, true })
      end
    end
  end)
end)

it("a fault that is asked for is a 500 with the documented body", function()
  local status, answer = ask("GET", "/core/agents", nil, { ADMIN[1], "X-Sandbox-Fault: 500" })
  expect.equal({ status, type(answer.detail) }, { 500, "string" })
end)

it("the sandbox ends in good order", function() expect.equal(sandbox:stop(), 130) end)
