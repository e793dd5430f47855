-- Runs another test, YOLUA_TEST_FILE, with networks on YOLUA_TEST_DEVICE wherever it names no device, and plans without TF32 wherever it
-- says nothing of that: its bounds are those of f32.
local core = require "yolua.core"

local DEVICE = assert(os.getenv "YOLUA_TEST_DEVICE")

local function with_device(make, argument)
  return function(...)
    local given = table.pack(...)
    if argument == 1 then
      local o = {}
      for key, value in pairs(given[1]) do o[key] = value end
      o.device = o.device or DEVICE
      given[1] = o
    else
      given[argument] = given[argument] or DEVICE
    end
    return make(table.unpack(given, 1, math.max(given.n, argument)))
  end
end

local function exactly(make)
  return function(net, spec)
    local o = {}
    for key, value in pairs(spec) do o[key] = value end
    if o.tf32 == nil then o.tf32 = false end
    return make(net, o)
  end
end

local methods = debug.getmetatable(core.net { h = 1, w = 1, c = 1, layers = { { "route", inputs = { 0 } } } }).__index
methods.plan = exactly(methods.plan)

core.net = with_device(core.net, 1)
core.darknet.load_cfg = with_device(core.darknet.load_cfg, 2)
core.darknet.parse_cfg = with_device(core.darknet.parse_cfg, 3)

dofile(os.getenv "YOLUA_TEST_FILE")
