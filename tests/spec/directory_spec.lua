-- What a path is, and which names a directory holds.

local directory = require "anyreach.directory"
local process = require "helpers.process"

describe("the kind of a path", function()
  it("is file, directory or other, links being followed", function()
    local path = process.directory()
    process.write(path .. "/file", "")
    assert(os.execute(("ln -s file %s/link && ln -s nowhere %s/broken"):format(path, path)))
    expect.equal({ directory.kind(path), directory.kind(path .. "/file"), directory.kind(path .. "/link"),
      directory.kind("/dev/null") }, { "directory", "file", "file", "other", "a device" })
    expect.equal({ directory.kind(path) }, { "directory", "a directory" })
    expect.equal({ directory.kind(path .. "/broken") }, { nil, path .. "/broken: No such file or directory", 2 })
  end)
end)

describe("the names in a directory", function()
  it("are all but the two that every one has", function()
    local path = process.directory()
    for _, name in ipairs { "b", ".a", "ü ö" } do process.write(path .. "/" .. name, "") end
    local names = directory.names(path)
    table.sort(names)
    expect.equal(names, { ".a", "b", "ü ö" })
    expect.equal(directory.names(process.directory()), {})
  end)

  it("cannot be told of anything else", function()
    expect.equal({ directory.names("nowhere") }, { nil, "nowhere: No such file or directory", 2 })
    expect.equal({ directory.names("Makefile") }, { nil, "Makefile: Not a directory", 20 })
    expect.raises(function() directory.names() end, "bad argument")
  end)

  it("leave no descriptor open", function()
    for _ = 1, 5000 do expect.truthy(directory.names("tests")) end
  end)
end)
