-- src/gen/rows.lua: a new operation adds lines to src/api/operations.inc and changes none.

local openapi = require "anyreach.openapi.operations"
local rows = dofile "src/gen/rows.lua"
local yaml = require "anyreach.yaml"

local SERVICES = { "admin", "campaign", "core", "knowledge-base", "workflow" }

local function read_file(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- What the generator writes of our documents; `change`, if given, changes core.yaml first.
local function generate(change)
  local operations, components = {}, {}
  for _, service in ipairs(SERVICES) do
    local document = yaml.decode(read_file("src/openapi/" .. service .. ".yaml"))
    if change and service == "core" then change(document) end
    local list, refused, by_ref = openapi.read(document, true)
    expect.equal(refused, {})
    components[service] = by_ref
    table.move(list, 1, #list, #operations + 1, operations)
  end
  table.sort(operations, function(a, b) return a.name < b.name end)
  return rows.write(operations, nil, components)
end

-- Adds an operation that uses what others use (a schema that the document names, a plain one that several
-- operations have), and what nobody does.
local function adding(name)
  return function(document)
    document.components.schemas.Gadget = yaml.decode [[
      type: object
      properties:
        owner: { $ref: "#/components/schemas/Agent" }
        color: { type: string, enum: [ultraviolet, infrared] }
        nested: { type: object, properties: { size: { type: integer, minimum: 17 } } }
    ]]
    document.paths["/core/" .. name:gsub("%.", "/") .. "/{gadget_id}"] = { put = yaml.decode(([[
      x-lua-name: %s
      summary: Replace a gadget.
      x-scopes: [agents:manage]
      parameters:
        - { name: gadget_id, in: path, required: true, schema: { type: string } }
        - { name: since, in: query, schema: { type: string, format: date-time } }
      requestBody:
        content: { application/json: { schema: { type: object, properties: {
          gadget: { $ref: "#/components/schemas/Gadget" }, extra: { type: object, properties: {
            length: { type: number } } } } } } }
      responses:
        "200": { content: { application/json: { schema: { $ref: "#/components/schemas/Agent" } } } }
    ]]):format(name)) }
  end
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("[^\n]*\n") do lines[#lines + 1] = line end
  return lines
end

-- The lines of `more` that are not in `less`, when nothing else differs; otherwise the first line that is
-- changed, moved or gone.
local function added_lines(less, more)
  local added, old = {}, lines_of(less)
  local at = 1
  for _, line in ipairs(lines_of(more)) do
    if line == old[at] then at = at + 1 else added[#added + 1] = line end
  end
  return added, old[at]
end

describe("the operation table's source", function()
  it("is what was committed", function()
    expect.truthy(generate() == read_file("src/api/operations.inc"))
  end)

  for _, name in ipairs { "aaa.gadgets.replace", "agents.gadgets.replace", "zzz.gadgets" } do
    it("changes no line for a new operation, " .. name, function()
      local added, lost = added_lines(generate(), generate(adding(name)))
      expect.equal(lost, nil)
      local own, words = 0, { "gadget", "ultraviolet", "bound_17", "integer_minimum_17", name:gsub("%.", "_") }
      for _, line in ipairs(added) do
        local is_own = line:find("^    {")
        for _, word in ipairs(words) do is_own = is_own or line:find(word, 1, true) end
        if not is_own then error("not a line of the new operation: " .. line) end
        own = own + 1
      end
      expect.truthy(own >= 12 and own <= 24)
    end)
  end

  it("changes no other line when an operation goes", function()
    local all = generate()
    for _, path in ipairs { "/core/agents/{agent_id}", "/core/agents", "/core/phone-numbers" } do
      local _, lost = added_lines(generate(function(document)
        expect.truthy(document.paths[path])
        document.paths[path] = nil
      end), all)
      expect.equal(lost, nil)
    end
  end)
end)
