-- What a version of the source becomes in the target, beside the ids in it: the target's environment file fills in
-- its defaults and replaces what it says of the agent, as for agent files; and secrets of the source stay there. A
-- field that holds a secret, by its name or its form, keeps what the target has. Where the target has nothing, the
-- environment file must say what is to be there: a secret is never copied.

local diff = require "anyreach.text.diff"
local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"
local merge = require "anyreach.agents.merge"
local redaction = require "anyreach.text.redaction"
local references = require "anyreach.agents.references"

local adaptation = {}

-- {====== the environment file ======

-- A mapping is given value by value.
local function add_values(replaced, path, value)
  if field_digests.kind(value) == "mapping" and next(value) ~= nil then
    for key, part in pairs(value) do add_values(replaced, diff.path(path, key), part) end
  else
    replaced[path] = value
  end
end

--- What an environment file makes of values.
---@param environment anyreach.environment|nil
---@param name string of the agent
---@param values table changed in place
---@param resolver anyreach.resolver of the target
---@param problems {path: string, message: string}[] to which problems are added
---@return table<string, any> replaced path -> value, of what differs from before
---@return anyreach.secret[] secrets
function adaptation.overlay(environment, name, values, resolver, problems)
  if not environment then return {}, {} end
  local before = references.substitute(values, resolver) -- a copy
  local given = environment:apply(name, values, problems)
  local resolved, missing = references.substitute(values, resolver)
  for _, problem in ipairs(missing) do
    problems[#problems + 1] = { path = ("%s: %s"):format(name, problem.path), message = problem.message }
  end
  local replaced = {}
  for _, found in ipairs(diff.compare(resolved, before, { exact = true })) do
    add_values(replaced, found.path, found.after)
  end
  for key in pairs(values) do values[key] = nil end
  for key, value in pairs(resolved) do values[key] = value end
  return replaced, given.secrets
end

-- }======

-- {====== secrets of the source ======

local WORDS = 3 -- that a secret may have around it, as "Bearer" is; a longer text talks about other things

-- What src/api/secret_shapes.c knows, if it is what the text is there for.
local function has_secret_form(text)
  local hidden = redaction.shapes(text)
  return hidden ~= text and select(2, hidden:gsub("%S+", "")) <= WORDS
end

local function is_secret(key, value)
  if field_digests.is_secret(value) then return false end -- the environment's
  return redaction.hides(key, value) or type(value) == "string" and has_secret_form(value)
end

-- What the target has in the place of a part of the source; elements of lists go by their names.
local function counterpart(target, source, key)
  if field_digests.kind(target) == "leaf" then return nil end
  local name = json.is_array(source) and merge.name_of(source[key])
  if not name then return target[key] end
  for _, element in ipairs(target) do
    if merge.name_of(element) == name then return element end
  end
end

local function add_problem(problems, name, path)
  problems[#problems + 1] = {
    path = ("%s: %s"):format(name, path),
    message = "holds a secret, which is not copied, and the target has none there; give it in the target's "
      .. ("environment file, below agents: %s, for example as !env {name: NAME, secret: true}, or null to leave it out")
      :format(name),
  }
end

local function keep(values, target, path, replaced, on_missing)
  for key, value in pairs(values) do
    local place, there = diff.path(path, key), counterpart(target, values, key)
    if replaced[place] == nil and is_secret(key, value) then
      if there == nil or there == json.null then on_missing(place) else values[key] = there end
    elseif field_digests.kind(value) ~= "leaf" then
      keep(value, there, place, replaced, on_missing)
    end
  end
end

--- Puts what the target has in the place of secrets of the source.
---@param name string of the agent
---@param values table changed in place
---@param target table|nil contents of the target
---@param replaced table<string, any> what the environment file gives
---@param problems {path: string, message: string}[]|nil gets secrets for which the target has nothing
function adaptation.keep_secrets(name, values, target, replaced, problems)
  keep(values, target, "", replaced, function(path)
    if problems then add_problem(problems, name, path) end
  end)
end

-- }======

return adaptation
