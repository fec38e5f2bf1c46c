-- The lock: what was last written to which organisation.

local canonical = require "anyreach.text.canonical"
local diff = require "anyreach.text.diff"
local disk = require "anyreach.disk"
local json = require "anyreach.json"
local lock = require "anyreach.agents.lock"
local process = require "helpers.process"
local secret = require "anyreach.secret"

local A, B = "sha256:" .. ("a"):rep(64), "sha256:" .. ("b"):rep(64)

local function facts(version)
  return { agent_id = "id-" .. version, version = version, files = A, remote = B }
end

local function new_path()
  return process.directory() .. "/anyreach.lock"
end

local function read_text(text)
  local path = new_path()
  process.write(path, text)
  return lock.read(path), path
end

local function line(agent, version)
  return ('{"agent":"%s","account":"here","agent_id":"id","version":%d,"files":"%s","remote":"%s"}\n'):format(agent,
    version, A, B)
end

describe("a lock", function()
  it("that is not there has no rows", function()
    local path = new_path()
    local found = lock.read(path)
    expect.equal(found:get("here", "Ann"), nil)
    expect.equal({ found:write(), process.read(path) }, { false, nil })
  end)

  it("keeps what was written, one line an agent, sorted", function()
    local path = new_path()
    local first = lock.read(path)
    first:set("here", "Zoë", facts(1))
    first:set("there", "Ann", facts(2))
    first:set("here", "Ann", facts(3))
    first:set_promotion("here", "there", "Ann", { from_version = 3, agent_id = "x", version = 2 })
    expect.equal(first:write(), true)
    expect.equal(process.read(path),
      ('{"agent":"Ann","account":"here","agent_id":"id-3","version":3,"files":"%s","remote":"%s"}\n'):format(A, B)
      .. ('{"agent":"Ann","account":"there","agent_id":"id-2","version":2,"files":"%s","remote":"%s"}\n'):format(A, B)
      .. '{"agent":"Ann","account":"there","from":"here","from_version":3,"agent_id":"x","version":2}\n'
      .. ('{"agent":"Zoë","account":"here","agent_id":"id-1","version":1,"files":"%s","remote":"%s"}\n'):format(A, B))
    local second = lock.read(path)
    expect.equal(second:get("here", "Zoë").version, 1)
    expect.equal(second:promotion("here", "there", "Ann").from_version, 3)
    expect.equal(second:promotion("there", "here", "Ann"), nil)
    expect.equal(#second:rows("here"), 2)
    expect.equal(#second:rows("there"), 1)
    expect.equal(second:write(), false)
  end)

  it("forgets an agent", function()
    local found = read_text(line("Ann", 1) .. line("Bob", 1))
    found:remove("here", "Ann")
    expect.equal({ found:get("here", "Ann"), found:get("here", "Bob").version }, { nil, 1 })
  end)

  it("keeps what another run has noted since it was read, and what that one has removed", function()
    local first, path = read_text(line("Ann", 1) .. line("Bob", 1) .. line("Cid", 1))
    local second = lock.read(path)
    second:set("here", "Dan", facts(1))
    second:set("here", "Bob", facts(2))
    second:remove("here", "Cid")
    second:write()
    first:set("here", "Ann", facts(3))
    expect.equal({ first:write(), first:write() }, { true, false })
    local found = lock.read(path)
    local versions = {}
    for _, row in ipairs(found:rows("here")) do versions[row.agent] = row.version end
    expect.equal(versions, { Ann = 3, Bob = 2, Dan = 1 })
  end)

  it("keeps what another run has noted of an agent since it was written", function()
    local first, path = read_text ""
    first:set("here", "Ann", facts(1))
    first:write()
    local second = lock.read(path)
    second:set("here", "Ann", facts(2))
    second:write()
    first:set("here", "Bob", facts(1))
    first:write()
    expect.equal(lock.read(path):get("here", "Ann").version, 2)
  end)

  it("is not written while another run does, and keeps what that one has noted", function()
    local found, path = read_text(line("Ann", 1))
    local run = process.start(process.anyreach("-e", ([[
      local _ <close> = assert(require "anyreach.disk".lock(%q, 0))
      local text = anyreach.read_file(%q)
      print "ready" io.stdout:flush()
      anyreach.sleep(0.3)
      require "anyreach.files".write_file(%q, text .. %q)]]):format(path:match "^.*/", path, path, line("Bob", 1))))
    run:first_line()
    found:set("here", "Cid", facts(1))
    found:write()
    expect.equal({ run:wait(), #lock.read(path):rows("here") }, { 0, 3 })
  end)

  it("forgets an agent with its promotions there, and nothing of another organisation", function()
    local found = read_text(line("Ann", 1))
    found:set("there", "Ann", facts(2))
    found:set_promotion("here", "there", "Ann", { from_version = 1, agent_id = "x", version = 2 })
    found:set_promotion("there", "here", "Ann", { from_version = 2, agent_id = "id", version = 1 })
    found:remove("there", "Ann")
    expect.equal({ found:get("there", "Ann"), found:promotion("here", "there", "Ann") }, {})
    expect.equal({ found:get("here", "Ann").version, found:promotion("there", "here", "Ann").version }, { 1, 1 })
  end)

  it("keeps the promotions of an agent from several organisations apart", function()
    local found = lock.read(new_path())
    found:set_promotion("one", "there", "Ann", { from_version = 1, agent_id = "x", version = 2 })
    found:set_promotion("two", "there", "Ann", { from_version = 7, agent_id = "x", version = 3 })
    expect.equal(found:promotion("one", "there", "Ann").from_version, 1)
    expect.equal(found:promotion("two", "there", "Ann").from_version, 7)
    expect.equal(found:promotion("three", "there", "Ann"), nil)
  end)

  it("lists the agents of an organisation by their names, without promotions", function()
    local found = read_text(line("Cid", 1) .. line("Ann", 1) .. line("Bob", 1))
    found:set_promotion("there", "here", "Ann", { from_version = 2, agent_id = "id", version = 1 })
    local names = {}
    for index, row in ipairs(found:rows "here") do names[index] = row.agent end
    expect.equal(names, { "Ann", "Bob", "Cid" })
  end)

  it("refuses to note what it could not read again", function()
    local found, path = read_text ""
    local wrong = { agent_id = "x", files = "sha256:1" }
    local err = expect.raises(function() found:set("here", "Ann", wrong) end, "files")
    expect.equal(err.kind, "usage")
    expect.equal({ found:get("here", "Ann"), found:write(), process.read(path) }, { nil, false, "" })
  end)

  it("is beside the files that it speaks of, and read once", function()
    expect.equal({ lock.path_beside "a/b/c.yaml", lock.path_beside "c.yaml" }, { "a/b/anyreach.lock", "anyreach.lock" })
    expect.equal({ lock.path_in "a/b", lock.path_in "a/b//", lock.path_in "/", lock.path_in "." },
      { "a/b/anyreach.lock", "a/b/anyreach.lock", "/anyreach.lock", "./anyreach.lock" })
    local open, opened = lock.opener()
    local path = new_path()
    local found = open(path)
    process.write(path, line("Ann", 1))
    expect.equal(open(path):get("here", "Ann"), nil)
    expect.truthy(open(path) == found and opened[path] == found)
  end)

  it("is not written when another run does not end, or its directory cannot be locked", function()
    local found, path = read_text(line("Ann", 1))
    local lock_directory = disk.lock
    found:set("here", "Bob", facts(1))
    local function write(...)
      local results = table.pack(...)
      function disk.lock() return table.unpack(results) end -- luacheck: ignore 122
      local ok, err = pcall(found.write, found)
      disk.lock = lock_directory -- luacheck: ignore 122
      return ok or err
    end
    local busy, broken = write(false), write(nil, "no such place")
    expect.equal({ busy.kind, broken.kind }, { "conflict", "input" })
    expect.contains(busy.message, path .. ": another run has been writing there")
    expect.contains(broken.message, "no such place")
    expect.equal({ process.read(path), found:write() }, { line("Ann", 1), true })
  end)

  it("keeps keys that it does not know in the order of their names, after those it knows", function()
    local found, path = read_text((line("Ann", 1):gsub("}", ',"h":1,"b":2,"g":3,"c":4,"e":5,"a":6,"d":7,"f":8}')))
    found:set("here", "Ann", facts(2))
    found:write()
    expect.contains(process.read(path), '","a":6,"b":2,"c":4,"d":7,"e":5,"f":8,"g":3,"h":1}')
  end)

  it("keeps keys that it does not know", function()
    local found, path = read_text(line("Ann", 1):gsub("}", ',"later":[1]}'))
    found:set("here", "Ann", facts(2))
    found:write()
    expect.contains(process.read(path), '"version":2,')
    expect.contains(process.read(path), '"later":[1]}')
  end)

  it("takes what git merges of two branches", function()
    local directory = process.directory()
    local function sh(command)
      local code, out, err = process.run(("cd %s && %s"):format(process.quote(directory), command))
      expect.equal({ command, code }, { command, 0 })
      return out .. err
    end
    local names = { "Ann", "Bob", "Cid", "Dan", "Eve" }
    local function write(versions)
      local found = lock.read(directory .. "/anyreach.lock")
      for name, version in pairs(versions) do found:set("here", name, facts(version)) end
      found:write()
    end
    sh "git init -q && git config user.email a@example.invalid && git config user.name a && git checkout -q -b left"
    local all = {}
    for _, name in ipairs(names) do all[name] = 1 end
    write(all)
    sh "git add . && git commit -qm base && git checkout -q -b right"
    write { Eve = 2, Fay = 1 }
    sh "git commit -qam right && git checkout -q left"
    write { Ann = 3 }
    sh "git commit -qam left && git merge -q right -m merge"
    local merged = lock.read(directory .. "/anyreach.lock")
    expect.equal({ merged:get("here", "Ann").version, merged:get("here", "Eve").version, #merged:rows("here") },
      { 3, 2, 6 })
    expect.equal(merged:write(), false)
  end)
end)

describe("a lock that cannot be understood", function()
  local good = line("Ann", 1)

  it("is refused with file and line, and never taken for empty", function()
    for _, case in ipairs {
      { good .. "{", ":2: not a line of a lock: " },
      { good .. "\n\n[1]\n", ":4: expected a JSON object" },
      { '{"agent":"Ann"}\n', ":1: expected the keys agent and account" },
      { good:gsub('"version":1', '"version":"1"'), ':1: version: unexpected value "1"' },
      { good:gsub("sha256", "sha1"), ":1: files: unexpected value" },
      { "<<<<<<< HEAD\n" .. good, ":1: unresolved merge conflict" },
      { good .. "||||||| base\n", ":2: unresolved merge conflict" },
      { good .. line("Ann", 2), ":2: the agent 'Ann' has another line already, 1;" },
    } do
      local path = new_path()
      process.write(path, case[1])
      local err = expect.raises(function() lock.read(path) end, path .. case[2])
      expect.equal(err.kind, "input")
    end
  end)

  it("is refused for a value of another kind under any key", function()
    local short = "sha256:" .. ("a"):rep(63)
    local wrong = {
      agent = { 1 }, account = { 1 }, from = { 1 }, from_agent_id = { 1 }, agent_id = { 1 },
      from_version = { "1", 1.5 }, version = { 1.5, json.null },
      files = { 1, short, short .. "aa", short .. "g", " " .. short .. "a" },
      remote = { 1, short, short .. "aa", short .. "g", " " .. short .. "a" },
    }
    for key, values in pairs(wrong) do
      for _, value in ipairs(values) do
        local row = { agent = "a", account = "a", [key] = value }
        expect.raises(function() read_text(json.encode(row)) end, ":1: " .. key .. ": unexpected value")
      end
    end
    expect.raises(function() read_text "123456789012345678901234567890" end, ":1: expected a JSON object")
    expect.raises(function() read_text '{"account":"a"}' end, ":1: expected the keys agent and account")
  end)

  it("is refused for every mark that a merge leaves", function()
    for _, mark in ipairs { "<<<<<<< HEAD", "||||||| base", "=======", ">>>>>>> branch" } do
      local err = expect.raises(function() read_text(good .. mark .. "\n") end, ":2: ")
      expect.contains(tostring(err), "keep the one with the higher")
    end
  end)

  it("may say the same twice", function()
    expect.equal(#read_text(good .. good):rows("here"), 1)
  end)

  it("is refused when its place is no directory", function()
    local path = new_path()
    process.write(path, good)
    local err = expect.raises(function() lock.read(path .. "/anyreach.lock") end, path)
    expect.equal(err.kind, "input")
  end)

  it("is refused when it is a directory", function()
    expect.raises(function() lock.read(process.directory()) end, "irectory")
  end)
end)

describe("a digest", function()
  it("is the same for what anyreach.diff takes for equal", function()
    local values = {}
    for _, text in ipairs {
      "{}", "[]", '{"a":null}', '{"a":1}', '{"a":1.0}', '{"a":[]}', '{"a":{}}', '{"a":{"b":null}}', "[null]", "[1]",
      '"1"', "1", "1.0", '{"a":12345678901234567890}', '{"a":1,"b":null}', '{"a":"1"}', "null", '{"a":[null,1]}',
    } do
      values[#values + 1] = json.decode(text)
    end
    for _, a in ipairs(values) do
      for _, b in ipairs(values) do
        local is_same = #diff.compare({ v = a }, { v = b }, { exact = true }) == 0
        expect.equal({ json.encode(a), json.encode(b), canonical.digest { v = a } == canonical.digest { v = b } },
          { json.encode(a), json.encode(b), is_same })
      end
    end
  end)

  it("leaves secrets out, and what the organisation has in their place", function()
    local wanted = { key = secret "hush", list = json.array { secret "hush", 1 }, x = 1 }
    local actual = { key = "hush", list = json.array { "hush", 1 }, x = 1 }
    expect.equal(canonical.digest(wanted), canonical.digest(actual, wanted))
    expect.falsy(canonical.digest(actual) == canonical.digest(actual, wanted))
    actual.key = "other"
    expect.equal(canonical.digest(wanted), canonical.digest(actual, wanted))
  end)
end)
