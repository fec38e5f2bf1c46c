-- What a caller of an operation would notice of a change, as short lines: parameters, body and answer,
-- field by field. Summaries are not compared.

local compare = {}

local function type_text(schema)
  local names = { table.unpack(schema.types) }
  table.sort(names)
  return table.concat(names, "|")
end

local function list_text(list)
  return list and table.concat(list, "|") or "anything"
end

local function value_text(value)
  return value == nil and "none" or tostring(value)
end

-- Of two facts that are true, false or not set.
local function is_other(a, b)
  return (a == true) ~= (b == true)
end

local function note(lines, path, format, ...)
  lines[#lines + 1] = path .. ": " .. format:format(...)
end

local compare_fields -- schemas and fields hold each other

local FACTS = { "default_json", "minimum", "maximum", "min_length" }

local function compare_schemas(lines, path, old, new)
  if not old or not new then
    if old then note(lines, path, "gone") elseif new then note(lines, path, "new") end
    return
  end
  if type_text(old) ~= type_text(new) then
    note(lines, path, "type now %s, was %s", type_text(new), type_text(old))
  end
  if list_text(old.choices) ~= list_text(new.choices) then
    note(lines, path, "now one of %s, was %s", list_text(new.choices), list_text(old.choices))
  end
  for _, fact in ipairs(FACTS) do
    if old[fact] ~= new[fact] then
      note(lines, path, "%s now %s, was %s", fact:gsub("_json", ""):gsub("_", " "), value_text(new[fact]),
        value_text(old[fact]))
    end
  end
  if is_other(old.open, new.open) then
    note(lines, path, new.open and "now takes further fields" or "takes no further fields any more")
  end
  compare_fields(lines, path, old.fields or {}, new.fields or {})
  if old.items or new.items then compare_schemas(lines, path .. "[]", old.items, new.items) end
end

local function by_name(fields)
  local map = {}
  for _, field in ipairs(fields) do map[field.name] = field end
  return map
end

function compare_fields(lines, path, old, new)
  local old_by_name, new_by_name = by_name(old), by_name(new)
  for _, field in ipairs(old) do
    if not new_by_name[field.name] then note(lines, path .. "." .. field.name, "gone") end
  end
  for _, field in ipairs(new) do
    local place, other = path .. "." .. field.name, old_by_name[field.name]
    if not other then
      note(lines, place, field.required and "new, required" or "new")
    else
      if is_other(other.required, field.required) then
        note(lines, place, field.required and "now required" or "not required any more")
      end
      compare_schemas(lines, place, other.schema, field.schema)
    end
  end
end

--- The differences from one row to another of the same operation. `old` is from operations.describe(),
--- whose schemas are trees: so the work has an end, however a document's schemas hold each other.
---@param old table
---@param new table
---@return string[]
function compare.rows(old, new)
  local lines = {}
  for i, field in ipairs(new.path_fields) do
    compare_schemas(lines, "path." .. field.name, old.path_fields[i].schema, field.schema)
  end
  compare_fields(lines, "query", old.query_fields, new.query_fields)
  compare_schemas(lines, "body", old.body, new.body)
  if is_other(old.body_required, new.body_required) then
    note(lines, "body", new.body_required and "now required" or "not required any more")
  end
  if old.answer_kind ~= new.answer_kind then
    note(lines, "answer", "now %s, was %s", new.answer_kind, old.answer_kind)
  end
  compare_schemas(lines, "answer", old.answer, new.answer)
  if is_other(old.public, new.public) then
    note(lines, "credential", new.public and "not needed any more" or "now needed")
  end
  return lines
end

return compare
