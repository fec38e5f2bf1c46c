-- Which agent answers which number, as a table for a spreadsheet.
--
--   anyreach scripts/examples/number-report.lua > numbers.csv

local api = anyreach.client()

local names = {} -- id of a version -> its name
local agents = {}
for agent in api.agents.each() do agents[#agents + 1] = agent end
anyreach.map(agents, function(agent)
  for version in api.agents.versions.each(agent.id) do
    names[version.id] = ("%s, version %d"):format(agent.name, version.version)
  end
end)

local function cell(text)
  return '"' .. text:gsub('"', '""') .. '"'
end

print "number,inbound,outbound"
for number in api.phone_numbers.each() do
  local inbound, outbound = names[number.inbound_agent_version_id], names[number.outbound_agent_version_id]
  print(table.concat({ cell(number.phone_number), cell(inbound or ""), cell(outbound or "") }, ","))
end
