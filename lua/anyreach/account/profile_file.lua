-- The config file with the profiles: found, checked, read once a run, and changed. Everything wrong with it is
-- reported at once, with line and column, and never with a value: a slip may have put a token anywhere.
--
--   default: staging
--   profiles:
--     staging:
--       token_env: STAGING_TOKEN
--     production:
--       token_command: [pass, show, anyreach/production]
--       organization: 7c9e6679-7425-40de-944b-e07fc1f90ae7
--       protected: true

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local disk = require "anyreach.disk"
local secret = require "anyreach.secret"
local user_paths = require "anyreach.account.user_paths"
local yaml = require "anyreach.yaml"

local profile_file = {}

local OTHERS_READ, OTHERS_WRITE = 0x24, 0x12 -- octal 044 and 022
local ABSENT = { [2] = true, [20] = true } -- ENOENT, ENOTDIR

-- {====== what it may hold ======

local function is_text(value)
  return type(value) == "string" and value ~= "" and not value:find("%c")
end

local function is_mapping(value)
  return type(value) == "table" and not json.is_array(value) and not yaml.is_tag(value)
end

local function is_word(value)
  return type(value) == "string" and not value:find("%z")
end

local function is_command(value)
  if not json.is_array(value) then return is_word(value) and value:find("%S") ~= nil end
  for _, word in ipairs(value) do
    if not is_word(word) then return false end
  end
  return is_text(value[1])
end

local function is_flag(value)
  return type(value) == "boolean"
end

local function is_variable(value)
  return type(value) == "string" and value:find("^[%a_][%w_]*$") ~= nil
end

local TEXT = { expected = "a text", test = is_text }

-- A profile's keys.
local KEYS = {
  token = TEXT,
  token_env = { expected = "the name of an environment variable", test = is_variable },
  token_command = { expected = "a list of words, or a text for /bin/sh", test = is_command },
  organization = TEXT,
  organization_name = TEXT,
  base_url = TEXT,
  protected = { expected = "true or false", test = is_flag },
  environment = TEXT,
}

--- The keys of a profile, sorted.
---@type string[]
profile_file.keys = {}
for name in pairs(KEYS) do table.insert(profile_file.keys, name) end
table.sort(profile_file.keys)

local TOP_KEYS = { "default", "profiles" }
local TOKEN_KEYS = { "token", "token_command", "token_env" }

--- Whether a profile can have this name, which appears in file names and on command lines.
---@param name string
---@return boolean
function profile_file.is_name(name)
  return #name <= 64 and name:find("^%w[%w._-]*$") ~= nil
end

-- }======

-- {====== checking ======

---@class anyreach.profile
---@field name string
---@field token? anyreach.secret
---@field token_env? string
---@field token_command? string|string[]
---@field organization? string
---@field organization_name? string
---@field base_url? string
---@field protected? boolean
---@field environment? string

local Reading = {}
Reading.__index = Reading

function Reading:problem(container, key, format, ...)
  local places = self.positions[container]
  local place = places and (places[key] or places[0])
  local path = place and ("%s:%d:%d"):format(self.path, place.line, place.column) or self.path
  table.insert(self.problems, { path = path, message = format:format(...) })
end

local function hint(word, names)
  local near = operations.nearest(tostring(word), names)
  return near and ("; did you mean '%s'?"):format(near) or "; expected " .. table.concat(names, ", ")
end

local function is_among(word, names)
  for _, name in ipairs(names) do
    if word == name then return true end
  end
  return false
end

local function check_profile(reading, name, value)
  local given = {}
  for key in pairs(value) do
    local rule = KEYS[key]
    if not rule then
      reading:problem(value, key, "%s: unknown key '%s'%s", name, key, hint(key, profile_file.keys))
    elseif not rule.test(value[key]) then
      reading:problem(value, key, "%s.%s: expected %s", name, key, rule.expected)
    end
    if is_among(key, TOKEN_KEYS) then given[#given + 1] = key end
  end
  if #given > 1 then
    table.sort(given)
    reading:problem(value, given[2], "%s: one of %s is enough", name, table.concat(given, ", "))
  end
end

--- Raises the problems of a profile before it is written.
---@param name string
---@param fields table its keys
function profile_file.check_fields(name, fields)
  local reading = setmetatable({ path = "", positions = {}, problems = {} }, Reading)
  check_profile(reading, name, fields)
  if #reading.problems > 0 then error(errors.make { kind = "input", problems = reading.problems }, 0) end
end

local function check_profiles(reading, value)
  for name, profile in pairs(value) do
    if type(name) ~= "string" or not profile_file.is_name(name) then
      reading:problem(value, name, "'%s' cannot be a profile's name; expected letters, digits, '.', '_' and '-'", name)
    elseif not is_mapping(profile) then
      reading:problem(value, name, "%s: expected a mapping with any of %s", name, table.concat(profile_file.keys, ", "))
    else
      check_profile(reading, name, profile)
    end
  end
end

local function check_default(reading, value, names)
  if value.default == nil then return end
  if type(value.default) ~= "string" then
    reading:problem(value, "default", "default: expected the name of a profile")
  elseif not is_among(value.default, names) then
    reading:problem(value, "default", "default: no profile '%s'%s", value.default,
      #names > 0 and hint(value.default, names) or "")
  end
end

local function check(reading, value)
  if not is_mapping(value) then
    return reading:problem(nil, nil, "expected a mapping with default and profiles")
  end
  for key in pairs(value) do
    if not is_among(key, TOP_KEYS) then
      reading:problem(value, key, "unknown key '%s'%s", key, hint(key, TOP_KEYS))
    end
  end
  if value.profiles == nil then value.profiles = {} end
  if not is_mapping(value.profiles) then
    return reading:problem(value, "profiles", "profiles: expected a mapping of names to profiles")
  end
  check_profiles(reading, value.profiles)
  local names = {}
  for name in pairs(value.profiles) do names[#names + 1] = name end
  table.sort(names)
  check_default(reading, value, names)
end

-- }======

-- {====== reading ======

-- Whoever writes it says where tokens go, and which commands run.
local function check_mode(path, mode, profiles)
  local name = path:gsub("[^%w/._-]", "\\%0")
  if mode & OTHERS_WRITE ~= 0 then
    errors.raise("credential", "%s: other users can write to it (mode 0%03o); 'chmod 600 %s' fixes that", path, mode,
      name)
  end
  if mode & OTHERS_READ == 0 then return end
  for _, profile in pairs(profiles) do
    if profile.token then
      errors.raise("credential",
        "%s: it holds a token, and other users can read it (mode 0%03o); 'chmod 600 %s' fixes that", path, mode, name)
    end
  end
end

local function decode(path)
  local ok, value, positions = pcall(files.decode_yaml, files.read_file(path), { name = path })
  if not ok then
    if value.problems then value.problems[1].excerpt = nil end -- the file may hold tokens
    error(errors.make { kind = "input", message = not value.problems and value.message, problems = value.problems }, 0)
  end
  if value == nil or value == json.null then value = {} end -- empty, or comments alone
  local reading = setmetatable({ path = path, positions = positions or {}, problems = {} }, Reading)
  check(reading, value)
  if #reading.problems > 0 then
    table.sort(reading.problems, function(a, b) return a.path < b.path end)
    error(errors.make { kind = "input", problems = reading.problems }, 0)
  end
  return value
end

local function make_profile(name, value)
  value.name = name
  value.token = value.token and secret(value.token)
  return value
end

--- Where the config file is, whether it exists or not; nil when there is no place for it.
---@return string|nil
function profile_file.path()
  return user_paths.config "config.yaml"
end

local contents

local function load_contents()
  local path = profile_file.path()
  if not path then return { profiles = {} } end
  local mode, message, problem = disk.mode(path)
  if not mode then
    if ABSENT[problem] then return { profiles = {} } end
    errors.raise("input", "%s", message)
  end
  local value = decode(path)
  check_mode(path, mode, value.profiles)
  for name, profile in pairs(value.profiles) do make_profile(name, profile) end
  return { default = value.default, profiles = value.profiles, mode = mode }
end

--- What the config file says; a file that is not there says nothing. A wrong one is an error of kind
--- "input", one that is open to others of kind "credential".
---@return {default: string?, profiles: table<string, anyreach.profile>, mode: integer?}
function profile_file.read()
  contents = contents or load_contents()
  return contents
end

--- Lets the next read() look at the file again.
function profile_file.forget()
  contents = nil
end

-- }======

-- {====== changing ======

local function path_or_fail()
  return profile_file.path()
    or errors.raise("input", "no directory for a config file: set HOME or XDG_CONFIG_HOME")
end

-- Lets `change` alter what the file says, and writes that: what a person wrote there, comments included, stays.
-- A wrong file, or one that is open to others, is refused first.
local function update(change)
  local path = path_or_fail()
  local is_there = profile_file.read().mode ~= nil
  local text = is_there and files.read_file(path) or ""
  local value = yaml.decode(text, { name = path })
  if value == nil or value == json.null then value, is_there = {}, false end
  change(value)
  local new_text = is_there and require("anyreach.yaml.edit").update(text, value)
    or text .. require("anyreach.yaml.writer").encode(value)
  local ok, message = disk.write(path, new_text, { private = true })
  if not ok then errors.raise("input", "%s", message) end
  profile_file.forget()
  return path
end

--- Adds a profile.
---@param name string
---@param fields table<string, any> its keys
---@param is_default? boolean it becomes the default
---@return string path of the file
function profile_file.add(name, fields, is_default)
  return update(function(value)
    value.profiles = value.profiles or {}
    value.profiles[name] = fields
    if is_default then value.default = name end
  end)
end

--- Makes a profile the default.
---@param name string of an existing one
---@return string path of the file
function profile_file.use(name)
  return update(function(value) value.default = name end)
end

-- }======

return profile_file
