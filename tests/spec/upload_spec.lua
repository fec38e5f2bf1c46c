-- sources.upload: a source is created, its bytes go to the address that the server gives, and nothing
-- of the client's goes with them.

local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"
local wire_request = require "helpers.wire_request"

local ID, OTHER_ID = wire_request.ID, wire_request.OTHER_ID
local CANARY = "X-Amz-Signature=canary%2F1"

local directory = process.directory()
local path = directory .. "/hours.md"
process.write(path, "# Hours\n\0\255\r\n")

local function client(server)
  return anyreach.client {
    base_url = server.base_url, token = wire_request.TOKEN, organization = "org-1",
    headers = { ["X-Trace"] = anyreach.secret "trace" },
  }
end

-- An API that does not know the source yet, answers the creation with this one, and all that follows with `{"id":…}`.
local function api_server(source)
  local server = wire.start()
  server:answer({ status = 404, body = '{"detail":"not found"}' }, 1)
  server:answer({ body = json.encode(source) }, 2)
  server:answer { body = '{"id":"' .. ID .. '","file_upload_status":"COMPLETE"}' }
  return server
end

local function source_for(storage, fields)
  local source = { id = ID, presigned_url = storage.base_url .. "/bucket/a%20b?" .. CANARY, content_type = "text/x" }
  for name, value in pairs(fields or {}) do source[name] = value end
  return json.array { source }
end

-- With the client's extra header in its place.
local function bytes(line, body)
  return (wire_request.bytes(line, body):gsub("\r\nContent%-Length: %d+\r\n\r\n",
    "\r\nX-Trace: trace%0", 1):gsub("\r\nAccept: ", "\r\nX-Anyreach-Org: org-1%0", 1))
end

local function put(content_type, body)
  return table.concat({
    "PUT /bucket/a%20b?" .. CANARY .. " HTTP/1.1", "Host: 127.0.0.1:PORT",
    "User-Agent: anyreach-lua/" .. anyreach.version, "Accept: */*", "Accept-Encoding: gzip",
    "Content-Type: " .. content_type, "Content-Length: " .. #body,
  }, "\r\n") .. "\r\n\r\n" .. body
end

-- Everything that an error says.
local function all_text(err)
  local fields = {}
  for name, value in pairs(err) do fields[name] = value end
  return tostring(err) .. json.encode(fields)
end

local function refused(api, text)
  local err = expect.raises(function() api.sources.upload(path) end, text)
  expect.falsy(all_text(err):find("canary", 1, true))
  return err
end

describe("sources.upload", function()
  it("gives nil and the error under try, and still raises misuse", function()
    local api = anyreach.client { base_url = "http://127.0.0.1:1", token = "ak_x" }
    local source, err = api.try.sources.upload "/no/such/file"
    expect.equal({ source, err.kind }, { nil, "input" })
    expect.raises(function() api.try.sources.upload(1) end, "expected the path of a file")
  end)

  it("creates, sends the bytes without credential and headers of the client, and completes", function()
    local storage <close> = wire.start()
    storage:answer { type = "application/xml", body = "<ok/>" }
    local server <close> = api_server(source_for(storage))
    local source = client(server).sources.upload(path)
    expect.equal(source, { id = ID, file_upload_status = "COMPLETE" })
    local requests = server:requests()
    local own_id = requests[1]:match "^GET /knowledge%-base/sources/(%x+%-%x+%-8%x+%-[89ab]%x+%-%x+) "
    expect.equal({ #requests, requests[2], requests[3] }, { 3,
      bytes("POST /knowledge-base/sources", '[{"chunking_strategy":{"method":"structure_based"},"file_size":12,"id":"'
        .. own_id .. '","name":"hours.md","type":"FILE"}]'),
      bytes("PUT /knowledge-base/sources/" .. ID, '{"file_upload_status":"COMPLETE"}'),
    })
    expect.equal(storage:requests(), { put("text/x", "# Hours\n\0\255\r\n") })
  end)

  it("takes a name and a chunking strategy, an answer that is no list, and guesses the content type", function()
    local storage <close> = wire.start()
    storage:reply("send", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    local server <close> = api_server(source_for(storage, { content_type = json.null })[1])
    client(server).sources.upload(path, { name = "Hours", chunking_strategy = { method = "fixed", chunk_size = 500 } })
    expect.match(server:requests()[2], '{"chunking_strategy":{"chunk_size":500,"method":"fixed"},'
      .. '"file_size":12,"id":"[%x-]+","name":"Hours","type":"FILE"}')
    expect.equal(storage:requests(), { put("text/markdown", "# Hours\n\0\255\r\n") })
  end)

  it("sends an empty file, too", function()
    local empty = directory .. "/empty"
    process.write(empty, "")
    local storage <close> = wire.start()
    local server <close> = api_server(source_for(storage))
    client(server).sources.upload(empty)
    expect.equal(storage:requests(), { put("text/x", "") })
  end)

  it("attaches the source to a knowledge base and waits until it is processed", function()
    local storage <close> = wire.start()
    local server <close> = api_server(source_for(storage))
    server:answer({ body = '[{"id":"r1","source_id":"' .. ID .. '"}]' }, 4)
    server:answer({ body = '{"data":[{"id":"r0","status":"failed"},{"id":"r1","status":"chunking"}]}' }, 5)
    server:answer({ body = '{"data":[{"id":"r0","status":"failed"},{"id":"r1","status":"ready"}]}' }, 6)
    local states = {}
    local source = client(server).sources.upload(path, {
      dataset_id = OTHER_ID, timeout = 30, on_progress = function(state) states[#states + 1] = state end,
    })
    expect.equal(source.file_upload_status, "COMPLETE")
    expect.equal(states, { "chunking" })
    local requests = server:requests()
    expect.equal(#requests, 6)
    expect.equal(requests[4], bytes("POST /knowledge-base/datasets/" .. OTHER_ID .. "/sources",
      '[{"source_id":"' .. ID .. '"}]'))
  end)

  it("is not finished before the source is listed", function()
    local storage <close> = wire.start()
    local server <close> = api_server(source_for(storage))
    server:answer({ body = '{"message":"queued"}' }, 4)
    server:answer({ body = '{"data":[]}' }, 5)
    server:answer({ body = '{"data":[{"id":"r1","source_id":"' .. ID .. '","status":"ready"}]}' }, 6)
    client(server).sources.upload(path, { dataset_id = OTHER_ID })
    expect.equal(server:count(), 6)
  end)
end)

-- The source was looked for, created, and deleted again.
local function expect_deleted(server)
  local requests = server:requests()
  expect.equal({ #requests, requests[3] and requests[3]:match "^%S+ %S+" },
    { 3, "DELETE /knowledge-base/sources/" .. ID })
end

describe("the address of an upload", function()
  it("is refused when it is no https address, nor of this machine", function()
    local addresses = {
      "http://evil.example/x?" .. CANARY, "http://127.0.0.1.evil.example/x?" .. CANARY,
      "http://127.0.0.1@evil.example/?" .. CANARY, "https://user:canary@storage.example/x",
      "javascript:alert('canary')", "file:///etc/canary", "FILE:///etc/canary", "ftp://127.0.0.1/x?" .. CANARY,
      "data:text/plain,canary", "//evil.example/x?" .. CANARY, "/relative?" .. CANARY, "canary", "", "https://",
      "https://storage.example/x y?" .. CANARY, "https://storage.example/\r\nX-Evil: canary",
    }
    for _, address in ipairs(addresses) do
      local server <close> = api_server(json.array { { id = ID, presigned_url = address } })
      local err = refused(client(server), "the server's upload address is refused: ")
      expect.equal(err.kind, "answer")
      expect_deleted(server)
    end
  end)

  it("and the id must be in the answer", function()
    local answers = {
      [json.array {}] = "no id", [json.null] = "no id", [json.array { 5 }] = "no id",
      [json.array { { id = 5 } }] = "no id",
      [json.array { { id = ID } }] = "no presigned_url", [{ id = ID, presigned_url = json.null }] = "no presigned_url",
    }
    for answer, text in pairs(answers) do
      local server <close> = api_server(answer)
      expect.equal(refused(client(server), text).kind, "answer")
      expect.equal(server:count(), text == "no id" and 2 or 3)
    end
  end)

  it("is sent no content type with a line break", function()
    local storage <close> = wire.start()
    local server <close> = api_server(source_for(storage, { content_type = "text/x\r\nX-Evil: 1" }))
    refused(client(server), "control character")
    expect.equal(storage:count(), 0)
  end)
end)

describe("an upload that fails", function()
  it("raises status and code of the storage, not its words or the address's query", function()
    local storage <close> = wire.start()
    storage:answer {
      status = 403, type = "application/xml",
      body = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>" .. CANARY .. "</StringToSign></Error>",
    }
    local server <close> = api_server(source_for(storage))
    local err = refused(client(server), "403 not permitted: SignatureDoesNotMatch")
    expect.equal(err.url, storage.base_url .. "/bucket/a%20b")
    expect_deleted(server)
  end)

  it("raises the status when the storage says nothing that is understood", function()
    for _, body in ipairs { "", CANARY, "<Code>", "<Code>" .. CANARY, '{"detail":"' .. CANARY .. '"}' } do
      local storage <close> = wire.start()
      storage:answer { status = 500, body = body }
      local server <close> = api_server(source_for(storage))
      local err = refused(client(server), "500")
      expect.equal(err.may_have_been_sent, true)
      expect_deleted(server)
    end
  end)

  it("follows no redirect, and takes nothing there", function()
    local elsewhere <close> = wire.start()
    for _, status in ipairs { 301, 307, 308 } do
      local storage <close> = wire.start()
      storage:answer { status = status, body = "", headers = { "Location: " .. elsewhere.base_url .. "/?" .. CANARY } }
      local server <close> = api_server(source_for(storage))
      expect.equal(refused(client(server)).kind, "redirect")
      expect_deleted(server)
    end
    expect.equal(elsewhere:log(), "")
  end)

  it("raises what happened to the connection", function()
    for _, manner in ipairs { "die", "reset" } do
      local storage <close> = wire.start()
      storage:reply(manner)
      local server <close> = api_server(source_for(storage))
      local err = refused(client(server))
      expect.equal(err.kind, "network")
      expect.equal(err.operation, "sources.upload")
      expect_deleted(server)
    end
    local server <close> = api_server(json.array { { id = ID, presigned_url = "http://127.0.0.1:1/x?" .. CANARY } })
    expect.equal(refused(client(server)).url, "http://127.0.0.1:1/x")
  end)

  it("says when the source was refused", function()
    local server <close> = wire.start()
    server:answer { status = 422, body = '{"detail":"too large"}' }
    expect.equal(refused(client(server), "too large").kind, "validation")
  end)

  it("is refused before anything is sent when it is misuse", function()
    local server <close> = wire.start()
    local upload = client(server).sources.upload
    local function misuse(text, ...)
      local arguments = table.pack(...)
      return expect.raises(function() upload(table.unpack(arguments, 1, arguments.n)) end, text)
    end
    misuse "expected the path of a file, got a nil"
    misuse("expected the path of a file, got a table", { path })
    misuse("expected a table of options, got a string", path, "name")
    misuse("unknown option 'dataset'; expected name,", path, { dataset = ID })
    misuse("dataset_id: expected a string", path, { dataset_id = 5 })
    misuse("timeout: expected seconds", path, { dataset_id = ID, timeout = "5" })
    misuse("on_progress: expected a function", path, { on_progress = 1 })
    misuse("name: expected a string", path, { name = 5 })
    misuse("chunking_strategy: expected an object", path, { chunking_strategy = "fixed" })
    expect.equal(misuse("missing", directory .. "/missing").kind, "input")
    expect.equal(misuse(directory, directory).kind, "input")
    expect.equal(server:count(), 0)
  end)
end)

describe("the same content", function()
  local sandbox <const> = process.sandbox

  local function client_of(server)
    return anyreach.client { base_url = server.base_url, token = "ak_sandbox.admin" }
  end

  local function count(api)
    local number = 0
    for _ in api.sources.each() do number = number + 1 end
    return number
  end

  it("under the same name is one source, other content, names and strategies are others", function()
    local server <close> = sandbox()
    local api, ids = client_of(server), {}
    local before = count(api)
    local file = directory .. "/same.md"
    local kinds = {
      { "a", {} }, { "b", {} }, { "", {} }, { "a", { name = "other.md" } },
      { "a", { chunking_strategy = { method = "fixed", chunk_size = 300 } } },
      { "a", { chunking_strategy = { method = "fixed", chunk_size = 301 } } },
    }
    for round = 1, 3 do
      for index, kind in ipairs(kinds) do
        process.write(file, kind[1])
        local source = client_of(server).sources.upload(file, kind[2])
        ids[index] = ids[index] or source.id
        expect.equal({ round, index, source.id, source.file_upload_status }, { round, index, ids[index], "COMPLETE" })
      end
    end
    expect.equal(count(api) - before, #kinds)
  end)

  it("of two organisations is two sources", function()
    local server <close> = sandbox()
    local first = client_of(server).sources.upload(path)
    local second = anyreach.client { base_url = server.base_url, token = "ak_sandbox.second" }.sources.upload(path)
    expect.truthy(first.id ~= second.id)
  end)

  it("is attached once to a knowledge base", function()
    local server <close> = sandbox()
    local api = client_of(server)
    local dataset = api.datasets.create { name = "D", embedding_model = "text-embedding-3-small",
      embedding_dimension = 768 }
    for _ = 1, 3 do api.sources.upload(path, { dataset_id = dataset.id }) end
    expect.equal(#api.datasets.sources.list(dataset.id).data, 1)
  end)

  it("is uploaded anew when an upload was broken off, whatever it has left", function()
    for _, fault in ipairs { "503;only=sources.update", "503;only=sources.create", "drop;only=sources.create",
      "503;only=sources.update,sources.delete" } do
      local server <close> = sandbox()
      local api = client_of(server)
      local before = count(api)
      local broken = anyreach.client { base_url = server.base_url, token = "ak_sandbox.admin", retries = 0,
        headers = { ["X-Sandbox-Fault"] = fault } }
      expect.raises(function() broken.sources.upload(path) end, "")
      expect.equal({ fault, api.sources.upload(path).file_upload_status }, { fault, "COMPLETE" })
      expect.equal({ fault, count(api) - before }, { fault, 1 })
    end
  end)
end)

describe("the source of an upload that fails", function()
  local function fail_upload(deletion)
    local storage <close> = wire.start()
    storage:answer { status = 403, body = "" }
    local server <close> = api_server(source_for(storage))
    server:answer(deletion, 3)
    return refused(client(server), "403 not permitted").message
  end

  it("is deleted, or said to remain, with its id", function()
    local gone = "; the source that was created for it was deleted"
    expect.contains(fail_upload { status = 204 }, gone)
    expect.contains(fail_upload { status = 404, body = "{}" }, gone)
    expect.contains(fail_upload { status = 403, body = "{}" },
      "; the source " .. ID .. ", which was created for it, remains: 403 not permitted")
  end)

  it("has an id of the server's when it cannot be looked for", function()
    local storage <close> = wire.start()
    local server <close> = api_server(source_for(storage))
    server:answer({ status = 405, body = "{}" }, 1)
    client(server).sources.upload(path)
    expect.falsy(server:requests()[2]:find('"id"', 1, true))
  end)
end)
