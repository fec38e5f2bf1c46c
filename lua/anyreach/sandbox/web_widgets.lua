-- Web widgets: what a web site shows to let visitors talk with an agent. A widget stays with the version
-- it names, whatever is published later. Stored in "web_widgets".

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local listing = require "anyreach.sandbox.listing"

local web_widgets = {}

local FIELDS = { "agent_id", "agent_version_id", "domains", "published", "config" }

---The widgets of an agent, newest first.
---@return table[] a JSON array
function web_widgets.of_agent(request, agent_id)
  local list = json.array {}
  for widget in request.store:each_with("web_widgets", request.organization, "agent_id", agent_id) do
    list[#list + 1] = widget
  end
  return list
end

---Removes the widgets of an agent that is about to go.
function web_widgets.remove_all(request, agent_id)
  for _, widget in ipairs(web_widgets.of_agent(request, agent_id)) do
    request.store:remove("web_widgets", request.organization, widget.id)
  end
end

local function require_widget(request)
  local id = request.path.widget_id
  local widget = request.store:get("web_widgets", request.organization, id)
  if not widget then checks.refuse(404, "Web widget %s not found.", id) end
  return widget
end

-- What a widget refers to must be there, and a widget that is published needs a version that is. The
-- documentation is silent on all of it.
local function check_references(request, widget)
  local store, organization = request.store, request.organization
  if not store:get("agents", organization, widget.agent_id) then
    checks.refuse(404, "Agent %s not found.", widget.agent_id)
  end
  local version = store:get("versions", organization, widget.agent_version_id)
  if not version or version.agent_id ~= widget.agent_id then
    checks.refuse(404, "Agent %s has no version %s.", widget.agent_id, widget.agent_version_id)
  end
  if widget.published and not version.published then
    checks.refuse(400, "Version %d is a draft; publish it before the widget.", version.version)
  end
end

-- Protocol, "www." and the slash at the end do no harm. That the result must be a host is our choice.
local function bare_domain(text)
  local name = text:lower():gsub("^%a[%w+.-]*://", ""):gsub("^www%.", ""):gsub("/+$", "")
  if not name:find("^[%w-][%w.-]*$") then
    checks.refuse(422, "domain: expected a domain such as example.com, got %s", text)
  end
  return name
end

local rules = {}

rules["web_widgets.list"] = function(request)
  return listing.page(request, "web_widgets", nil, function() return true end)
end

rules["web_widgets.create"] = function(request)
  local store, body, now = request.store, request.body, request.now()
  local widget = {
    id = request.new_id(),
    organization_id = request.organization,
    agent_id = body.agent_id,
    agent_version_id = body.agent_version_id,
    domains = body.domains or json.array {},
    published = body.published or false,
    config = body.config or {},
    created_at = now,
    updated_at = now,
  }
  check_references(request, widget)
  store:add("web_widgets", widget.id, widget, { organization = request.organization })
  return widget
end

rules["web_widgets.get"] = function(request)
  return require_widget(request)
end

-- A PUT that changes only what is sent, each field as a whole.
rules["web_widgets.update"] = function(request)
  local widget, body = require_widget(request), request.body
  for _, field in ipairs(FIELDS) do
    if body[field] ~= nil then widget[field] = body[field] end
  end
  check_references(request, widget)
  widget.updated_at = request.now()
  request.store:save("web_widgets", widget.id, widget)
  return widget
end

rules["web_widgets.delete"] = function(request)
  request.store:remove("web_widgets", request.organization, require_widget(request).id)
end

-- A brand made from the domain's name; domains under ".invalid" have none. The fields of a
-- brand are our choice. The widget itself does not change.
rules["web_widgets.auto_brand"] = function(request)
  require_widget(request)
  if request.body.domain == nil then checks.refuse(422, "domain: required but missing") end
  local domain = bare_domain(request.body.domain)
  local name = domain:match("^([^.]+)%.[^.]") -- the last part alone, as in "localhost", is no brand
  if not name or domain:find("%.invalid$") then checks.refuse(404, "No brand is known for %s.", domain) end
  return {
    domain = domain,
    name = name:sub(1, 1):upper() .. name:sub(2),
    logo_url = ("https://%s/logo.png"):format(domain),
    colors = { primary = "#1f4e79", secondary = "#f2f2f2" },
  }
end

-- The organisation is that of the widget. A widget that is not published is shown as well, and says so
-- in `published`: our choice.
rules["public.web_widgets.get"] = function(request)
  request.organization = request.store:owner("web_widgets", request.path.widget_id)
  if not request.organization then checks.refuse(404, "Web widget %s not found.", request.path.widget_id) end
  return require_widget(request)
end

web_widgets.rules = rules

return web_widgets
