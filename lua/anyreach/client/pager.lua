-- Follows the pages of a list, whatever the paging style, for `api.<resource>.each`.
--
-- A page is a bare array, or an array under `data`, `items` or `results`. Where the server names no next
-- cursor, it is built as the docs say: Base64 of the last row's created_at. Neither the size of a full
-- page nor whether a cursor's own row comes again is documented; so without a `limit` the pages end with
-- an empty one, and rows that the page before already had are left out.

local errors = require "anyreach.errors"
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

--- The rows of a page, or nil when it is none. A null in the place of rows stands for none.
---@param body any a decoded answer
---@return table[]|nil
function pager.rows(body)
  if json.is_array(body) then return body end
  if type(body) ~= "table" then return nil end
  for _, name in ipairs { "data", "items", "results", "contacts" } do
    if json.is_array(body[name]) then return body[name] end
    if body[name] == json.null then return {} end
  end
end

-- What is no list must not pass for an empty one: whoever asks would take all that there is for gone.
local function require_rows(body)
  return pager.rows(body) or errors.raise("answer", "expected a list in the answer, bare or under data, items or "
    .. "results, got %s", type(body) == "table" and "an object without one" or "something else")
end

local function is_cursor(value)
  return type(value) == "string" and value ~= ""
end

-- The cursor of the page after this one, or nil when this is the last.
local function next_cursor(body, rows, limit)
  if type(body) == "table" and not json.is_array(body) then
    local pagination = type(body.pagination) == "table" and body.pagination or body
    if pagination.next_cursor ~= nil then
      return is_cursor(pagination.next_cursor) and pagination.next_cursor or nil
    end
  end
  local last = rows[#rows]
  if type(last) ~= "table" or limit and #rows < limit then return nil end
  return is_cursor(last.created_at) and pager.base64(last.created_at) or nil
end

local function ids(rows)
  local set = {}
  for _, row in ipairs(rows) do
    if type(row) == "table" and row.id ~= nil then set[row.id] = true end
  end
  return set
end

local function is_seen(row, seen)
  return type(row) == "table" and row.id ~= nil and seen[row.id] or false
end

local function has_new_row(rows, seen)
  for _, row in ipairs(rows) do
    if not is_seen(row, seen) then return true end
  end
  return false
end

-- Sets in `query` where the next page starts; returns false when there is none. `used` are the places
-- that pages have started at: none is asked for twice. `seen` are the ids of the page before.
local function advance_cursor(query, used, _, body, rows)
  local cursor = next_cursor(body, rows, query.limit)
  if not cursor or used[cursor] then return false end
  used[cursor] = true
  query.cursor = cursor
  return true
end

-- A server that knows no offset sends the same page again and again; its second one is the last.
local function advance_offset(query, _, seen, body, rows)
  query.offset = (query.offset or 0) + #rows
  local total = type(body) == "table" and math.tointeger(body.total)
  return has_new_row(rows, seen) and not (total and query.offset >= total) and not (query.limit and #rows < query.limit)
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
    local query, given = {}, arguments[path_count + 1]
    if given == nil or type(given) == "table" then -- anything else is for `list` to refuse
      for name, value in pairs(given or {}) do query[name] = value end
      arguments[path_count + 1] = query
    end
    local count = math.max(arguments.n, path_count + 1)
    local rows, position, seen, used, more = {}, 0, {}, {}, true

    local function fetch()
      local body = list(table.unpack(arguments, 1, count))
      seen = ids(rows)
      rows, position = require_rows(body), 0
      more = advance(query, used, seen, body, rows)
    end

    return function()
      while true do
        position = position + 1
        local row = rows[position]
        if row == nil then
          if not more then return nil end
          fetch()
        elseif not is_seen(row, seen) then
          return row
        end
      end
    end
  end
end

return pager
