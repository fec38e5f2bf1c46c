-- Code is loaded as text: compiled Lua that somebody has altered would crash the program. Every way in refuses it, and
-- says how it can be had; the mode "b" of load and loadfile is the one way to ask for it.

local process = require "helpers.process"

local COMPILED = string.dump(function() return "compiled" end)
local REFUSED = "is compiled Lua, which can crash the program; "

-- `text` with one byte changed, for each place in it.
local function altered(text)
  return coroutine.wrap(function()
    for at = 1, #text do
      coroutine.yield(text:sub(1, at - 1) .. string.char((text:byte(at) + 77) % 256) .. text:sub(at + 1))
    end
  end)
end

local function file_of(text)
  return process.directory_of { ["chunk.lua"] = text } .. "/chunk.lua"
end

local function refused(f, way_out)
  local loaded, message = f()
  expect.equal(loaded, nil)
  expect.contains(message, REFUSED .. way_out)
end

describe("load and loadfile", function()
  local ASK = 'the mode "b" loads it all the same'

  it("refuse compiled Lua unless its mode is given", function()
    local file = file_of(COMPILED)
    for _, mode in ipairs { false, "t" } do
      refused(function() return load(COMPILED, "name", mode or nil) end, ASK)
      refused(function() return load(COMPILED, nil, mode or nil, {}) end, ASK)
      refused(function() return loadfile(file, mode or nil) end, ASK)
      local pieces = { COMPILED }
      refused(function() return load(function() return table.remove(pieces) end, "f", mode or nil) end, ASK)
    end
    refused(function() return load(COMPILED) end, "")
    refused(function() return loadfile(file) end, "")
    expect.contains(select(2, loadfile(file)), file)
    for _, mode in ipairs { "b", "bt" } do
      expect.equal({ load(COMPILED, "x", mode)(), loadfile(file, mode)() }, { "compiled", "compiled" })
    end
  end)

  it("survive whatever compiled Lua is made into", function()
    local seen = 0
    for text in altered(COMPILED) do
      local f = load(text)
      seen = seen + (f and 1 or 0)
    end
    expect.equal(seen, 0)
  end)

  it("are those of Lua otherwise", function()
    expect.equal(load("return a", "x", nil, { a = 7 })(), 7)
    expect.equal(load("return ...", "x")(1), 1)
    expect.equal({ load("x", "=name") }, { nil, "name:1: syntax error near <eof>" })
    expect.equal(load("return _ENV", "x", "t", nil)(), nil)
    expect.equal(select("#", load "return 1"), 1)
    expect.raises(function() load() end, "bad argument #1 to 'load'")
    expect.raises(function() load("", "", {}) end, "bad argument #3 to 'load'")
    expect.raises(function() load {} end, "bad argument #1 to 'load'")
    expect.equal({ load("return 1", "x", "b") }, { nil, "attempt to load a text chunk (mode is 'b')" })
    expect.equal({ loadfile "/nowhere" }, { nil, "cannot open /nowhere: No such file or directory" })
    expect.equal(loadfile(file_of "#!/bin/sh\nreturn a", nil, { a = 8 })(), 8)
  end)
end)

describe("dofile", function()
  it("refuses compiled Lua", function()
    expect.raises(function() dofile(file_of(COMPILED)) end, "chunk.lua " .. REFUSED .. "give its source instead")
  end)

  it("runs a file that waits, and returns what it returns", function()
    local file = file_of "local x = ...; anyreach.sleep(0); return 1, nil, x"
    expect.equal(table.pack(anyreach.spawn(dofile, file):wait()), { 1, nil, nil, n = 3 })
    expect.raises(function() dofile "/nowhere" end, "cannot open /nowhere")
    expect.raises(function() dofile(file_of "error({})") end)
  end)
end)

describe("require", function()
  local function require_from(text)
    local directory = process.directory_of { ["a/chunk.lua"] = text }
    local path = package.path
    package.path, package.loaded["a.chunk"] = directory .. "/?.lua", nil
    local result = table.pack(pcall(require, "a.chunk"))
    package.path = path
    return result[1] and result[2] or error(result[2], 0)
  end

  it("refuses compiled Lua", function()
    local err = expect.raises(function() require_from(COMPILED) end, REFUSED .. "give its source instead")
    expect.contains(tostring(err), "error loading module 'a.chunk' from file '")
  end)

  it("finds and runs a file of source", function()
    expect.equal(require_from "return { ... }"[1], "a.chunk")
    expect.raises(function() require_from "x" end, "chunk.lua:1: syntax error")
    local err = expect.raises(function() require "no.such_module" end, "module 'no.such_module' not found")
    expect.contains(tostring(err), "no file '/usr/share/lua/5.4/no/such_module.lua'")
  end)
end)

describe("the program", function()
  local directory = process.directory_of { ["chunk.luac"] = COMPILED }

  local function run(words)
    local code, out, err = process.run(("cd %s && %s %s"):format(directory, process.anyreach(), words))
    return { code, out, err }
  end

  it("takes no compiled Lua as a script or from standard input", function()
    local told = REFUSED .. "give its source instead\n"
    expect.equal(run "chunk.luac", { 1, "", "anyreach: chunk.luac " .. told })
    expect.equal(run "- <chunk.luac", { 1, "", "anyreach: standard input " .. told })
    expect.equal(run "-e \"$(printf '\\033Lua')\"", { 1, "", "anyreach: (-e) " .. told })
  end)
end)
