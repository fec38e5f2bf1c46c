-- The organisations and credentials that every sandbox has. They are fixed, so that scripts and tests can name
-- them, and so that the account of a client in the sandbox is known without asking; the credentials are worth
-- nothing outside the sandbox.

local accounts = {}

---@class SandboxOrganization
---@field id string
---@field name string
---@field trunks { id: string, name: string, managed: boolean }[] the first carries the numbers
---@field phone_numbers string[]
---@field datasets { id: string, name: string }[]

---@type SandboxOrganization[]
accounts.organizations = {
  {
    id = "0a000000-0000-4000-8000-000000000001",
    name = "Sandbox One",
    trunks = {
      { id = "1a000000-0000-4000-8000-000000000001", name = "Default trunk", managed = true },
      { id = "1a000000-0000-4000-8000-000000000002", name = "Own carrier", managed = false },
    },
    phone_numbers = { "+15551234567", "+15551230001", "+15551230002", "+15551230003" },
    datasets = { { id = "2a000000-0000-4000-8000-000000000001", name = "Default" } },
  },
  {
    id = "0a000000-0000-4000-8000-000000000002",
    name = "Sandbox Two",
    trunks = {
      { id = "1a000000-0000-4000-8000-000000000003", name = "Default trunk", managed = true },
      { id = "1a000000-0000-4000-8000-000000000004", name = "Own carrier", managed = false },
    },
    phone_numbers = { "+15557654321", "+15557650001", "+15557650002", "+15557650003" },
    datasets = { { id = "2a000000-0000-4000-8000-000000000002", name = "Default" } },
  },
}

local FIRST, SECOND = accounts.organizations[1].id, accounts.organizations[2].id

---@class SandboxToken
---@field token string
---@field role "admin"|"viewer" as the documentation names them: an admin has every scope, a viewer every "*:read"
---@field organization string? id; nil for a personal token, which takes it from X-Anyreach-Org
---@field members_of string[]? ids of the organisations that a personal token can take

---@type SandboxToken[]
accounts.tokens = {
  { token = "ak_sandbox.admin", organization = FIRST, role = "admin" },
  { token = "ak_sandbox.viewer", organization = FIRST, role = "viewer" },
  { token = "ak_sandbox.second", organization = SECOND, role = "admin" },
  { token = "pat_sandbox", members_of = { FIRST, SECOND }, role = "admin" },
}

return accounts
