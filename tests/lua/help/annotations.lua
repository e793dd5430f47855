-- Annotations for editors: Lua that parses, every key of every table under its class, no class without a definition, and the same bytes
-- each time.
local t = require "luaunit"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local program = require "support.program"
local schema = require "yolua.options.schema"

local top = os.tmpname()
os.remove(top)
local NAMES = { "core", "options", "yolua" }

local function generate(folder)
  program.ok { "lua/annotate/main.lua", "out=" .. top .. folder, "sources=runtime/bind" }
  local texts = {}
  for _, name in ipairs(NAMES) do texts[name] = core.system.read(("%s%s/%s.lua"):format(top, folder, name)) end
  return texts
end

local texts = generate "/a"
local all = texts.core .. texts.options .. texts.yolua

-- The lines of a class: by field name.
local function class(name)
  local made = {}
  local from = select(2, all:find(("\n---@class %s[:\n]"):format(name:gsub("%.", "%%."))))
  t.assertNotNil(from, "there is no class " .. name)
  for line in all:sub(from):gmatch "[^\n]*\n" do
    local key, rest = line:match "^%-%-%-@field ([%w_]+)%??%s+(.*)\n"
    if key then made[key] = rest elseif not line:find "^%-%-%-@" and not line:find "^[: ]" and line ~= "\n" then break end
    if line == "\n" and next(made) then break end
  end
  return made
end

local function has_every_field(name, list)
  local made = class(name)
  for _, field in ipairs(list) do
    t.assertNotNil(made[field[1]], name .. " lacks " .. field[1])
    local words = (field[5] or field.help or ""):match "^[^%(]*"
    t.assertStrContains(made[field[1]], words:match "^(.-)%s*$")
    if type(field[3]) == "number" then t.assertStrContains(made[field[1]], "default " .. tostring(field[3])) end
    if field[4] and field[4] ~= "" then t.assertStrContains(made[field[1]], "in " .. field[4]) end
    for _, choice in ipairs(field.choices or {}) do t.assertStrContains(made[field[1]], '"' .. choice .. '"') end
    if field[2] == "table" then
      has_every_field(name .. "." .. field[1], field.fields or {})
      for _, entry in ipairs(schema.variants(field)) do has_every_field(name .. "." .. field[1], { entry[1] }) end
    end
  end
end

TestAnnotations = {}

function TestAnnotations:testTheyParse()
  for _, name in ipairs(NAMES) do
    t.assertNotNil(load(texts[name], "@" .. name, "t"))
    t.assertStrMatches(texts[name], "%-%- [^\n]*\n%-%-%-@meta [%w_]+\n.*")
    t.assertFalse(texts[name]:find("/tmp", 1, true) ~= nil)
  end
  t.assertEquals(type(load(texts.yolua)()), "table") -- what require "yolua" is to an editor
end

function TestAnnotations:testEveryKey()
  has_every_field("yolua.options", fields.all())
  has_every_field("yolua.options.given", fields.all())
  for _, verb in ipairs(core.options.modules "lua/yolua/verbs/") do
    has_every_field("yolua.verb." .. verb, fields.get(require("yolua.verbs." .. verb).fields or {}))
  end
  for _, kind in ipairs(core.layers.kinds()) do has_every_field("yolua.layer." .. kind, core.layers.fields(kind)) end
end

function TestAnnotations:testEveryCall()
  local yl = require "yolua"
  for _, name in ipairs { "load", "train", "freeze", "stop", "evaluate", "zeros", "layer", "transplant" } do
    t.assertNotNil(yl[name])
    has_every_field(("yolua.%s.options"):format(name), options.declared["yl." .. name])
    t.assertStrContains(texts.yolua, ("\nfunction yl.%s("):format(name))
  end
  t.assertStrContains(texts.yolua, "\nfunction yl.keep.best(metric, file) end\n")
  t.assertStrContains(texts.yolua, "\nfunction model:freeze(pattern) end\n")
end

-- The methods that the objects of C have, and no others.
function TestAnnotations:testEveryMethod()
  for _, name in ipairs { "tensor", "net", "plan", "loader" } do
    local count = 0
    for method, value in pairs(debug.getregistry()["yolua." .. name]) do
      if type(value) == "function" and not method:find "^__" then
        count = count + 1
        t.assertStrContains(texts.core, ("\nfunction %s:%s("):format(name, method))
      end
    end
    t.assertEquals(select(2, texts.core:gsub(("\nfunction %s:"):format(name), "")), count)
  end
  t.assertStrContains(texts.core, "\n---t:slice(axis, first [, last [, step]])\n---@param axis any\n---@param first any\n"
    .. "---@param last? any\n---@param step? any\n---@return yolua.tensor\nfunction tensor:slice(axis, first, last, step) end\n")
end

function TestAnnotations:testNoTypeIsMissing()
  for line in all:gmatch "%-%-%-@[^\n]+" do
    local kind, rest = line:match "^%-%-%-@(%a+) (.*)"
    local types = (kind == "field" or kind == "param") and rest:match "^%S+ (%S+)" or kind == "return" and rest or ""
    for name in types:gmatch "yolua%.[%w_.]+" do
      t.assertNotNil(all:find(("\n---@class %s[:\n]"):format((name:gsub("%.", "%%."))):gsub("%-", "%%-")), name)
    end
  end
end

function TestAnnotations:testTheSameEachTime()
  local again = generate "/b"
  for _, name in ipairs(NAMES) do t.assertTrue(again[name] == texts[name], name) end -- a report of differences takes minutes
  local built = program.path:match "^(.*)/[^/]*$" .. "/lua/annotations/"
  for _, name in ipairs(core.files.kind(built) and NAMES or {}) do -- a sanitizer build makes none
    t.assertTrue(core.system.read(built .. name .. ".lua") == texts[name], name)
  end
end

local result = t.LuaUnit.run()
os.execute(("rm -rf '%s'"):format(top))
os.exit(result)
