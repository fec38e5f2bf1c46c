-- Domains that agents send email from. One starts as pending, with the DNS records that its owner must
-- set; `verify` lets the provider look at them, and `refresh` reports what it has seen so far. Here the
-- provider takes two refreshes, and finds the records of every domain except those under ".invalid".
-- Stored in "email_domains", and each name in "email_domain_names", because a name belongs to one
-- organisation alone.

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local listing = require "anyreach.sandbox.listing"

local email_domains = {}

local LOOKS = 2 -- the last of them finds the result
local UNVERIFIABLE = "%.invalid$"

local function is_label(text)
  return #text <= 63 and text:find("^[a-z0-9][a-z0-9-]*$") ~= nil and text:sub(-1) ~= "-"
end

local function is_domain_name(name)
  for label in (name .. "."):gmatch("([^.]*)%.") do
    if not is_label(label) then return false end
  end
  return #name <= 253 and name:find(".", 1, true) ~= nil
end

-- Kinds, keys and states of records are documented; names and values are our choice.
local function dns_records(name)
  return json.array {
    { type = "MX", name = "send." .. name, value = "feedback.mail.sandbox.invalid", priority = 10, status = "pending" },
    { type = "TXT", name = "send." .. name, value = "v=spf1 include:mail.sandbox.invalid ~all", status = "pending" },
    { type = "CNAME", name = "sandbox._domainkey." .. name, value = "key.mail.sandbox.invalid", status = "pending" },
  }
end

local function require_domain(request)
  local id = request.path.domain_id
  local domain = request.store:get("email_domains", request.organization, id)
  if not domain then checks.refuse(404, "Email domain %s not found.", id) end
  return domain
end

local function set_status(domain, status)
  domain.status = status
  for _, record in ipairs(domain.dns_records) do record.status = status end
end

local function save(request, domain)
  domain.updated_at = request.now()
  request.store:save("email_domains", domain.id, domain)
end

-- The domain as the API shows it: without our own bookkeeping.
local function present(domain)
  domain.looks_left = nil
  return domain
end

-- Counts one look at a check that is under way.
local function look(domain)
  domain.looks_left = domain.looks_left - 1
  if domain.looks_left > 0 then return end
  set_status(domain, domain.domain:find(UNVERIFIABLE) and "failed" or "verified")
end

local rules = {}

rules["email_domains.list"] = function(request)
  local page = listing.page(request, "email_domains", nil, function() return true end)
  for _, domain in ipairs(page) do present(domain) end
  return page
end

rules["email_domains.create"] = function(request)
  local store, body = request.store, request.body
  local name = body.domain:lower()
  if not is_domain_name(name) then -- what is accepted, and the status, are our choice
    checks.refuse(422, "domain: expected a bare domain such as mail.example.com, got %s", body.domain)
  end
  if store:is_taken("email_domain_names", name) then
    checks.refuse(409, "The domain %s is already registered.", name)
  end
  local now, keys = request.now(), { organization = request.organization }
  local domain = {
    id = request.new_id(),
    organization_id = request.organization,
    domain = name,
    provider = body.provider or "resend",
    status = "pending",
    dns_records = dns_records(name),
    verification_initiated_at = json.null,
    created_at = now,
    updated_at = now,
  }
  store:add("email_domains", domain.id, domain, keys)
  store:add("email_domain_names", name, { created_at = now }, keys)
  return domain
end

rules["email_domains.get"] = function(request)
  return present(require_domain(request))
end

-- A domain that is verified stays so; for any other the check starts anew (our choice).
rules["email_domains.verify"] = function(request)
  local domain = require_domain(request)
  domain.verification_initiated_at = request.now()
  if domain.status ~= "verified" then
    set_status(domain, "pending")
    domain.looks_left = LOOKS
  end
  save(request, domain)
  return present(domain)
end

rules["email_domains.refresh"] = function(request)
  local domain = require_domain(request)
  if domain.status == "pending" and domain.looks_left then
    look(domain)
    save(request, domain)
  end
  return present(domain)
end

rules["email_domains.delete"] = function(request)
  local domain = require_domain(request)
  request.store:remove("email_domain_names", request.organization, domain.domain)
  request.store:remove("email_domains", request.organization, domain.id)
end

email_domains.rules = rules

return email_domains
