-- What the user has asked for, and what a file only repeats of the defaults.
local t = require "luaunit"
local asked = require "yolua.options.asked"
local options = require "yolua.options.table"

local FIELDS <const> = { { "rate", "number", 1, "", "" }, { "sizes", "numbers", { 8, 1 }, "", "" } }

local function of(key, value, where)
  local o = options.check("a call", FIELDS, {})
  options.set(o, key, value, { where = where })
  return o
end

TestAsked = {}

function TestAsked.testDefaults()
  local rate, sizes = FIELDS[1], FIELDS[2]
  t.assertFalse(asked(options.check("a call", FIELDS, {}), rate))
  t.assertFalse(asked(of("rate", 1, "config.yaml:3"), rate))
  t.assertTrue(asked(of("rate", 2, "config.yaml:3"), rate))
  t.assertTrue(asked(of("rate", 1, "command line"), rate)) -- written down, so meant
  t.assertFalse(asked(of("sizes", { 8, 1 }, "config.yaml:3"), sizes))
  t.assertTrue(asked(of("sizes", { 8, 2 }, "config.yaml:3"), sizes))
  t.assertTrue(asked(of("sizes", { 8 }, "config.yaml:3"), sizes))
end

os.exit(t.LuaUnit.run())
