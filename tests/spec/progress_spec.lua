-- Progress and colours: what is said, where, and when nothing is. Terminals are those of script(1).

local color = require "anyreach.text.color"
local process = require "helpers.process"
local progress = require "anyreach.progress"
local terminal = require "helpers.terminal"

-- Work of twelve steps that takes about `seconds`.
local function work(seconds)
  return ([[
    local progress = require "anyreach.progress"
    local shown <close> = progress.start { label = "working", total = 12 }
    for i = 1, 12 do
      anyreach.sleep(%f)
      if i %% 6 == 0 then progress.print("result " .. i) end
      shown:step()
    end]]):format(seconds / 12)
end

local function command(code, ...)
  return process.anyreach(...) .. " -e " .. process.quote(code)
end

-- What a terminal is given, stdout and stderr together.
local function on_terminal(line, environment)
  local shell = ("stty cols 60; %s TERM=xterm %s"):format(environment or "", line)
  local _, out = terminal.run(shell)
  return (out:gsub("\r\n", "\n"))
end

describe("progress in words", function()
  local function text(done, total, seconds)
    return progress.text { label = "working", done = done, total = total, seconds = seconds }
  end

  it("tells done of total, rate and time left", function()
    expect.equal(text(40, 500, 2), "working: 40 of 500, 8%, 20/s, 23 s left")
    expect.equal(text(10, 500, 5), "working: 10 of 500, 2%, 2.0/s, 4 min 5 s left")
    expect.equal(text(1, 500, 30), "working: 1 of 500, 0%, 2.0/min, 4 h 9 min left")
    expect.equal(text(500, 500, 25), "working: 500 of 500, 100%, 20/s")
  end)

  it("tells the limit at which a server holds requests back", function()
    local function limited(limit)
      return progress.text { label = "working", done = 40, total = 500, seconds = 20, limit = limit }
    end
    expect.equal(limited(9.84),
      "working: 40 of 500, 8%, 2.0/s, 3 min 50 s left, at the server's limit of 9.8 requests/s")
    expect.match(limited(0.5), " left, at the server's limit of 30%.0 requests/min$")
  end)

  it("claims nothing that is not known", function()
    expect.equal(text(0, 500, 3), "working: 0 of 500, 0%")
    expect.equal(text(7, nil, 7), "working: 7, 1.0/s")
    expect.equal(text(0, nil, 0), "working: 0")
    expect.equal(text(0, 0, 1), "working: 0 of 0")
  end)
end)

describe("progress", function()
  it("on a terminal appears after a second, keeps out of the results' way, and leaves nothing", function()
    local out = on_terminal(command(work(1.8)))
    expect.match(out, "^result 6\n")
    expect.match(out, "\r\27%[Kworking: %d+ of 12, %d+%%, %d%.%d/s, 1 s left")
    expect.match(out, "\r\27%[Kresult 12\n")
    expect.match(out, "\r\27%[K$")
  end)

  it("of short work is not shown", function()
    expect.equal(on_terminal(command(work(0.2))), "result 6\nresult 12\n")
  end)

  it("is cut to the terminal's width", function()
    local code = [[
      local shown <close> = require("anyreach.progress").start { label = ("ä"):rep(100), total = 2 }
      anyreach.sleep(1.5)]]
    expect.match(on_terminal(command(code)), "\r\27%[K" .. ("ä"):rep(59) .. "\r\27%[K")
  end)

  it("is not shown with --quiet, with --json, or where nothing can be drawn anew", function()
    for _, line in ipairs { command(work(1.3), "--quiet"), command(work(1.3), "--json") } do
      expect.equal(on_terminal(line), "result 6\nresult 12\n")
    end
    expect.equal(on_terminal("env TERM=dumb " .. command(work(1.3))), "result 6\nresult 12\n")
  end)

  it("without a terminal is a plain line every ten seconds", function()
    local code = [[
      local host, clock = require "anyreach.host", require("anyreach.host").clock
      host.sleep = function(seconds) anyreach.sleep(seconds / 100) end
      host.clock = function() return clock() * 100 end
    ]] .. work(0.25)
    local exit_code, out, err = process.run(command(code))
    expect.equal({ exit_code, out }, { 0, "result 6\nresult 12\n" })
    expect.match(err, "^working: %d of 12, %d+%%, [%d.]+/m?i?n?s?, %d+ s left\n")
    expect.match(err, "\nworking: 12 of 12, 100%%, [%d.]+/m?i?n?s?\n$")
    expect.falsy(err:find("\27", 1, true))
    local _, _, short = process.run(command(work(0.1)))
    expect.equal(short, "")
  end)

  it("gives way to messages, and to the error that ends the work", function()
    local out = on_terminal(command([[
      local shown <close> = require("anyreach.progress").start { label = "working" }
      anyreach.sleep(1.3)
      require("anyreach.report").warn("look")
      anyreach.sleep(0.3)
      error("no more", 0)]]))
    expect.match(out, "\27%[Kworking: 0\r\27%[Kanyreach: warning: look\n")
    expect.match(out, "\27%[Kworking: 0\r\27%[Kanyreach: no more\n")
  end)

  it("that nobody finished does not keep the program alive", function()
    local code = command [[require("anyreach.progress").start { label = "working", total = 2 }]]
    expect.equal(process.run("timeout 10 " .. code), 0)
    on_terminal("timeout 10 " .. code .. "; echo ended: $?")
  end)

  it("shows the newest of several, and the older one again after it", function()
    local code = [[
      local progress = require "anyreach.progress"
      local outer <close> = progress.start { label = "outer" }
      do
        local inner <close> = progress.start { label = "inner" }
        anyreach.sleep(1.4)
      end
      anyreach.sleep(0.5)]]
    expect.match(on_terminal(command(code)), "^\r\27%[Kinner.*outer: 0\r\27%[K$")
  end)
end)

describe("colours", function()
  local ENABLED = [[print(require("anyreach.text.color").enabled("stdout"))]]

  it("are on where a terminal understands them, unless NO_COLOR is set", function()
    expect.equal(on_terminal(command(ENABLED)), "true\n")
    expect.equal(on_terminal(command(ENABLED), "NO_COLOR=1"), "false\n")
    expect.equal(on_terminal(command(ENABLED), "NO_COLOR="), "true\n")
    expect.equal(on_terminal("env TERM=dumb " .. command(ENABLED)), "false\n")
    expect.equal(select(2, process.run(command(ENABLED))), "false\n")
  end)

  it("are as --color says wherever it says", function()
    expect.equal(select(2, process.run("NO_COLOR=1 " .. command(ENABLED, "--color=always"))), "true\n")
    expect.equal(on_terminal(command(ENABLED, "--color=never")), "false\n")
  end)

  it("are put around a text, and unknown ones refused", function()
    expect.equal(color.paint("x", "bold", "red"), "\27[1;31mx\27[0m")
    expect.raises(function() color.paint("x", "blu") end, "unknown style 'blu'")
  end)
end)
