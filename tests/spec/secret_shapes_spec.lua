-- What looks like a secret, and each place that must not show it; and texts that only talk about secrets.

local curl = require "anyreach.text.curl"
local diff = require "anyreach.text.diff"
local diff_text = require "anyreach.text.diff_text"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local recording = require "anyreach.observe.recording"
local redaction = require "anyreach.text.redaction"

-- Texts with one secret, which is between the bars.
local SHAPES = {
  bearer = "Bearer |f3a9c1d27b6e4f50a1|",
  bearer_in_text = "send Authorization: bearer |abcDEF0123456789.x-y~z+/=| along",
  basic = "Basic |dXNlcjpwYXNzd29yZDE=|",
  openai = "|sk-proj-Zx81kLmQ20vTz77Ab|", anthropic = "the key |sk-ant-api03-a1B2c3D4e5F6| works",
  stripe = "|sk_live_4eC39HqLyjWDarjtT1zdp7dc|", organisation = "|ak_01hx9.q7Rk2vZt8LmNw4|",
  personal = "|pat_9f8e7d6c5b4a39281706|", github = "|ghp_16C7e42F292c6912E7710c838347Ae178B4a|",
  slack = "|xoxb-123456789012-abcdefGHIJ|", google = "|AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY|",
  jwt = "x |eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P| y",
  private_key = "|-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----|",
  query = "https://example.com/hook?a=1&access_token=|zz91ab77|&b=2", url = "https://bob:|hunter2|@example.com/x",
}

local function parts(text)
  local before, secret, after = text:match("^(.-)|(.*)|(.-)$")
  return before .. secret .. after, secret, before .. "[secret]" .. after
end

-- Each returns what is shown of a text.
local OUTPUTS = {
  text = redaction.text,
  printable = redaction.printable,
  trace_and_har_body = function(text) return redaction.body(json.encode { note = text }, "application/json") end,
  har_text_body = function(text) return redaction.body(text, "text/plain") end,
  header = function(text) return redaction.header { name = "X-Note", value = text } end,
  recorded_body = function(text)
    return json.encode(recording.body(json.encode { note = text }, "application/json"))
  end,
  curl = function(text)
    return curl.command { method = "POST", url = "https://example.com", headers = {}, body = text }
  end,
  diff_line = function(text)
    local found = diff.compare({ config = { note = text } }, { config = { note = "old" } })
    return table.concat(diff_text.lines(found), "\n")
  end,
  diff_event = function(text)
    return json.encode(diff_text.events(diff.compare({ config = { note = text } }, { config = { note = "old" } })))
  end,
  diff_value = function(text) return json.encode(diff_text.value("config.list", json.array { text })) end,
}

describe("what looks like a secret", function()
  for name, shape in pairs(SHAPES) do
    local text, secret, shown = parts(shape)
    it(("is hidden alone in a text: %s"):format(name), function()
      expect.equal(redaction.shapes(text), shown)
      expect.equal(redaction.shapes(shown), shown)
      expect.truthy(redaction.kind(text))
      expect.equal(redaction.kind(shown), nil)
    end)
    for output, show in pairs(OUTPUTS) do
      it(("is not shown: %s in %s"):format(name, output), function()
        local found = show(text)
        for piece in secret:gmatch("[^\n]+") do
          if found:find(piece, 1, true) then error(found) end
        end
      end)
    end
  end
end)

describe("what only talks about secrets", function()
  it("stays", function()
    for _, text in ipairs {
      "Bearer authentication", "Use a bearer token-based flow", "Bearer {{token}}", "Bearer $ANYREACH_TOKEN",
      "Bearer YOUR_TOKEN", "task-1234567890-abcdefghijk", "risk-assessment-2026-of-the-clinic", "sk-", "sk-...",
      "sk-xxxxxxxxxxxxxxxxxxxxxxxx", "ak_<id>.<secret>", "ak_sandbox.admin", "pat_…", "the pat_key field",
      "https://example.com/?token={{token}}", "https://example.com/?page_token=", "https://x.com/?token=YOUR_TOKEN",
      "http://localhost:8080/a@b", "https://example.com:443/x", "mailto:a@b.c", "Basic understanding of insurance",
      "-----BEGIN PUBLIC KEY-----", "eyJ is how they begin", "https://${USER}:${PASSWORD}@example.com",
      "postgres://user:<password>@host/db",
      "http://user:password@host", "Is the patient's key_2 ok? a=b&c=d", "5551234567", "",
    } do
      expect.equal(redaction.shapes(text), text)
      expect.equal(redaction.kind(text), nil)
    end
  end)
end)

it("an error repeats none of it", function()
  for _, shape in pairs(SHAPES) do
    local text, secret = parts(shape)
    local err = errors.make { kind = "server", message = "no: " .. text, sent = {
      method = "POST", url = "https://example.com", headers = {}, body = text,
    } }
    expect.falsy(tostring(err):find(secret, 1, true))
  end
end)
