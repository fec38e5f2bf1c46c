-- Profiles: named clients in the config file, $XDG_CONFIG_HOME/anyreach/config.yaml (~/.config without
-- XDG_CONFIG_HOME). This module chooses one and finds its token; profile_file.lua reads the file.
--
-- A profile that is named, by the script, --profile or ANYREACH_PROFILE, counts whole: ANYREACH_TOKEN,
-- ANYREACH_ORG_ID and ANYREACH_BASE_URL do not count beside it. The file's default profile gives way to
-- the environment: it counts only where neither a token nor a base URL is said otherwise.

local errors = require "anyreach.errors"
local host = require "anyreach.host"
local operations = require "anyreach.operations"
local profile_file = require "anyreach.account.profile_file"
local secret = require "anyreach.secret"

local profiles = {}

-- The two organisations of the sandbox, for what works between profiles.
local BUILT_IN = {
  ["sandbox-one"] = { name = "sandbox-one", token = secret "ak_sandbox.admin" },
  ["sandbox-two"] = { name = "sandbox-two", token = secret "ak_sandbox.second" },
}

local MAX_TOKEN = 64 * 1024 -- bytes

-- {====== choosing one ======

local function built_in()
  return host.sandbox_url() and BUILT_IN or {}
end

--- The names of all profiles, sorted; with --sandbox those of its two organisations, too.
---@return string[]
function profiles.names()
  local known, names = {}, {}
  for name in pairs(profile_file.read().profiles) do known[name] = true end
  for name in pairs(built_in()) do known[name] = true end
  for name in pairs(known) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- Which profiles there are, for a message: "there are a, b"; without any, how to make one.
---@return string
function profiles.listed()
  local names = profiles.names()
  if #names == 0 then return "'anyreach profile add' makes one" end
  return (#names == 1 and "there is " or "there are ") .. table.concat(names, ", ")
end

local function refuse_unknown(name)
  local near = operations.nearest(name, profiles.names())
  local hint = near and ("did you mean '%s'?"):format(near) or profiles.listed()
  errors.raise("input", "no profile '%s' in %s; %s", name, profile_file.path() or "any config file", hint)
end

--- A profile by its name; an unknown one is an error of kind "input".
---@param name string
---@return anyreach.profile
function profiles.get(name)
  return profile_file.read().profiles[name] or built_in()[name] or refuse_unknown(name)
end

-- Empty means unset: a CI system defines variables it has no value for.
local function is_set(name)
  return (os.getenv(name) or "") ~= ""
end

--- The profile that --profile or ANYREACH_PROFILE names, or nil.
---@return anyreach.profile|nil
function profiles.named()
  local name = host.options.profile or is_set "ANYREACH_PROFILE" and os.getenv "ANYREACH_PROFILE"
  return name and profiles.get(name) or nil
end

--- The profile of a client that is made without options: the named one, else the config file's default
--- when neither the environment nor the command line says where to or as whom, --sandbox included.
---@return anyreach.profile|nil
function profiles.current()
  local named = profiles.named()
  if named then return named end
  if host.sandbox_url() or host.options["base-url"] then return nil end
  if is_set "ANYREACH_TOKEN" or is_set "ANYREACH_BASE_URL" then return nil end
  local default = profile_file.read().default
  return default and profiles.get(default) or nil
end

-- }======

-- {====== its token ======

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- A list of words is run as it is, without a shell reading them; a text is for /bin/sh.
local function command_line(command)
  if type(command) == "string" then return command end
  local words = {}
  for i, word in ipairs(command) do words[i] = quoted(word) end
  return "exec " .. table.concat(words, " ")
end

local function fail(profile, format, ...)
  errors.raise("credential", "profile '%s': %s", profile.name, format:format(...))
end

local function check(profile, text, source)
  if not text or text == "" then fail(profile, "%s gave no token", source) end
  if #text > MAX_TOKEN or text:find("[%s%c]") then
    fail(profile, "%s gave something that is not a token: it contains white space, or has several lines", source)
  end
  return secret(text)
end

-- What the command prints on stderr is the user's to see: a password manager asks there.
local function run_command(profile)
  io.stdout:flush()
  local pipe, message = io.popen(command_line(profile.token_command))
  if not pipe then fail(profile, "token_command: %s", message) end
  local text = pipe:read(MAX_TOKEN + 1)
  local _, how, code = pipe:close()
  if code ~= 0 then
    fail(profile, "token_command %s %d", how == "signal" and "was ended by signal" or "failed with exit code", code)
  end
  return check(profile, text and text:gsub("\r?\n$", ""), "token_command")
end

local from_commands = {} -- profile -> token: each command is run once

--- The token of a profile, or nil when it has none. A token_command is run when this is first asked.
---@param profile anyreach.profile
---@return anyreach.secret|nil
function profiles.token(profile)
  if profile.token_env then
    if not is_set(profile.token_env) then
      fail(profile, "the environment variable %s (token_env) is not set", profile.token_env)
    end
    return check(profile, os.getenv(profile.token_env), profile.token_env)
  elseif profile.token_command then
    from_commands[profile] = from_commands[profile] or run_command(profile)
    return from_commands[profile]
  end
  return profile.token
end

--- The same for the sandbox, which needs none: only what is at hand, and nothing missing is an error.
---@param profile anyreach.profile
---@return anyreach.secret|nil
function profiles.token_at_hand(profile)
  local text = profile.token_env and os.getenv(profile.token_env)
  return profile.token or text and secret(text) or nil
end

-- }======

return profiles
