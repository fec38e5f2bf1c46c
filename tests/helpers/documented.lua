-- What the operations are compared with: methods and paths, as lines "/core/agents/{} GET", sorted.

local documented = {}

-- Every method and path that the public documentation shows, on a reference page or in a guide.
local SEEN = [[
/admin/members/me/scopes GET
/admin/organization-pats POST
/admin/usage/summary GET
/campaign/campaigns GET POST
/campaign/campaigns/{} GET PATCH
/campaign/campaigns/{}/close POST
/campaign/campaigns/{}/contacts GET POST
/campaign/campaigns/{}/contacts/{} DELETE GET
/campaign/campaigns/{}/pause POST
/campaign/campaigns/{}/start POST
/campaign/campaigns/{}/stats GET
/campaign/concurrency-settings GET PUT
/campaign/configurations GET POST
/campaign/configurations/{} DELETE GET PATCH
/campaign/timezones GET
/core/agent-assist/{} GET
/core/agent-config-schema GET
/core/agents GET POST
/core/agents/{} DELETE GET PUT
/core/agents/{}/deploy-as-sip POST
/core/agents/{}/versions GET POST
/core/agents/{}/versions/compare POST
/core/agents/{}/versions/{} GET PUT
/core/agents/{}/versions/{}/generate-instructions POST
/core/agents/{}/versions/{}/publish POST
/core/conversations GET POST
/core/conversations/dial POST
/core/conversations/{} GET
/core/conversations/{}/end POST
/core/conversations/{}/listener-token POST
/core/conversations/{}/messages POST
/core/email-domains GET POST
/core/email-domains/{} DELETE GET
/core/email-domains/{}/refresh POST
/core/email-domains/{}/verify POST
/core/phone-numbers GET POST
/core/phone-numbers/{} GET PATCH
/core/public/web-widgets/{} GET
/core/trunks GET POST
/core/trunks/{} DELETE GET PUT
/core/web-widgets GET POST
/core/web-widgets/{} DELETE GET PUT
/core/web-widgets/{}/auto-brand POST
/knowledge-base/datasets POST
/knowledge-base/datasets/{} DELETE
/knowledge-base/datasets/{}/query POST
/knowledge-base/datasets/{}/sources GET POST
/knowledge-base/datasets/{}/sources/pattern POST
/knowledge-base/datasets/{}/sources/{} DELETE
/knowledge-base/sources POST
/knowledge-base/sources/{} DELETE PUT
/knowledge-base/sources/{}/download GET
/workflow/workflow-executions POST
/workflow/workflow-executions/async POST
]]

-- What is bound though no page shows its path: of sources the pages only say that it exists, of knowledge
-- bases not even that.
local INFERRED = [[
/knowledge-base/datasets GET
/knowledge-base/sources GET
/knowledge-base/sources/{} GET
]]

local function lines(text)
  local list = {}
  for path, methods in text:gmatch("(%S+) ([^\n]+)\n") do
    for method in methods:gmatch("%u+") do list[#list + 1] = path .. " " .. method end
  end
  table.sort(list)
  return list
end

documented.inferred = lines(INFERRED)
documented.all = lines(SEEN .. INFERRED)

--- The lines of operations.
---@param operations { path: string, method: string }[]
---@return string[]
function documented.lines_of(operations)
  local list = {}
  for i, operation in ipairs(operations) do
    list[i] = operation.path:gsub("{[^}]*}", "{}") .. " " .. operation.method
  end
  table.sort(list)
  return list
end

return documented
