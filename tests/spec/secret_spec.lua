-- Secrets stay secret whatever a script does with them.

local json = require "anyreach.json"
local secret = require "anyreach.secret"

local BYTES = "ak_live_0123456789"

local function never_shows(text)
  expect.falsy(tostring(text):find(BYTES, 1, true))
end

describe("a secret", function()
  it("prints as [secret]", function()
    expect.equal(tostring(secret(BYTES)), "[secret]")
    expect.equal(("%s"):format(secret(BYTES)), "[secret]")
  end)

  it("stays one through concatenation", function()
    local token = secret(BYTES)
    for _, joined in ipairs { "Bearer " .. token, token .. "!", token .. token, 1 .. token .. 2.5 } do
      expect.equal(tostring(joined), "[secret]")
    end
    expect.truthy(("Bearer " .. token):equals("Bearer " .. BYTES))
    expect.truthy((1 .. token .. 2.5):equals("1" .. BYTES .. "2.5"))
    expect.truthy((token .. secret "\0x"):equals(BYTES .. "\0x"))
  end)

  -- Lua 5.4.4 crashes when a stack moves while ".." runs a metamethod; see src/lua/stack.h.
  it("joins in coroutines and tasks, whatever the collector does", function()
    collectgarbage("incremental", 10, 1000)
    for count = 1, 60 do
      local code = ("local token, l1%s = ...; return ('a' .. token .. 'b' .. token):equals('axbx')")
      local join = load(code:format((", l"):rep(count)))
      expect.equal({ coroutine.resume(coroutine.create(join), secret "x") }, { true, true })
      expect.truthy(coroutine.wrap(join)(secret "x"))
      expect.truthy(anyreach.spawn(join, secret "x"):wait())
    end
    collectgarbage("incremental", 200, 100)
  end)

  it("joins nothing but text and numbers", function()
    for _, other in ipairs { {}, true, print, json.null } do
      never_shows(expect.raises(function() return secret(BYTES) .. other end, "attempt to concatenate a secret"))
    end
    never_shows(expect.raises(function() return nil .. secret(BYTES) end, "attempt to concatenate a secret"))
  end)

  it("is equal to a secret of the same bytes", function()
    expect.truthy(secret(BYTES) == secret(BYTES))
    expect.falsy(secret(BYTES) == secret(BYTES .. "x"))
    expect.falsy(secret(BYTES) == BYTES)
    expect.falsy(secret "1e400" == json.number("1e400"))
    expect.truthy(secret(BYTES):equals(BYTES))
    expect.falsy(secret(BYTES):equals("ak_live_0123456780"))
    expect.truthy(secret(""):equals(""))
    expect.raises(function() secret(BYTES):equals(1) end, "string or secret expected")
  end)

  it("of a secret is itself", function()
    local token = secret(BYTES)
    expect.truthy(rawequal(secret(token), token))
  end)

  it("is made of text only", function()
    for _, value in ipairs { 12, {}, true } do
      expect.raises(function() secret(value) end, "string expected")
    end
    expect.raises(function() secret() end, "string expected")
  end)

  it("shows neither length, order nor metatable", function()
    local token = secret(BYTES)
    never_shows(expect.raises(function() return #token end, "length"))
    never_shows(expect.raises(function() return token < token end, "compare"))
    never_shows(expect.raises(function() return token + 1 end, "arithmetic"))
    never_shows(expect.raises(function() return ("%q"):format(token) end))
    expect.equal(getmetatable(token), "secret")
    expect.equal(token.bytes, nil)
    expect.equal(token.length, nil)
    expect.raises(function() token.equals = nil end, "index")
    expect.raises(function() setmetatable(token, {}) end)
  end)

  it("is no file name, pattern or piece of a table.concat", function()
    local token = secret(BYTES)
    never_shows(expect.raises(function() return table.concat { "a", token } end))
    never_shows(expect.raises(function() return ("x"):rep(2, token) end))
    never_shows(expect.raises(function() return string.sub(token, 1, 3) end))
  end)

  it("is looked for in texts, but a short one only where it is all of the text", function()
    expect.equal(secret "four":redact "four of fourteen", "[secret] of [secret]teen")
    expect.equal(secret "one":redact "one of none", "one of none")
    expect.equal(secret "one":redact "one", "[secret]")
  end)
end)
