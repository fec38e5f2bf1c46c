-- What a dotted name stands for below a client: "agents.versions.get" -> api.agents.versions.get.

---@param api anyreach.client
---@param name string
---@return any
return function(api, name)
  local value = api
  for part in name:gmatch("[^.]+") do value = value[part] end
  return value
end
