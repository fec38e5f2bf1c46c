-- The rule that names operations which have no x-lua-name:
--
--   * the first segment of the path is the service and is dropped; literal segments become
--     namespaces, "-" becomes "_"; parameters are dropped;
--   * a word that Lua keeps for itself gets an underscore at its end: conversations.end_;
--   * a path that ends in a parameter is one thing of a collection: get, update (PUT, PATCH),
--     delete, create (POST);
--   * a path that ends in a collection: list, create (POST), update, delete. A last segment is a
--     collection when some path continues it with a parameter, when it can be both read and posted
--     to, or when reading it takes a cursor or an offset;
--   * any other last segment is the method's name when one method serves it (campaigns.start,
--     campaigns.stats), else a namespace of get, create, update, delete;
--   * when a name is taken, the service comes back: campaign.agents.list.

local name = {}

local ITEM = { GET = "get", PUT = "update", PATCH = "update", DELETE = "delete", POST = "create" }
local COLLECTION = { GET = "list", PUT = "update", PATCH = "update", DELETE = "delete", POST = "create" }

-- Words that Lua keeps for itself: they cannot follow a dot.
local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch("%a+") do
  KEYWORDS[word] = true
end

local function identifier(segment)
  local word = segment:gsub("[^%w_]", "_"):gsub("^%d", "_%0")
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

---@return anyreach.openapi.outline
function name.new_outline()
  return { methods = {}, continued = {}, paged = {} }
end

--- Adds an operation to the outline.
---@param outline anyreach.openapi.outline
---@param method string
---@param path string
---@param parameters table[] OpenAPI parameters, resolved
function name.note(outline, method, path, parameters)
  local key = without_names(path)
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

--- The name of an operation that was noted in the outline before.
---@param outline anyreach.openapi.outline
---@param method string
---@param path string
---@return string
function name.derive(outline, method, path)
  local words = {}
  for segment in path:gsub("^/[^/]*", ""):gmatch("[^/]+") do
    if segment:sub(1, 1) ~= "{" then words[#words + 1] = identifier(segment) end
  end
  words[#words + 1] = last_word(outline, without_names(path), method)
  return table.concat(words, ".")
end

return name
