-- Answers with strings that are not Unicode text, through everything that shows, keeps or repeats them.

local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local directory = process.directory()

local BODY = '[{"id":"1","name":"a"},{"id":"2","name":"cut \\ud83d"},{"id":"3","name":"b\xFFc"},{"id":"4","name":"d"}]'
local SHOWN = { "a", "cut \xED\xA0\xBD", "b\u{FFFD}c", "d" }

local function run_against(server, ...)
  return process.run(("ANYREACH_TOKEN=ak_odd ANYREACH_BASE_URL=%s %s"):format(server.base_url, process.anyreach(...)))
end

local function names_of(rows)
  local names = {}
  for i, row in ipairs(rows) do names[i] = row.name end
  return names
end

describe("odd strings", function()
  local server <close> = wire.start()
  server:answer { body = BODY }

  it("are printed by call, with a warning that names the path", function()
    local code, out, err = run_against(server, "call", "agents.list")
    expect.equal({ code, names_of(json.decode(out)) }, { 0, SHOWN })
    expect.equal(err, "anyreach: warning: cannot encode [3].name as JSON: the string is not valid UTF-8 at byte 2; "
      .. "U+FFFD is printed there\n")
  end)

  it("are printed by call --json", function()
    local code, out = run_against(server, "--json", "call", "agents.list")
    expect.equal({ code, names_of(json.decode(out:match "^[^\n]+").body) }, { 0, SHOWN })
  end)

  it("are shown by --trace=full, and are in --har as JSON", function()
    local path = directory .. "/odd.har"
    local code, _, err = run_against(server, "--trace=full", "--har", path, "-e", "anyreach.client().agents.list()")
    expect.equal(code, 0)
    expect.truthy(utf8.len(err))
    expect.contains(err, '"name": "b\u{FFFD}c"')
    expect.contains(err, [["name": "cut \ud83d"]])
    local text = json.decode(process.read(path)).log.entries[1].response.content.text
    expect.equal(names_of(json.decode(text)), SHOWN)
  end)

  it("are replayed as they came", function()
    local code = [[for _, agent in ipairs(anyreach.client().agents.list()) do print((("%q"):format(agent.name))) end]]
    local recording = directory .. "/recording"
    local recorded = { run_against(server, "--record", recording, "-e", code) }
    expect.equal(recorded[1], 0)
    expect.contains(recorded[2], "b\xFFc")
    local nowhere = { "--replay", recording, "--base-url", "http://127.0.0.1:9" }
    expect.equal({ process.run(process.anyreach(nowhere[1], nowhere[2], nowhere[3], nowhere[4], "-e", code)) },
      recorded)
  end)

  it("are shown by the REPL", function()
    local code, out, err = process.run(("printf '%%s\\n' 'api.agents.list()' | ANYREACH_TOKEN=ak_odd "
      .. "ANYREACH_BASE_URL=%s %s"):format(server.base_url, process.anyreach("repl")))
    expect.equal(code, 0, err)
    expect.contains(out, "cut ")
    expect.truthy(utf8.len(out), out)
  end)
end)
