-- What may be shown of requests and answers, in traces, recordings, messages and differences: without the credential,
-- without anyreach.secret values, without what by its name is a secret (a new token, a presigned address), and without
-- what looks like one. src/api/redaction.h finds them, in one reading of a text; which names and shapes there are is
-- in src/api/secret_shapes.c alone.

local json = require "anyreach.json"
local printable = require("anyreach.text.terminal_text").printable
local redact = require "anyreach.redact"

local redaction = {}

--- True when the name of a field, header or parameter says that its value is a secret.
---@type fun(name: string|integer): boolean
redaction.is_secret_name = redact.is_secret_name

--- True for the name of a field for credentials.
---@type fun(name: string|integer): boolean
redaction.hides_all_below = redact.is_group_name

--- What a text seems to hold, such as "a bearer token"; nil when there is nothing of the kind.
---@type fun(text: string): string|nil
redaction.kind = redact.kind

--- A text without what looks like a secret in it.
---@type fun(text: string): string
redaction.shapes = redact.shapes

--- Text without the secrets that this program knows, and without what looks like one.
---@type fun(text: string): string
redaction.text = redact.text

--- An address; all of the query goes where a parameter is a secret, or all of it is a credential.
---@type fun(url: string, presigned?: boolean): string
redaction.url = redact.url

--- Hides a field in all bodies from now on, because an agent file or a lock calls it a secret: also where the value is
--- not known, or no longer. The same field of any element of a list is meant.
---@param path string as in differences, "config.tools[1].key"
function redaction.add_field(path)
  path = path:gsub("%[%d+%]", "")
  if path:find(".", 1, true) and not path:find("[%[\r\n]") then redact.add_field(path) end
end

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

--- A copy of a value with all its texts so.
---@generic T
---@param value T
---@return T
function redaction.texts(value)
  if type(value) == "string" then return redact.text(value) end
  if type(value) ~= "table" or json.is_number(value) then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[type(key) == "string" and redact.text(key) or key] = redaction.texts(part) end
  return copy
end

--- The same, fit for a terminal: see anyreach.printable.
---@param text string
---@return string
function redaction.printable(text)
  return printable(redact.text(text))
end

--- The value of a header.
---@param header {name: string, value: string}
---@return string
function redaction.header(header)
  return redact.header(header.name, header.value)
end

local function is_json(content_type)
  return not content_type or content_type == "" or content_type:lower():find("json", 1, true) ~= nil
end

--- The value of a header by its name in lower case, or nil.
---@param headers {name: string, value: string}[]
---@param name string
---@return string|nil
function redaction.find_header(headers, name)
  for _, header in ipairs(headers) do
    if #header.name == #name and header.name:lower() == name then return header.value end
  end
end

-- Bytes that are no UTF-8, and halves of surrogate pairs, as U+FFFD: JSON that is shown is text.
local function as_text(text)
  if not text or utf8.len(text) then return text end
  text = text:gsub("\xED[\xA0-\xBF][\x80-\xBF]", "\u{FFFD}")
  return json.decode(json.encode(text, { invalid_bytes = "replace" }))
end

--- A body that is JSON, with its members in their order; nil when it is none.
---@param body string
---@param content_type? string
---@param indent? integer spaces a level; without it the spaces are as they came
---@param depth? integer levels that it stands in another document
---@return string|nil
function redaction.json(body, content_type, indent, depth)
  return is_json(content_type) and redact.json(body, indent, depth) or nil
end

--- A body as text; JSON is looked at as such whatever its type says. Files, forms and what is no text are not shown.
---@param body string
---@param content_type? string
---@param indent? integer for JSON
---@return string|nil text nil when it is not shown
function redaction.body(body, content_type, indent)
  local text = as_text(redaction.json(body, content_type, indent))
  if text then return text end
  if content_type and content_type:lower():find("^multipart/") or not utf8.len(body) then return nil end
  return body:find("^%s*[{%[]") and redact.json(body) or redact.body(body)
end

return redaction
