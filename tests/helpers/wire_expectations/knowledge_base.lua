-- Knowledge bases (datasets), sources, and sources as part of a knowledge base.

local process = require "helpers.process"
local wire_request = require "helpers.wire_request"

local bytes, ID, OTHER_ID = wire_request.bytes, wire_request.ID, wire_request.OTHER_ID

local DATASET = "/knowledge-base/datasets/" .. ID
local SOURCE = "/knowledge-base/sources/" .. ID

local file = process.directory() .. "/opening hours.md"
process.write(file, "# Hours\n\0 9 to 5\r\n")

return {
  ["datasets.list"] = {
    { function(api) return api.datasets.list() end, bytes("GET /knowledge-base/datasets") },
    {
      function(api) return api.datasets.list { limit = 50, cursor = "c/d" } end,
      bytes("GET /knowledge-base/datasets?limit=50&cursor=c%2Fd"),
    },
  },
  ["datasets.create"] = {
    {
      function(api)
        return api.datasets.create {
          name = "clinic", description = anyreach.null, embedding_model = "text-embedding-3-small",
          embedding_dimension = 1536,
        }
      end,
      bytes("POST /knowledge-base/datasets", '{"description":null,"embedding_dimension":1536,'
        .. '"embedding_model":"text-embedding-3-small","name":"clinic"}'),
    },
  },
  ["datasets.delete"] = {
    {
      function(api) return api.datasets.delete(ID) end,
      bytes("DELETE " .. DATASET),
      answer = { body = '{"message":"Dataset deleted"}' },
      result = { message = "Dataset deleted" },
    },
  },
  ["datasets.query"] = {
    {
      function(api) return api.datasets.query(ID, { query = "opening hours?", results_count = 5 }) end,
      bytes("POST " .. DATASET .. "/query", '{"query":"opening hours?","results_count":5}'),
    },
  },
  ["datasets.sources.list"] = {
    { function(api) return api.datasets.sources.list(ID) end, bytes("GET " .. DATASET .. "/sources") },
    {
      function(api)
        return api.datasets.sources.list(ID, {
          source_name = "hours", source_type = "FILE", file_extension = "txt,md", limit = 100, cursor = "c/d",
        })
      end,
      bytes("GET " .. DATASET .. "/sources?source_name=hours&source_type=FILE&file_extension=txt%2Cmd"
        .. "&limit=100&cursor=c%2Fd"),
    },
  },
  ["datasets.sources.create"] = {
    {
      function(api) return api.datasets.sources.create(ID, { { source_id = OTHER_ID } }) end,
      bytes("POST " .. DATASET .. "/sources", '[{"source_id":"' .. OTHER_ID .. '"}]'),
    },
    {
      function(api)
        return api.datasets.sources.create(ID, { type = "URL", url = "https://a.example/", name = "a" })
      end,
      bytes("POST " .. DATASET .. "/sources", '{"name":"a","type":"URL","url":"https://a.example/"}'),
    },
    {
      function(api)
        return api.datasets.sources.create(ID, {
          file = file, metadata = { name = "hours", chunking_strategy = { method = "structure_based" } },
        })
      end,
      bytes("POST " .. DATASET .. "/sources",
        "--" .. wire_request.BOUNDARY .. "\r\n"
        .. 'Content-Disposition: form-data; name="file"; filename="opening hours.md"\r\n'
        .. "Content-Type: text/markdown\r\n\r\n"
        .. "# Hours\n\0 9 to 5\r\n\r\n"
        .. "--" .. wire_request.BOUNDARY .. "\r\n"
        .. 'Content-Disposition: form-data; name="metadata"\r\n\r\n'
        .. '{"chunking_strategy":{"method":"structure_based"},"name":"hours"}\r\n'
        .. "--" .. wire_request.BOUNDARY .. "--\r\n",
        { content_type = "multipart/form-data; boundary=" .. wire_request.BOUNDARY }),
    },
  },
  ["datasets.sources.create_by_pattern"] = {
    {
      function(api)
        return api.datasets.sources.create_by_pattern(ID, {
          url_pattern = "https://a.example/{slug}", slugs = { "x", "y z" },
        })
      end,
      bytes("POST " .. DATASET .. "/sources/pattern",
        '{"slugs":["x","y z"],"url_pattern":"https://a.example/{slug}"}'),
    },
    {
      function(api) return api.datasets.sources.create_by_pattern(ID, { slugs = {} }) end,
      bytes("POST " .. DATASET .. "/sources/pattern", '{"slugs":[]}'),
    },
  },
  ["datasets.sources.delete"] = {
    {
      function(api) return api.datasets.sources.delete(ID, OTHER_ID) end,
      bytes("DELETE " .. DATASET .. "/sources/" .. OTHER_ID),
    },
  },
  ["sources.list"] = {
    { function(api) return api.sources.list() end, bytes "GET /knowledge-base/sources" },
    {
      function(api) return api.sources.list { limit = 2, cursor = "c" } end,
      bytes "GET /knowledge-base/sources?limit=2&cursor=c",
    },
  },
  ["sources.create"] = {
    {
      function(api)
        return api.sources.create {
          { type = "FILE", name = "hours.md", file_size = 12, chunking_strategy = { method = "structure_based" } },
          {
            type = "URL", name = "https://a.example/", id = OTHER_ID,
            url_crawl_options = {
              limit = 3, include_paths = {}, exclude_paths = { "/x" }, crawler_provider = "firecrawl",
            },
          },
        }
      end,
      bytes("POST /knowledge-base/sources",
        '[{"chunking_strategy":{"method":"structure_based"},"file_size":12,"name":"hours.md","type":"FILE"},'
        .. '{"id":"' .. OTHER_ID .. '","name":"https://a.example/","type":"URL",'
        .. '"url_crawl_options":{"crawler_provider":"firecrawl","exclude_paths":["/x"],"include_paths":[],'
        .. '"limit":3}}]'),
      answer = { body = '[{"id":"s1"},{"id":"s2"}]' },
    },
    { function(api) return api.sources.create {} end, bytes("POST /knowledge-base/sources", "[]") },
  },
  ["sources.get"] = {
    { function(api) return api.sources.get(ID) end, bytes("GET " .. SOURCE) },
  },
  ["sources.update"] = {
    {
      function(api) return api.sources.update(ID, { file_upload_status = "COMPLETE" }) end,
      bytes("PUT " .. SOURCE, '{"file_upload_status":"COMPLETE"}'),
    },
  },
  ["sources.delete"] = {
    { function(api) return api.sources.delete(ID) end, bytes("DELETE " .. SOURCE) },
  },
  ["sources.download_url"] = {
    { function(api) return api.sources.download_url(ID) end, bytes("GET " .. SOURCE .. "/download") },
  },
}
