-- The paging and filtering that lists share: newest first, a bare array (an envelope in the knowledge-base
-- service), `limit` and `cursor`, and the bounds on created_at and updated_at. A cursor is the Base64 of the
-- created_at of the last row seen, which the client builds itself.
-- That bounds are inclusive, and lists bare arrays, is documented for conversations; for the other
-- core lists it is our choice. So are the default and the maximum of `limit`.

local json = require "anyreach.json"
local timestamp = require "anyreach.text.timestamp"
local checks = require "anyreach.sandbox.checks"

local listing = {}

local DEFAULT_LIMIT = 20
local MAXIMUM_LIMIT = 100

-- {====== cursor ======

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local value_of = { ["-"] = 62, ["_"] = 63 }
for index = 1, #DIGITS do value_of[DIGITS:sub(index, index)] = index - 1 end

-- Reads Base64 of either alphabet, padded or not; nil for anything else.
local function decode_base64(text)
  text = text:gsub("=+$", "")
  local bytes, bits, count = {}, 0, 0
  for digit in text:gmatch(".") do
    local value = value_of[digit]
    if not value then return nil end
    bits, count = (bits << 6 | value) & 0xFFFFFF, count + 6
    if count >= 8 then
      count = count - 8
      bytes[#bytes + 1] = string.char(bits >> count & 0xFF)
    end
  end
  return table.concat(bytes)
end

local function encode_base64(text)
  local digits, bits, count = {}, 0, 0
  for byte in (text .. ("\0"):rep(-#text % 3)):gmatch(".") do
    bits, count = (bits << 8 | byte:byte()) & 0xFFFFFF, count + 8
    while count >= 6 do
      count = count - 6
      local value = bits >> count & 63
      digits[#digits + 1] = DIGITS:sub(value + 1, value + 1)
    end
  end
  local padding = -#text % 3
  return table.concat(digits, "", 1, #digits - padding) .. ("="):rep(padding)
end

local function read_cursor(text)
  if not text then return nil end
  local decoded = decode_base64(text)
  local created_at = decoded and timestamp.normalize(decoded)
  if not created_at then
    checks.refuse(422, "cursor: expected the Base64 of the created_at of the last row")
  end
  return created_at
end

-- }======

-- {====== filters ======

local BOUNDS = { "created_after", "created_before", "updated_after", "updated_before" }

local function read_bounds(query)
  local bounds = {}
  for _, name in ipairs(BOUNDS) do
    bounds[name] = query[name] and timestamp.normalize(query[name])
    if query[name] and not bounds[name] then
      checks.refuse(422, "%s: expected a date-time such as 2026-01-02T03:04:05Z", name)
    end
  end
  return bounds
end

-- What the store is asked for: documents from the query's cursor on, and within the bounds on created_at.
local function range_of(query, bounds, hints)
  local before = read_cursor(query.cursor)
  local last = bounds.created_before
  if last and not (before and before <= last) then before = last .. " " end -- the bound itself is included
  return { from = bounds.created_after, before = before, hints = hints }
end

local function is_updated_within(bounds, document)
  local after, before = bounds.updated_after, bounds.updated_before
  return (not after or document.updated_at >= after) and (not before or document.updated_at <= before)
end

---True when the text contains the part, upper and lower case being the same.
---@param text string
---@param part string
function listing.contains_text(text, part)
  return text:lower():find(part:lower(), 1, true) ~= nil
end

local contains_value

local function contains_element(array, wanted)
  for _, element in ipairs(array) do
    if contains_value(element, wanted) then return true end
  end
  return false
end

---JSON containment: an object contains another when it has all its fields with values that contain
---theirs; an array when each wanted element is contained in one of its own; else they are equal.
---@param value any
---@param wanted any
---@return boolean
function contains_value(value, wanted)
  if type(value) ~= "table" or type(wanted) ~= "table" or json.is_array(value) ~= json.is_array(wanted) then
    return json.equal(value, wanted)
  end
  if json.is_array(wanted) then
    for _, element in ipairs(wanted) do
      if not contains_element(value, element) then return false end
    end
    return true
  end
  for name, part in pairs(wanted) do
    if value[name] == nil or not contains_value(value[name], part) then return false end
  end
  return true
end

listing.contains_value = contains_value

-- }======

---The query's limit, or the default.
---@return integer
function listing.read_limit(query)
  local limit = query.limit or DEFAULT_LIMIT
  if limit < 1 or limit > MAXIMUM_LIMIT then
    checks.refuse(422, "limit: expected a number from 1 to %d, got %d", MAXIMUM_LIMIT, limit)
  end
  return limit
end

-- Up to `limit` documents that the query's bounds and the list's own filters let pass, from the query's
-- cursor on.
local function collect(request, collection, parent, matches, limit, hints)
  local rows, bounds = json.array {}, read_bounds(request.query)
  local range = range_of(request.query, bounds, hints)
  for document, id in request.store:each(collection, request.organization, parent, range) do
    if is_updated_within(bounds, document) and matches(document) and not request.is_hidden(collection, id) then
      rows[#rows + 1] = document
      if #rows == limit then break end
    end
  end
  return rows
end

---One page of a collection.
---@param request table the query's limit, cursor and bounds are honoured here
---@param collection string
---@param parent string?
---@param matches fun(document: table): boolean the list's own filters
---@param hints SandboxHints? what `matches` asks for; spares reading other documents
---@return table[] documents a JSON array
function listing.page(request, collection, parent, matches, hints)
  return collect(request, collection, parent, matches, listing.read_limit(request.query), hints)
end

---The same in the form of the knowledge-base service: the rows under `data`, and the cursor of the next page
---under `pagination`, null on the last one.
---@return { data: table[], pagination: table }
function listing.envelope(request, collection, parent, matches)
  local limit = listing.read_limit(request.query)
  local rows = collect(request, collection, parent, matches, limit + 1)
  local has_more = #rows > limit
  if has_more then rows[limit + 1] = nil end
  local next_cursor = has_more and encode_base64(rows[limit].created_at) or json.null
  return { data = rows, pagination = { limit = limit, next_cursor = next_cursor } }
end

return listing
