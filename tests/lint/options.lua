-- An option of a C struct is described once, in the field table beside the struct: C reads Lua's tables through it alone, and Lua takes
-- key, type, default, range and help from it (yolua.options.structs).
local t = require "luaunit"
local core = require "yolua.core"
local tree = require "support.tree"

TestOptions = {}

local STRUCTS = { "step", "plan", "forward", "loader", "augment", "detect", "predict", "network", "weights", "kitti", "voc", "coco",
  "poster", "confusion", "scene", "compare", "distill", "compact", "cut", "export" }

-- ---- C ---------------------------------------------------------------------------------------------------------------------

-- Reading a key of a table of options by hand, with a default of its own.
local function by_hand(line, path)
  if path == "runtime/bind/fields.c" then return end
  local name = line:match "%f[%w_](yl__field_[%w_]+)%s*%(" or line:match "%f[%w_](yl__row_option[%w_]*)%s*%("
  if name then return ("calls %s; expected yl__read_options and a field table"):format(name) end
end

function TestOptions.testBindingsReadFieldTables()
  t.assertNotNil(by_hand('    o.lr = yl__field_number(L, 2, "lr", 1e-3);', "runtime/bind/step.c"))
  t.assertNotNil(by_hand('    o.iou = yl__row_option_number(L, "iou", o.iou, 0, 1);', "runtime/bind/voc.c"))
  t.assertNil(by_hand("    yl__read_options(L, 2, YL__FILL({&yl_step_fields, &o}), NULL);", "runtime/bind/step.c"))
  t.assertEquals(tree.faults(tree.files("%.[ch]$", "runtime/bind"), by_hand), {})
  local calls = 0
  for _, path in ipairs(tree.files("%.c$", "runtime/bind")) do
    calls = calls + select(2, tree.read(path):gsub("%f[%w_]yl__read_options%(L", ""))
  end
  t.assertTrue(calls >= 15, calls)
end

-- A table that fills no member, or a member that no default fits, would only show when somebody sets it.
function TestOptions.testTablesAreComplete()
  for _, name in ipairs(STRUCTS) do
    local seen, fields = {}, core.fields(name)
    t.assertTrue(#fields > 0, name)
    for _, field in ipairs(fields) do
      local what = name .. "." .. field[1]
      t.assertNil(seen[field[1]], what .. " stands twice")
      seen[field[1]] = true
      t.assertTrue(type(field[5]) == "string" and #field[5] > 3, what .. " has no help")
      if field[3] ~= nil then t.assertEquals(core.options.check(field, nil, field[3]), field[3], what) end
    end
  end
  t.assertNil(core.fields "nothing")
end

-- ---- Lua -------------------------------------------------------------------------------------------------------------------

local FOLDERS = { "lua/yolua/options", "lua/yolua/optim", "lua/yolua/augment", "lua/yolua/verbs", "lua/yolua/eval", "lua/yolua/policies",
  "lua/yolua/data", "lua/yolua/model", "lua/yolua/prune" }

local function known_keys()
  local keys = {}
  for _, name in ipairs(STRUCTS) do
    for _, field in ipairs(core.fields(name)) do keys[field[1] .. " " .. field[2]] = name end
  end
  return keys
end

-- What bears the name of a struct's option and is something else.
local OTHERS = { ["lua/yolua/data/fields.lua features"] = "MiB", ["lua/yolua/prune/hand.lua seed"] = "of score=random",
  ["lua/yolua/prune/state.lua step"] = "what a schedule sees" }

-- { "lr", "number", ... }: a field of a key and type that a struct has.
local function repeated(keys)
  return function(line, path)
    local key, kind = line:match '{ "([%w_]+)", "(%l+)"'
    local struct = key and keys[key .. " " .. kind]
    if struct and not OTHERS[("%s %s"):format(path, key)] then
      return ("describes '%s' again; expected structs.field('%s', '%s')"):format(key, struct, key)
    end
  end
end

function TestOptions.testLuaRepeatsNothing()
  local keys = known_keys()
  local find = repeated(keys)
  t.assertEquals({ keys["momentum number"], keys["jitter number"], keys["plus1 bool"] }, { "step", "augment", "voc" })
  t.assertNotNil(find '    { "momentum", "number", 0.9, "", "share of the old velocity" },')
  t.assertNil(find '    { "patience", "int", 0, "epochs", "" },')
  t.assertEquals(tree.faults(tree.files("%.lua$", table.unpack(FOLDERS)), find), {})
end

os.exit(t.LuaUnit.run())
