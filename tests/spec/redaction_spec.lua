-- What may be shown of requests and answers: every kind of secret name and place, and what is no secret.

local json = require "anyreach.json"
local redaction = require "anyreach.text.redaction"
local secret = require "anyreach.secret"

local HIDDEN = "[secret]"

-- The body as a value, after redaction.
local function shown(value)
  return json.decode(redaction.body(json.encode(value)))
end

describe("a name", function()
  it("says by its end that the value is a secret, upper and lower case being the same", function()
    for _, name in ipairs {
      "token", "access_token", "Password", "auth_password", "client_secret", "pat_key", "api_key", "apikey", "X-APIKEY",
      "private_key", "credential", "credentials", "Authorization", "X-Amz-Signature", "sig", "SIG",
    } do
      expect.truthy(redaction.is_secret_name(name))
    end
  end)

  it("and says nothing in its middle", function()
    for _, name in ipairs { "tokens", "token_count", "secretary", "design", "key", "sign", "signatures", "", 1 } do
      expect.falsy(redaction.is_secret_name(name))
    end
  end)

  it("in a configuration hides a value, a list, and all below credentials, but no schema and no switch", function()
    expect.equal({ redaction.hides("token", "x"), redaction.hides("name", "x") }, { true, false })
    expect.equal({ redaction.hides("token", ""), redaction.hides("token", json.null), redaction.hides("token", true),
      redaction.hides("token", false) }, { false, false, false, false })
    expect.equal({ redaction.hides("token", 7), redaction.hides("token", json.array { "x" }) }, { true, true })
    expect.equal({ redaction.hides("token", { type = "string" }), redaction.hides("credentials", { user = "x" }),
      redaction.hides("credential", {}), redaction.hides("Authorization", {}) }, { false, true, true, true })
    expect.equal({ redaction.hides_all_below("Credentials"), redaction.hides_all_below("credentials_id"),
      redaction.hides_all_below(1) }, { true, false, false })
  end)
end)

describe("a header", function()
  it("for credentials is hidden whatever it holds", function()
    for _, name in ipairs { "Cookie", "Set-Cookie", "Proxy-Authorization", "X-API-Key" } do
      expect.equal(redaction.header { name = name, value = "anything" }, HIDDEN)
    end
    expect.equal(redaction.header { name = "Content-Type", value = "text/plain" }, "text/plain")
  end)

  it("is found by its name in lower case", function()
    local headers = { { name = "A", value = "1" }, { name = "Content-Type", value = "2" } }
    expect.equal({ redaction.find_header(headers, "content-type"), redaction.find_header(headers, "a") }, { "2", "1" })
    expect.equal(redaction.find_header(headers, "b"), nil)
  end)
end)

describe("an address", function()
  it("loses its whole query when one parameter is a secret, or it is presigned", function()
    expect.equal(redaction.url "https://x.invalid/a?b=1&token=2", "https://x.invalid/a?" .. HIDDEN)
    expect.equal(redaction.url "https://x.invalid/a?token=2&b=1", "https://x.invalid/a?" .. HIDDEN)
    expect.equal(redaction.url("https://x.invalid/a?b=1", true), "https://x.invalid/a?" .. HIDDEN)
    expect.equal(redaction.url "https://x.invalid/a?b=token", "https://x.invalid/a?b=token")
    expect.equal(redaction.url("https://x.invalid/a", true), "https://x.invalid/a")
  end)

  it("loses known secrets in all its parts", function()
    local known = secret "hush-hush-1234"
    expect.equal(redaction.url "https://hush-hush-1234.invalid/", "https://" .. HIDDEN .. ".invalid/")
    expect.equal(redaction.url "https://x.invalid/hush-hush-1234?b=hush-hush-1234",
      "https://x.invalid/" .. HIDDEN .. "?b=" .. HIDDEN)
    expect.equal(redaction.text "a hush-hush-1234 b", "a " .. HIDDEN .. " b")
    expect.equal(redaction.printable "a\27 hush-hush-1234", redaction.printable "a\27 " .. HIDDEN)
    expect.truthy(known)
  end)
end)

describe("a body", function()
  it("loses what a secret name has, at any depth, and keeps null, true, false and the empty text", function()
    expect.equal(shown { a = { { token = "x", b = "x" } } }, { a = json.array { { token = HIDDEN, b = "x" } } })
    expect.equal(shown { token = { a = "x", b = json.array { "y", 7 }, c = true, d = json.null, e = "" } },
      { token = { a = HIDDEN, b = json.array { HIDDEN, HIDDEN }, c = true, d = json.null, e = "" } })
    expect.equal(shown { count = 7, on = false, none = json.null }, { count = 7, on = false, none = json.null })
  end)

  it("keeps numbers that no double holds", function()
    local text = '{"n":12345678901234567890123,"token":12345678901234567890123}'
    expect.equal((redaction.body(text):gsub("%s", "")), '{"n":12345678901234567890123,"token":"[secret]"}')
  end)

  it("loses the queries of presigned addresses, by the name of their field", function()
    local address = "https://x.invalid/a?b=1"
    expect.equal(shown { presigned_url = address, download_url = address, upload_url = address, url = address }, {
      presigned_url = "https://x.invalid/a?" .. HIDDEN, download_url = "https://x.invalid/a?" .. HIDDEN,
      upload_url = "https://x.invalid/a?" .. HIDDEN, url = address,
    })
    expect.equal(shown(json.array { "http://x.invalid/a?sig=1", "see https://x.invalid/?sig=1" }),
      json.array { "http://x.invalid/a?" .. HIDDEN, "see https://x.invalid/?sig=1" })
  end)

  it("loses known secrets in the names of fields", function()
    local known = secret "hush-hush-5678"
    expect.equal(shown { ["a hush-hush-5678"] = 1 }, { ["a " .. HIDDEN] = 1 })
    expect.truthy(known)
  end)

  it("is JSON unless its type says otherwise, and as it came or indented", function()
    expect.equal(redaction.body '{"token" : "x"}', '{"token" : "[secret]"}')
    expect.equal(redaction.body('{"token":"x"}', "application/problem+JSON", 2), '{\n  "token": "[secret]"\n}')
    expect.equal(redaction.body('{"token":"x"}', "text/plain", 2), '{"token":"[secret]"}')
    expect.equal(redaction.json('{"token":"x"}', "text/plain"), nil)
    expect.equal(redaction.json('{"token":"x"}', ""), '{"token":"[secret]"}')
    expect.equal(redaction.body("{", "application/json"), "{")
  end)

  it("loses the fields that an agent file or a lock calls secret, below whatever they stand", function()
    redaction.add_field "config.crm[2].pass_code"
    redaction.add_field "pass_code_alone"
    redaction.add_field 'config["x.y"]'
    local value = { items = json.array { { config = { crm = json.array { { pass_code = "x", name = "y" } } } } } }
    value.pass_code, value.crm, value.pass_code_alone = "z", { pass_code = "v" }, "w"
    value.config = { crm = { pass_code = 7 }, ["x.y"] = "u" }
    expect.equal(shown(value), {
      items = json.array { { config = { crm = json.array { { pass_code = HIDDEN, name = "y" } } } } },
      pass_code = "z", crm = { pass_code = "v" }, pass_code_alone = "w",
      config = { crm = { pass_code = HIDDEN }, ["x.y"] = "u" },
    })
  end)

  it("of a form, and of what is no text, is not shown", function()
    expect.equal(redaction.body("a", "Multipart/form-data; boundary=x"), nil)
    expect.equal(redaction.body("a", "text/multipart/"), "a")
    expect.equal(redaction.body "\255", nil)
  end)
end)
