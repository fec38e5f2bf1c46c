-- Follows the pages of a list, whatever the paging style, for `api.<resource>.each`.
--
-- A page is a bare array, or an array under `data`, `items` or `results`. Where the server names no next
-- cursor, it is built as the docs say: Base64 of the last row's created_at. Neither the size of a full
-- page nor whether a cursor's own row comes again is documented; so without a `limit` the pages end with
-- an empty one, and rows that the page before already had are left out.

local json = require "anyreach.json"

local pager = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- Base64 with the standard alphabet (INFERRED: the docs do not say which) and padding.
---@param text string
---@return string
function pager.base64(text)
  local encoded = text:gsub("..?.?", function(group)
    local a, b, c = group:byte(1, 3)
    local bits = a << 16 | (b or 0) << 8 | (c or 0)
    local out = ""
    for shift = 18, 0, -6 do
      local digit = bits >> shift & 63
      out = out .. ALPHABET:sub(digit + 1, digit + 1)
    end
    return out:sub(1, #group + 1) .. ("="):rep(3 - #group)
  end)
  return encoded
end

--- The rows of a page.
---@param body any a decoded answer
---@return table[]
function pager.rows(body)
  if json.is_array(body) then return body end
  if type(body) == "table" then
    for _, name in ipairs { "data", "items", "results", "contacts" } do
      if json.is_array(body[name]) then return body[name] end
    end
  end
  return {}
end

local function is_cursor(value)
  return type(value) == "string" and value ~= ""
end

-- The cursor of the page after this one, or nil when this is the last.
local function next_cursor(body, rows, limit)
  if not json.is_array(body) then
    local pagination = type(body.pagination) == "table" and body.pagination or body
    if pagination.next_cursor ~= nil then
      return is_cursor(pagination.next_cursor) and pagination.next_cursor or nil
    end
  end
  local last = rows[#rows]
  if not last or limit and #rows < limit then return nil end
  return is_cursor(last.created_at) and pager.base64(last.created_at) or nil
end

local function ids(rows)
  local set = {}
  for _, row in ipairs(rows) do
    if type(row) == "table" and row.id ~= nil then set[row.id] = true end
  end
  return set
end

-- Sets in `query` where the next page starts; returns false when there is none. `used` are the places
-- that pages have started at: none is asked for twice.
local function advance_cursor(query, used, body, rows)
  local cursor = next_cursor(body, rows, query.limit)
  if not cursor or used[cursor] then return false end
  used[cursor] = true
  query.cursor = cursor
  return true
end

local function advance_offset(query, _, body, rows)
  query.offset = (query.offset or 0) + #rows
  local total = not json.is_array(body) and math.tointeger(body.total)
  return #rows > 0 and not (total and query.offset >= total) and not (query.limit and #rows < query.limit)
end

--- Makes the `each` of a list operation: takes the same arguments, returns an iterator over all rows.
---@param list fun(...): any the bound list operation
---@param path_count integer how many path values it takes before its table
---@param by_offset boolean pages start at an offset, not at a cursor
---@return fun(...): (fun(): table?)
function pager.bind(list, path_count, by_offset)
  local advance = by_offset and advance_offset or advance_cursor
  return function(...)
    local arguments = table.pack(...)
    local query = {}
    for name, value in pairs(arguments[path_count + 1] or {}) do query[name] = value end
    arguments[path_count + 1] = query
    local count = math.max(arguments.n, path_count + 1)
    local rows, position, seen, used, more = {}, 0, {}, {}, true

    local function fetch()
      local body = list(table.unpack(arguments, 1, count))
      seen = ids(rows)
      rows, position = pager.rows(body), 0
      more = advance(query, used, body, rows)
    end

    return function()
      while true do
        position = position + 1
        local row = rows[position]
        if row == nil then
          if not more then return nil end
          fetch()
        elseif type(row) ~= "table" or row.id == nil or not seen[row.id] then
          return row
        end
      end
    end
  end
end

return pager
