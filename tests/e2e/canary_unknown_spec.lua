-- No observer shows a secret that the run does not know: one that the organisation has, by the name of its field, by
-- its shape, or because an agent file or the lock calls the field a secret, also after it was changed.

local canary = require "helpers.canary"
local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"
local wire = require "helpers.wire"

local HUSH = "hush9unknown7c5502ae41"
local canaries = canary.new { secret = HUSH }

local FILE = [[
name: Desk
config:
  instructions: Hi.
  crm:
    pass_code: !env {name: CANARY, secret: true}
]]

local function look(directory, environment, ...)
  local shown = process.directory()
  local words = canary.looking(shown)
  table.move({ ... }, 1, select("#", ...), #words + 1, words)
  local code, out, err = process.run(("cd %s && env %s %s"):format(directory, environment,
    process.anyreach(table.unpack(words))))
  canaries:expect_none("stderr", err)
  canaries:expect_none_below("the run", shown)
  return code, out, err
end

local BODIES = {
  by_name = { config = { webhook = { headers = { Authorization = HUSH, ["X-Api-Key"] = HUSH } }, api_secret = HUSH } },
  by_label = { headers = json.array { { name = "X-API-Key", value = HUSH } } },
  by_shape = { note = "use Bearer " .. HUSH .. " or https://u:" .. HUSH .. "@example.com/?token=" .. HUSH },
  in_json_text = { arguments = json.encode { api_key = HUSH } },
  refused = { detail = json.array { { loc = json.array { "body", "auth_token" }, msg = "too short", input = HUSH } } },
}

describe("a secret that the run does not know is shown by no observer", function()
  for name, body in pairs(BODIES) do
    for _, status in ipairs { 200, 422 } do
      it(("in an answer of %d, %s"):format(status, name), function()
        local server <close> = wire.start()
        server:answer { status = status, body = json.encode(body) }
        local code, out, err = look(".", "ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=" .. server.base_url, "-e",
          "local body, err = anyreach.client().try.agents.get 'x' print(anyreach.json.encode(body or err.detail))")
        expect.equal({ code, err:find("[secret]", 1, true) ~= nil }, { 0, true })
        if name ~= "by_shape" or status == 200 then expect.contains(out, HUSH) end -- the script sees all of it
      end)
    end
  end

  it("in a stream of events, or a body that was cut", function()
    local server <close> = wire.start()
    for _, text in ipairs { 'data: {"token": "' .. HUSH .. '"}\n\n', '{"a":1,"api_key":"' .. HUSH } do
      server:answer { body = text, type = "text/event-stream" }
      look(".", "ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=" .. server.base_url, "-e",
        "pcall(anyreach.client().request, { path = '/core/x' })")
    end
  end)
end)

describe("a field that an agent file calls a secret", function()
  local both <close> = organizations.start()
  both:write("agents/desk.yaml", FILE)

  local function run(value, ...)
    return look(both.directory .. "/work", ("%s CANARY=%s"):format(both.environment, value), ...)
  end

  it("is shown by no observer after its value has changed, by the file and by the lock", function()
    expect.equal((run(HUSH, "run", "provision", "agents")), 0)
    expect.equal(both.first.agents.versions.get(both.first.agents.list()[1].id, 1).config.crm.pass_code, HUSH)
    expect.equal((run("another-value-now", "run", "diff", "agents")), 0)
    both:write("without_lock/desk.yaml", FILE)
    expect.equal((run("another-value-now", "run", "diff", "without_lock")), 0)
    both:write("agents/desk.yaml", FILE:gsub("!env.*", "another-value-now\n"))
    expect.equal((run("", "run", "diff", "agents")), 0)
    both:write("agents/desk.yaml", FILE)
    expect.equal((run("another-value-now", "run", "provision", "agents")), 0)
  end)
end)
