-- Policies' states: what a checkpoint holds comes back with the same values, types and keys; what it cannot hold is named by its place.
local t = require "luaunit"
local core = require "yolua.core"
local state = require "yolua.options.state"

-- Through JSON and back, as a checkpoint does.
local function back(value) return state.unpack(core.json.decode(core.json.encode(state.pack(value)))) end

-- Equal in value and subtype, keys too; NaN is NaN.
local function same(a, b)
  if type(a) ~= "table" then
    return math.type(a) == math.type(b) and type(a) == type(b) and (a == b or a ~= a and b ~= b)
      and (a ~= 0 or math.type(a) ~= "float" or 1 / a == 1 / b)
  end
  if type(b) ~= "table" then return false end
  local keys = {}
  for key in pairs(a) do keys[#keys + 1] = key end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  for _, key in ipairs(keys) do
    local found
    for k, value in pairs(b) do found = found or rawequal(k, key) and math.type(k) == math.type(key) and same(a[key], value) end
    if not found then return false end
  end
  return true
end

TestState = {}

function TestState.testValues()
  for i, value in ipairs { 1, 1.0, -0.0, 0.1, 1e300, 2 ^ 53, math.huge, -math.huge, 0 / 0, math.maxinteger, math.mininteger, true, false,
    "", "text", "\xff\0\xfe", "h\u{e9}", core.null, {}, { 1, 2.0, "x" }, { {}, {} }, { a = { b = { c = 1.0 } } } } do
    t.assertTrue(same({ v = value }, back { v = value }), ("%d: %s"):format(i, tostring(value)))
  end
end

function TestState.testKeys()
  local sparse = { [2] = "a", [4] = "b" }
  for i, value in ipairs { sparse, { [0] = 1 }, { [1.5] = 1 }, { [-1] = 1 }, { [true] = 1, [false] = 2 }, { 1, 2, n = 2 },
    { ["1"] = "text", [1] = "number" }, { ["$float"] = "1" }, { ["$pairs"] = {} }, { ["\xff"] = 1 }, { [math.huge] = 1 },
    { best = math.huge, by_epoch = { [2] = 7.5, [4] = 6.0 } } } do
    t.assertTrue(same(value, back(value)), "case " .. i)
  end
  t.assertFalse(same({ 1 }, { 1.0 })) -- the comparison itself
  t.assertFalse(same({ [2] = 1 }, { ["2"] = 1 }))
  t.assertFalse(same({ a = 1 }, { a = 1, b = 2 }))
end

-- Equal states give equal bytes, in whatever order their keys were made; plain ones are plain JSON.
function TestState.testBytes()
  local a, b = {}, {}
  for i = 1, 40 do a[3 * i], b[3 * (41 - i)] = i, 41 - i end
  t.assertEquals(core.json.encode(state.pack(a)), core.json.encode(state.pack(b)))
  t.assertEquals(core.json.encode(state.pack { waited = 2, value = 0.5, names = { "x" } }), '{"names":["x"],"value":0.5,"waited":2}')
end

function TestState.testFaults()
  local loop, shared = { deep = {} }, {}
  loop.deep.up = loop
  for _, case in ipairs {
    { { f = print }, "state.f is a function; a checkpoint can hold numbers, strings, booleans and tables of them" },
    { { a = { io.stdout } }, "state.a[1] is a userdata" },
    { { ["odd key"] = { coroutine.create(print) } }, 'state["odd key"][1] is a thread' },
    { loop, "state.deep.up is the same table as state; a checkpoint would hold two" },
    { { x = shared, y = { shared } }, "is the same table as state." },
    { { x = setmetatable({}, {}) }, "state.x has a metatable" },
    { { [{}] = 1 }, "state has a table as a key" },
    { 7, "state is a number, expected a table" },
  } do t.assertStrContains(state.fault(case[1]), case[2]) end
  t.assertNil(state.fault { 1, a = { [2] = { true } }, none = core.null })
end

os.exit(t.LuaUnit.run())
