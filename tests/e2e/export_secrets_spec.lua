-- The recipe `export`: what is a secret by its name, by its shape, or by what the directory calls one, is in no file
-- and in no output; what can only be named is named.

local organizations = require "helpers.organizations"
local process = require "helpers.process"

local box = organizations.start()

local BY_SHAPE = {
  bearer = "Bearer f3a9c1d27b6e4f50a1", key = "sk-proj-Zx81kLmQ20vTz77Ab", personal = "pat_9f8e7d6c5b4a39281706",
  organisation = "ak_01hx9.q7Rk2vZt8LmNw4", jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
  query = "https://example.com/hook?access_token=zz91ab77", url = "https://bob:hunter2@example.com/x",
  pem = "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\n-----END PRIVATE KEY-----\n",
}
local PIECES = { "f3a9c1d27b6e4f50a1", "Zx81kLmQ20vTz77Ab", "9f8e7d6c5b4a39281706", "q7Rk2vZt8LmNw4", "dozjgNryP4J3",
  "zz91ab77", "hunter2", "MIIEowIBAAKC", "by-its-name", "by-its-value", "by-its-field" }

local function read_all(directory)
  return select(2, process.run(("cat $(find %s/work/%s -type f)"):format(box.directory, directory)))
end

local function run(variables, ...)
  local code, out, err = process.run(("cd %s/work && env %s %s"):format(box.directory, variables, box:command(...)))
  return code, out, err
end

local function expect_hidden(text)
  for _, piece in ipairs(PIECES) do
    if text:find(piece, 1, true) then error("the secret " .. piece .. " is in:\n" .. text, 2) end
  end
end

describe("a secret", function()
  local config = { instructions = "Hi.", hooks = BY_SHAPE, api_key = "by-its-name", plain = "by-its-value",
    login = { code = "by-its-field" }, about = "Use a bearer token, or an sk- key, in the header." }
  organizations.agent(box.first, "Desk", config)
  organizations.agent(box.first, "Json", config)
  box:write("agents/json.json", '{"name": "Json", "config": {}}')
  box:write("agents/other.yaml", "name: Other\nconfig:\n  instructions: Hi.\n  door: !env {name: DOOR, secret: true}\n"
    .. "  login:\n    code: !env {name: CODE, secret: true}\n")

  it("is in no file, in YAML and in JSON, and in no output", function()
    for _, words in ipairs { {}, { "--json" }, { "--check" } } do
      local code, out, err = run("DOOR=by-its-value", "export", "agents", "--all-fields", table.unpack(words))
      expect.equal(code, words[1] == "--check" and 2 or 0)
      expect_hidden(out .. err .. read_all "agents")
      process.run(("cp %s/work/agents/desk.yaml %s/desk.yaml; rm -f %s/work/agents/desk.yaml"):format(box.directory,
        box.directory, box.directory))
    end
    local text = process.read(box.directory .. "/desk.yaml")
    expect.contains(text, "about: Use a bearer token, or an sk- key, in the header.\n")
    expect.contains(text, "plain: !env {name: DOOR, secret: true}\n")
  end)

  it("is named with the reason", function()
    local _, out = run("DOOR=by-its-value", "export", "agents")
    for _, words in ipairs {
      "config.hooks.bearer looks like a bearer token and is not written",
      "config.api_key is a secret and is not written",
      "config.plain is what the variable DOOR holds and is not written", "config.hooks.pem looks like a private key",
      "config.login.code is a secret by agents/other.yaml and is not written",
      "config.hooks.query looks like a token in a URL",
    } do expect.contains(out, words) end
  end)

  it("that is a part of a long text is written, and named", function()
    box:reset()
    organizations.agent(box.first, "Desk", { instructions = "Call with this key.\nsk-proj-Zx81kLmQ20vTz77Ab\n" })
    local _, out = run("A=1", "export", "agents")
    expect.contains(out, "note: config.instructions holds what looks like an API key; it is written as it is\n")
    expect_hidden(out)
    expect.contains(process.read(box.directory .. "/work/agents/prompts/desk.md"), "sk-proj-Zx81kLmQ20vTz77Ab")
  end)

  it("that the organisation has changed is not written either, and the same one stays", function()
    box:reset()
    local agent = organizations.agent(box.first, "Desk", { instructions = "Hi.", hook = BY_SHAPE.url })
    local text = "name: Desk\nconfig:\n  instructions: Hi.\n  hook: https://bob:hunter2@example.com/x\n"
    box:write("agents/desk.yaml", text)
    expect.equal({ (run("A=1", "export", "agents")), (read_all "agents") }, { 0, text })
    organizations.version(box.first, agent, { instructions = "Hi.", hook = BY_SHAPE.query })
    local _, out = run("A=1", "export", "agents")
    expect_hidden(out .. read_all "agents")
  end)
end)

it("the sandbox ends", function() box:stop() end)
