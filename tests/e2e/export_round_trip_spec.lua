-- The recipe `export`: whatever an organisation holds, its files are read as that, and provisioning them writes
-- nothing; what no file can hold is refused, for that agent alone, before anything of it is written.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"
local random_value = require "helpers.random_value"
local reference = require "anyreach.yaml.reference"
local yaml = require "anyreach.yaml"

local box = organizations.start()
local AGENTS = 80

local TEXTS = {
  "${NAME}", "$${NAME}", "@@NAME@@", "@@@@NAME@@ ${A}${B}", "\n\nlate", "early\n\n\n", "\r", "a\r\nb\rc", "\u{2028}",
  "\u{85}", "\u{FEFF}x", "\0", " \t ", "<<", "*a", "%YAML 1.2", "---\nname: x", "...", "!env HOME", "!file x",
  "dataset:FAQ", "a # b", "a: b", "null", "0o17", "+15551234567", "2026-11-29", "=", "~", "{{x}}", "x\n---\ny\n",
  "tab\tbreak\n\tand tab", "ends in colon:", "'", '"', "\\", "`", "|\n", ">", "- ", "é\u{301}", "\u{202E}abc",
}
local KEYS = { "<<", "~", "null", "=", "a/b", "a.b", "!env", "*x", "&y", "? k", "${KEY}", "@@KEY@@", "\n", "", "1", " ",
  "name", "tag", "value", "#" }

local make, random = random_value.generator(2026)

local function plain(value)
  if type(value) ~= "table" or json.is_number(value) then return value end
  if yaml.is_tag(value) or reference.is_reference(value) then return TEXTS[random(1, #TEXTS)] end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[key] = plain(part) end
  return copy
end

local function pick(list)
  return list[random(1, #list)]
end

local function make_agent(index)
  local config = {
    instructions = pick(TEXTS) .. ("x"):rep(random(0, 1) * 130) .. pick(TEXTS), extra = plain(make()),
    [pick(KEYS)] = plain(make()), deep = { [pick(KEYS)] = { instructions = pick(TEXTS) .. "\n" .. pick(TEXTS) } },
  }
  local name = ("%s %d"):format(pick { "a/b", "../x", "${N}", "@@N@@", "<<", "!env X", "- x", "*a", "Agent" }, index)
  local agent = box.first.agents.create {
    name = name, description = pick(TEXTS),
    metadata = { [pick(KEYS)] = pick(TEXTS), list = json.array { pick(TEXTS) } },
  }
  organizations.version(box.first, agent, config)
end

local function expect_run(code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, code ~= actual and out .. err or nil }, { code, nil })
  return out
end

local function content_of_all()
  local found = {}
  for agent in box.first.agents.each() do
    local full = box.first.agents.get(agent.id)
    found[full.name] = { full.description, full.metadata, box.first.agents.versions.get(agent.id, 1).config }
  end
  return found
end

describe("an organisation of hostile texts, keys and names", function()
  for index = 1, AGENTS do make_agent(index) end
  local before = content_of_all()

  it("is exported into files whose provisioning writes nothing", function()
    expect.contains(expect_run(0, "export", "all"), ("%d agents: %d created\n"):format(AGENTS, AGENTS))
    expect_run(0, "validate", "all")
    box:writes()
    expect.contains(expect_run(0, "provision", "all"), ("%d unchanged, 0 failed\n"):format(AGENTS))
    expect.equal(box:writes(), {})
    expect.contains(expect_run(0, "export", "all"), ("%d agents: %d unchanged\n"):format(AGENTS, AGENTS))
  end)

  it("is the same when its files make it anew", function()
    box.first.request { method = "POST", path = "/_sandbox/reset" }
    assert(os.execute("rm -f " .. box.directory .. "/work/all/anyreach.lock"))
    expect_run(0, "provision", "all")
    expect.equal(content_of_all(), before)
  end)
end)

describe("an agent that no file can hold", function()
  it("fails alone, names the check, and leaves its file as it is", function()
    box:reset()
    for _, name in ipairs { "Good", "Odd" } do organizations.agent(box.first, name, { instructions = "Hi." }) end
    expect_run(0, "export", "agents")
    local file = box.directory .. "/work/agents/odd.yaml"
    -- A key that the reader refuses: it belongs to nobody else, so that an export does not remove it either.
    process.write(file, process.read(file) .. "langauge: en\n")
    local text = process.read(file)
    for agent in box.first.agents.each() do
      organizations.version(box.first, agent, { instructions = "Changed." })
    end
    local code, out = box:run("export", "agents")
    expect.equal({ code, process.read(file) }, { 8, text })
    expect.contains(out, "updated    Good  agents/good.yaml\n")
    expect.contains(out, "it is not written, because it would be refused")
    expect.contains(out, "unknown key 'langauge'")
    expect.contains(process.read(box.directory .. "/work/agents/good.yaml"), "Changed.")
  end)
end)

describe("a text that is not UTF-8", function()
  local function post(body)
    process.write(box.directory .. "/body.json", body)
    local command = "curl -sf -H 'Authorization: Bearer ak_sandbox.admin' -H 'Content-Type: application/json' "
      .. "-d @%s/body.json %s/core/agents"
    expect.equal((process.run(command:format(box.directory, box.sandbox.base_url))), 0)
  end

  it("fails its agent alone, with the field, and goes through a JSON file unchanged", function()
    box:reset()
    post [[{"name": "Odd", "description": "cut \ud83d", "metadata": {"a": "x\udc00y"}}]]
    post [[{"name": "Good"}]]
    local code, out = box:run("export", "agents")
    expect.equal(code, 8)
    expect.match(out, "YAML cannot hold %w+[.%w]*, a text that is not UTF%-8")
    expect.contains(out, "created    Good")
    box:write("agents/odd.json", '{"name": "Odd", "description": "", "metadata": {"a": ""}}')
    expect_run(0, "export", "agents")
    expect.contains(process.read(box.directory .. "/work/agents/odd.json"), [["cut \ud83d"]])
    box:writes()
    expect_run(0, "provision", "agents")
    expect.equal(box:writes(), {})
  end)
end)

it("the sandbox ends", function() box:stop() end)
