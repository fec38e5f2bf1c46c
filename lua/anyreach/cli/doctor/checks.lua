-- The checks of `anyreach doctor`, in their order. `run` gets a table that all share and gives findings.

local here = require "anyreach.cli.doctor.here"
local network = require "anyreach.cli.doctor.network"

---@type {name: string, run: fun(patient: table): anyreach.finding[]}[]
return {
  { name = "program", run = here.program },
  { name = "config", run = here.config },
  { name = "address", run = network.address },
  { name = "proxy", run = network.proxy },
  { name = "network", run = network.reach },
  { name = "tls", run = network.tls },
  { name = "clock", run = network.clock },
  { name = "credential", run = network.credential },
  { name = "cache", run = here.cache },
  { name = "sandbox", run = here.sandbox },
}
