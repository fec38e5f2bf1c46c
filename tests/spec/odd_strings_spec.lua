-- Strings that are not Unicode text, in JSON: surrogates that are alone, as Python and JavaScript write them when a
-- text was cut, and bytes that are not UTF-8. Neither may be lost, changed on the way back, or cost other strings.

local json = require "anyreach.json"
local diff = require "anyreach.text.diff"
local diff_text = require "anyreach.text.diff_text"
local errors = require "anyreach.errors"
local messages = require "anyreach.text.messages"
local wire = require "helpers.wire"

local CONFORMANCE = "../shared/conformance/json/test_parsing"
local KEEP = { invalid_bytes = "keep" }

local function random_numbers(seed)
  math.randomseed(seed, 8)
  return math.random
end

-- {====== units of UTF-16, as Python, JavaScript and Java see a text ======

local INTERESTING = { 0, 0x22, 0x5C, 0x41, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xD800, 0xD83D, 0xDBFF, 0xDC00, 0xDE00,
  0xDFFF, 0xE000, 0xFFFF }

local function random_units(random)
  local units = {}
  for i = 1, random(0, 12) do units[i] = INTERESTING[random(#INTERESTING)] end
  return units
end

-- As json.dumps() writes them.
local function escaped(units)
  local parts = {}
  for i, unit in ipairs(units) do parts[i] = ("\\u%04x"):format(unit) end
  return '"' .. table.concat(parts) .. '"'
end

-- The units that a JSON string means, read in a way of its own.
local function units_of(text)
  local units, at = {}, 2
  local letters = { b = 8, f = 12, n = 10, r = 13, t = 9 }
  while at < #text do
    local digits = text:match("^\\u(%x%x%x%x)", at)
    local letter = text:match("^\\([^u])", at)
    if digits then
      units[#units + 1] = tonumber(digits, 16)
      at = at + 6
    elseif letter then
      units[#units + 1] = letters[letter] or letter:byte()
      at = at + 2
    else
      local code = utf8.codepoint(text, at)
      if code >= 0x10000 then
        units[#units + 1] = 0xD800 + ((code - 0x10000) >> 10)
        code = 0xDC00 + (code & 0x3FF)
      end
      units[#units + 1] = code
      at = utf8.offset(text, 2, at)
    end
  end
  return units
end

-- }======

describe("a surrogate that is alone", function()
  it("comes back as it was, wherever it stands", function()
    local random = random_numbers(1)
    for _ = 1, 3000 do
      local units = random_units(random)
      local text = escaped(units)
      local value = json.decode(text)
      local written = json.encode(value)
      expect.equal(units_of(written), units, text)
      expect.truthy(utf8.len(written), text)
      expect.equal(json.decode(written), value)
      expect.equal(json.encode({ [value] = value }), "{" .. written .. ":" .. written .. "}")
      expect.equal(json.decode("{" .. text .. ":1}"), { [value] = 1 })
    end
  end)

  it("has the bytes that it would have in UTF-8", function()
    expect.equal(json.decode [["cut \ud83d"]], "cut \xED\xA0\xBD")
    expect.equal(json.decode [["\ude00\ud83d"]], "\xED\xB8\x80\xED\xA0\xBD")
    expect.equal(json.decode [["\ud83d\ude00"]], "😀")
    expect.equal(json.encode "cut \xED\xA0\xBD", [["cut \ud83d"]])
  end)

  it("is two halves of one character when a script puts them together", function()
    expect.equal(json.encode(json.decode [["\ud83d"]] .. json.decode [["\ude00"]]), [["\ud83d\ude00"]])
  end)
end)

describe("a byte that is not UTF-8", function()
  local PIECES = { "a", "é", "€", "😀", '\\"', "\\n", "\\ud83d", "\xFF", "\x80", "\xC0\x80", "\xED\xA0\x80", "\xE2\x82",
    "\xF0\x9F\x98", "\xF4\x90\x80\x80" }

  local function random_text(random)
    local parts = {}
    for i = 1, random(0, 20) do parts[i] = PIECES[random(#PIECES)] end
    return '"' .. table.concat(parts) .. '"'
  end

  it("is kept on request, and the text around it read as ever", function()
    local random = random_numbers(2)
    for _ = 1, 3000 do
      local text = random_text(random)
      local value = json.decode(text, KEEP)
      expect.equal(json.decode(json.encode(value, KEEP), KEEP), value, text)
      local shown = json.encode(value, { invalid_bytes = "replace" })
      expect.truthy(utf8.len(shown))
      expect.equal(select("#", json.decode(shown)), 1)
      -- Strict and lenient agree where the strict reader has an answer.
      local ok, strict = pcall(json.decode, text)
      expect.equal(ok, utf8.len(text) ~= nil)
      if ok then expect.equal(strict, value) end
    end
  end)

  it("does not take the rest of the document with it", function()
    local rows = json.decode('[{"name":"a"},{"name":"b\xFF","\xFE":1},{"name":"c"}]', KEEP)
    expect.equal({ rows[1].name, rows[2].name, rows[2]["\xFE"], rows[3].name }, { "a", "b\xFF", 1, "c" })
  end)

  it("is not written silently, but named by its path", function()
    local rows = json.decode('[{"name":"a"},{"config":{"greeting":"b\xFF"}}]', KEEP)
    expect.raises(function() json.encode(rows) end,
      "cannot encode [2].config.greeting as JSON: the string is not valid UTF-8 at byte 2")
    expect.equal(json.encode(rows[2], { invalid_bytes = "replace" }), '{"config":{"greeting":"b\u{FFFD}"}}')
  end)

  it("excuses nothing else", function()
    for _, text in ipairs { "[\xFF]", '"\\\xE5"', '"\\u00\xE5"', '"a\nb\xFF"', '"\xFF', "\xFF", "\xEF\xBB\xBF{}" } do
      expect.raises(function() json.decode(text, KEEP) end, "line ")
    end
    expect.raises(function() json.decode("1", { invalid_bytes = "replace" }) end, 'invalid_bytes is "keep"')
    expect.raises(function() json.encode("1", { invalid_bytes = "drop" }) end, 'invalid_bytes is "replace" or "keep"')
  end)

  it("is fit for every message", function()
    for _, odd in ipairs { "\xFF", "\x80abc", "é\xC3", ("\x80"):rep(500), "\xED\xA0\xBD" } do
      for _, text in ipairs {
        messages.value_in_words(odd),
        errors.detail_text { { loc = { "body" }, ctx = odd } },
        errors.detail_text { odd = odd },
        table.concat(diff_text.lines(diff.compare({ a = odd, [odd] = 1 }, { a = "b" })), "\n"),
      } do expect.truthy(utf8.len(text), text) end
    end
  end)
end)

-- i_ cases: what we make of what a reader may accept or not.
describe("JSONTestSuite", function()
  local function outcomes(options)
    local accepted, refused = {}, {}
    local listing = io.popen("ls " .. CONFORMANCE .. " 2>/dev/null")
    for name in listing:lines() do
      local ok = pcall(json.decode, anyreach.read_file(CONFORMANCE .. "/" .. name), options)
      local short = name:match "^i_(.*)%.json$"
      if short then table.insert(ok and accepted or refused, short) end
      if ok and name:find "^n_" then table.insert(accepted, name) end
    end
    listing:close()
    if #accepted == 0 then skip("no " .. CONFORMANCE) end
    return accepted, refused
  end

  it("finds files with surrogates accepted, and those that are not UTF-8 refused", function()
    local _, refused = outcomes()
    expect.equal(refused, {
      "string_UTF-16LE_with_BOM", "string_UTF-8_invalid_sequence", "string_UTF8_surrogate_U+D800",
      "string_invalid_utf-8", "string_iso_latin_1", "string_lone_utf8_continuation_byte",
      "string_not_in_unicode_range", "string_overlong_sequence_2_bytes", "string_overlong_sequence_6_bytes",
      "string_overlong_sequence_6_bytes_null", "string_truncated-utf-8", "string_utf16BE_no_BOM",
      "string_utf16LE_no_BOM", "structure_UTF-8_BOM_empty_object",
    })
  end)

  it("finds answers with any bytes in their strings accepted, and no n_ case", function()
    local accepted, refused = outcomes(KEEP)
    expect.equal(refused, { "string_UTF-16LE_with_BOM", "string_utf16BE_no_BOM", "string_utf16LE_no_BOM",
      "structure_UTF-8_BOM_empty_object" })
    for _, name in ipairs(accepted) do expect.falsy(name:find "^n_", name) end
  end)
end)

describe("an answer", function()
  local server <close> = wire.start()
  local api = anyreach.client { base_url = server.base_url, token = "ak_odd.canary_secret" }

  it("with odd strings is read, all of its rows", function()
    local function page(names)
      for i, name in ipairs(names) do names[i] = ('{"id":"%s","name":"%s"}'):format(i, name) end
      return "[" .. table.concat(names, ",") .. "]"
    end
    server:answer { body = page { "a", "cut \\ud83d", "\xFFb", "c" } }
    local names = {}
    for agent in api.agents.each() do names[#names + 1] = agent.name end
    expect.equal(names, { "a", "cut \xED\xA0\xBD", "\xFFb", "c" })
  end)

  it("goes back with its surrogates as escapes", function()
    server:answer { body = '{"id":"x","name":"n","metadata":{"note":"cut \\ud83d","\\ude00":1}}' }
    local agent = api.agents.get "x"
    api.agents.update("x", { metadata = agent.metadata })
    local requests = server:requests()
    expect.equal(requests[#requests]:match "\r\n\r\n(.*)$", [[{"metadata":{"note":"cut \ud83d","\ude00":1}}]])
  end)

  it("does not go back with bytes that JSON cannot hold, and the message says where they are", function()
    server:answer { body = '{"id":"x","name":"n","metadata":{"note":"ab\xFF"}}' }
    local agent, count = api.agents.get "x", server:count()
    local err = expect.raises(function() api.agents.update("x", { metadata = agent.metadata }) end,
      "metadata.note as JSON: the string is not valid UTF-8 at byte 3")
    expect.equal(err.kind, "usage")
    expect.equal(server:count(), count)
  end)

  it("that is no JSON is on the error, up to a bound and without secrets", function()
    local start = "<html>\nak_odd.canary_secret "
    for _, status in ipairs { 200, 400 } do
      server:answer { status = status, body = start .. ("x"):rep(200000), type = "text/html" }
      local _, err = api.try.agents.get "x"
      expect.equal(err.body:sub(1, 30), "<html>\n[secret] xxxxxxxxxxxxxx")
      expect.equal(#err.body, 16 * 1024)
      expect.falsy(tostring(err):find(("x"):rep(300), 1, true))
    end
    server:answer { status = 400, body = '{"detail":"no"}' }
    local _, err = api.try.agents.get "x"
    expect.equal({ err.detail, err.body }, { "no", nil })
  end)
end)
