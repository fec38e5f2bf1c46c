-- What may be shown of requests and answers, in traces, recordings, messages and differences: without the credential,
-- without anyreach.secret values, without what by its name is a secret of the server's making (a new token, a presigned
-- address), and without what looks like a secret (text/secret_shapes.lua).

local json = require "anyreach.json"
local printable = require("anyreach.text.terminal_text").printable
local secret_shapes = require "anyreach.text.secret_shapes"
local without_known = require "anyreach.redact"

local redaction = {}

local HIDDEN = "[secret]"

-- Without the secrets that this program knows, and without what looks like one.
local function redact(text)
  return secret_shapes.hide(without_known(text))
end

local secret_headers = {
  cookie = true,
  ["set-cookie"] = true,
  ["proxy-authorization"] = true,
  ["x-api-key"] = true,
}

--- True when the name of a field or parameter says that its value is a secret.
redaction.is_secret_name = secret_shapes.is_secret_name

--- True when the value of a name in a configuration is a secret, other than in requests and answers:
--- below a field for credentials everything is, but below one called `token` there may be the schema of a
--- parameter.
---@param name string|integer
---@param value any
---@return boolean
function redaction.hides(name, value)
  if value == "" or value == json.null or type(value) == "boolean" or not redaction.is_secret_name(name) then
    return false
  end
  return type(value) ~= "table" or json.is_array(value) or redaction.hides_all_below(name)
end

--- True for the name of a field for credentials.
---@param name string|integer
---@return boolean
function redaction.hides_all_below(name)
  name = tostring(name):lower()
  return name:find("credentials?$") ~= nil or name:find("authorization$") ~= nil
end

--- Text without the secrets that this program knows, and without what looks like one.
---@param text string
---@return string
function redaction.text(text)
  return redact(text)
end

--- A copy of a value with all its texts so.
---@generic T
---@param value T
---@return T
function redaction.texts(value)
  if type(value) == "string" then return redact(value) end
  if type(value) ~= "table" or json.is_number(value) then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[type(key) == "string" and redact(key) or key] = redaction.texts(part) end
  return copy
end

--- The same, fit for a terminal: see anyreach.printable.
---@param text string
---@return string
function redaction.printable(text)
  return printable(redact(text))
end

--- The value of a header.
---@param header {name: string, value: string}
---@return string
function redaction.header(header)
  return secret_headers[header.name:lower()] and HIDDEN or redact(header.value)
end

--- An address; all of the query goes where it is a credential.
---@param url string
---@param presigned? boolean
---@return string
function redaction.url(url, presigned)
  local base, query = url:match "^([^?]*)%?(.*)$"
  if not base then return redact(url) end
  for name in query:gmatch "([^&=]+)=" do presigned = presigned or redaction.is_secret_name(name) end
  return redact(base) .. "?" .. (presigned and HIDDEN or redact(query))
end

local function string_value(text, name)
  if text:find "^https?://[^%s]*%?" then
    return redaction.url(text, tostring(name):lower():find "presigned" or tostring(name):find "[np]load_url$")
  end
  return redact(text)
end

-- A copy of a decoded value. What a secret name has below it is hidden, too.
local function value_without_secrets(value, name, hidden)
  hidden = hidden or redaction.is_secret_name(name)
  if type(value) == "string" then return hidden and value ~= "" and HIDDEN or string_value(value, name) end
  if type(value) ~= "table" or json.is_number(value) then
    return hidden and type(value) ~= "boolean" and value ~= json.null and HIDDEN or value
  end
  local is_array = json.is_array(value)
  local copy = is_array and json.array {} or {}
  for key, item in pairs(value) do
    if is_array then
      copy[key] = value_without_secrets(item, "", hidden)
    else
      copy[redact(key)] = value_without_secrets(item, key, hidden)
    end
  end
  return copy
end

local function is_json(content_type)
  return not content_type or content_type:lower():find("json", 1, true) ~= nil
end

--- The value of a header by its name in lower case, or nil.
---@param headers {name: string, value: string}[]
---@param name string
---@return string|nil
function redaction.find_header(headers, name)
  for _, header in ipairs(headers) do
    if header.name:lower() == name then return header.value end
  end
end

--- The value of a body that is JSON; nil when it is not.
---@param body string
---@param content_type? string
---@return any
function redaction.json(body, content_type)
  if not is_json(content_type) then return nil end
  local ok, value = pcall(json.decode, body, { invalid_bytes = "keep" })
  if ok then return value_without_secrets(value, "") end
end

--- A body as text: JSON indented, with U+FFFD for bytes that are not valid UTF-8. Files, forms and what is no text
--- are not shown.
---@param body string
---@param content_type? string
---@return string|nil text nil when it is not shown
function redaction.body(body, content_type)
  local value = redaction.json(body, content_type)
  if value ~= nil then return json.encode(value, { indent = 2, invalid_bytes = "replace" }) end
  if content_type and content_type:lower():find("^multipart/") or not utf8.len(body) then return nil end
  return redact(body)
end

return redaction
