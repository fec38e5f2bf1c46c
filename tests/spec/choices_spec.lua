-- Every value that a table of choices admits is driven over the wire: the methods of api.request with each style of
-- answer, and the choices that the descriptions of operations name.

local operations = require "anyreach.operations"
local request = require "anyreach.client.request"
local wire = require "helpers.wire"

local function client(server)
  return anyreach.client { base_url = server.base_url, token = "ak_x.y", retries = 0, timeout = 20 }
end

-- {name, status line and headers, body, what comes of it, whether the connection stays}. A status of 400 and more is
-- told from an answer by `pcall`.
local STYLES = {
  { "with a length", "200 OK\r\nContent-Type: application/json\r\nContent-Length: 7", '{"a":1}', { a = 1 }, true },
  { "in chunks", "200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked",
    '3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n', { a = 1 }, true },
  { "up to the end", "200 OK\r\nContent-Type: application/json\r\nConnection: close", '{"a":1}', { a = 1 }, false },
  { "as text", "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2", "hi", "hi", true },
  { "empty", "200 OK\r\nContent-Type: application/json\r\nContent-Length: 0", "", nil, true },
  { "without content", "204 No Content", "", nil, true },
  { "after 100", "100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 7",
    '{"a":1}', { a = 1 }, true },
  { "refusing", "404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 15", '{"detail":"no"}', 404, true },
  { "refusing up to the end", "500 Oops\r\nConnection: close", "oops", 500, false },
}

describe("an answer", function()
  local server <close> = wire.start()

  for _, method in ipairs(request.methods) do
    for _, style in ipairs(STYLES) do
      local name, head, body, expected, stays = table.unpack(style, 1, 5)
      it(("%s is taken for a %s, and the next request goes through"):format(name, method), function()
        local api = client(server)
        if method == "HEAD" then
          body, expected = "", math.type(expected) and expected or name == "as text" and "" or nil
        end
        server:reply(stays and "send" or "close", "HTTP/1.1 " .. head .. "\r\n\r\n" .. body, server:count() + 1)
        local opened = select(2, server:log():gsub("opened", ""))
        local ok, result = pcall(api.request, { method = method, path = "/core/x" })
        if ok then expect.equal(result, expected) else expect.equal(result.status, expected) end
        api.request { path = "/core/next" }
        local requests = server:requests()
        expect.equal({ requests[1]:match "^%S+ %S+", requests[2]:match "^%S+ %S+" },
          { method .. " /core/x", "GET /core/next" })
        local more = select(2, server:log():gsub("opened", "")) - opened
        expect.truthy(more <= (stays and 1 or 2))
        expect.equal(#requests, 2)
      end)
    end
  end

  it("to HEAD may announce any length", function()
    server:reply("send", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000000000\r\n\r\n",
      server:count() + 1)
    local result, response = client(server).request { method = "HEAD", path = "/core/x" }
    expect.equal({ result, response.headers["content-length"] }, { nil, "4000000000" })
  end)

  it("cannot be had for a HEAD with a body", function()
    local before = server:count()
    local options = { method = "HEAD", path = "/core/x", body = {} }
    expect.raises(function() client(server).request(options) end, "HEAD takes none")
    expect.equal(server:count(), before)
  end)
end)

-- {steps to it, choices} for each table of choices in a schema; a step is a field's name, or 1 for an array's items.
local function tables_of_choices(schema, steps, found)
  if not schema then return found end
  if schema.choices then found[#found + 1] = { steps = steps, choices = schema.choices } end
  local function below(inner, step)
    local longer = table.move(steps, 1, #steps, 1, {})
    longer[#longer + 1] = step
    tables_of_choices(inner, longer, found)
  end
  for _, field in ipairs(schema.fields or {}) do below(field.schema, field.name) end
  if schema.items then below(schema.items, 1) end
  return found
end

local EXAMPLES = { string = "x", integer = 1, number = 1, boolean = true, null = anyreach.null }

-- The least that the schema admits, with `choice` where the steps from index `at` on lead.
local function least(schema, steps, at, choice)
  local step = steps[at]
  if step == nil and choice ~= nil then return choice end
  if schema.choices then return schema.choices[1] end
  local kind = schema.fields and "object" or schema.items and "array" or schema.types[1]
  if kind == "array" then return anyreach.array { step and least(schema.items, steps, at + 1, choice) } end
  if kind ~= "object" then return EXAMPLES[kind] end
  local value = {}
  for _, field in ipairs(schema.fields or {}) do
    if field.name == step then
      value[field.name] = least(field.schema, steps, at + 1, choice)
    elseif field.required then
      value[field.name] = least(field.schema, {}, 1)
    end
  end
  return value
end

describe("an operation's choices", function()
  local server <close> = wire.start()
  local api = anyreach.client { base_url = server.base_url, token = "ak_x.y" }
  local driven = 0

  local function bound(name)
    local value = api
    for part in name:gmatch "[^.]+" do value = value[part] end
    return value
  end

  -- Where choices may stand, with how they look on the wire: a path field, which has an index among the arguments, or
  -- the table after those.
  local function places(description)
    local list = { { schema = description.body, form = '"%s"' } }
    for index, field in ipairs(description.path_fields) do
      list[#list + 1] = { index = index, schema = field.schema, form = "/%s" }
    end
    for _, field in ipairs(description.parameters) do
      list[#list + 1] = { schema = { types = { "object" }, fields = { field } }, form = field.name .. "=%s" }
    end
    return list
  end

  local function send(description, place, steps, choice)
    local arguments = {}
    for index, field in ipairs(description.path_fields) do arguments[index] = least(field.schema, {}, 1) end
    arguments[place.index or #arguments + 1] = least(place.schema, steps, 1, choice)
    bound(description.name)(table.unpack(arguments))
  end

  for _, name in ipairs(operations.names()) do
    local description = operations.describe(name)
    for _, place in ipairs(places(description)) do
      for _, found in ipairs(tables_of_choices(place.schema, {}, {})) do
        local where = place.index and description.path_fields[place.index].name or table.concat(found.steps, ".")
        it(("of %s for %s are all sent"):format(name, where), function()
          server:answer { body = description.answer and anyreach.json.encode(least(description.answer, {}, 1)) or "{}" }
          for _, choice in ipairs(found.choices) do
            send(description, place, found.steps, choice)
            expect.contains(server:requests()[1], place.form:format(choice))
            driven = driven + 1
          end
          expect.raises(function() send(description, place, found.steps, "no such choice") end, "expected")
        end)
      end
    end
  end

  it("are more than a few", function() expect.truthy(driven > 30) end)
end)
