-- Forms with files: how fields and files become parts, and what is refused.

local form = require "anyreach.client.form"
local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local directory = process.directory()

local function file(name, text)
  process.write(directory .. "/" .. name, text or "x")
  return directory .. "/" .. name
end

-- The form with its boundary replaced by B, and the content type with the same.
local function encode(fields, file_fields)
  local body, content_type = form.encode(fields, file_fields or {})
  local boundary = content_type:match("^multipart/form%-data; boundary=(anyreach%-%x+)$")
  return (body:gsub(boundary:gsub("%-", "%%-"), "B")), boundary
end

local function field(name, value)
  return '--B\r\nContent-Disposition: form-data; name="' .. name .. '"\r\n\r\n' .. value .. "\r\n"
end

local function file_field(name, file_name, content_type, bytes)
  return ('--B\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: %s\r\n\r\n%s\r\n'):format(
    name, file_name, content_type, bytes)
end

describe("a form", function()
  it("has its fields in the order of their names, text as it is and all else as JSON", function()
    local fields = {
      text = "two\r\nlines", number = 5, float = 1.0, flag = false, null = json.null,
      list = json.array {}, object = { b = 1, a = json.array { "x" } },
    }
    expect.equal(encode(fields), field("flag", "false") .. field("float", "1.0") .. field("list", "[]")
      .. field("null", "null") .. field("number", "5") .. field("object", '{"a":["x"],"b":1}')
      .. field("text", "two\r\nlines") .. "--B--\r\n")
  end)

  it("holds a file's bytes, its name without the directories, and a content type", function()
    local bytes = "\0\255--\r\n"
    expect.equal(encode({ file = file("Preise 2025.CSV", bytes), note = "n" }, { file = true }),
      file_field("file", "Preise 2025.CSV", "text/csv", bytes) .. field("note", "n") .. "--B--\r\n")
    expect.equal(encode({ file = file("empty.pdf", "") }, { file = true }),
      file_field("file", "empty.pdf", "application/pdf", "") .. "--B--\r\n")
  end)

  it("keeps names from ending their header", function()
    expect.equal(encode({ ['a"b\r\nX: 1'] = "v" }), field("a%22b%0D%0AX: 1", "v") .. "--B--\r\n")
    local path = file('q"\n.txt', "t")
    expect.equal(encode({ file = path }, { file = true }),
      file_field("file", "q%22%0A.txt", "text/plain", "t") .. "--B--\r\n")
  end)

  it("without fields is only its end", function()
    expect.equal(encode {}, "--B--\r\n")
  end)

  it("has a boundary of its own, which none of its parts holds", function()
    local _, first = encode {}
    local _, second = encode {}
    expect.falsy(first == second)
    local random, numbers = math.random, { 1, 1, 2, 2 }
    math.random = function() return table.remove(numbers, 1) end -- luacheck: ignore 122
    local _, boundary = encode { note = "anyreach-" .. ("%016x%016x"):format(1, 1) }
    math.random = random -- luacheck: ignore 122
    expect.equal(boundary, "anyreach-" .. ("%016x%016x"):format(2, 2))
  end)

  it("refuses what is no file and what has no text", function()
    local err = expect.raises(function() encode({ file = directory .. "/missing" }, { file = true }) end, "missing")
    expect.equal(err.kind, "input")
    expect.raises(function() encode({ file = { 1 } }, { file = true }) end, "file: expected the path of a file")
    expect.raises(function() encode { note = print } end, "note: ")
    local secret = expect.raises(function() encode { note = anyreach.secret "canary" } end, "note: ")
    expect.falsy(tostring(secret):find("canary", 1, true))
  end)
end)

describe("the content type of a file", function()
  it("goes by the end of its name", function()
    local types = {
      ["a.csv"] = "text/csv", ["a.JSON"] = "application/json", ["a.b.md"] = "text/markdown",
      ["a.pdf"] = "application/pdf", ["a.txt"] = "text/plain", ["a"] = "application/octet-stream",
      ["a.exe"] = "application/octet-stream", ["x.md/a"] = "application/octet-stream",
      [""] = "application/octet-stream",
    }
    for path, content_type in pairs(types) do expect.equal(form.content_type(path), content_type) end
  end)
end)

describe("an operation that takes a form", function()
  local server <close> = wire.start()
  local api = anyreach.client { base_url = server.base_url, token = "ak_x" }
  local ID = "0c9a5b1e-7d1f-4a52-9f0e-2f5a3f1b6c7d"

  it("sends nothing when the file cannot be read", function()
    for _, path in ipairs { directory, directory .. "/missing" } do
      local err = expect.raises(function() api.datasets.sources.create(ID, { file = path }) end)
      expect.equal(err.kind, "input")
    end
    expect.equal(server:count(), 0)
  end)

  it("sends a large file whole, while the collector works", function()
    local text = ("0123456789abcdef"):rep(1 << 16)
    local path = file("large.bin", text)
    local task = anyreach.spawn(function() return api.datasets.sources.create(ID, { file = path }) end)
    anyreach.sleep(0)
    collectgarbage()
    task:wait()
    expect.contains(server:requests()[1], "\r\n\r\n" .. text .. "\r\n--anyreach-")
  end)
end)
