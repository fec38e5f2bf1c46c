-- Curl commands that do what a request of ours does, for people who want to repeat it elsewhere. The
-- credential appears as $ANYREACH_TOKEN, which the shell fills in; other secrets as [secret].

local redact = require("anyreach.text.redaction").text

local curl = {}

---@class anyreach.sent
---@field method string
---@field url string
---@field headers {name: string, value: string}[]
---@field body? string
---@field presigned boolean its address is a credential, and its body a file's bytes

-- For a POSIX shell: what holds nothing special stays as it is.
local function quote(word)
  if word:find "^[%w%-%._/:=,+@%%]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function add(words, ...)
  for _, word in ipairs { ... } do words[#words + 1] = quote(redact(word)) end
end

local function add_method(words, method, has_body)
  if method == "HEAD" then
    words[#words + 1] = "--head"
  elseif method ~= (has_body and "POST" or "GET") then
    add(words, "-X", method)
  end
end

-- A field of a form as form.lua writes it: its file, if it is one, is to lie in the working directory.
local function add_form_part(words, part)
  local head, value = part:match "^(.-)\r\n\r\n(.*)\r\n$"
  local name = head and head:match ' name="([^"]*)"'
  if not name then return end
  local file, content_type = head:match 'filename="([^"]*)"', head:match "Content%-Type: ([^\r\n]+)"
  if file then
    add(words, "-F", ("%s=@%s;type=%s"):format(name, file, content_type))
  else
    add(words, "--form-string", name .. "=" .. value)
  end
end

-- Cuts a form's body at its boundary. The last piece is what follows the last part.
local function add_form(words, body, boundary)
  local mark = "--" .. boundary
  local _, at = body:find(mark .. "\r\n", 1, true)
  while at do
    local first, last = body:find(mark, at + 1, true)
    if not first then return end
    add_form_part(words, body:sub(at + 1, first - 1))
    at = last + 2
  end
end

local function add_header(words, header)
  if header.name:lower() == "authorization" then
    words[#words + 1] = '-H "Authorization: Bearer $ANYREACH_TOKEN"'
  else
    add(words, "-H", header.name .. ": " .. redact(header.value))
  end
end

--- The command, in one line unless the body has several.
---@param sent anyreach.sent
---@return string
function curl.command(sent)
  local words, boundary = { "curl" }, nil
  add_method(words, sent.method, sent.body ~= nil)
  add(words, sent.presigned and sent.url .. "?[secret]" or sent.url)
  for _, header in ipairs(sent.headers) do
    local found = header.name:lower() == "content-type" and header.value:match "^multipart/form%-data; boundary=(.*)$"
    boundary = boundary or found or nil
    if not found then add_header(words, header) end
  end
  if sent.presigned then
    add(words, "--upload-file", "FILE")
  elseif boundary then
    add_form(words, sent.body, boundary)
  elseif sent.body then
    add(words, "--data-raw", sent.body)
  end
  return table.concat(words, " ")
end

return curl
