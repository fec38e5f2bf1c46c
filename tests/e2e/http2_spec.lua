-- HTTP/2 with servers that end connections and refuse streams: nothing is lost, nothing arrives twice, and every
-- answer is that of its own request.

local front = require "helpers.front"
local process = require "helpers.process"

describe("a server that ends its connections after 40 requests", function()
  local CREATES = [[
    local api, counts, list = anyreach.client(), {}, {}
    for i = 1, 600 do list[i] = i end
    anyreach.map(list, function(i)
      local name = "rotated " .. i
      local agent, err = api.try.agents.create { name = name }
      local outcome = anyreach.is_error(err) and ("%s, %s"):format(err.kind, err.may_have_been_sent)
        or api.agents.get(agent.id).name == name and "created" or "another agent's answer"
      counts[outcome] = (counts[outcome] or 0) + 1
    end)
    local seen = 0
    for _ in api.agents.each() do seen = seen + 1 end
    print(anyreach.json.encode { counts = counts, seen = seen })]]

  -- Creates and reads 600 agents at once. Returns what became of the creates, how many agents the server then has,
  -- and how many requests of each method came over HTTP/2.
  local function create_many(...)
    local sandbox <close> = process.sandbox()
    local server <close> = front.nginx(sandbox.base_url, { http2 = true, limits = "keepalive_requests 40;" })
    local code, out, err = process.run(("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_sandbox.admin %s -e %s"):format(
      server.base_url, process.anyreach("--ca-file=" .. server.ca_file, ...), process.quote(CREATES)))
    expect.equal({ code, err }, { 0, "" })
    local result, over_http2 = anyreach.json.decode(out), { POST = 0, GET = 0 }
    for method in front.log(server):gmatch '"(%u+) %S+ HTTP/2' do over_http2[method] = over_http2[method] + 1 end
    return result, over_http2
  end

  local ALL = { counts = { created = 600 }, seen = 600 }

  it("loses nothing", function()
    local result, over_http2 = create_many "--concurrency=64"
    expect.equal({ result, over_http2 }, { ALL, { POST = 0, GET = 0 } })
  end)

  -- Creates over HTTP/2 would be lost here, and over the connections of the reads they would get the reads' answers.
  it("loses nothing and mixes nothing up with --http2, which is for reads alone", function()
    local result, over_http2 = create_many("--concurrency=64", "--http2")
    expect.equal({ result, over_http2.POST }, { ALL, 0 })
    expect.truthy(over_http2.GET >= 600)
  end)
end)

describe("a server that refuses streams", function()
  local CALLS = [[
    local api, list, ids = anyreach.client(), {}, {}
    for i = 1, 60 do list[i] = i end
    anyreach.map(list, function(i)
      local id = ("00000000-0000-4000-8000-%012d"):format(i)
      ids[i] = api.agents.get(id).id == id
      if i % 3 == 0 then api.agents.create { name = "once " .. i } end
    end)
    print(#ids, anyreach.json.encode(ids):find "false")]]

  it("is asked again for what may be repeated, and asked once for the rest", function()
    if process.run "command -v node" ~= 0 then skip "there is no node" end
    local certificate, key = front.certificate()
    local server <close> = process.start(("node %s/tests/helpers/http2_server.mjs %s %s"):format(
      process.quote(process.root), certificate, key))
    local code, out, err = process.run(("ANYREACH_BASE_URL=https://localhost:%s ANYREACH_TOKEN=ak_sandbox.admin "
      .. "%s -e %s"):format(server:first_line(),
      process.anyreach("--http2", "--concurrency=8", "--ca-file=" .. certificate), process.quote(CALLS)))
    expect.equal({ code, out, err }, { 0, "60\tnil\n", "" })
    local counts = {}
    for what in server:output():gmatch "(HTTP/%d%.%d %u+) " do counts[what] = (counts[what] or 0) + 1 end
    expect.truthy(counts["HTTP/2.0 GET"] >= 60) -- more where the server left before its answer had
    counts["HTTP/2.0 GET"] = nil
    expect.equal(counts, { ["HTTP/1.1 POST"] = 20 })
  end)
end)
