-- No secret in any output: everything is run with a canary for a credential and another one for a secret,
-- against a server that repeats both, and they are looked for in every stream and in every file that was
-- written. What recipes do with secrets is in canary_recipes_spec.lua.

local asking = require "helpers.sandbox"
local canary = require "helpers.canary"
local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local TOKEN, SECRET = "ak_canary/4e1b+90d7", "hush canary/7c55+02ae"

local canaries = canary.new { token = TOKEN, secret = SECRET }

-- Runs the program with both canaries in its environment, and looks at all that comes of it.
local function run(base_url, ...)
  local directory = process.directory()
  local set = ("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=%s CANARY=%s HOME=%s XDG_CACHE_HOME=%s TMPDIR=%s"):format(base_url,
    process.quote(TOKEN), process.quote(SECRET), directory, directory .. "/cache", directory)
  local words = { ... }
  for i, word in ipairs(words) do words[i] = word:gsub("DIRECTORY", directory) end
  local code, out, err = process.run(set .. " " .. process.anyreach(table.unpack(words)))
  local what = table.concat(words, " ")
  canaries:expect_none("the output of " .. what, out)
  canaries:expect_none("stderr of " .. what, err)
  canaries:expect_none_below(what, directory)
  return code, out, err
end

-- The same with everything shown that can be.
local function run_looking(base_url, ...)
  local words = canary.looking "DIRECTORY"
  table.move({ ... }, 1, select("#", ...), #words + 1, words)
  local code, out, err = run(base_url, table.unpack(words))
  expect.contains(err, "requests ")
  return code, out, err
end

local SEND = [[
  local hush = anyreach.env("CANARY", { secret = true })
  local api = anyreach.client()
  local _, err = %s
  print(err, type(err) == "table" and err.curl and err:curl())
  error(err)]]

-- Ways to put the secret on the wire.
local CALLS = {
  'api.try.agents.create{ name = hush, metadata = { note = "<" .. hush .. ">" } }',
  "api.try.agents.get(hush)",
  "api.try.agents.list{ name = hush }",
  "pcall(api.request, { method = 'POST', path = '/core/x', body = { deep = { hush } } })",
  "anyreach.client{ headers = { ['X-Extra'] = hush } }.try.agents.list()",
}

local NOWHERE = "http://127.0.0.1:1"

describe("the canaries", function()
  it("would be found", function()
    for _, text in ipairs { TOKEN, "?" .. asking.encode_query(SECRET), asking.base64("x" .. TOKEN),
      asking.base64(SECRET), asking.base64("xy" .. SECRET .. "z"), "0001-" .. TOKEN:gsub("%W+", "-") } do
      expect.raises(function() canaries:expect_none("it", text) end, "it shows the")
    end
  end)

  it("reach the server, or the rest would prove nothing", function()
    local server <close> = wire.start()
    run(server.base_url, "-e", SEND:format(CALLS[1]))
    local request = server:requests()[1]
    expect.contains(request, "Bearer " .. TOKEN)
    expect.contains(request, SECRET)
    local _, _, err = run_looking(server.base_url, "-e", SEND:format(CALLS[1]))
    expect.contains(err, "> Authorization: Bearer $ANYREACH_TOKEN\n")
    expect.contains(err, '>   "name": "[secret]"\n')
  end)

  for _, status in ipairs { 200, 302, 400, 401, 403, 404, 409, 422, 429, 500 } do
    it("are not shown after an answer of " .. status .. " that repeats them", function()
      local server <close> = wire.start()
      local detail = { loc = json.array { "body", SECRET }, msg = "bad: " .. SECRET .. TOKEN }
      local body = json.encode { detail = json.array { detail }, [TOKEN] = SECRET }
      server:answer {
        status = status, body = body,
        headers = { "Location: /?token=" .. TOKEN, "X-Echo: " .. SECRET, "X-Request-Id: " .. TOKEN },
      }
      for _, call in ipairs(CALLS) do
        run_looking(server.base_url, "--retries=0", "-e", SEND:format(call))
      end
      run(server.base_url, "--json", "--retries=0", "-e", SEND:format(CALLS[1]))
    end)
  end

  it("are not shown when the answer is no JSON, or there is none", function()
    local server <close> = wire.start()
    for _, manner in ipairs { "die", "reset", "close" } do
      server:reply(manner, manner == "close" and "HTTP/1.1 200 OK\r\n\r\n" .. SECRET .. TOKEN or "")
      run_looking(server.base_url, "--retries=0", "-e", SEND:format(CALLS[1]))
    end
    run_looking(NOWHERE, "--retries=0", "-e", SEND:format(CALLS[2]))
    run_looking("https://127.0.0.1:1", "--retries=0", "--json", "-e", SEND:format(CALLS[1]))
  end)

  it("are not shown of a write that was given up", function()
    local server <close> = wire.start()
    server:reply "stall"
    local code = 'anyreach.client().agents.delete(anyreach.env("CANARY", { secret = true }))'
    local _, _, err = run(server.base_url, "--deadline=0.5", "-e", code)
    expect.contains(err, "1 write may have been applied: DELETE /core/agents/[secret]\n")
    run_looking(server.base_url, "--json", "--deadline=0.5", "-e", code)
  end)

  it("are not shown by a client, a namespace, a misuse or a curl command", function()
    run(NOWHERE, "-e", [[
      local hush = anyreach.env("CANARY", { secret = true })
      local api = anyreach.client()
      print(api, api.agents, api.agents.get, hush, anyreach.secret(hush))
      print(pcall(api.agents.create, { name = 1, [tostring(hush)] = hush, active = hush }))
      print(pcall(api.agents.get, { hush }))
      print(pcall(anyreach.json.encode, { hush }))
      print(api.agents.create:curl{ name = hush }, api.agents.get:curl(hush))
      for _, value in ipairs { hush, hush .. "x" } do print(pcall(function() return value + 1 end)) end
      error(hush)]])
  end)

  it("are not shown by commands", function()
    local server <close> = wire.start()
    server:answer { status = 401, body = json.encode { detail = "refused: " .. TOKEN } }
    expect.equal((run_looking(server.base_url, "call", "agents.list")), 4)
    run_looking(server.base_url, "call", "agents.create", "--name", "x", "--include")
    run(server.base_url, "--json", "call", "agents.list")
    run_looking(server.base_url, "api", "update")
    for _, words in ipairs { { "help" }, { "help", "agents.create" }, { "api", "show", "agents.create" }, { "api" },
      { "recipes" }, { "--version" }, { "completion", "bash" } } do
      run(server.base_url, table.unpack(words))
    end
  end)

  it("are not shown by the commands for profiles and the machine", function()
    local server <close> = wire.start()
    server:answer { status = 403, body = json.encode { detail = "not for " .. TOKEN } }
    local config = process.directory()
    assert(os.execute("mkdir -p " .. config .. "/anyreach"))
    process.write(config .. "/anyreach/config.yaml", ("profiles:\n  a: {token: %s, base_url: %q}\n"
      .. "  b: {token_env: ANYREACH_TOKEN}\n  c: {token_command: 'echo \"$ANYREACH_TOKEN\"; echo two'}\n"):format(
        json.encode(TOKEN), server.base_url))
    assert(os.execute("chmod 600 " .. config .. "/anyreach/config.yaml"))
    local set = ("env XDG_CONFIG_HOME=%s HTTPS_PROXY=%s ANYREACH_TOKEN=%s "):format(config,
      process.quote("http://" .. asking.encode_query(SECRET) .. ":x@127.0.0.1:1"), process.quote(TOKEN))
    for _, words in ipairs { { "profile", "list" }, { "profile", "show", "a" }, { "profile", "test", "a" },
      { "--profile=a", "call", "agents.list" }, { "--profile=c", "call", "agents.list" }, { "--profile=a", "doctor" },
      { "--base-url=https://nowhere.invalid", "doctor" }, { "--json", "doctor" }, { "doctor", "--color=always" } } do
      local _, out, err = process.run(set .. process.anyreach(table.unpack(words)))
      canaries:expect_none(table.concat(words, " "), out .. err)
    end
  end)

  it("are not shown by provision, which takes a secret from the environment", function()
    local agents = process.directory()
    process.write(agents .. "/a.yaml",
      "name: Ada\nconfig:\n  instructions: Be kind.\n  webhook_secret: !env {name: CANARY, secret: true}\n")
    for _, words in ipairs { { "run", "provision", agents }, { "run", "provision", "--check", agents },
      { "--json", "run", "provision", agents } } do
      run_looking(NOWHERE, "--sandbox", table.unpack(words))
    end
    local server <close> = wire.start()
    server:answer { status = 403, body = json.encode { detail = TOKEN .. " may not " .. SECRET } }
    run_looking(server.base_url, "run", "provision", agents)
  end)
end)
