-- The life cycles of what the five services hold, as data: every operation at least once, each where it
-- has something to do. helpers.walk takes the steps one after the other.
--
-- A step is { OPERATION, PATH VALUE… } with, where needed: `query` and `body`; `status` when it is not the
-- operation's own; `ready`, which polls until it holds of the answer; `keep`, a name for the answer;
-- `check`, called with the answer. Text of the form "{agent.id}" stands for a part of what was kept.
-- { upload = URL, bytes =, content_type = } sends bytes to an address that was given.

local json = require "anyreach.json"

local OWN_TRUNK = "1a000000-0000-4000-8000-000000000002" -- of the sandbox
local NUMBER, CALLER = "+15551234567", "+15550100"

-- A function that expects the values of fields of an answer.
local function has(expected)
  return function(answer)
    for name, value in pairs(expected) do
      if not json.equal(answer[name], value) then
        error(("%s is %s instead of %s"):format(name, json.encode(answer[name]), json.encode(value)), 0)
      end
    end
  end
end

local function has_elements(count)
  return function(answer)
    local list = answer.data or answer.contacts or answer
    if #list ~= count then error(("%d elements instead of %d"):format(#list, count), 0) end
  end
end

local agents = {
  name = "core: agents and their versions",
  { "agents.config_schema" },
  { "agents.create", body = { name = "Riverside Dental", metadata = { site = "north" } }, keep = "agent" },
  { "agents.list", query = { name = "Riverside", metadata = { site = "north" }, active = true },
    check = has_elements(1) },
  { "agents.update", "{agent.id}", body = { description = "Books appointments." } },
  { "agents.get", "{agent.id}", check = has { description = "Books appointments.", name = "Riverside Dental" } },
  { "agents.versions.create", "{agent.id}", body = { config = { tools = json.array {} } }, keep = "version",
    check = has { version = 1, published = false } },
  { "agents.versions.update", "{agent.id}", 1,
    body = { config = { starting_message = "Hello." }, instruction_builder_inputs = { purpose = "Book." } } },
  { "agents.versions.generate_instructions", "{agent.id}", 1 },
  { "agents.versions.get", "{agent.id}", 1,
    ready = function(version) return version.instruction_generation.status == "completed" end },
  { "agents.versions.publish", "{agent.id}", 1, body = { phone_numbers = { NUMBER }, direction = "both" },
    check = has_elements(1) },
  { "agents.versions.get", "{agent.id}", "latest", check = has { version = 2, published = false } },
  { "agents.versions.list", "{agent.id}", query = { published = true }, check = has_elements(1) },
  { "agents.versions.compare", "{agent.id}", body = { from_version = 1, to_version = 2 } },
  { "agents.deploy_as_sip", "{agent.id}" },
}

local telephony = {
  name = "core: trunks and phone numbers",
  { "trunks.create", body = { name = "Berlin", inbound_config = {} }, keep = "trunk" },
  { "trunks.update", "{trunk.id}", body = { name = "Hamburg" } },
  { "trunks.get", "{trunk.id}", check = has { name = "Hamburg" } },
  { "trunks.list", query = { name = "hamburg" }, check = has_elements(1) },
  { "phone_numbers.create", body = { trunk_id = OWN_TRUNK, phone_number = "+15559990000" } },
  { "phone_numbers.update", "+15559990000", body = { outbound_shareable = true } },
  { "phone_numbers.get", "+15559990000", check = has { outbound_shareable = true, trunk_id = OWN_TRUNK } },
  { "phone_numbers.list", query = { phone_number = "999" }, check = has_elements(1) },
  { "trunks.delete", "{trunk.id}" },
}

local conversations = {
  name = "core: conversations on every channel",
  { "conversations.create", body = { channel = "text", user_id = "guest", agent_id = "{agent.id}" }, keep = "text" },
  { "conversations.messages.create", "{text.conversation.id}", body = { text = "Open?", interactivity = "rich" } },
  { "conversations.end_", "{text.conversation.id}", check = has { status = "completed" } },
  { "conversations.end_", "{text.conversation.id}", check = has { status = "completed" } },
  { "conversations.create", status = 202, keep = "call", body = {
    channel = "telephone", user_id = CALLER, agent_number = NUMBER, custom_metadata = { order = 7 } } },
  { "conversations.get", "{call.conversation.id}", check = has { status = "ringing" } },
  { "conversations.listener_token", "{call.conversation.id}" },
  { "conversations.get", "{call.conversation.id}",
    ready = function(conversation) return conversation.status == "completed" end },
  { "conversations.create", body = {
    channel = "email", user_id = "ann", agent_id = "{agent.id}", to_address = "ann@example.com", subject = "Hi" } },
  { "conversations.create", body = { channel = "webrtc", user_id = "guest", agent_version_id = "{version.id}" } },
  { "conversations.create", body = { channel = "text", user_id = "guest", agent_config = { tools = json.array {} } } },
  { "conversations.dial", body = { user_id = CALLER, agent_id = "{agent.id}" } },
  { "conversations.list", query = { channel = "telephone", user_id = "0100" }, check = has_elements(2) },
  { "agent_assist.get", CALLER },
}

local email_domains = {
  name = "core: email domains",
  { "email_domains.create", body = { domain = "mail.example.com" }, keep = "domain",
    check = has { status = "pending" } },
  { "email_domains.verify", "{domain.id}" },
  { "email_domains.refresh", "{domain.id}", ready = function(domain) return domain.status == "verified" end },
  { "email_domains.get", "{domain.id}", check = has { status = "verified" } },
  { "email_domains.list", check = has_elements(1) },
  { "email_domains.delete", "{domain.id}" },
  { "email_domains.list", check = has_elements(0) },
}

local web_widgets = {
  name = "core: web widgets",
  { "web_widgets.create", body = { agent_id = "{agent.id}", agent_version_id = "{version.id}" }, keep = "widget" },
  { "web_widgets.auto_brand", "{widget.id}", body = { domain = "https://www.riverside.example/" } },
  { "web_widgets.update", "{widget.id}",
    body = { published = true, domains = { "riverside.example" }, config = { v1 = { title = "Hi" } } } },
  { "web_widgets.get", "{widget.id}", check = has { published = true, config = { v1 = { title = "Hi" } } } },
  { "public.web_widgets.get", "{widget.id}", check = has { published = true } },
  { "web_widgets.list", check = has_elements(1) },
  { "web_widgets.delete", "{widget.id}" },
  { "agents.delete", "{agent.id}" },
  { "agents.list", check = has_elements(0) },
}

local campaigns = {
  name = "campaign: campaigns, contacts and configurations",
  { "campaign_settings.timezones" },
  { "campaign_settings.update_concurrency", body = { concurrency_limit = 25 } },
  { "campaign_settings.get_concurrency", check = has { concurrency_limit = 25 } },
  { "campaign_configurations.create", body = { name = "Office hours", default_country_code = "+49" }, keep = "hours" },
  { "campaign_configurations.update", "{hours.id}", body = {
    schedule = { default_windows = json.array { { days = { "mon" }, start = "09:00", ["end"] = "17:00" } } } } },
  { "campaign_configurations.get", "{hours.id}", check = has { name = "Office hours" } },
  { "campaign_configurations.list", check = has_elements(1) },
  { "campaigns.create", body = { name = "Spring recall", external_id = "crm/7", config_id = "{hours.id}" },
    keep = "campaign", check = has { status = "active" } },
  { "campaigns.update", "crm/7", body = { name = "Summer recall" } },
  { "campaigns.get", "{campaign.id}", check = has { name = "Summer recall" } },
  { "campaigns.list", query = { name = "recall", status = { "active", "paused" } }, check = has_elements(1) },
  { "campaigns.contacts.upsert", "crm/7", check = has { inserted = 1, updated = 0 },
    body = json.array { { external_id = "ann", phone_numbers = { "030 901820" }, data = { name = "Ann" } } } },
  { "campaigns.contacts.upsert", "{campaign.id}", check = has { inserted = 0, updated = 1 },
    body = { contacts = json.array { { external_id = "ann", timezone = "Europe/Berlin" } } } },
  { "campaigns.contacts.get", "crm/7", "ann", check = has { phone_numbers = json.array { "+4930901820" } } },
  { "campaigns.contacts.list", "{campaign.id}", query = { status = "pending", limit = 5 }, check = has_elements(1) },
  { "campaigns.pause", "crm/7", check = has { status = "paused" } },
  { "campaigns.start", "{campaign.id}", check = has { status = "active" } },
  { "campaigns.stats", "crm/7", check = has { concurrency_limit = 25 } },
  { "campaigns.contacts.delete", "crm/7", "ann" },
  { "campaigns.close", "crm/7", check = has { status = "closed" } },
  { "campaigns.contacts.upsert", "default", body = json.array { { phone_numbers = { "+4930901820" } } } },
  { "campaign_configurations.create", body = {}, keep = "others" },
  { "campaigns.update", "{campaign.id}", body = { config_id = "{others.id}" } },
  { "campaign_configurations.delete", "{hours.id}" },
}

local function is_first_ready(list)
  return list.data[1].status == "ready"
end

local knowledge_bases = {
  name = "knowledge-base: knowledge bases and their sources",
  { "datasets.create", body = { name = "Hours", embedding_dimension = 1536 }, keep = "dataset" },
  { "datasets.list", query = { limit = 1 }, check = has_elements(1) },
  { "sources.create", keep = "created", body = json.array {
    { name = "hours.txt", type = "FILE", chunking_strategy = { method = "structure_based" } },
    { name = "https://example.com/docs", type = "URL", chunking_strategy = { method = "structure_based" } } } },
  { upload = "{created.1.presigned_url}", content_type = "{created.1.content_type}",
    bytes = "Open from nine to five." },
  { "sources.update", "{created.1.id}", body = { file_upload_status = "COMPLETE" },
    check = has { file_upload_status = "COMPLETE", file_size = 23 } },
  { "sources.get", "{created.1.id}", check = has { name = "hours.txt" } },
  { "sources.list", query = { limit = 1 }, check = has_elements(1) },
  { "sources.download_url", "{created.1.id}" },
  { "datasets.sources.create", "{dataset.id}", body = json.array { { source_id = "{created.1.id}" } },
    keep = "attached" },
  { "datasets.sources.list", "{dataset.id}", query = { source_name = "hours", source_type = "FILE" },
    ready = is_first_ready },
  { "datasets.query", "{dataset.id}", body = { query = "When do you open?", results_count = 3 },
    check = has_elements(1) },
  { "datasets.sources.create", "{dataset.id}", body = { type = "URL", url = "https://example.com/faq", name = "FAQ" } },
  { "datasets.sources.create_by_pattern", "{dataset.id}",
    body = { url_pattern = "https://example.com/{slug}", slugs = { "a", "b" } }, check = has_elements(2) },
  { "datasets.sources.list", "{dataset.id}", check = has_elements(4) },
  { "datasets.sources.delete", "{dataset.id}", "{attached.1.id}" },
  { "sources.delete", "{created.1.id}" },
  { "datasets.delete", "{dataset.id}" },
}

local workflows = {
  name = "workflow: executions",
  { "workflow_executions.run", body = { workflow_id = "wf_1", workflow_version = "latest", input_data = { a = 1 } },
    check = has { status = "success", output = { a = 1 } } },
  { "workflow_executions.run", body = { workflow_id = "wf_fail", workflow_version = 2 },
    check = has { status = "failed" } },
  { "workflow_executions.start", body = { workflow_id = "wf_1" } },
}

local admin = {
  name = "admin: scopes, keys and usage",
  { "admin.members.my_scopes" },
  { "admin.organization_pats.create", body = { name = "CI" } },
  { "admin.usage.summary", query = { from = "2026-01-01T00:00:00Z", to = "2026-12-31T00:00:00Z" } },
}

return { agents, telephony, conversations, email_domains, web_widgets, campaigns, knowledge_bases, workflows, admin }
