-- The path that is meant by one that is not there.

local missing_path = require("anyreach.text.messages").missing_path
local process = require "helpers.process"

local root = process.directory()
assert(os.execute(("mkdir -p %s/clinic/agents && touch %s/clinic/agents/desk.yaml"):format(root, root)))

local function expect_meant(path, meant)
  local expected = meant and ("gone; did you mean '%s/%s'?"):format(root, meant) or "gone"
  expect.equal({ path, missing_path(root .. "/" .. path, "gone") }, { path, expected })
end

describe("a path that is not there", function()
  it("is told with the nearest name in its directory", function()
    expect_meant("clinic/agnts", "clinic/agents")
    expect_meant("clinic/agnts/", "clinic/agents")
    expect_meant("clinic/agents/dsek.yaml", "clinic/agents/desk.yaml")
  end)

  it("is told with the whole path where a directory further up is what is wrong, if it leads anywhere", function()
    expect_meant("clnic/agents", "clinic/agents")
    expect_meant("clnic/agnts/desk.yaml", "clinic/agents/desk.yaml")
    expect_meant("clnic/others", "clinic")
  end)

  it("is told alone when nothing is near, or it is there and cannot be used", function()
    expect_meant "elsewhere"
    expect_meant "clinic/agents"
    assert(os.execute(("ln -s nowhere %s/broken"):format(root)))
    expect_meant "broken"
  end)

  it("may be relative to the working directory", function()
    expect.equal(missing_path("READM.md", "gone"), "gone; did you mean 'README.md'?")
    expect.equal(missing_path("", "gone"), "gone")
  end)

  it("is told so by what reads files", function()
    for _, words in ipairs { { "provision" }, { "validate", "--offline" }, { "migrate-prompts" }, { "diff" } } do
      local command = process.anyreach("--sandbox", "run", table.unpack(words))
      local code, out, err = process.run(("cd %s && %s clinic/agnts"):format(root, command))
      expect.equal({ words[1], code }, { words[1], 3 })
      expect.contains(out .. err, "clinic/agnts: No such file or directory; did you mean 'clinic/agents'?")
    end
    expect.raises(function() anyreach.read_file(root .. "/clinic/agents/desk.yml") end, "desk.yaml'?")
  end)
end)
