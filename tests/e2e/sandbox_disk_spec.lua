-- The sandbox's file on a disk that is full, small, read-only or another's: what cannot be kept is refused, what
-- can be read is read, and the messages say what is the matter.

local process = require "helpers.process"

-- A file system of that size in a mount namespace of the program's own, which ends with it.
local function on_disk(size, command, prepare)
  return "unshare -rm sh -c " .. process.quote(("mount -t tmpfs -o size=%s none /mnt && %s exec %s"):format(
    size, prepare or "", command))
end

local can_mount = process.run(on_disk("64k", "true")) == 0

local function start(command)
  local sandbox = process.start(command)
  local base_url = anyreach.json.decode(sandbox:first_line()).base_url
  return sandbox, anyreach.client { base_url = base_url, token = "ak_sandbox.admin", retries = 0 }
end

-- Creates large agents until one is refused; returns how many there are, and the refusal.
local function fill(api)
  for created = 0, 1000 do
    local agent, err = api.try.agents.create { name = ("x"):rep(20000) }
    if not agent then return created, err end
  end
  error "the disk is endless"
end

-- Reads everything, and what is stored is as before.
local function expect_readable(api, count)
  expect.equal(#api.agents.list { limit = 50 }, count)
  expect.equal(#api.phone_numbers.list() > 0, true)
  expect.truthy(#api.request { path = "/_sandbox/requests" } > 0)
  local agent = api.agents.list { limit = 1 }[1]
  expect.equal(#api.agents.get(agent.id).name, #agent.name)
end

describe("a sandbox on a disk that is full", function()
  local SANDBOX = process.anyreach("sandbox", "--json", "--db", "/mnt/state.db")

  it("answers reads, refuses writes with 507, and goes on when there is room", function()
    if not can_mount then skip "needs unshare -rm, which this machine does not allow" end
    local sandbox <close>, api = start(on_disk("700k", SANDBOX, "head -c 200000 /dev/zero >/mnt/other;"))
    local count, err = fill(api)
    expect.truthy(count > 0)
    expect.equal({ err.kind, err.status }, { "server", 507 })
    expect.contains(tostring(err), "/mnt/state.db: the disk is full")
    for _ = 1, 3 do
      expect_readable(api, count)
      local _, again = api.try.agents.create { name = ("x"):rep(20000) }
      expect.equal(again.status, 507)
    end
    assert(os.remove(("/proc/%d/root/mnt/other"):format(sandbox.pid)))
    api.agents.create { name = ("x"):rep(20000) }
    expect_readable(api, count + 1)
    expect.equal(sandbox:stop(), 130)
    expect.equal(sandbox:output "err", "anyreach: interrupted\n")
  end)

  it("does not start without room for its first documents, and says why", function()
    if not can_mount then skip "needs unshare -rm, which this machine does not allow" end
    for _, size in ipairs { "4k", "8k", "20k" } do
      local code, _, err = process.run(on_disk(size, SANDBOX))
      expect.equal(code, 1)
      expect.match(err, "/mnt/state%.db: .*disk")
    end
  end)

  it("does not start with a file that may only be read, and says why", function()
    if not can_mount then skip "needs unshare -rm, which this machine does not allow" end
    local once = process.anyreach("--sandbox=/mnt/state.db", "-e", "") .. " && mount -o remount,ro /mnt;"
    local code, _, err = process.run(on_disk("4m", SANDBOX, once))
    expect.equal(code, 1)
    expect.contains(err, "/mnt/state.db")
    expect.contains(err, "Read-only")
  end)
end)

describe("a sandbox whose file", function()
  it("may not grow further refuses writes, and reads on", function()
    local file = process.directory() .. "/state.db"
    local sandbox <close>, api = start("sh -c " .. process.quote("ulimit -f 600; exec "
      .. process.anyreach("sandbox", "--json", "--db", file)))
    local count, err = fill(api)
    expect.equal(err.status, 507)
    expect.contains(tostring(err), file)
    expect_readable(api, count)
    expect.equal(sandbox:stop(), 130)
  end)

  it("is removed while it runs serves on, and ends well", function()
    local directory = process.directory()
    local sandbox <close>, api = start(process.anyreach("sandbox", "--json", "--db", directory .. "/state.db"))
    api.agents.create { name = "before" }
    assert(os.execute("rm -r " .. directory))
    api.agents.create { name = "after" }
    expect_readable(api, 2)
    expect.equal(sandbox:stop(), 130)
  end)

  it("another process has does not start, and says so", function()
    local file = process.directory() .. "/state.db"
    local sandbox <close> = process.sandbox("--db", file)
    local code, _, err = process.run(process.anyreach("sandbox", "--db", file))
    expect.equal(code, 1)
    expect.contains(err, file .. " is in use by another process")
    expect.truthy(not sandbox:has_ended())
  end)
end)
