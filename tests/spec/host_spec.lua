-- The world a script finds: the library, modules, files, the environment.

local json = require "anyreach.json"
local process = require "helpers.process"

describe("anyreach.options", function()
  it("says what the command line does, and cannot be changed", function()
    local code = "print(anyreach.options.retries, anyreach.options.quiet, anyreach.options.write) "
      .. "for name, value in pairs(anyreach.options) do if name ~= 'evaluate' then print(name, value) end end "
      .. "print(select(2, pcall(function() anyreach.options.retries = 9 end))) print(anyreach.options.retries)"
    local exit_code, out, err = process.run(process.anyreach("--retries=2", "-e", code))
    expect.equal({ exit_code, out, err }, { 0, "2\tnil\tnil\nretries\t2\n"
      .. "anyreach.options.retries cannot be set: it is what the command line says\n2\n", "" })
  end)
end)

describe("the library", function()
  it("is the global and the module alike", function()
    expect.truthy(rawequal(anyreach, require "anyreach"))
    expect.match(anyreach.version, "^%d+%.%d+%.%d+$")
  end)

  it("has the same null as cjson, which is lua-cjson itself", function()
    local cjson = require "cjson"
    expect.truthy(rawequal(cjson.null, anyreach.null))
    expect.truthy(rawequal(anyreach.null, json.null))
    expect.equal(cjson._NAME, "cjson")
  end)

  it("has every part it names", function()
    for _, name in ipairs {
      "client", "map", "all", "race", "timeout", "spawn", "sleep", "env", "read_file", "read_json", "read_yaml",
      "write_json", "is_error", "array", "is_array",
    } do
      expect.equal(type(anyreach[name]), "function")
    end
    expect.equal(tostring(anyreach.secret "x"), "[secret]")
  end)

  it("refuses a name that it does not have, with the nearest", function()
    local err = expect.raises(function() return anyreach.clint {} end, "no 'clint'; did you mean 'client'?")
    expect.equal(err.kind, "usage")
    expect.match(err.where, "host_spec.lua:%d+$")
    expect.raises(function() return anyreach.zzzzzzzz end, "it has agent_files, all, array, client, env, ")
    expect.equal(anyreach[1], nil)
  end)
end)

describe("modules", function()
  it("are looked for beside the script, never where the program happens to be run", function()
    expect.contains(package.path, "tests/?.lua")
    for template in (package.path .. ";" .. package.cpath):gmatch("[^;]+") do
      expect.falsy(template:match("^%./"))
    end
  end)

  it("of ours are inside the program", function()
    expect.raises(function() require "anyreach.no_such_module" end, "no embedded module 'anyreach.no_such_module'")
  end)
end)

describe("files", function()
  local directory = process.directory()

  it("are written whole and read back as they were", function()
    local path = directory .. "/value.json"
    local value = { list = json.array {}, n = 9007199254740993, x = json.null, ["ü"] = 1.0 }
    anyreach.write_json(path, value)
    expect.truthy(json.equal(anyreach.read_json(path), value))
    expect.equal(process.read(path), '{\n  "list": [],\n  "n": 9007199254740993,\n  "x": null,\n  "ü": 1.0\n}\n')
    expect.equal(require("anyreach.directory").names(directory), { "value.json" })
  end)

  it("that cannot be encoded leave the old one alone", function()
    local path = directory .. "/old.json"
    process.write(path, "old")
    expect.raises(function() anyreach.write_json(path, { f = print }) end, "f")
    expect.equal(process.read(path), "old")
  end)

  it("that are links stay links: what they lead to is replaced", function()
    local place = process.directory()
    assert(os.execute(("cd %s && mkdir kept && echo 1 >kept/file && ln -s kept/file link"):format(place)))
    anyreach.write_json(place .. "/link", 2)
    expect.equal(process.read(place .. "/kept/file"), "2\n")
    expect.equal(process.first_line("readlink " .. place .. "/link"), "kept/file")
    expect.equal(require("anyreach.directory").names(place .. "/kept"), { "file" })
  end)

  it("that are no regular files are written, and not replaced", function()
    local place = process.directory()
    assert(os.execute("mkfifo " .. place .. "/pipe"))
    local reader = process.start(("cat %s/pipe"):format(place))
    anyreach.write_json(place .. "/pipe", 3)
    expect.equal({ reader:wait(), reader:output(), process.first_line(("test -p %s/pipe && echo pipe"):format(place)) },
      { 0, "3\n", "pipe" })
  end)

  it("that are missing, a directory, or wrong are named, as invalid input", function()
    process.write(directory .. "/bad.json", "{\n  oops")
    process.write(directory .. "/bad.yaml", "a: [")
    for _, f in ipairs {
      function() anyreach.read_file(directory .. "/none.txt") end,
      function() anyreach.read_file(directory) end,
      function() anyreach.read_json(directory .. "/bad.json") end,
      function() anyreach.read_yaml(directory .. "/bad.yaml") end,
      function() anyreach.write_json(directory .. "/no/such/place.json", 1) end,
    } do
      local err = expect.raises(f, directory)
      expect.equal(err.kind, "input")
    end
  end)

  it("in YAML come with the places of their keys", function()
    process.write(directory .. "/a.yaml", "name: x\nlist:\n  - 1\n")
    local value, positions = anyreach.read_yaml(directory .. "/a.yaml")
    expect.equal(value, { name = "x", list = json.array { 1 } })
    expect.equal(positions[value].list.line, 2)
  end)
end)

describe("the environment", function()
  it("gives a value, a default, a secret, or an error", function()
    expect.equal(anyreach.env "PWD", os.getenv "PWD")
    expect.equal(anyreach.env("NO_SUCH_VARIABLE", { default = "d" }), "d")
    local secret = anyreach.env("PWD", { secret = true })
    expect.equal(tostring(secret), "[secret]")
    expect.equal(tostring("a" .. secret), "[secret]")
    local err = expect.raises(function() anyreach.env "NO_SUCH_VARIABLE" end, "NO_SUCH_VARIABLE")
    expect.equal(err.kind, "input")
  end)
end)
