-- References: reading them, and resolving them both ways in an organisation of the sandbox.

local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local reference = require "anyreach.yaml.reference"
local references = require "anyreach.agents.references"
local yaml = require "anyreach.yaml"
local yaml_text = require "anyreach.yaml.writer"

host.start_sandbox { seed = "references" }
local api = anyreach.client()

local DEFAULT_DATASET = "2a000000-0000-4000-8000-000000000001"
local NUMBER = "+15551234567"
local make = reference.make

local faq = api.datasets.create({ name = "Clinic FAQ" }).id
local agent = api.agents.create({ name = "Scheduler" }).id
local twins = { api.datasets.create({ name = "Twin" }).id, api.datasets.create({ name = "Twin" }).id }

-- A client of which a list operation answers with an error of that kind.
local function failing(operation, kind)
  local namespace = operation:match("^[^.]+")
  local function each() errors.raise(kind, "%s: refused", operation) end
  return setmetatable({ [namespace] = { each = each } }, { __index = api })
end

describe("a reference", function()
  it("is read from and shown as kind:name", function()
    local named = reference.parse "dataset:Clinic FAQ"
    expect.truthy(reference.is_reference(named))
    expect.equal({ named.kind, named.name }, { "dataset", "Clinic FAQ" })
    expect.equal(tostring(named), "dataset:Clinic FAQ")
    expect.equal(tostring(reference.parse " number: +15551234567"), "number:+15551234567")
    expect.equal(reference.parse("agent:a:b").name, "a:b")
    expect.truthy(make("agent", "x") == reference.parse "agent:x")
  end)

  it("names anything, also after it was written to a file", function()
    local names = { " FAQ", "FAQ ", "  ", "a:b", ": a", "a\nb\n", "\tx", "#1", "- a", "'x' \"y\"", "!ref a:b" }
    for _, name in ipairs(names) do
      local text = yaml_text.encode { ref = reference.as_tags(make("dataset", name)) }
      local tag = yaml.decode(text).ref
      local named = reference.parse(tag.value)
      expect.equal({ text, named and named.name }, { text, name })
    end
  end)

  it("is refused when it is none", function()
    for _, other in ipairs { "x", "dataset:", ":x", 5, {} } do
      local named, problem = reference.parse(other)
      expect.equal(named, nil)
      expect.truthy(problem)
      expect.falsy(reference.is_reference(other))
    end
    expect.contains(select(2, reference.parse "datset:x"), "unknown kind 'datset'; did you mean 'dataset'?")
    expect.raises(function() make("voice", "x") end, "expected one of agent, dataset, number, trunk, workflow")
    expect.raises(function() make("agent", "") end, "expected a name after 'agent:'")
  end)
end)

describe("a resolver", function()
  local resolver = references.resolver(api, { workflow = { Intake = "wf_123" }, number = { main = NUMBER } })

  it("knows ids by name", function()
    expect.equal(resolver:id("dataset", "Clinic FAQ"), faq)
    expect.equal(resolver:id("dataset", "Default"), DEFAULT_DATASET)
    expect.equal(resolver:id("agent", "Scheduler"), agent)
    expect.equal(resolver:id("trunk", "Own carrier"), "1a000000-0000-4000-8000-000000000002")
    expect.equal(resolver:id("number", NUMBER), NUMBER)
  end)

  it("takes what the environment gives before what is listed", function()
    expect.equal(resolver:id("workflow", "Intake"), "wf_123")
    expect.equal(resolver:id("number", "main"), NUMBER)
    local other = references.resolver(api, { dataset = { Default = "elsewhere" } })
    expect.equal(other:id("dataset", "Default"), "elsewhere")
  end)

  it("says what is not found, with the nearest name", function()
    local id, problem = resolver:id("dataset", "Clinic FQA")
    expect.equal({ id, problem }, { nil, "no dataset has the name 'Clinic FQA'; did you mean 'Clinic FAQ'?" })
    expect.contains(select(2, resolver:id("agent", "zzz")), "'anyreach call agents.list --each' lists them")
    expect.contains(select(2, resolver:id("number", "+15550000000")), "no phone number has the name")
    expect.contains(select(2, resolver:id("datset", "x")), "did you mean 'dataset'?")
  end)

  it("says what is ambiguous, with all ids", function()
    local id, problem = resolver:id("dataset", "Twin")
    expect.equal(id, nil)
    expect.contains(problem, "2 datasets have the name 'Twin'")
    for _, twin in ipairs(twins) do expect.contains(problem, twin) end
  end)

  it("says what cannot be looked up, and how to give the id", function()
    local _, problem = resolver:id("workflow", "Triage")
    expect.equal(problem, "workflow:Triage: workflows cannot be looked up (the API has no known list of them); "
      .. 'give the id in the environment file, as references: {workflow: {"Triage": ID}}')
    for _, kind in ipairs { "not_found", "forbidden" } do
      _, problem = references.resolver(failing("datasets.list", kind)):id("dataset", "FAQ")
      expect.contains(problem, "datasets cannot be looked up (datasets.list: refused); give the id")
    end
  end)

  it("does not hide that the network is down", function()
    local offline = references.resolver(failing("datasets.list", "network"))
    expect.equal(expect.raises(function() offline:id("dataset", "FAQ") end, "refused").kind, "network")
  end)

  it("lists each kind once, however many ask at once", function()
    local count = 0
    local counting = setmetatable({ datasets = { each = function()
      count = count + 1
      return api.datasets.each()
    end } }, { __index = api })
    local counted = references.resolver(counting)
    anyreach.map({ 1, 2, 3, 4 }, function() return counted:id("dataset", "Default") end)
    expect.equal({ counted:id("dataset", "Default"), count }, { DEFAULT_DATASET, 1 })
  end)

  it("finds the thing that has an id", function()
    expect.equal(tostring(resolver:find(faq)), "dataset:Clinic FAQ")
    expect.equal(tostring(resolver:find "wf_123"), "workflow:Intake")
    expect.equal(tostring(resolver:find(NUMBER)), "number:main")
    expect.equal(resolver:find("something else"), nil)
  end)

  it("finds no name that does not lead back to the id", function()
    local named, problem = resolver:find(twins[1])
    expect.equal(named, nil)
    expect.contains(problem, "2 datasets have the name 'Twin'")
    local other = references.resolver(api, { dataset = { Default = "elsewhere" } })
    expect.contains(select(2, other:find(DEFAULT_DATASET)), "'Default'")
  end)
end)

describe("values", function()
  local ids = { workflow = { Intake = "wf_123" } }
  local config = {
    dataset_ids = json.array { make("dataset", "Clinic FAQ") },
    tools = json.array {
      { name = "x", workflow = make("workflow", "Intake"), big = json.decode "12345678901234567890" },
    },
    other = json.null,
  }

  it("get ids in the places of references, and a copy", function()
    local copy, problems = references.substitute(config, references.resolver(api, ids))
    expect.equal(problems, {})
    expect.equal(json.encode(copy), ('{"dataset_ids":["%s"],"other":null,"tools":[{"big":12345678901234567890,'
      .. '"name":"x","workflow":"wf_123"}]}'):format(faq))
    expect.truthy(reference.is_reference(config.dataset_ids[1]))
  end)

  it("keep what cannot be resolved, with all problems by path", function()
    local copy, problems = references.substitute({ b = { make("dataset", "Twin") }, a = make("agent", "None") },
      references.resolver(api))
    expect.equal({ problems[1].path, problems[2].path, #problems }, { "a", "b[1]", 2 })
    expect.equal(tostring(copy.a), "agent:None")
  end)

  it("keep what is still to be created, until its id is known", function()
    local resolver = references.resolver(api)
    resolver:expect("agent", "New")
    local copy, problems = references.substitute({ to = make("agent", "New") }, resolver)
    expect.equal({ tostring(copy.to), #problems }, { "agent:New", 0 })
    resolver:learn("agent", "New", "a-1")
    expect.equal(references.substitute(copy, resolver), { to = "a-1" })
    expect.equal(ids, { workflow = { Intake = "wf_123" } })
  end)

  it("get references in the places of ids, whatever the key", function()
    local resolver = references.resolver(api, ids)
    local copy, unresolved = references.extract({
      dataset_ids = json.array { faq }, flow = "wf_123", transfer = { to = agent }, text = "about " .. faq,
    }, resolver)
    expect.equal(unresolved, {})
    expect.equal({ tostring(copy.dataset_ids[1]), tostring(copy.flow), tostring(copy.transfer.to), copy.text },
      { "dataset:Clinic FAQ", "workflow:Intake", "agent:Scheduler", "about " .. faq })
    expect.equal(references.substitute(copy, resolver).flow, "wf_123")
  end)

  it("keep ids of things without a name of their own, and say so", function()
    local copy, unresolved = references.extract({
      a = twins[1], workflow_id = "wf_9", knowledge_base_ids = { "x" }, caller_id = "y", id = "z",
    }, references.resolver(api))
    expect.equal(copy.a, twins[1])
    expect.equal({ unresolved[1].path, unresolved[2].path, unresolved[3].path, #unresolved },
      { "a", "knowledge_base_ids[1]", "workflow_id", 3 })
    expect.equal(unresolved[3].message, "'wf_9' is the id of no workflow that is known here")
  end)

  it("can be shown with text or tags in the places of references", function()
    expect.equal(reference.as_text({ make("agent", "x"), 1 }), { "agent:x", 1 })
    local tag = reference.as_tags({ make("agent", "x") })[1]
    expect.equal({ tag.tag, tag.value }, { "!ref", "agent:x" })
  end)
end)
