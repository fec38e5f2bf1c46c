-- The line that tells, while a call is typed, what it takes.

local hint = require("anyreach.repl.call").signature

local function at(text, globals)
  return hint(text, #text, globals or _G)
end

describe("the signature", function()
  it("marks the argument at the cursor", function()
    expect.equal(at "api.agents.versions.publish(", "api.agents.versions.publish(<agent_id>, version, { … })")
    expect.equal(at "api.agents.versions.publish(id, 1", "api.agents.versions.publish(agent_id, <version>, { … })")
    expect.equal(at "api.agents.versions.publish(id, 1, ", "api.agents.versions.publish(agent_id, version, <{ … }>)")
  end)

  it("lists the fields of the table at the cursor, the required ones with a star", function()
    expect.equal(at "api.agents.create{ ", "api.agents.create({ name*, active, description, is_demo, metadata })")
    expect.equal(at 'api.agents.create{ name = "x", ', "api.agents.create({ active, description, is_demo, metadata })")
  end)

  it("marks the field whose value is being typed, with what it may be", function()
    expect.equal(at 'api.agents.versions.publish(id, 1, { direction = "in',
      "api.agents.versions.publish(agent_id, version, { <direction: inbound|outbound|both>, phone_numbers, "
        .. "unassign_phone_numbers })")
  end)

  it("says in which field an inner table stands", function()
    expect.contains(at "api.agents.versions.create(id, { config = { ", "agent_id, { config = { ")
  end)

  it("knows the functions of anyreach and those of Lua", function()
    expect.equal(at "anyreach.map(list, ", "anyreach.map(list, <f>, options)")
    expect.equal(at "anyreach.map(list, f, { concurrency = ", "anyreach.map(list, f, { <concurrency: integer> })")
    expect.equal(at("f(1, 2, 3", { f = function(a, ...) return a, ... end }), "f(a, <...>)")
  end)

  it("is that of the innermost call that is known", function()
    expect.equal(at "print(api.agents.get(", "api.agents.get(<agent_id>)")
    expect.equal(at "api.agents.get(unknown(", "api.agents.get(<agent_id>)")
    expect.equal(at "api.agents.get((1 + ", "api.agents.get(<agent_id>)")
  end)

  it("is none outside of calls, in a function's body and in commands", function()
    local none = { "", "api.agents", "print(", "api.agents.get(id)", "api.agents.get(function() ", ":api x(" }
    for _, text in ipairs(none) do expect.equal(at(text), nil) end
  end)
end)
