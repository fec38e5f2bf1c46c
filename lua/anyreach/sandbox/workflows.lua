-- Runs of workflows. Workflows cannot be made through the documented API, so every id names one here:
-- its output is its input, and one whose id begins with "wf_fail" fails. Stored in
-- "workflow_executions", for the usage summary.

local checks = require "anyreach.sandbox.checks"

local workflows = {}

-- That workflow_id is required, and a version counts from 1, is our choice.
local function check(body)
  checks.require_text(body.workflow_id, "workflow_id")
  local version = body.workflow_version
  if math.type(version) == "integer" and version < 1 then
    checks.refuse(422, "workflow_version: expected latest or a number from 1")
  end
end

-- The run, finished at once.
local function execute(request)
  local store, body, now = request.store, request.body, request.now()
  check(body)
  local execution = {
    execution_id = request.new_id(),
    workflow_id = body.workflow_id,
    status = body.workflow_id:find("^wf_fail") and "failed" or "success",
    created_at = now,
  }
  store:add("workflow_executions", execution.execution_id, execution, { organization = request.organization })
  return execution
end

local rules = {}

-- A run that fails is answered with 200: our choice.
rules["workflow_executions.run"] = function(request)
  local execution = execute(request)
  local answer = { status = execution.status, execution_id = execution.execution_id }
  if answer.status == "failed" then
    answer.error = { step_name = "step_1", message = ("Workflow %s fails by its name."):format(execution.workflow_id) }
  else
    answer.output = request.body.input_data or {}
  end
  return answer
end

rules["workflow_executions.start"] = function(request)
  return { execution_id = execute(request).execution_id }
end

workflows.rules = rules

return workflows
