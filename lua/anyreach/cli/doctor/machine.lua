-- What `anyreach doctor` finds on this machine: the program and its libraries, the config file, the cache,
-- and whether the sandbox works.

local client = require "anyreach.client.client"
local directory = require "anyreach.directory"
local finding = require "anyreach.cli.doctor.finding"
local host = require "anyreach.host"
local json = require "anyreach.json"
local live_documents = require "anyreach.openapi.live_documents"
local profile_file = require "anyreach.account.profile_file"

local machine = {}

---@return anyreach.finding[]
function machine.program()
  local texts, libraries = {}, {}
  for i, library in ipairs(require "anyreach.library_versions") do
    texts[i] = library.name .. " " .. library.version
    libraries[library.name] = library.version
  end
  libraries["lua-cjson"] = require("cjson")._VERSION
  texts[#texts + 1] = "lua-cjson " .. libraries["lua-cjson"]
  return { finding.ok("program", ("anyreach %s; %s"):format(host.version, table.concat(texts, ", ")),
    { program_version = host.version, libraries = libraries }) }
end

local function names_of(contents)
  local names = json.array {}
  for name in pairs(contents.profiles) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function config_text(path, contents, names)
  local text = ("%s, mode 0%03o, "):format(path, contents.mode)
  if #names == 0 then return text .. "no profiles" end
  local default = contents.default and ("; the default is '%s'"):format(contents.default) or ""
  return text .. (#names == 1 and "profile " or "profiles ") .. table.concat(names, ", ") .. default
end

---@return anyreach.finding[]
function machine.config(patient)
  local path = profile_file.path()
  if not path then
    return { finding.warning("config", "no directory for a config file", "set HOME or XDG_CONFIG_HOME") }
  end
  local ok, contents = pcall(profile_file.read)
  if not ok then
    patient.config_problem = tostring(contents)
    return { finding.failure_of("config", contents) }
  end
  local facts = { path = path, profiles = names_of(contents), default = contents.default }
  if not contents.mode then return { finding.ok("config", ("none (%s)"):format(path), facts) } end
  return { finding.ok("config", config_text(path, contents, facts.profiles), facts) }
end

---@return anyreach.finding[]
function machine.cache(patient)
  if not patient.base_url or patient.base_url == host.sandbox_url() then return {} end
  local place = live_documents.directory(patient.base_url, patient.profile)
  if not place then
    return { finding.warning("cache", "no directory for caches", "set HOME or XDG_CACHE_HOME") }
  end
  local kept = json.array {}
  for _, service in ipairs(live_documents.services) do
    if directory.kind(("%s/%s.json"):format(place, service)) then kept[#kept + 1] = service end
  end
  local text = #kept == 0 and "no documents of the live API" or "keeps the live API's " .. table.concat(kept, ", ")
  return { finding.ok("cache", ("%s (%s)"):format(text, place), { path = place, services = kept }) }
end

---@return anyreach.finding[]
function machine.sandbox()
  local began = host.clock()
  local ok, problem = pcall(function()
    if not host.sandbox_url() then host.start_sandbox {} end
    client.new({ base_url = host.sandbox_url(), token = "ak_sandbox.admin", retries = 0 }).agents.list()
  end)
  if not ok then
    return { finding.failure("sandbox", tostring(problem), "check that programs may listen on 127.0.0.1 here") }
  end
  return { finding.ok("sandbox", ("started and answered in %.0f ms"):format((host.clock() - began) * 1000)) }
end

return machine
