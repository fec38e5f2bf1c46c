-- The annotations for editors: well formed, of types that exist, and names that are given once.

local annotations = require "helpers.annotations"
local process = require "helpers.process"

local PATH = "lua/library/anyreach.lua"

local function problems(...)
  return annotations.read(table.concat({ ... }, "\n")).problems
end

describe("the annotations", function()
  local text = assert(process.read(PATH))

  it("are without a mistake", function() expect.equal(annotations.read(text).problems, {}) end)
  it("load as Lua", function() expect.truthy(load(text, "@" .. PATH, "t")) end)

  it("know what the global offers, and a client", function()
    local read = annotations.read(text)
    for _, name in ipairs { "anyreach.client", "anyreach.map", "anyreach.json.encode", "anyreach.client.request" } do
      expect.truthy(read.functions[name])
    end
    for name in pairs(require "anyreach.client.uploads") do
      expect.truthy(read.functions["anyreach.operations." .. name])
    end
    for name, value in pairs(anyreach) do
      if type(value) == "function" then
        expect.equal({ name, read.functions["anyreach." .. name] ~= nil }, { name, true })
      end
    end
  end)
end)

describe("a reader of annotations", function()
  it("takes every kind of type", function()
    for _, name in ipairs {
      "string", "string[]", "any[][]", "string|nil", '"a"|"b"', '("a"|"b")[]', "table<string, any>", "a.class",
      "fun()", "fun(a: string, b?: T): T[]", "{ a?: integer, b: fun() }", "lightuserdata a remark",
    } do
      expect.equal({ name, problems("---@class a.class", "", "---@generic T", "---@param x " .. name) }, { name, {} })
    end
  end)

  it("finds what is malformed", function()
    local lines = {
      ["---@class"] = "this is no class", ["---@class a-b"] = "this is no class", ["---@field x any"] = "belongs to no",
      ["---@class a\n---@field x"] = "this is no field", ["---@class a\n---@field x string|"] = "this is no type",
      ["---@param x fun("] = "this is no type", ["---@param x { a: }"] = "this is no type",
      ["---@param x stringg"] = "no class stringg", ["---@param x table<string"] = "this is no type",
      ["---@param x"] = "this is no parameter", ["---@return table|nil[,"] = "this is no type",
      ["---@overload string"] = "this is no function type", ["---@parm x any"] = "unknown annotation",
      ["---@class a : b"] = "no class b", ["print 'x'"] = "neither annotation nor declaration",
    }
    for line, message in pairs(lines) do expect.contains(problems(line)[1], message) end
  end)

  it("finds what is there twice, and what does not belong together", function()
    expect.contains(problems("---@class a", "", "---@class a")[1], "line 3: a second class a")
    expect.contains(problems("---@class a", "---@field x any", "---@field x any")[1], "a second field x")
    local class = "---@class a\nlocal a = {}\n"
    expect.contains(problems(class, "function a.f() end", "function a.f() end")[1], "a second function a.f")
    expect.contains(problems(class, "---@param x any", "function a.f(y) end")[1], "takes (y), but (x) are annotated")
    expect.contains(problems("function b.f() end")[1], "'b' is not declared")
    expect.equal(problems(class, "---@overload fun(): string", "---@param x any", "function a.f(x) end"), {})
  end)
end)
