-- The rule that names operations which have no x-lua-name:
--
--   * the name of one of the API's services at the beginning of the path is dropped, and so is what leads every path
--     of the document and only says "api" or a version ("/api/v1"); other literal segments become namespaces,
--     "-" becomes "_"; parameters are dropped;
--   * a word that Lua keeps for itself gets an underscore at its end: conversations.end_;
--   * a path that ends in a parameter is one thing of a collection: get, update (PUT, PATCH),
--     delete, create (POST);
--   * a path that ends in a collection: list, create (POST), update, delete. A last segment is a
--     collection when some path continues it with a parameter, when it can be both read and posted
--     to, or when reading it takes a cursor or an offset;
--   * any other last segment is the method's name when one method serves it (campaigns.start,
--     campaigns.stats), else a namespace of get, create, update, delete;
--   * when a name cannot be had, what was dropped comes back: campaign.agents.list; then the operationId is taken,
--     which is unique by the standard; then method and path. So every operation has a name.

local name = {}

local ITEM = { GET = "get", PUT = "update", PATCH = "update", DELETE = "delete", POST = "create" }
local COLLECTION = { GET = "list", PUT = "update", PATCH = "update", DELETE = "delete", POST = "create" }

-- Words that Lua keeps for itself: they cannot follow a dot.
local KEYWORDS = {}

--- The services of the API, which are the first segment of its paths.
name.services = { "admin", "campaign", "core", "knowledge-base", "workflow" }
local IS_SERVICE = {}
for _, service in ipairs(name.services) do IS_SERVICE[service] = true end

for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch("%a+") do
  KEYWORDS[word] = true
end

local function identifier(segment)
  local word = segment:gsub("{[^}]*}", ""):gsub("[^%w_]+", "_"):gsub("^%d", "_%0"):gsub("^$", "_")
  return KEYWORDS[word] and word .. "_" or word
end

--- The name when it is taken otherwise: behind its service's.
---@param service string
---@param text string
---@return string
function name.behind_service(service, text)
  return identifier(service) .. "." .. text
end

--- Whether Lua can spell the name after a dot.
---@param text any
---@return boolean
function name.is_spelled(text)
  if type(text) ~= "string" or text == "" or text:sub(-1) == "." then return false end
  for word in (text .. "."):gmatch("([^.]*)%.") do
    if not word:find("^[%a_][%w_]*$") or KEYWORDS[word] then return false end
  end
  return true
end

local function without_names(path)
  return (path:gsub("{[^/]*}", "{}"))
end

local function takes_pages(parameters)
  for _, parameter in ipairs(parameters) do
    if parameter["in"] == "query" and (parameter.name == "cursor" or parameter.name == "offset") then
      return true
    end
  end
  return false
end

---@class anyreach.openapi.outline what the rule needs to know of a whole document
---@field methods table<string, table<string, boolean>> by path without parameter names
---@field continued table<string, boolean> paths that another continues with a parameter
---@field paged table<string, boolean> paths whose GET takes a cursor or an offset
---@field leading string[]|nil segments that lead every path and say nothing

---@return anyreach.openapi.outline
function name.new_outline()
  return { methods = {}, continued = {}, paged = {} }
end

-- What both paths begin with, as far as it says nothing.
local function shared_lead(lead, path)
  local shared = {}
  for segment in path:gmatch "[^/]+" do
    local says_nothing = segment == "api" or segment:find "^v%d+[%w.]*$" or #shared == 0 and IS_SERVICE[segment]
    if not says_nothing or lead and lead[#shared + 1] ~= segment then break end
    shared[#shared + 1] = segment
  end
  return shared
end

--- Adds an operation to the outline.
---@param outline anyreach.openapi.outline
---@param method string
---@param path string
---@param parameters table[] OpenAPI parameters, resolved
function name.note(outline, method, path, parameters)
  local key = without_names(path)
  outline.leading = shared_lead(outline.leading, path)
  outline.methods[key] = outline.methods[key] or {}
  outline.methods[key][method] = true
  if method == "GET" and takes_pages(parameters) then outline.paged[key] = true end
  for start in key:gmatch("()/{}") do outline.continued[key:sub(1, start - 1)] = true end
end

local function is_collection(outline, key)
  local methods = outline.methods[key]
  return outline.continued[key] or outline.paged[key] or (methods.GET and methods.POST)
end

local function last_word(outline, key, method)
  if key:sub(-3) == "/{}" then return ITEM[method] end
  if is_collection(outline, key) then return COLLECTION[method] end
  local methods = outline.methods[key]
  if next(methods, next(methods)) then return ITEM[method] end
  return nil
end

-- The path's words; those that may be dropped come first, apart.
local function words_of(outline, path)
  local dropped, words, position = {}, {}, 0
  for segment in path:gmatch "[^/]+" do
    position = position + 1
    local leads = position == 1 and IS_SERVICE[segment] or outline.leading[position] == segment
    local is_word = not segment:find "^{[^}]*}$"
    if is_word then table.insert(leads and dropped or words, identifier(segment)) end
  end
  return dropped, words
end

--- The names that an operation may have which was noted in the outline before: the best first, and more than
--- one. Not every one need be unique, but the last is, among those of its document.
---@param outline anyreach.openapi.outline
---@param method string
---@param path string
---@param operation_id? string
---@return string[]
function name.candidates(outline, method, path, operation_id)
  local dropped, words = words_of(outline, path)
  local verb = last_word(outline, without_names(path), method)
  local list = {}
  local function add(...)
    local all = table.concat({ ... }, ".")
    if all ~= "" then list[#list + 1] = all end
  end
  local is_bare = #words == 0 -- a verb alone, at the root
  words[#words + 1] = verb
  if not is_bare then add(table.unpack(words)) end
  if #dropped > 0 then add(table.concat(dropped, "."), table.unpack(words)) end
  if operation_id then
    add(identifier(operation_id))
    if #dropped > 0 then add(table.concat(dropped, "."), identifier(operation_id)) end
  end
  add(identifier(method:lower() .. path:gsub("[{}]", "")))
  return list
end

return name
