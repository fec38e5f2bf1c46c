-- A list of similar objects as a table with aligned columns: those that say most, as many as fit.

local json = require "anyreach.json"
local literal = require "anyreach.repl.literal"
local text = require "anyreach.repl.display_text"

local table_view = {}

local LOOKED_AT = 100 -- rows by which the columns are chosen
local WIDEST_CELL, NARROWEST_CUT = 40, 12 -- columns
local GAP = "  "

-- Columns in the order in which they are wanted; what is not named comes after, by name.
local WANTED = {}
for i, name in ipairs {
  "name", "id", "agent_id", "source_id", "version", "number", "phone_number", "label", "title", "status", "state",
  "type", "kind", "direction", "role", "email", "domain", "active", "text", "content", "message", "first_name",
  "last_name", "external_id", "priority", "created_at", "updated_at",
} do
  WANTED[name] = i
end

-- Where an answer keeps the rows of a page.
local PAGES = { "data", "items", "results", "contacts" }

-- {====== finding lists ======

local function is_object(value)
  if type(value) ~= "table" or literal.short(value) or json.is_array(value) then return false end
  return type(next(value)) == "string" and rawget(value, 1) == nil
end

-- How many of the first object's fields the other has, as a share.
local function similarity(first, other)
  local count, common = 0, 0
  for key in next, first do
    count = count + 1
    if rawget(other, key) ~= nil then common = common + 1 end
  end
  return common / count
end

local function is_list_of_similar(value)
  if type(value) ~= "table" then return false end
  local count = literal.count_elements(value)
  if count < 2 then return false end
  if not json.is_array(value) and (debug.getmetatable(value) or #literal.entries(value) > count) then return false end
  for i = 1, math.min(count, LOOKED_AT) do
    local row = rawget(value, i)
    if not is_object(row) or similarity(rawget(value, 1), row) < 0.5 then return false end
  end
  return true
end

--- The rows of a value that is shown best as a table: a list of similar objects, or a page of them.
---@param value any
---@return table[]|nil rows
---@return table|nil rest what the page holds beside them
function table_view.rows(value)
  if is_list_of_similar(value) then return value end
  if not is_object(value) then return nil end
  for _, name in ipairs(PAGES) do
    local rows = rawget(value, name)
    if is_list_of_similar(rows) then
      local rest = {}
      for key, item in next, value do
        if key ~= name then rest[key] = item end
      end
      return rows, rest
    end
  end
end

-- }======

-- {====== columns ======

local function cell_text(value)
  if value == nil then return "" end
  if rawequal(value, json.null) then return "null" end
  if type(value) == "string" then return text.line((value:gsub("%s+", " "))) end
  return tostring(value)
end

-- A table or a long text says nothing in a cell.
local function is_cell(value)
  if type(value) == "string" then return #value <= 400 end
  return type(value) ~= "table" and type(value) ~= "function"
end

local function add_row(columns, by_name, row)
  for key, value in next, row do
    local column = by_name[key]
    if not column and type(key) == "string" then
      local label = text.line(key)
      column = { name = key, label = label, width = text.width(label), fits = true, is_number = true }
      column.is_id = key ~= "id"
      by_name[key] = column
      columns[#columns + 1] = column
    end
    if column then
      local is_empty = rawequal(value, json.null) or value == ""
      column.fits = column.fits and is_cell(value)
      column.is_used = column.is_used or not is_empty
      column.is_id = column.is_id and rawequal(value, rawget(row, "id"))
      column.is_number = column.is_number and (is_empty or type(value) == "number")
      if column.fits then column.width = math.max(column.width, text.width(cell_text(value))) end
    end
  end
end

local function wanted_before(a, b)
  local first, second = WANTED[a.name] or math.huge, WANTED[b.name] or math.huge
  if first ~= second then return first < second end
  if a.width ~= b.width then return a.width < b.width end
  return a.name < b.name
end

-- All columns, those that are wanted most first.
local function columns_of(rows, count)
  local columns, by_name = {}, {}
  for i = 1, math.min(count, LOOKED_AT) do add_row(columns, by_name, rawget(rows, i)) end
  for _, column in ipairs(columns) do column.width = math.min(column.width, WIDEST_CELL) end
  table.sort(columns, wanted_before)
  return columns
end

-- Takes columns while they fit; the first is cut rather than left out. One that only repeats the id is not
-- missed.
local function choose(columns, width)
  local chosen, hidden, left = {}, {}, width
  for _, column in ipairs(columns) do
    local needs = column.width + (#chosen > 0 and #GAP or 0)
    local can_be_cut = #chosen == 0 and left > NARROWEST_CUT
    if column.fits and column.is_used and not column.is_id and (needs <= left or can_be_cut) then
      column.width = math.min(column.width, left)
      chosen[#chosen + 1], left = column, left - needs
    elseif not column.is_id then
      hidden[#hidden + 1] = column.label
    end
  end
  return chosen, hidden
end

-- }======

local function line_of(columns, cell, color)
  local parts = {}
  for i, column in ipairs(columns) do
    local words, kind = cell(column)
    words = text.cut(words, column.width)
    if i < #columns or column.is_number then words = text.pad(words, column.width, column.is_number) end
    parts[i] = kind and text.paint(kind, words, color) or words
  end
  return (table.concat(parts, GAP):gsub(" +$", ""))
end

local function footer(count, shown, hidden)
  local words = shown < count and ("… %s more of %s rows"):format(text.count(count - shown), text.count(count))
    or text.counted(count, "row")
  table.sort(hidden)
  return #hidden > 0 and words .. "; not shown: " .. table.concat(hidden, ", ") or words
end

--- The rows as text, or nil when no column fits.
---@param rows table[]
---@param options anyreach.repl.show_options
---@return string|nil
function table_view.text(rows, options)
  local count, width = literal.count_elements(rows), options.width or 80
  local columns, hidden = choose(columns_of(rows, count), width)
  if #columns == 0 then return nil end
  local most = options.full and count or math.max((options.height or 24) - 5, 5)
  local shown = count <= most and count or most
  local lines = { line_of(columns, function(column) return column.label, "name" end, options.color) }
  lines[2] = line_of(columns, function(column) return ("-"):rep(column.width) end)
  for i = 1, shown do
    local row = rawget(rows, i)
    lines[#lines + 1] = line_of(columns, function(column)
      local value
      if type(row) == "table" then value = rawget(row, column.name) end
      return cell_text(value), rawequal(value, json.null) and "note" or nil
    end, options.color)
  end
  lines[#lines + 1] = text.paint("note", text.cut(footer(count, shown, hidden), width), options.color)
  return table.concat(lines, "\n")
end

--- Any value as rows: of a list its elements, of an object its fields. Nil for what has neither.
---@param value any
---@return table[]|nil
function table_view.forced_rows(value)
  local found = table_view.rows(value)
  if found or type(value) ~= "table" or next(value) == nil then return found end
  local rows = {}
  for i, entry in ipairs(literal.entries(value)) do
    if is_object(entry.value) and not entry.label then
      rows[i] = entry.value
    else
      local words = type(entry.value) == "table" and literal.text(entry.value, { height = 1 })
      local is_long = words and words:find("\n", 1, true)
      rows[i] = { name = entry.label or ("%d"):format(entry.key), text = is_long and "{ … }" or words or entry.value }
    end
  end
  return rows
end

return table_view
