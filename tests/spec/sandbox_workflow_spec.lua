-- The sandbox's rules for runs of workflows.

local asking = require "helpers.sandbox"

local new, must, refused = asking.new, asking.must, asking.refused

local RUN = "/workflow/workflow-executions"

describe("workflow executions", function()
  it("give back their input", function()
    local box = new()
    local answer = must(box, "POST", RUN,
      { workflow_id = "wf_1", workflow_version = "latest", input_data = { name = "Ann" } })
    expect.equal({ answer.status, answer.output }, { "success", { name = "Ann" } })
    expect.equal(type(answer.execution_id), "string")
    expect.equal(must(box, "POST", RUN, { workflow_id = "wf_1" }).output, {})
  end)

  it("fail by their name, with status 200", function()
    local answer = must(new(), "POST", RUN, { workflow_id = "wf_fail_1", workflow_version = 2 })
    expect.equal(answer.status, "failed")
    expect.contains(answer.error.message, "wf_fail_1")
    expect.equal(answer.error.step_name, "step_1")
    expect.equal(answer.output, nil)
  end)

  it("in the background answer with an id", function()
    local answer = must(new(), "POST", RUN .. "/async", { workflow_id = "wf_1", input_data = {} })
    expect.match(answer.execution_id, "^%x+%-")
  end)

  it("need a workflow, and a version that can be", function()
    local box = new()
    refused(box, 422, "workflow_id", "POST", RUN, {})
    refused(box, 422, "workflow_version", "POST", RUN, { workflow_id = "wf_1", workflow_version = 0 })
    refused(box, 422, "workflow_version", "POST", RUN .. "/async", { workflow_id = "wf_1", workflow_version = "first" })
  end)
end)
