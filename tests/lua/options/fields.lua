-- The standard fields: every one is whole, its default passes its own check, and other tools' spellings lead to it.
local t = require "luaunit"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local types = { bool = true, int = true, number = true, string = true, enum = true, numbers = true, size = true, flags = true, list = true,
  table = true, ["function"] = true, any = true }
local known = { min = true, max = true, choices = true, aliases = true, fields = true, otherwise = true, variants = true, of_path = true,
  file = true, help = true, empty = true, ending = true, main = true,
  lua = true, positional = true, needs = true }

-- Calls visit(field, path) for every field, those of every name of a table included.
local function each(list, prefix, visit)
  for _, field in ipairs(list) do
    visit(field, prefix .. field[1])
    each(field.fields or {}, prefix .. field[1] .. ".", visit)
    each(field.otherwise or {}, prefix .. field[1] .. ".", visit)
    for _, name in ipairs(field.variants and schema.variant_names(field) or {}) do
      each(schema.variant_fields(field, name, { where = "test" }), prefix .. field[1] .. ".", visit)
    end
  end
end

local function visit_everything(visit)
  each(fields.all(), "", visit)
  for _, name in ipairs(core.options.modules "lua/yolua/verbs/") do
    each(fields.get(require("yolua.verbs." .. name).fields or {}), "", visit)
  end
end

TestFields = {}

function TestFields:testEveryFieldIsWhole()
  visit_everything(function(field, path)
    t.assertTrue(types[field[2]], path)
    t.assertTrue(#(field[5] or field.help or "") > 3, path .. " has no help")
    t.assertStrMatches(field[1], "[%a_][%w_]*", nil, nil, path)
    t.assertTrue(field[4] == nil or type(field[4]) == "string", path .. "'s unit")
    local chosen = field[2] == "enum" or field[2] == "flags"
    t.assertEquals(chosen, chosen and type(field.choices) == "table", path)
    for key in pairs(field) do t.assertTrue(math.type(key) == "integer" and key <= 5 or known[key], path .. ": " .. tostring(key)) end
    if field.min and field.max then t.assertTrue(field.min <= field.max, path) end
  end)
end

function TestFields:testDefaultsPassTheirOwnCheck()
  visit_everything(function(field, path)
    if field[3] ~= nil and field[2] ~= "table" then
      local value = schema.convert(field, field[3], { where = "default" }, path)
      t.assertEquals(schema.convert(field, value, { where = "default" }, path), value, path)
    end
  end)
end

function TestFields:testAliasesAreSuggestedAndNeverAccepted()
  visit_everything(function(field, path)
    for _, alias in ipairs(field.aliases or {}) do
      t.assertFalse(alias == field[1], path .. " lists itself")
      local o = options.new({ field }, "test")
      local ok, e = pcall(options.merge, o, { [alias] = 1 }, { where = "test" })
      t.assertFalse(ok, path .. ": " .. alias .. " is accepted")
      t.assertStrContains(tostring(e), ("did you mean '%s'?"):format(field[1]))
    end
  end)
end

-- No alias of one field is the key of another beside it: that spelling would be accepted with another meaning.
function TestFields:testAliasesDoNotCollide()
  local function check(list)
    local keys = {}
    for _, field in ipairs(list) do keys[field[1]] = true end
    for _, field in ipairs(list) do
      for _, alias in ipairs(field.aliases or {}) do t.assertNil(keys[alias], field[1] .. ": " .. alias) end
      check(field.fields or {})
    end
  end
  check(fields.all())
end

function TestFields:testGroupsHaveNoKeyTwice()
  local seen = {}
  for _, field in ipairs(fields.all()) do
    t.assertNil(seen[field[1]], field[1])
    seen[field[1]] = true
  end
  t.assertErrorMsgContains("unknown group of fields modle", fields.get, { "modle" })
end

-- The contract of the command line: these keys exist for whoever calls the program.
function TestFields:testTheContractsKeys()
  local contract = {
    train = "data.name data.root data.train data.dev data.limit freeze epochs batch imgsz seed optim.lr out resume cfg weights names model",
    predict = "source conf iou resize cfg weights names model json", val = "data.root data.split protocol conf iou resize json",
    eval = "labels dets protocol curves voc.iou voc.plus1 voc.compare voc.difficult coco.dontcare coco.neighbours poster.variant json",
    bench = "imgsz batch mode runs threads precision algorithm layers json", anchors = "data.root k imgsz", doctor = "data.root",
  }
  for verb, keys in pairs(contract) do
    local o = options.new(fields.get(require("yolua.verbs." .. verb).fields), verb)
    for key in keys:gmatch "%S+" do
      local inner, head, rest = o, key:match "^([^.]+)%.(.+)$"
      if head then inner = o[head] end
      t.assertNotNil(inner, verb .. ": " .. key)
      t.assertTrue(pcall(function() return inner[rest or key] end), verb .. " lacks " .. key)
    end
  end
end

os.exit(t.LuaUnit.run())
