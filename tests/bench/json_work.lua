-- The JSON of `work.lua`, and nothing else of it: what each agent's requests send is encoded, what
-- they answer decoded. Usage: json_work.lua URL ITEMS CONCURRENCY CONFIG, of which URL and
-- CONCURRENCY are for the other contenders. The answers are files beside CONFIG.
-- Prints the seconds it took and the processor seconds.

local host = require "anyreach.host" -- for its clock
local json = anyreach.json

local _, items, _, config_file = table.unpack(arg)
local directory = config_file:match("^(.*)/")

local bodies = {
  { name = "Agent 000001", active = true },
  { config = anyreach.read_json(config_file) },
  { phone_numbers = { "+15551234567" }, direction = "both" },
}
local answers = {}
for i, name in ipairs { "list", "agent", "version", "numbers" } do
  answers[i] = anyreach.read_file(("%s/%s.json"):format(directory, name))
end

local wall, cpu = host.clock(), os.clock()
for _ = 1, math.tointeger(items) do
  for _, body in ipairs(bodies) do json.encode(body) end
  for _, answer in ipairs(answers) do json.decode(answer) end
end
print(host.clock() - wall, os.clock() - cpu)
