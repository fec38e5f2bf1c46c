-- The sandbox among hostile clients: whatever they do, an ordinary client is served, and once they have gone
-- nothing of them is left.

local process = require "helpers.process"
local storm = require "helpers.storm"

local SEEDS = storm.seeds()

-- Descriptors and connections of a sandbox, of which a client that is served now has one.
local function count_descriptors(sandbox)
  return tonumber(process.first_line(("ls /proc/%d/fd | wc -l"):format(sandbox.pid)))
end

local function kilobytes(sandbox)
  return tonumber(process.read(("/proc/%d/status"):format(sandbox.pid)):match("VmRSS:%s*(%d+)"))
end

-- An ordinary client comes again when it is asked to.
local function expect_served(sandbox)
  local _, out = process.run(("curl -s --noproxy '*' --retry 5 --max-time 50 -o /dev/null -w '%%{http_code}' "
    .. "-H 'Authorization: Bearer ak_sandbox.admin' %s/core/agents"):format(sandbox.base_url))
  expect.equal(out, "200")
end

-- A sandbox that may open so many descriptors. What AddressSanitizer keeps of freed memory would count as held.
local function start(descriptors, ...)
  local sandbox = process.start("sh -c " .. process.quote(("ulimit -n %d; export %s; exec %s"):format(descriptors,
    "ASAN_OPTIONS=${ASAN_OPTIONS}:quarantine_size_mb=1", process.anyreach("sandbox", "--json", ...))))
  sandbox.base_url = anyreach.json.decode(sandbox:first_line()).base_url
  expect_served(sandbox)
  return sandbox
end

local function expect_none_left(sandbox, before)
  process.eventually("the descriptors to be closed", function() return count_descriptors(sandbox) <= before end)
end

describe("a storm of hostile clients", function()
  local before
  local sandbox <close> = start(1024)

  it("begins with a quiet sandbox", function()
    process.eventually("the first client's connection to be closed", function()
      local now = count_descriptors(sandbox)
      local same = now == before
      before = now
      return same
    end)
    expect.truthy(before < 30)
  end)

  it("that half-close leaves nothing behind, even while they stay", function()
    local _ <close> = storm.over(sandbox.base_url, "half-close", 1100, table.unpack(SEEDS))
    expect_served(sandbox)
    expect_none_left(sandbox, before)
  end)

  it("that hold 1,100 connections does not keep others out", function()
    local storm_now <close> = storm.over(sandbox.base_url, "hold", 1100)
    expect.truthy(count_descriptors(sandbox) > 500)
    expect.truthy(count_descriptors(sandbox) < 1024)
    for _ = 1, 5 do expect_served(sandbox) end
    storm_now:close()
    expect_none_left(sandbox, before)
  end)

  it("that abort uploads gives their memory back", function()
    local function abort_twice()
      for _ = 1, 2 do
        local _ <close> = storm.over(sandbox.base_url, "abort", 30, 16 * 1000 * 1000)
        expect_served(sandbox)
        expect_none_left(sandbox, before)
      end
    end
    abort_twice() -- allocators keep some of it for the next time
    local size = kilobytes(sandbox)
    abort_twice()
    expect.truthy(kilobytes(sandbox) - size < 100 * 1000) -- of 960,000 that came
  end)

  it("that spoil 3,000 requests provokes refusals, and no defect", function()
    for seed = 1, 3 do
      local storm_now <close> = storm.over(sandbox.base_url, "mutate", 1000, seed, table.unpack(SEEDS))
      local answered = storm_now.answered
      expect.truthy((answered[200] or 0) > 0 and (answered[400] or 0) > 0)
      expect.equal({ answered[0], answered[500] }, {})
      expect_served(sandbox)
    end
    expect_none_left(sandbox, before)
    local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin" }
    expect.truthy(anyreach.json.is_array(api.request { path = "/_sandbox/requests" }))
    expect.equal(sandbox:output "err", "")
  end)
end)

describe("more requests at a time than there may be connections", function()
  it("are answered, or refused with 503 and a time to come back", function()
    local sandbox <close> = start(64, "--faults", "latency=2000")
    local code, out = process.run(("curl -s --noproxy '*' --parallel --parallel-immediate --parallel-max 60 "
      .. "--max-time 50 -o /dev/null -w '%%{http_code} %%header{retry-after};' "
      .. "-H 'Authorization: Bearer ak_sandbox.admin' '%s/core/agents?limit=[1-45]'"):format(sandbox.base_url))
    expect.equal(code, 0)
    local served, refused = select(2, out:gsub("200 ;", "")), select(2, out:gsub("503 1;", ""))
    expect.equal(served + refused, 45)
    expect.truthy(served >= 32)
    expect.truthy(refused >= 1)
  end)
end)
