-- What was written from a folder of prompts, in the lock in that folder: for each agent a row with digests of its
-- prompts and of the draft that was written. From it a run knows which side has changed a prompt since, the folder or
-- the organisation, and which draft is its own:
--
--   {"agent":NAME,"account":KEY,"from":"prompts","agent_id":ID,"version":N,"draft":N,"draft_digest":DIGEST,
--    "fields":{FIELD:DIGESTS}}
--
-- A lock that agent files share keeps their rows apart from these.

local account = require "anyreach.account.identity"
local agent_lookup = require "anyreach.agents.lookup"
local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local drift = require "anyreach.agents.drift"
local errors = require "anyreach.errors"
local nearby = require "anyreach.agents.prompts.nearby"
local text_field = require "anyreach.agents.prompts.text_field"

local record = {}

---@class anyreach.prompt_record
---@field private lock anyreach.lock
---@field private key string of the organisation
---@field private prefer? "ours"|"theirs"
local Record = {}
Record.__index = Record

---@class anyreach.prompt_decision the prompts in `kept`, `merged`, `conflicts` and `overwritten` have `since`, the
--- number of the version since which the organisation has changed them
---@field due anyreach.prompt[] to be written; those that were merged have the text of both
---@field kept anyreach.prompt[] the organisation's text stays
---@field merged anyreach.prompt[]
---@field conflicts anyreach.prompt[]
---@field overwritten anyreach.prompt[] the organisation's text is given up
---@field private drift anyreach.drift_decision

--- The record of a folder.
---@param api anyreach.client
---@param opened anyreach.lock of the folder
---@param prefer? "ours"|"theirs" whose text counts where the organisation has changed one
---@return anyreach.prompt_record
function record.new(api, opened, prefer)
  return setmetatable({ api = api, lock = opened, key = account.learn(api).key, prefer = prefer }, Record)
end

--- What is noted of an agent, or nil.
---@param agent table
---@return anyreach.lock_row|nil
function Record:row(agent)
  local row = self.lock:prompts(self.key, agent.name)
  return row and row.agent_id == agent.id and row or nil
end

-- What `provision` has noted of an agent, in a lock near this one, or nil.
local function files_row(self, agent)
  self.files_rows = self.files_rows or nearby.rows(self.lock.path, self.key, "files")
  return self.files_rows[agent.id]
end

--- The number of the draft that was last written from here, be it by `provision`; nil without any.
---@param agent table
---@return integer|nil
function Record:draft(agent)
  local row, other = self:row(agent), files_row(self, agent)
  local number = math.max(row and row.draft or 0, other and other.draft or 0)
  return number > 0 and number or nil
end

local function digest_of(version)
  return contents.draft_digest(version, {})
end

--- True for a draft that was written from here, and that nobody has changed since.
---@param agent table
---@param draft table|nil with its config
---@return boolean
function Record:is_own(agent, draft)
  for _, row in pairs { own = self:row(agent), files = files_row(self, agent) } do
    if draft and row.draft == draft.version and row.draft_digest == digest_of(draft) then return true end
  end
  return false
end

-- {====== which side has changed ======

local function wanted_texts(prompts)
  local texts = {}
  for _, prompt in ipairs(prompts) do texts[prompt.field] = prompt.text end
  return texts
end

local function texts_of(version, prompts)
  local texts = {}
  for _, prompt in ipairs(prompts) do texts[prompt.field] = text_field.get(version.config, prompt.field) end
  return texts
end

-- The digests of a row, if they are about the version that counts, or one before it. A draft that was written from here
-- and is not in use any more tells nothing of the others.
local function fields_for(row, version)
  return row and row.fields and row.version and row.version <= version.version and row.fields or nil
end

-- Reads what a version held; nil when it is gone.
local function reader(self, agent, prompts)
  return function(number)
    local version, err = self.api.try.agents.versions.get(agent.id, number)
    if not errors.is_error(err) then return texts_of(version, prompts) end
    if err.kind ~= "not_found" then error(err, 0) end
  end
end

-- The prompts that parts of a drift decision are about, with a merged text if there is one.
local function prompts_of(parts, by_field, version)
  local list = {}
  for index, part in ipairs(parts) do
    local prompt = { since = part.version or version }
    for key, value in pairs(by_field[diff.keys(part.path)[1]]) do prompt[key] = value end
    prompt.text = part.value or prompt.text
    list[index] = prompt
  end
  return list
end

-- A merge that gives what is there already was made before; the organisation's text is only kept.
local function keep_what_was_merged(found)
  local merged = {}
  for _, part in ipairs(found.merged) do
    local list = part.value == part.there and found.kept or merged
    list[#list + 1] = part
  end
  found.merged = merged
end

-- The prompts that are in none of the lists, and those of `merged`.
local function due_of(prompts, merged, ...)
  local settled, due = {}, {}
  for _, list in ipairs { merged, ... } do
    for _, prompt in ipairs(list) do settled[prompt.field] = true end
  end
  for _, prompt in ipairs(prompts) do
    if not settled[prompt.field] then due[#due + 1] = prompt end
  end
  return table.move(merged, 1, #merged, #due + 1, due)
end

--- Decides whose texts count.
---@param agent table
---@param prompts anyreach.prompt[] of the agent
---@param version table which they are to go into or to replace, with its config
---@return anyreach.prompt_decision
function Record:decide(agent, prompts, version)
  local row, by_field = self:row(agent), {}
  for _, prompt in ipairs(prompts) do by_field[prompt.field] = prompt end
  local fields = fields_for(row, version)
  local found = drift.decide(fields, wanted_texts(prompts), texts_of(version, prompts), agent.id,
    { prefer = self.prefer, version = row and row.version, base = reader(self, agent, prompts) })
  keep_what_was_merged(found)
  local decision = { drift = found }
  for _, name in ipairs { "kept", "merged", "conflicts", "overwritten" } do
    decision[name] = prompts_of(found[name], by_field, row and row.version)
  end
  local other, texts = files_row(self, agent), texts_of(version, prompts)
  for _, prompt in ipairs(decision.kept) do
    local is_of_files = nearby.is_value_of(other, "config." .. prompt.field, texts[prompt.field])
    prompt.written_by = is_of_files and "provision" or nil
  end
  decision.due = due_of(prompts, decision.merged, decision.kept, decision.conflicts,
    prompts_of(found.quiet, by_field), prompts_of(found.refused, by_field))
  return decision
end

-- }======

-- {====== noting ======

-- The version that has the prompts; nil when it is somebody's draft. What was written is read again: it may not be what
-- was sent.
local function version_after(self, plan, is_published)
  if plan.config or plan.inputs then return agent_lookup.version(self.api, plan.agent.id, plan.draft.version) end
  if plan.draft and not is_published and not self:is_own(plan.agent, plan.draft) then return nil end
  return plan.draft or plan.base
end

-- The draft of a row stays noted until it, or a newer version, is published. One that holds somebody's changes, too,
-- does not become ours.
local function draft_of(row, plan, version, is_published)
  if is_published or plan.draft and plan.draft_used then return nil end
  if plan.draft then return version.version, digest_of(version) end
  if row and row.draft and row.draft > version.version then return row.draft, row.draft_digest end
end

-- What was merged stays noted as it was, until the folder has it, too: a later change of the folder is merged again.
local function settled(decision)
  if not decision then return nil end
  local kept = table.move(decision.kept, 1, #decision.kept, 1, {})
  return { kept = table.move(decision.merged, 1, #decision.merged, #kept + 1, kept), merged = {} }
end

--- Notes what a plan has done.
---@param plan anyreach.prompt_plan
---@param is_published boolean its draft was published
function Record:note(plan, is_published)
  local version, row = version_after(self, plan, is_published), self:row(plan.agent)
  if not version then return end
  local facts = { agent_id = plan.agent.id, version = version.version }
  facts.draft, facts.draft_digest = draft_of(row, plan, version, is_published)
  facts.fields = drift.note(row and row.fields, wanted_texts(plan.prompts), texts_of(version, plan.prompts),
    plan.agent.id, settled(plan.decision and plan.decision.drift), row and row.version)
  self.lock:set_prompts(self.key, plan.agent.name, facts)
end

--- Writes the record, if there is anything new.
---@return string|nil problem why it could not be written
function Record:write()
  local ok, err = pcall(self.lock.write, self.lock)
  return not ok and tostring(err) or nil
end

-- }======

return record
