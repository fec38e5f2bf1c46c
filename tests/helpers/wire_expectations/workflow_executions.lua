-- Runs of workflows.

local wire_request = require "helpers.wire_request"

local bytes = wire_request.bytes

return {
  ["workflow_executions.run"] = {
    {
      function(api)
        return api.workflow_executions.run {
          workflow_id = "w1", workflow_version = "latest", input_data = { ids = anyreach.array {}, n = 1.5 },
        }
      end,
      bytes("POST /workflow/workflow-executions",
        '{"input_data":{"ids":[],"n":1.5},"workflow_id":"w1","workflow_version":"latest"}'),
      answer = { body = '{"status":"failed","execution_id":"e1","error":{"step_name":null,"message":"no"}}' },
      result = { status = "failed", execution_id = "e1", error = { step_name = anyreach.null, message = "no" } },
    },
  },
  ["workflow_executions.start"] = {
    {
      function(api)
        return api.workflow_executions.start { workflow_id = "w1", workflow_version = 3, input_data = {} }
      end,
      bytes("POST /workflow/workflow-executions/async",
        '{"input_data":{},"workflow_id":"w1","workflow_version":3}'),
    },
  },
}
