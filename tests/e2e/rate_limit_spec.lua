-- Limits of real servers: nginx's limit_req and the sandbox's. How much is refused is counted; how long it takes is
-- tested in virtual time, in unit/test_rate_limits.c.

local front = require "helpers.front"
local process = require "helpers.process"

local COUNT, AT_ONCE = 120, 24

-- Reads that all succeed, through the program. Returns what it prints on stderr.
local function read_all(base_url, ...)
  local code, out, err = process.run(("ANYREACH_TOKEN=ak_sandbox.admin ANYREACH_BASE_URL=%s %s"):format(base_url,
    process.anyreach("-e", ([[
      local api, numbers = anyreach.client(), {}
      for i = 1, %d do numbers[i] = i end
      anyreach.map(numbers, function() api.agents.list() end)
      print "done"]]):format(COUNT), "--concurrency=" .. AT_ONCE, ...)))
  expect.equal({ code, out }, { 0, "done\n" })
  return err
end

local function count(text, pattern) return select(2, text:gsub(pattern, "")) end

-- All of the first burst but one may be refused, and a few more while the limit is learnt.
local function is_within(refused, least, most)
  if refused < least or refused > most then error(("%d refused, not %d to %d"):format(refused, least, most), 2) end
end

describe("nginx that limits requests", function()
  local function refused_by(limit, ...)
    local sandbox <close> = process.sandbox()
    local nginx <close> = front.nginx(sandbox.base_url, { limits = ([[
      limit_req_zone $binary_remote_addr zone=all:1m rate=%s;
      limit_req_status 429;
      limit_req_log_level info;
      limit_req zone=all %s;]]):format(limit[1], limit[2]) })
    read_all(nginx.base_url, "--ca-file=" .. nginx.ca_file, ...)
    return count(front.log(nginx), '" 429 ')
  end

  it("without a burst refuses little more than the first requests", function()
    is_within(refused_by { "50r/s", "" }, 1, AT_ONCE - 1 + 15)
  end)

  it("with a burst, too", function()
    is_within(refused_by { "50r/s", "burst=5 nodelay" }, 1, AT_ONCE - 6 + 15)
  end)

  it("refuses little when --rate is its limit", function()
    is_within(refused_by({ "50r/s", "" }, "--rate=50"), 0, 15)
  end)
end)

describe("the sandbox that limits requests", function()
  it("refuses little more than the first requests", function()
    for _, limit in ipairs { "limit=50", "limit=50;burst=5", "limit=50;burst=5;retry-after=1" } do
      local sandbox <close> = process.sandbox("--faults", limit .. ";only=agents.*")
      local err = read_all(sandbox.base_url, "--stats")
      local refused, waited = err:match "\nrefused      (%d+) for too many requests, waited ([%d.]+) s"
      is_within(tonumber(refused), 1, AT_ONCE - 1 + 15)
      expect.equal(tonumber(refused), tonumber(err:match "retries +(%d+)"))
      expect.truthy(tonumber(waited) >= (limit:find "retry" and 1 or 0.1))
    end
  end)
end)
