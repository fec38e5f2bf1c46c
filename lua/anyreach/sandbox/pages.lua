-- The web as the sandbox knows it: every address has a page, whose words are those of the address. Nothing
-- is fetched. Pure functions.

local pages = {}

local CRAWL_LIMIT = 10 -- documented default of url_crawl_options.limit, the first page included
local LINKS = 2 -- how many pages a crawl finds below the first

---@param address any
---@return boolean
function pages.is_address(address)
  return type(address) == "string" and address:find("^[Hh][Tt][Tt][Pp][Ss]?://[%w][%w.:-]*%f[/?#\0][^%s%c]*$") ~= nil
end

---@param address string
---@return string
function pages.domain(address)
  return address:match("^%a+://([^/?#]+)")
end

---An address with "fail-crawl" in it cannot be read.
---@param address string
---@return boolean
function pages.is_unreadable(address)
  return address:find("fail-crawl", 1, true) ~= nil
end

---The page's text, in Markdown.
---@param address string
---@return string
function pages.text(address)
  local words = address:gsub("^%a+://", ""):gsub("[^%w\128-\255]+", " ")
  return ("# %s\n\nThis page stands in for %s.\n"):format(words, address)
end

---The addresses that a crawl finds below a page.
---@param address string
---@param options { limit: integer?, max_depth: integer? } url_crawl_options
---@return string[]
function pages.links(address, options)
  local found = {}
  local limit = math.min(LINKS, (options.limit or CRAWL_LIMIT) - 1)
  if options.max_depth and options.max_depth < 1 then return found end
  local base = address:gsub("[?#].*$", ""):gsub("/$", "")
  for number = 1, limit do found[number] = ("%s/page-%d"):format(base, number) end
  return found
end

return pages
