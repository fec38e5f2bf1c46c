-- anyreach call: one operation from a shell, JSON in, JSON out.

local arguments = require "anyreach.arguments"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local host = require "anyreach.host"
local json = require "anyreach.json"
local live_documents = require "anyreach.openapi.live_documents"
local operations = require "anyreach.operations"
local report = require "anyreach.report"
local member = require("anyreach.client.client").member

local spec = {
  usage = "anyreach call OPERATION [PATH VALUE…] [--FIELD VALUE…] [-d JSON|@FILE] [--each] [--compact] [--include]",
  summary = "Calls one operation and prints its answer as JSON.",
  options = {
    { name = "FIELD", value = "VALUE", help = "a field of query or body; a list is given by repeating it" },
    { name = "data", letter = "d", value = "JSON|@FILE", help = "the body; @FILE reads a file, @- standard input" },
    { name = "each", help = "follow all pages of a list; one JSON value a line" },
    { name = "compact", help = "one line instead of indented JSON" },
    { name = "include", letter = "i", help = "print status and headers first" },
  },
  notes = [[
Objects and lists are given as JSON, or as @FILE. 'anyreach help OPERATION' lists the fields. Behind the operation its
fields come first: an option of the program with the name of a field stands before 'call'.

  anyreach call agents.create --name "Riverside Dental Scheduler" --active true
  anyreach call agents.versions.create AGENT_ID -d @version.json
  anyreach call agents.list --name Riverside --each]],
}

local flags = { each = true, compact = true, include = true }
local letters = { d = "data", i = "include" }

local GLOBAL = {} -- options of the program
for _, option in ipairs(host.option_rows()) do GLOBAL[option.name] = true end

local function read_input(name)
  if name == "-" then return io.read("a") end
  return files.read_file(name)
end

-- "@FILE" or JSON text -> value.
local function decode(text, what)
  local source = text:sub(1, 1) == "@" and read_input(text:sub(2)) or text
  local ok, value = pcall(json.decode, source)
  if not ok then errors.raise("command_line", "%s: %s", what, value) end
  return value
end

local function accepts(schema)
  local set = {}
  for _, name in ipairs(schema.types) do set[name] = true end
  return set
end

-- A word of the shell as the value the schema asks for. What does not fit stays text, and is reported by
-- the check that every call passes.
local function convert(text, schema, what)
  local types = accepts(schema)
  if types.boolean and (text == "true" or text == "false") then return text == "true" end
  if types.integer and text:match("^-?%d+$") then return math.tointeger(tonumber(text)) or text end
  if types.number and tonumber(text) then return tonumber(text) end
  if types.null and text == "null" then return json.null end
  local first = text:sub(1, 1)
  local is_json = types.object and (first == "{" or first == "@") or types.array and (first == "[" or first == "@")
  return is_json and decode(text, what) or text
end

local ANY = { types = { "string", "boolean", "number", "integer", "object", "array", "null" } }

local function field_named(operation, name)
  for _, fields in ipairs { operation.parameters, operation.body and operation.body.fields or {} } do
    for _, field in ipairs(fields) do
      if field.name == name then return field end
    end
  end
end

local function set_field(fields, operation, name, text)
  local field = field_named(operation, name)
  local schema = field and field.schema or ANY
  local types, before = accepts(schema), fields[name]
  local is_json = text:match "^[%[@]"
  if not types.array or is_json or before == nil and types.string then
    fields[name] = convert(text, schema, "--" .. name)
    return
  end
  local list = json.is_array(before) and before or json.array { before }
  list[#list + 1] = convert(text, schema.items or ANY, "--" .. name)
  fields[name] = list
end

-- Behind an operation of a live document every word with dashes is a field of it.
local function refuse_global(name, word)
  if GLOBAL[name:gsub("_", "-")] then
    arguments.fail(spec, "%s is no field of the operation; the program's option stands before 'call'", word)
  end
end

-- A live document has given an operation of ours a field that the command line took for an option of the program.
local function refuse_taken_fields(operation)
  for name in pairs(host.options_behind) do
    local field = name:gsub("-", "_")
    if field_named(operation, field) then
      arguments.fail(spec, "--%s is both a field of the operation, by the API's own document, and an option of the "
        .. "program; give the field with -d '{\"%s\": …}', or the option before 'call'", name, field)
    end
  end
end

-- Splits the words into path values, fields and our own options.
local function parse(words, operation)
  local given = { path = {}, fields = {}, options = {} }
  local index = 2
  while index <= #words do
    local word = words[index]
    local name, value = word:match("^%-%-([^=]+)=?(.*)$")
    if name and not word:find("=", 1, true) then value = nil end
    local letter = letters[word:match("^%-(%a)$")]
    name = name and (field_named(operation, name) and name or name:gsub("%-", "_")) or letter
    local is_field = name and not letter and field_named(operation, name)
    if not name then
      given.path[#given.path + 1] = word
    elseif flags[name] and not is_field then
      given.options[name] = true
    else
      if not is_field and not letter then refuse_global(name, word) end
      if not value then
        index = index + 1
        value = words[index] or arguments.fail(spec, "%s needs a value", word)
      end
      if name == "data" and not is_field then
        given.data = decode(value, "--data")
      else
        set_field(given.fields, operation, name, value)
      end
    end
    index = index + 1
  end
  return given
end

local function find_operation(name)
  if not name then arguments.fail(spec, "which operation? 'anyreach help operations' lists them") end
  live_documents.use_default()
  local operation = operations.describe(name)
  if operation then return operation end
  local near = operations.nearest(name, operations.names())
  arguments.fail(spec, "no operation '%s'%s", name, near and ("; did you mean '%s'?"):format(near)
    or "; 'anyreach help operations' lists them")
end

-- The arguments of the call: path values, then the table of fields if there is anything in it.
local function call_arguments(operation, given)
  local list = table.pack()
  for i, field in ipairs(operation.path_fields) do
    local text = given.path[i]
    list[i] = text and convert(text, field.schema, field.name)
  end
  for i = #operation.path_fields + 1, #given.path do
    arguments.fail(spec, "unexpected argument '%s'", given.path[i])
  end
  local fields = given.data
  if next(given.fields) then
    fields = fields or {}
    if json.is_array(fields) then arguments.fail(spec, "--data is a list: it takes no other fields") end
    for name, value in pairs(given.fields) do fields[name] = value end
  end
  list.n = #operation.path_fields + 1
  list[list.n] = fields
  return list
end

local function print_headers(response)
  io.stdout:write("status: ", response.status, "\n")
  local names = {}
  for name in pairs(response.headers) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do io.stdout:write(name, ": ", response.headers[name], "\n") end
  io.stdout:write("\n")
end

-- An answer is printed also when a string in it is not valid UTF-8; that is said, because the text is not what came.
local function encoded(body, options)
  local ok, text = pcall(json.encode, body, options)
  if ok then return text end
  report.warn("%s; U+FFFD is printed there", text)
  options.invalid_bytes = "replace"
  return json.encode(body, options)
end

local function print_answer(operation, options, body, response)
  if report.is_json() then
    report.event("answer", { operation = operation.name, status = response.status, body = body })
    return
  end
  if options.include then print_headers(response) end
  if type(body) == "string" and operation.answer_kind == "text" then
    io.stdout:write(body, body:sub(-1) == "\n" and "" or "\n")
  elseif body ~= nil then
    io.stdout:write(encoded(body, { indent = options.compact and 0 or 2 }), "\n")
  end
end

-- Ends early and quietly when nobody reads any more, as in `| head`.
local function print_each(api, operation, list)
  local namespace = operation.name:match("^(.*)%.list$")
  if not namespace or operation.paging == "none" then
    arguments.fail(spec, "--each: %s has no pages to follow", operation.name)
  end
  for row in member(api, namespace .. ".each")(table.unpack(list, 1, list.n)) do
    if not io.stdout:write(encoded(row, {}), "\n") or not io.stdout:flush() then return end
  end
end

local function run(words)
  local operation = find_operation(words[1])
  refuse_taken_fields(operation)
  local given = parse(words, operation)
  local list = call_arguments(operation, given)
  local api = live_documents.client()
  if given.options.each then
    print_each(api, operation, list)
  else
    print_answer(operation, given.options, member(api, operation.name)(table.unpack(list, 1, list.n)))
  end
end

-- Misuse from a shell is wrong usage of the program.
local function run_as_command(words)
  local ok, err = xpcall(run, function(err)
    if errors.is_error(err) and err.kind == "usage" then
      err.kind, err.where = "command_line", nil
    end
    return errors.is_error(err) and err or debug.traceback(err)
  end, words)
  if not ok then error(err, 0) end
end

return { spec = spec, raw = true, run = run_as_command }
