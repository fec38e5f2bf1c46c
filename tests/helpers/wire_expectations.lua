-- What each operation is expected to send: name -> a list of {call, bytes}, with the `answer` to give and
-- its `result` where they are of interest. The families stand in wire_expectations/.

local expectations = {}

for _, family in ipairs {
  "agents", "conversations", "telephony", "email_domains", "web_widgets", "campaigns", "knowledge_base",
  "workflow_executions", "admin",
} do
  for name, cases in pairs(require("helpers.wire_expectations." .. family)) do
    assert(not expectations[name], name)
    expectations[name] = cases
  end
end

return expectations
