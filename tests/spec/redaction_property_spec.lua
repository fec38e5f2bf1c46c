-- Secrets are planted in random documents, addresses and headers: as values that the run knows, by the name of their
-- field, and by their shape, in any encoding and at any place. None of them comes out of what is shown or recorded, and
-- what holds none comes out byte for byte.

local asking = require "helpers.sandbox"
local canary = require "helpers.canary"
local har = require "anyreach.observe.har"
local json = require "anyreach.json"
local record = require "anyreach.observe.record"
local recording = require "anyreach.observe.recording"
local redaction = require "anyreach.text.redaction"
local secret = require "anyreach.secret"
local trace = require "anyreach.observe.trace"

local ROUNDS = 300

-- A small generator of its own, so that a round can be repeated by its number.
local function numbers(seed)
  local state = seed
  return function(low, high)
    state = state * 6364136223846793005 + 1442695040888963407
    return low + (state >> 33) % (high - low + 1)
  end
end

local function pick(random, list)
  return list[random(1, #list)]
end

local ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

-- A word that nothing else has, with a digit and a small letter.
local function fresh(random, length)
  local letters = {}
  for i = 1, length do
    local at = random(1, #ALPHABET)
    letters[i] = ALPHABET:sub(at, at)
  end
  return "q7" .. table.concat(letters)
end

-- {====== secrets ======

-- Each returns the text to be planted, and the bytes of it that must not come out.
local SHAPES = {
  function(word) return "Bearer " .. word, word end,
  function(word) return "Basic " .. word .. "=", word end,
  function(word) return "sk-" .. word, word end,
  function(word) return "rk_live_" .. word, word end,
  function(word) return "ghp_" .. word, word end,
  function(word) return "https://user:" .. word .. "@host.example/x", word end,
  function(word) return "https://host.example/x?a=1&access_token=" .. word, word end,
  function(word) return "-----BEGIN PRIVATE KEY-----\n" .. word .. "\n-----END PRIVATE KEY-----", word end,
  function(word) return "eyJ" .. word .. ".eyJ" .. word .. "." .. word, word end,
}

local NAMES = {
  "token", "Authorization", "X-Api-Key", "x_api_key", "apiKey", "client_secret", "clientSecret", "webhook-secret",
  "Password", "private_key", "PAT_KEY", "credentials", "signature", "sig", "Cookie", "secretAccessKey", "passphrase",
}

local kept = {} -- secrets that the run knows, for as long as the spec runs

-- }======

-- {====== encodings ======

local function each_character(text, f)
  return (text:gsub(utf8.charpattern, f))
end

local function percent(format)
  return function(character)
    return (character:gsub(".", function(c) return (format):format(c:byte()) end))
  end
end

local ENCODINGS = {
  function(text) return text end,
  asking.encode_query,
  function(text) return each_character(text, percent "%%%02x") end,
  function(text, random)
    return each_character(text, function(c) return random(1, 3) == 1 and percent "%%%02X" (c) or nil end)
  end,
  function(text) return json.encode(text):sub(2, -2) end,
  function(text) return each_character(text, function(c) return ("\\u%04x"):format(utf8.codepoint(c)) end) end,
}

-- JSON as others write it: any character may be an escape.
local function encode_oddly(random, value)
  if type(value) == "string" then
    return '"' .. value:gsub(utf8.charpattern, function(c)
      return c:find("%w") and random(1, 8) == 1 and ("\\u%04X"):format(c:byte()) or json.encode(c):sub(2, -2)
    end) .. '"'
  elseif json.is_array(value) then
    local parts = {}
    for i, part in ipairs(value) do parts[i] = encode_oddly(random, part) end
    return "[" .. table.concat(parts, pick(random, { ",", ", ", "\n," })) .. "]"
  elseif type(value) == "table" and not json.is_number(value) then
    local parts = {}
    for key, part in pairs(value) do
      parts[#parts + 1] = encode_oddly(random, key) .. pick(random, { ":", " : " }) .. encode_oddly(random, part)
    end
    return "{" .. table.concat(parts, ",") .. "}"
  end
  return json.encode(value)
end

-- }======

-- {====== documents ======

local WORDS = { "plan", "Is the patient's key here?", "100 %", "a+b", "C:\\temp\\new", "é日本😀", "a\nb", "basic plan",
  "Bearer of news", "ask-me-anything", "https://host.example/?page=2", "", "task 12", "max_tokens", "\1" }

local function plain(random, depth)
  local kind = random(1, depth > 3 and 3 or 5)
  if kind == 1 then return pick(random, WORDS) .. pick(random, WORDS) end
  if kind == 2 then return random(0, 1000000) end
  if kind == 3 then return pick(random, { true, false, json.null, 1.5 }) end
  local value = kind == 4 and json.array {} or {}
  for i = 1, random(0, 4) do
    value[kind == 4 and i or pick(random, { "name", "id", "max_tokens", "a b", "é", "url" })] = plain(random, depth + 1)
  end
  return value
end

-- A document with one secret; and the bytes that must not come out.
local function planted(random)
  local word, kind = fresh(random, random(34, 60)), random(1, 4)
  local document = { before = plain(random, 1), after = plain(random, 1) }
  if kind == 1 then
    word = word .. pick(random, { "", "/+ \"\\é", "%41" })
    kept[#kept + 1] = secret(word)
    document.note = pick(random, WORDS) .. " " .. pick(random, ENCODINGS)(word, random) .. " " .. pick(random, WORDS)
    if random(1, 4) == 1 then document.note = asking.base64(pick(random, { "", "x", "xy" }) .. word .. "tail") end
  elseif kind == 2 then
    document[pick(random, NAMES)] = pick(random, { word, json.array { word }, { below = word } })
  elseif kind == 3 then
    document.note = pick(random, WORDS) .. " " .. pick(random, SHAPES)(word) .. " " .. pick(random, { "", "and more" })
  else
    document.headers = json.array { { name = pick(random, NAMES), value = word } }
  end
  for _ = 1, random(0, 3) do document = pick(random, { { inner = document }, json.array { 1, document } }) end
  return document, word
end

-- }======

-- Fails when the word, or most of it, is in a text as it is or behind an encoding.
local function expect_hidden(round, where, text, word)
  local part = word:sub(3, 30)
  local views = { text, recording.decode_part(text) }
  views[3] = text:gsub("\\u(%x%x%x%x)", function(digits) return utf8.char(tonumber(digits, 16)) end)
  for _, view in ipairs(views) do
    if view:find(part, 1, true) then error(("round %d, %s shows %s:\n%s"):format(round, where, word, text), 2) end
  end
end

local function note_of(fields)
  local all = {
    method = "POST", url = "https://api.invalid/core/agents", attempt = 1, status = 200, started = 1, elapsed = 0.1,
    total = 0.1, bytes_out = 1, bytes_in = 1, connections = 0, resolved = 0, connected = 0, secured = 0, ready = 0,
    first_byte = 0.1, request = { headers = {}, headers_length = 1, length = 1, body = "" },
    response = { headers = {}, headers_length = 1, status_line = "HTTP/1.1 200 OK", body = "" },
  }
  for name, value in pairs(fields) do all[name] = value end
  return all
end

local OUTPUTS = {
  har = function(note) return json.encode(har.entry(note), { invalid_bytes = "replace" }) end,
  trace = trace.full,
  recording = function(note) return (record.exchange(note)) end,
}

local function expect_all_hidden(round, note, word)
  local canaries = canary.new { word = word }
  for name, show in pairs(OUTPUTS) do
    local text = show(note)
    expect_hidden(round, name, text, word)
    canaries:expect_none(("%s of round %d"):format(name, round), text)
  end
end

local function message(body, headers)
  return { headers = headers or {}, headers_length = 1, length = #body, body = body, status_line = "HTTP/1.1 200 OK" }
end

describe("a planted secret", function()
  it("comes out of no body", function()
    for round = 1, ROUNDS do
      local random = numbers(round)
      local document, word = planted(random)
      local body = encode_oddly(random, document)
      expect_all_hidden(round, note_of { request = message(body), response = message(body) }, word)
      local value = json.decode(redaction.body(body))
      expect.truthy(value)
    end
  end)

  it("comes out of no body that was cut", function()
    for round = 1, ROUNDS do
      local random = numbers(round)
      local word = fresh(random, 40)
      local field = encode_oddly(random, { [pick(random, NAMES)] = word }):sub(2, -2)
      local body = '{"before":' .. encode_oddly(random, plain(random, 0)) .. "," .. field .. ',"after":1}'
      local first = body:find(field, 1, true)
      local cut = body:sub(1, random(first + #field // 2, #body - 1))
      expect_all_hidden(round, note_of { request = message(cut), response = message(cut) }, word)
    end
  end)

  it("comes out of no address", function()
    for round = 1, ROUNDS do
      local random = numbers(round)
      local word = fresh(random, 40)
      kept[#kept + 1] = secret(word)
      local url = "https://api.invalid/core/" .. pick(random, ENCODINGS)(word, random):gsub("\\", "%%5C") .. "?a=1"
      local by_name = ("https://api.invalid/x?a=1&%s=%s"):format(pick(random, NAMES), fresh(random, 40))
      expect_all_hidden(round, note_of { url = url }, word)
      expect_all_hidden(round, note_of { url = by_name }, by_name:match("=([^=]*)$"))
    end
  end)

  it("comes out of no header", function()
    for round = 1, ROUNDS do
      local random = numbers(round)
      local word = fresh(random, 40)
      local noted = pick(random, SHAPES)(word):gsub("\n", " ")
      local headers = { { name = pick(random, NAMES), value = word }, { name = "X-Note", value = noted } }
      expect_all_hidden(round, note_of { request = message("", headers), response = message("", headers) }, word)
    end
  end)
end)

describe("what holds no secret", function()
  it("comes out byte for byte", function()
    for round = 1, ROUNDS do
      local random = numbers(round)
      local body = encode_oddly(random, { a = plain(random, 0), b = plain(random, 0) })
      expect.equal(redaction.body(body), body)
      expect.equal(json.decode(redaction.body(body, nil, 2)), json.decode(body))
      local text = pick(random, WORDS) .. pick(random, WORDS)
      expect.equal(redaction.text(text), text)
      expect.equal(redaction.body(text, "text/plain"), text)
    end
  end)

  it("is recorded as it was", function()
    for round = 1, ROUNDS do
      local random = numbers(round)
      local value = { a = plain(random, 0), b = plain(random, 0) }
      local body = encode_oddly(random, value)
      local exchange = json.decode((record.exchange(note_of { request = message(body), response = message(body) })))
      expect.equal(exchange.request.body, value)
      expect.equal(exchange.response.body, value)
      expect.truthy(recording.matches(recording.request("POST", "https://api.invalid/core/agents", body, {}),
        exchange.request))
    end
  end)
end)
