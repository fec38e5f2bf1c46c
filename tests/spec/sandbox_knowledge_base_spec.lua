-- The sandbox's rules for knowledge bases and their sources, with the transfer of bytes.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"
local reader = require "anyreach.sandbox.request_reader"

local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused

local DATASETS, SOURCES = "/knowledge-base/datasets", "/knowledge-base/sources"
local DEFAULT = DATASETS .. "/2a000000-0000-4000-8000-000000000001"
local OWN_ID = "11111111-2222-4333-8444-555555555555"
local STATES = { "converting_to_markdown", "chunking", "embedding", "ready" }

local function file(fields)
  fields = fields or {}
  fields.type, fields.name = "FILE", fields.name or "hours.txt"
  fields.chunking_strategy = fields.chunking_strategy or { method = "structure_based" }
  return fields
end

local function page(address, options)
  return { type = "URL", name = address, url_crawl_options = options }
end

local function create(box, element)
  return must(box, "POST", SOURCES, json.array { element })[1]
end

-- A request to an address that the sandbox has given, as a client sends it: without a credential.
local function transfer(box, method, url, bytes, headers)
  local path = url:match("^http://[^/]+(/.*)$")
  return ask(box, method, path, bytes, { token = false, headers = headers or { ["content-type"] = "text/plain" } })
end

local function upload(box, element, bytes)
  local source = create(box, element)
  local headers = { ["content-type"] = source.content_type }
  expect.equal(transfer(box, "PUT", source.presigned_url, bytes, headers), 200)
  return must(box, "PUT", SOURCES .. "/" .. source.id, { file_upload_status = "COMPLETE" })
end

local function attach(box, source)
  return must(box, "POST", DEFAULT .. "/sources", json.array { { source_id = source.id } })[1]
end

-- What the dataset's list says of its sources.
local function statuses(box, query)
  local result = {}
  for index, row in ipairs(must(box, "GET", DEFAULT .. "/sources" .. (query or "")).data) do
    result[index] = row.status
  end
  return table.concat(result, ",")
end

local function until_ready(box)
  for _ = 1, #STATES do must(box, "GET", DEFAULT .. "/sources") end
end

local function form(parts)
  local lines = {}
  for _, part in ipairs(parts) do
    lines[#lines + 1] = "--line\r\nContent-Disposition: form-data; " .. part[1] .. "\r\n\r\n" .. part[2] .. "\r\n"
  end
  local headers = { ["content-type"] = "multipart/form-data; boundary=line" }
  return table.concat(lines) .. "--line--\r\n", { headers = headers }
end

describe("knowledge bases", function()
  it("are created with the default model, or another with its dimensions", function()
    local box = new()
    local dataset = must(box, "POST", DATASETS, { name = "Hours" })
    expect.equal(dataset.id, dataset.dataset_id)
    expect.equal({ dataset.embedding_model, dataset.embedding_dimension }, { "text-embedding-3-small", 768 })
    local large = { name = "b", embedding_model = "text-embedding-3-large" }
    expect.equal(must(box, "POST", DATASETS, large).embedding_dimension, 3072)
    large.embedding_dimension = 1536
    refused(box, 422, "embedding_dimension", "POST", DATASETS, large)
    refused(box, 422, "embedding_model", "POST", DATASETS, { name = "b", embedding_model = "other" })
    refused(box, 422, "name", "POST", DATASETS, {})
  end)

  it("every organisation has one, which the description names", function()
    local box = new()
    expect.equal(#must(box, "GET", DEFAULT .. "/sources").data, 0)
    expect.equal(box:describe().organizations[1].datasets[1].name, "Default")
    refused(box, 404, "not found", "GET", DEFAULT .. "/sources", nil, { token = "ak_sandbox.second" })
  end)

  it("are deleted with a message, and leave their sources", function()
    local box = new()
    local source = create(box, page "https://example.com/")
    attach(box, source)
    expect.contains(must(box, "DELETE", DEFAULT).message, "deleted")
    refused(box, 404, "not found", "GET", DEFAULT .. "/sources")
    expect.equal(must(box, "GET", SOURCES .. "/" .. source.id).id, source.id)
  end)

  it("find the nearest passages, as many as were asked for", function()
    local box = new()
    local strategy = { method = "structure_based" }
    local text = { "Open from nine to five.", "Parking is free.", "We speak Greek.", "More.", "And more.", "Last." }
    attach(box, upload(box, file { chunking_strategy = strategy }, table.concat(text, "\n\n")))
    expect.equal(#must(box, "POST", DEFAULT .. "/query", { query = "parking" }), 0)
    until_ready(box)
    local found = must(box, "POST", DEFAULT .. "/query", { query = "Is PARKING free?" })
    expect.equal(#found, 5)
    expect.equal({ found[1].content, found[1].source_name }, { "Parking is free.", "hours.txt" })
    expect.truthy(found[1].similarity > found[2].similarity and found[1].similarity <= 1)
    expect.equal(must(box, "POST", DEFAULT .. "/query", { query = "Is PARKING free?" }), found)
    expect.equal(#must(box, "POST", DEFAULT .. "/query", { query = "xyzzy", results_count = 2 }), 2)
    refused(box, 422, "results_count", "POST", DEFAULT .. "/query", { query = "x", results_count = 0 })
    refused(box, 422, "query", "POST", DEFAULT .. "/query", {})
  end)
end)

describe("sources", function()
  it("from files are uploaded, completed and given back", function()
    local box = new()
    local source = create(box, file())
    expect.equal({ source.file_upload_status, source.content_type }, { "PENDING", "text/plain" })
    expect.match(source.presigned_url, "^http://127%.0%.0%.1/_sandbox/uploads/%x+$")
    local path = SOURCES .. "/" .. source.id
    refused(box, 400, "not arrived", "PUT", path, { file_upload_status = "COMPLETE" })
    refused(box, 404, "not arrived", "GET", path .. "/download")

    local bytes = "nine\0to \255 five"
    expect.equal(transfer(box, "POST", source.presigned_url, bytes), 200)
    local complete = must(box, "PUT", path, { file_upload_status = "COMPLETE" })
    expect.equal({ complete.file_upload_status, complete.file_size }, { "COMPLETE", #bytes })
    expect.equal(complete.presigned_url, nil)
    local status, got, answer = transfer(box, "GET", must(box, "GET", path .. "/download").download_url)
    expect.equal({ status, got, answer.headers["Content-Type"] }, { 200, bytes, "text/plain" })
  end)

  it("are transferred at addresses that take no credential, and not for ever", function()
    local box = new()
    local url = create(box, file()).presigned_url
    local leak = { authorization = "Bearer ak_sandbox.admin", ["content-type"] = "text/plain" }
    expect.equal(transfer(box, "PUT", url, "x", leak), 400)
    expect.equal(transfer(box, "PUT", url, "x", { ["content-type"] = "text/csv" }), 403)
    expect.equal(transfer(box, "GET", url), 405)
    expect.equal(transfer(box, "PUT", url .. "0", "x"), 403)
    expect.equal(transfer(box, "GET", (url:gsub("uploads", "downloads"))), 403)
    box.store.sequence:continue_after(box.store.sequence.last + 3601 * 1000000)
    expect.equal(transfer(box, "PUT", url, "x"), 403)
  end)

  it("have addresses on the host that the caller uses", function()
    local box = new()
    local body = json.array { file() }
    local function url(host)
      local _, created = ask(box, "POST", SOURCES, body, { headers = { host = host } })
      return created[1].presigned_url
    end
    expect.match(url "localhost:8080", "^http://localhost:8080/_sandbox/uploads/")
    expect.match(url "evil/path", "^http://127%.0%.0%.1/")
  end)

  it("may have an id of the caller's choice, once", function()
    local box = new()
    expect.equal(create(box, file { id = OWN_ID }).id, OWN_ID)
    refused(box, 409, OWN_ID, "POST", SOURCES, json.array { file(), file { id = OWN_ID } })
    refused(box, 422, "UUID", "POST", SOURCES, json.array { file { id = "mine" } })
    expect.equal(#must(box, "GET", SOURCES).data, 1)
  end)

  it("are files of the documented kinds, or pages with an address", function()
    local box = new()
    refused(box, 422, "csv", "POST", SOURCES, json.array { file { name = "song.mp3" } })
    refused(box, 422, "csv", "POST", SOURCES, json.array { file { name = "README" } })
    expect.equal(create(box, file { name = "A.PDF" }).content_type, "application/pdf")
    for _, address in ipairs { "example.com", "ftp://example.com", "http://", "http://a b.c/", "https://x/a b" } do
      refused(box, 422, "valid URL", "POST", SOURCES, json.array { page(address) })
    end
    local source = create(box, page "https://example.com:8080/a?b#c")
    expect.equal({ source.domain, source.presigned_url }, { "example.com:8080", nil })
    refused(box, 400, "page", "PUT", SOURCES .. "/" .. source.id, { file_upload_status = "COMPLETE" })
    refused(box, 422, "chunking_strategy", "PUT", SOURCES .. "/" .. source.id, { chunking_strategy = "fixed" })
    refused(box, 422, "id: set by", "PUT", SOURCES .. "/" .. source.id, { id = OWN_ID })
    refused(box, 403, "sources:manage", "POST", SOURCES, json.array { file() }, { token = "ak_sandbox.viewer" })
  end)

  it("from pages are crawled, with the pages below them", function()
    local box = new()
    local options = { limit = 3, add_to_datasets = json.array { DEFAULT:match("[^/]+$") } }
    local source = create(box, page("https://example.com/docs/", options))
    expect.equal(source.file_upload_status, "PENDING")
    expect.equal(must(box, "GET", SOURCES .. "/" .. source.id).file_upload_status, "COMPLETE")
    expect.equal(asking.names(must(box, "GET", SOURCES).data),
      "https://example.com/docs/page-2,https://example.com/docs/page-1,https://example.com/docs/")
    expect.equal(statuses(box), (STATES[1] .. ","):rep(2) .. STATES[1])
    local url = must(box, "GET", SOURCES .. "/" .. source.id .. "/download").download_url
    local _, text = transfer(box, "GET", url)
    expect.contains(text, "example com docs")
    local failing = create(box, page "https://example.com/fail-crawl")
    expect.equal(must(box, "GET", SOURCES .. "/" .. failing.id).file_upload_status, "FAILED")
    options.add_to_datasets[1] = OWN_ID
    refused(box, 404, OWN_ID, "POST", SOURCES, json.array { page("https://example.com/", options) })
  end)

  it("are listed in pages", function()
    local box = new()
    for index = 1, 3 do create(box, file { name = index .. ".txt" }) end
    local first = must(box, "GET", SOURCES .. "?limit=2")
    expect.equal({ asking.names(first.data), first.pagination.limit }, { "3.txt,2.txt", 2 })
    local cursor = asking.encode_query(first.pagination.next_cursor)
    local second = must(box, "GET", SOURCES .. "?limit=2&cursor=" .. cursor)
    expect.equal({ asking.names(second.data), second.pagination.next_cursor }, { "1.txt", json.null })
    expect.equal(must(box, "GET", SOURCES .. "?limit=3").pagination.next_cursor, json.null)
    refused(box, 422, "limit", "GET", SOURCES .. "?limit=101")
  end)

  it("are gone everywhere once deleted", function()
    local box = new()
    local source = upload(box, file(), "x")
    local path = SOURCES .. "/" .. source.id
    local url = must(box, "GET", path .. "/download").download_url
    attach(box, source)
    must(box, "DELETE", path, nil, 204)
    expect.equal(#must(box, "GET", DEFAULT .. "/sources").data, 0)
    expect.equal(transfer(box, "GET", url), 403)
    refused(box, 404, "not found", "DELETE", path)
  end)
end)

describe("sources of a knowledge base", function()
  it("go through the documented states, one a look", function()
    local box = new()
    local attachment = attach(box, upload(box, file { chunking_strategy = { chunk_size = 10 } }, ("é"):rep(25)))
    expect.equal({ attachment.status, attachment.sources.name }, { "pending", "hours.txt" })
    for _, state in ipairs(STATES) do expect.equal(statuses(box), state) end
    local row = must(box, "GET", DEFAULT .. "/sources").data[1]
    expect.equal({ row.id, row.total_chunks, row.processed_chunks }, { attachment.id, 3, 3 })
    must(box, "PUT", SOURCES .. "/" .. attachment.source_id, { chunking_strategy = { chunk_size = 5 } })
    until_ready(box)
    expect.equal(must(box, "GET", DEFAULT .. "/sources").data[1].total_chunks, 5)
  end)

  it("wait for their bytes, and fail where the text says so", function()
    local box = new()
    attach(box, create(box, file()))
    expect.equal(statuses(box), "pending")
    attach(box, upload(box, file(), "this will fail-processing"))
    attach(box, create(box, page "https://example.com/fail-crawl"))
    expect.equal(statuses(box), "failed,failed,pending")
    expect.equal(statuses(box), "failed,failed,pending")
  end)

  it("are attached once, removed by the id of the list", function()
    local box = new()
    local source = create(box, page "https://example.com/")
    local attachment = attach(box, source)
    local path = DEFAULT .. "/sources"
    refused(box, 409, "already", "POST", path, json.array { { source_id = source.id } })
    refused(box, 404, OWN_ID, "POST", path, json.array { { source_id = OWN_ID } })
    refused(box, 422, "source_id", "POST", path, json.array { source.id })
    refused(box, 404, "the id that its list shows", "DELETE", path .. "/" .. source.id)
    must(box, "DELETE", path .. "/" .. attachment.id, nil, 204)
    expect.equal(must(box, "GET", SOURCES .. "/" .. source.id).id, source.id)
  end)

  it("can be created where they are attached", function()
    local box = new()
    local path = DEFAULT .. "/sources"
    local made = must(box, "POST", path, { type = "URL", url = "https://example.com/faq", name = "FAQ" })
    expect.equal({ made[1].sources.name, made[1].status }, { "FAQ", "pending" })
    refused(box, 422, "valid URL", "POST", path, { type = "URL", url = "faq" })
    refused(box, 422, "a file comes as a form", "POST", path, { type = "FILE", name = "a.txt" })
    local pattern = { url_pattern = "https://example.com/{slug}?lang=en", slugs = json.array { "a", "b%c" } }
    local two = must(box, "POST", path .. "/pattern", pattern)
    expect.equal({ two[1].sources.name, two[2].sources.name },
      { "https://example.com/a?lang=en", "https://example.com/b%c?lang=en" })
    refused(box, 422, "{slug}", "POST", path .. "/pattern", { url_pattern = "https://x/", slugs = json.array { "a" } })
    refused(box, 422, "slugs", "POST", path .. "/pattern", { url_pattern = "https://x/{slug}" })
  end)

  it("can come as a form", function()
    local box = new()
    local path = DEFAULT .. "/sources"
    local metadata = { 'name="metadata"', '{"name":"Opening hours","chunking_strategy":"fixed"}' }
    local body, options = form { { 'name="file"; filename="hours.md"', "nine to five\r\n" }, metadata }
    local status, made = ask(box, "POST", path, body, options)
    expect.equal(status, 200)
    local source = made[1].sources
    expect.equal({ source.name, source.file_upload_status, source.file_size }, { "Opening hours", "COMPLETE", 14 })
    until_ready(box)
    expect.equal(must(box, "POST", DEFAULT .. "/query", { query = "nine" })[1].content, "nine to five\r\n")
    refused(box, 422, "file: required", "POST", path, (form { metadata }), options)
    body = form { { 'name="file"; filename="a.txt"', "" }, { 'name="metadata"', "[]" } }
    refused(box, 422, "metadata", "POST", path, body, options)
    refused(box, 422, "form", "POST", path, "--line", options)
    refused(box, 422, "Content-Type", "POST", SOURCES, body, options)
  end)

  it("are filtered by name, type and extension", function()
    local box = new()
    attach(box, upload(box, file { name = "Hours.TXT" }, "x"))
    attach(box, upload(box, file { name = "rates.md" }, "x"))
    attach(box, create(box, page "https://example.com/"))
    local function list(query)
      local result = {}
      for index, row in ipairs(must(box, "GET", DEFAULT .. "/sources" .. query).data) do
        result[index] = row.sources.name
      end
      return table.concat(result, ",")
    end
    expect.equal(list "?source_name=hours", "Hours.TXT")
    expect.equal(list "?source_type=URL", "https://example.com/")
    expect.equal(list "?file_extension=txt,md", "rates.md,Hours.TXT")
    expect.equal(list "?source_type=FILE&limit=1", "rates.md")
  end)
end)

describe("forms", function()
  local KIND = "multipart/form-data; boundary=x"

  local function problem(text, kind)
    local parts, message = reader.parse_form(kind or KIND, text)
    expect.equal(parts, nil)
    return message
  end

  it("are read to the byte", function()
    local parts = reader.parse_form('multipart/form-data; charset=utf-8; boundary="a b"',
      '--a b\r\nContent-Disposition: form-data; name="f"; filename="n"\r\nContent-Type: text/csv\r\n\r\n\r\n\0--a\r\n'
      .. '\r\n--a b\r\nContent-Disposition: form-data; name="e"\r\n\r\n\r\n--a b--')
    expect.equal(parts.f, { filename = "n", content_type = "text/csv", bytes = "\r\n\0--a\r\n" })
    expect.equal(parts.e, { bytes = "" })
  end)

  -- What looks for the end of the blanks again from each of them takes hours, and run.sh ends it.
  it("may have long header lines", function()
    local spaces = (" "):rep(1000000)
    local parts = reader.parse_form(KIND,
      '--x\r\nContent-Disposition: form-data; name="f"\r\nContent-Type: a' .. spaces .. "b" .. spaces
        .. "\r\n\r\n\r\n--x--")
    expect.equal(parts.f.content_type, "a" .. spaces .. "b")
  end)

  it("that are malformed are refused", function()
    local head = '--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n'
    expect.contains(problem("", "multipart/form-data"), "boundary")
    expect.contains(problem "", "does not start")
    expect.contains(problem "--x", "no end")
    expect.contains(problem(head .. "text"), "no end")
    expect.contains(problem(head .. "a\r\n" .. head .. "b\r\n--x--"), "too many")
    expect.contains(problem "--x\r\nnonsense\r\n\r\n\r\n--x--", "malformed")
    expect.contains(problem "--x\r\nContent-Type: text/plain\r\n\r\n\r\n--x--", "Content-Disposition")
  end)
end)
