-- Files written whole, files for the user alone, and file locks. Each step of a write is made to fail in
-- tests/unit/test_file_write.c.

local disk = require "anyreach.disk"
local process = require "helpers.process"

local EEXIST = 17

describe("a file that is written", function()
  it("keeps its mode", function()
    local path = process.directory() .. "/file"
    process.write(path, "old")
    assert(os.execute("chmod 640 " .. path))
    expect.equal({ disk.write(path, "new"), process.read(path), disk.mode(path) }, { true, "new", 6 * 64 + 4 * 8 })
  end)

  it("names what failed, and stays as it was", function()
    local directory = process.directory()
    local path = directory .. "/file"
    process.write(path, "old")
    local code, out = process.run(("ulimit -f 4; %s"):format(process.anyreach("-e",
      "print(require 'anyreach.disk'.write(arg[1], ('x'):rep(1000000)))", path)))
    expect.equal({ code, out }, { 0, ("nil\t%s: File too large (writing the new file)\t27\n"):format(path) })
    expect.equal({ process.read(path), process.first_line("ls -A " .. directory .. " | wc -l") }, { "old", "1" })
    expect.equal({ disk.write(directory .. "/none/file", "") },
      { nil, directory .. "/none/file: No such file or directory (creating a new file beside it)", 2 })
    expect.equal({ disk.write("/dev/null", "") }, { nil, "/dev/null: Invalid argument (it is not a regular file)", 22 })
  end)

  it("takes options of the right kind only", function()
    local path = process.directory() .. "/file"
    expect.raises(function() disk.write(path, "", { private = 1 }) end, "options expected")
    expect.raises(function() disk.write(path, "", true) end, "table expected")
    expect.raises(function() disk.write("", "") end, "a path")
  end)
end)

describe("a private file", function()
  it("is made with the directories above it, for the user alone", function()
    local path = process.directory() .. "/a/b/file"
    expect.equal({ disk.write(path, "one", { private = true }), process.read(path) }, { true, "one" })
    expect.equal({ disk.mode(path), disk.mode(path:match "^(.*)/") }, { 6 * 64, 7 * 64 })
  end)

  it("that is created must not be there, and then stays as it is", function()
    local directory = process.directory()
    local path = directory .. "/file"
    expect.equal({ disk.create(path, "one") }, { true })
    expect.equal({ disk.create(path, "two") }, { nil, path .. ": File exists", EEXIST })
    expect.equal({ process.read(path), process.first_line("ls " .. directory .. " | wc -l") }, { "one", "1" })
  end)

  it("is created by one of many who try at once", function()
    local path = process.directory() .. "/file"
    local code = ("os.exit(require 'anyreach.disk'.create(%q, arg[1]) and 0 or 1)"):format(path)
    local runs, made = {}, 0
    for index = 1, 8 do runs[index] = process.start(process.anyreach("-e", code, tostring(index))) end
    for _, run in ipairs(runs) do made = made + (run:wait() == 0 and 1 or 0) end
    expect.equal(made, 1)
  end)
end)

describe("a path that is held", function()
  it("is held by one at a time, a directory or a file, until it is closed", function()
    local directory = process.directory()
    for _, path in ipairs { directory .. "/", directory .. "/new/file" } do
      do
        local held <close> = disk.lock(path, 0)
        expect.truthy(held)
        expect.equal({ disk.lock(path, 0.02) }, { false })
      end
      local again <close> = disk.lock(path, 0)
      expect.truthy(again)
    end
  end)

  it("is held no more when its program is killed, and waited for until then", function()
    local path = process.directory() .. "/"
    local run = process.start(process.anyreach("-e", ([[
      held = assert(require "anyreach.disk".lock(%q, 0))
      print "ready" io.stdout:flush()
      anyreach.sleep(1000)]]):format(path)))
    run:first_line()
    expect.equal(disk.lock(path, 0), false)
    run:stop "KILL"
    local held <close> = disk.lock(path, 5)
    expect.truthy(held)
  end)

  it("must be there when it is a directory", function()
    expect.equal({ disk.lock("nowhere/", 0) }, { nil, "nowhere/: No such file or directory", 2 })
    expect.raises(function() disk.lock("", 0) end, "a path")
  end)

  it("leaves no descriptor open", function()
    local path = process.directory() .. "/"
    local held <close> = disk.lock(path, 0)
    expect.truthy(held)
    for _ = 1, 5000 do expect.equal(disk.lock(path, 0), false) end
  end)
end)
