-- anyreach.agent_files: agent files for scripts of your own, the library under the recipes.
--
--   local files = anyreach.agent_files
--   local agents = files.load { "agents" }
--   for _, agent in ipairs(agents) do agent.config.max_tool_steps = 4 end
--   local changes = files.compare(api, agents)
--   for _, change in ipairs(changes) do print(change) end
--   os.exit(files.exit_code(files.apply(api, changes)))

local agent_file = require "anyreach.agents.file"
local environment = require "anyreach.agents.environment"
local errors = require "anyreach.errors"
local reach = require "anyreach.agents.file.reach"
local provision = require "anyreach.agents.provision"
local write = require "anyreach.agents.file.write"

local agent_files = {}

--- Reads agent files. Everything wrong with any of them raises one error of kind "input". An agent has
--- `name`, `file`, `own` (description, active, is_demo, metadata), `config`, `inputs`, `numbers`, and may be
--- changed.
---@param paths string|string[] files, and directories that stand for the agent files in them
---@param options? {environment?: string, strict?: boolean, allow_read?: string[]} name or path of an environment
--- file, default none; warnings are errors; directories that !file may read outside the repository
---@return anyreach.agent[]
---@return {path: string, message: string}[] warnings about what can hardly be meant
function agent_files.load(paths, options)
  if type(paths) == "string" then paths = { paths } end
  reach.allow(options and options.allow_read)
  local given = options and options.environment
  return agent_file.read(paths, { environment = environment.choose(given, paths), strict = options and options.strict })
end

--- What would have to be done to bring an organisation to the state that agents describe. Only reads.
--- References that cannot be resolved raise one error of kind "input". A change has `name`, `file`, `action`
--- ("create", "update", "unchanged", "failed"), `steps`, `changes` (paths that differ), `agent` (what is wanted)
--- and `remote` (what is there); tostring(change) is the line that the recipe shows. Changes may be taken out of
--- the list.
---@param api anyreach.client
---@param agents anyreach.agent[]
---@param options? anyreach.provision_options
---@return anyreach.change[] one for each agent, in their order
function agent_files.compare(api, agents, options)
  return provision.compare(api, agents, options)
end

--- Carries out changes. One that fails does not stop the others; its result has the action "failed" and an
--- `error`. tostring(result) is the line that the recipe shows.
---@param api anyreach.client
---@param changes anyreach.change[]
---@param options? {concurrency?: integer} changes at a time; default as for anyreach.map
---@return anyreach.provision_result[] in the order of the changes
function agent_files.apply(api, changes, options)
  return provision.apply(api, changes, options)
end

--- The exit code that stands for changes or results: 0 nothing is to be done, or all was; 2 something is to be
--- done; 8 some failed; when all failed, the code of the first error.
---@param list (anyreach.change|anyreach.provision_result)[]
---@return integer
function agent_files.exit_code(list)
  return provision.exit_code(list)
end

local function check_writable(agent)
  if agent.environment then
    errors.raise("usage", "agent_files.write: '%s' holds values of %s, which do not belong into its file; load it "
      .. "without an environment", agent.name, agent.environment)
  elseif agent.is_resolved then
    errors.raise("usage", "agent_files.write: '%s' holds ids of an organisation; write the agent that load() gave",
      agent.name)
  end
end

--- Writes an agent file. Into one that is there, only what differs is written: comments, order and tags stay, and
--- a text that a tag !file stands for goes to that file. A secret can only be written where its !env stands.
---@param path string
---@param agent anyreach.agent|table an agent from load(), or the mapping that the file is to hold
---@return boolean changed false: the file says so already
function agent_files.write(path, agent)
  if not agent.own then return write.file(path, function() return agent end) end
  check_writable(agent)
  return write.file(path, function(old) return write.value(agent, old) end)
end

return agent_files
