-- The rules alone: what an operation answers over a store. No HTTP, routing, credentials, transaction, file
-- or clock: those belong to whoever calls. The sandbox's server does (init.lua), and whatever wants to know
-- what the API would do without asking it can do so in a task of its own.
--
-- A rule knows its store by the interface SandboxStore (store.lua) alone, and may be run where the store's
-- methods yield: nothing between `answer` and the store stands in the way of a yield.

local rules = {}

-- First word of an operation's name -> the modules whose `rules` answer it, loaded when the first such is asked.
local FAMILIES = {
  admin = { "admin" },
  agent_assist = { "conversations" },
  agents = { "agents", "config_schema", "versions" },
  campaign_configurations = { "campaign_configurations" },
  campaign_settings = { "campaign_configurations", "campaigns" },
  campaigns = { "campaigns", "contacts" },
  conversations = { "conversations", "turns" },
  datasets = { "datasets" },
  email_domains = { "email_domains" },
  phone_numbers = { "phone_numbers" },
  public = { "web_widgets" },
  sources = { "sources" },
  trunks = { "trunks" },
  web_widgets = { "web_widgets" },
  workflow_executions = { "workflows" },
}

local loaded = {} -- first words

local by_name = {}

-- The rule of an operation, or nil.
local function find(name)
  local family = name:match "^[^.]*"
  if not loaded[family] then
    for _, module in ipairs(FAMILIES[family] or {}) do
      for rule_name, rule in pairs(require("anyreach.sandbox." .. module).rules) do by_name[rule_name] = rule end
    end
    loaded[family] = true
  end
  return by_name[name]
end

---@class SandboxCaller who asks, after authentication
---@field organization string id
---@field holds fun(scope: string): boolean
---@field scopes fun(): string[] all scopes that the caller holds, sorted; a JSON array

---@class SandboxContext what a rule learns of the world beside its store
---@field now fun(): string a time stamp with every call; one later than all earlier ones keeps lists in order
---@field new_id fun(): string a new UUID with every call; all that is random follows from it
---@field caller SandboxCaller? nil when the operation is public
---@field base_url string? what addresses begin with that the answer gives; needed by knowledge bases alone
---@field is_hidden (fun(collection: string, id: string): boolean)? says of a document that would be in a list
---  that this list does not show it yet; asked once for each list and document

---@class SandboxCall what is asked, routed and checked against the operation's schemas
---@field path table<string, string> path parameters, as texts
---@field query table<string, any>? query parameters, in their declared types
---@field body any decoded body, nil when there is none. The rule owns it: it may change it and keep parts
---@field form table<string, SandboxFormPart>? the parts of a body that is a form

---@class SandboxAnswer
---@field status integer
---@field value any nil for an answer without a body. It may share parts with the call's body and with constants
---  of the rules: encode or copy it, do not change it
---@field stream boolean? a text that goes out piece by piece

---@class SandboxRequest what a rule takes: the call and the context as one table
---@field store SandboxStore
---@field organization string? the caller's; nil when the operation is public
---@field caller SandboxCaller?
---@field now fun(): string
---@field new_id fun(): string
---@field is_hidden fun(collection: string, id: string): boolean
---@field base_url string?
---@field path table<string, string>
---@field query table<string, any>
---@field body any
---@field form table<string, SandboxFormPart>?

local function is_never_hidden()
  return false
end

---Whether there is a rule for an operation. There is none for operations of the user's own documents.
---@param name string
---@return boolean
function rules.has(name)
  return find(name) ~= nil
end

---What a rule takes, made of a context and a call; seeding uses it without a call.
---@param store SandboxStore
---@param context SandboxContext
---@param call SandboxCall?
---@return SandboxRequest
function rules.request(store, context, call)
  call = call or { path = {} }
  return {
    store = store,
    organization = context.caller and context.caller.organization,
    caller = context.caller,
    now = context.now,
    new_id = context.new_id,
    is_hidden = context.is_hidden or is_never_hidden,
    base_url = context.base_url,
    path = call.path,
    query = call.query or {},
    body = call.body,
    form = call.form,
  }
end

---Answers a call, over any store. Raises a SandboxRefusal (`checks.is_refusal`) for what the API would refuse;
---the store may have changed by then, so that the caller has to undo it. Anything else that is raised is a
---defect, or comes from the store. May yield where the store's methods or the context's functions do.
---@param operation table from operations.describe; `rules.has` must hold of its name
---@param call SandboxCall
---@param store SandboxStore
---@param context SandboxContext
---@return SandboxAnswer
function rules.answer(operation, call, store, context)
  local rule = find(operation.name) or error("the sandbox has no rule for " .. operation.name, 2)
  local value, options = rule(rules.request(store, context, call))
  options = options or {}
  return { status = options.status or operation.success_status, value = value, stream = options.stream }
end

return rules
