-- Tensors in Lua: making, 1-based indexing, views, arithmetic against plain Lua, text, errors, garbage.
local t = require "luaunit"
local yl = require "yolua"

local function fails(sentence, f, ...)
  local ok, e = pcall(f, ...)
  t.assertFalse(ok)
  t.assertStrContains(tostring(e), sentence)
end

TestMaking = {}

function TestMaking:testNestedTables()
  local x = yl.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
  t.assertEquals(x:shape(), { 2, 3 })
  t.assertEquals(x:dtype(), "f32")
  t.assertEquals(#x, 2)
  t.assertEquals(x:count(), 6)
  t.assertEquals(x:totable(), { { 1, 2, 3 }, { 4, 5, 6 } })
  t.assertEquals(yl.tensor({ 1, 300, -5 }, "u8"):totable(), { 1, 255, 0 })
  t.assertEquals(yl.tensor(7):item(), 7)
  t.assertEquals(yl.tensor({ 2 ^ 53 | 0, 1 }, "i64")[1], 2 ^ 53 | 0)
  t.assertEquals(yl.tensor({ true, false }, "u8"):totable(), { 1, 0 })
  t.assertEquals(yl.tensor {}:shape(), { 0 })
  fails("expected lists of 2 at depth 2, got one of 1", yl.tensor, { { 1, 2 }, { 3 } })
  fails("expected lists of 2 at depth 2, got 3", yl.tensor, { { 1, 2 }, 3 })
  fails("expected numbers, got a string", yl.tensor, { "one" })
  fails("at most 6 deep", yl.tensor, { { { { { { { 1 } } } } } } })
  fails("expected one of f32|bf16|f16|u8|i32|i64|f64, got 'f31'", yl.tensor, { 1 }, "f31")
end

function TestMaking:testConstructors()
  t.assertEquals(yl.zeros { 2, 2, dtype = "i32" }:totable(), { { 0, 0 }, { 0, 0 } })
  t.assertEquals(yl.ones { 2 }:totable(), { 1, 1 })
  t.assertEquals(yl.full { 2, value = 1.5 }:totable(), { 1.5, 1.5 })
  t.assertEquals(yl.arange(1, 7, 3):totable(), { 1, 4, 7 })
  t.assertEquals(yl.arange(2, 0, -1, "i64"):totable(), { 2, 1, 0 })
  fails("yl.zeros has no option 'dtpye', did you mean 'dtype'?", yl.zeros, { 2, dtpye = "u8" })
  fails("expected whole sizes, got a string", yl.zeros, { "two" })
  fails("expected sizes of at least 0, got -2", yl.zeros, { -2 })
  fails("more elements than memory has addresses", yl.zeros, { 1 << 40, 1 << 40 })
end

function TestMaking:testRandomness()
  local a, b = yl.randn { 1000, seed = 3 }, yl.randn { 1000, seed = 3 }
  t.assertTrue(a:equal(b))
  t.assertFalse(a:equal(yl.randn { 1000, seed = 4 }))
  t.assertFalse(yl.rand { 9 }:equal(yl.rand { 9 }))
  t.assertAlmostEquals(a:mean(), 0, 0.1)
  t.assertAlmostEquals(((a - a:mean()) ^ 2):mean(), 1, 0.15)
  local u = yl.rand { 1000, low = 2, high = 3, seed = 1 }
  t.assertTrue(u:min() >= 2 and u:max() < 3)
end

-- What would be lost, or taken for something else, is refused.
function TestMaking:testArgumentsWithoutEffect()
  local x = yl.ones { 2, 3 }
  fails("add_: argument 2: nothing is expected here, got 2", function() x:add_(1, 2) end)
  fails("mul_: argument 2: nothing is expected here, got a tensor", function() x:mul_(3, x) end)
  fails("shape: argument 1: nothing is expected here, got 1", function() x:shape(1) end)
  for _, name in ipairs { "dtype", "count", "clone", "item", "totable", "tobytes", "neg_", "is_contiguous" } do
    fails(name .. ": argument 1: nothing is expected here, got 1", load(("local x = ... x:%s(1)"):format(name)), x)
  end
  fails("sum: argument 3: nothing is expected here", function() x:sum(1, yl.zeros { 3 }, 1) end)
  fails("select: argument 3: nothing is expected here", function() x:select(1, 1, 1) end)
  fails("normal_: expected a seed, or a seed and two numbers: normal_(seed, mean, deviation)", function() x:normal_(0, 0.01) end)
  fails("uniform_: expected a seed, or a seed and two numbers: uniform_(seed, low, high)", function() x:uniform_(-1, 1) end)
  fails("uniform_: expected a high end of at least the low one, got 1", function() x:uniform_(0, 3, 1) end)
  fails("normal_: expected a deviation of at least 0, got -1", function() x:normal_(0, 3, -1) end)
  fails("yl.full: option 'value' is missing", yl.full, { 2 })
  fails("to: argument 1: expected one of f32|bf16|f16|u8|i32|i64|f64, got 'f17'", function() x:to "f17" end)
  t.assertTrue(x:equal(yl.ones { 2, 3 }))
end

function TestMaking:testBytes()
  local x = yl.tensor({ { 1, 2 }, { 3, 4 } }, "i32")
  t.assertEquals(x:transpose():tobytes(), string.pack("<i4i4i4i4", 1, 3, 2, 4))
  t.assertTrue(yl.tensor.from_bytes(x:tobytes(), { 2, 2 }, "i32"):equal(x))
  fails("expected 16 bytes, got 3", yl.tensor.from_bytes, "abc", { 2, 2 }, "i32")
end

TestIndexing = {}

local function counted() return yl.arange(1, 24):reshape(2, 3, 4) end -- element (i, j, k) is 12(i-1) + 4(j-1) + k

function TestIndexing:testReading()
  local x = counted()
  t.assertEquals(x[1][2][3], 7)
  t.assertEquals(x[{ 2, 3, 4 }], 24)
  t.assertEquals(x[{ -1, -1, -1 }], 24)
  t.assertEquals(x[2]:shape(), { 3, 4 })
  t.assertEquals(x[{ 1, { 2, 3 }, { -2, -1 } }]:totable(), { { 7, 8 }, { 11, 12 } })
  t.assertEquals(x[{ { 2, 1 } }]:shape(), { 0, 3, 4 })
  fails("index 3 is outside axis 1 of size 2", function() return x[3] end)
  fails("index 0 is outside axis 1 of size 2", function() return x[0] end)
  fails("expected a whole number as index of axis 1, got 1.5", function() return x[1.5] end)
  fails("expected at most 3 indices, got 4", function() return x[{ 1, 1, 1, 1 }] end)
end

function TestIndexing:testWriting()
  local x = counted()
  x[1][2][3] = 70
  x[{ 2, 3, 4 }] = -1
  x[{ 2, 1 }] = { 1, 1, 1, 1 }
  x[{ 1, 1 }] = x[{ 1, 3 }]
  x[{ 2, 2 }] = 0
  t.assertEquals(x:totable(), {
    { { 9, 10, 11, 12 }, { 5, 6, 70, 8 }, { 9, 10, 11, 12 } },
    { { 1, 1, 1, 1 }, { 0, 0, 0, 0 }, { 21, 22, 23, -1 } },
  })
  fails("expected a number, a tensor or a table, got a string", function() x[1] = "one" end)
  fails("no field 'name'", function() x.name = 1 end)
  fails("cannot be spread", function() x[1] = { 1, 2 } end)
end

function TestIndexing:testViews()
  local x = counted()
  t.assertEquals(x:slice(3, 2, 4, 2):totable()[1][1], { 2, 4 })
  t.assertEquals(x:slice(2, 3):shape(), { 2, 1, 4 })
  t.assertEquals(x:select(2, -1):totable()[2], { 21, 22, 23, 24 })
  t.assertEquals(x:permute(3, 1, 2):shape(), { 4, 2, 3 })
  t.assertEquals(x:permute { 3, 1, 2 }[{ 4, 1, 2 }], 8)
  t.assertEquals(x:transpose(1, 3)[{ 4, 3, 2 }], 24)
  t.assertEquals(x:reshape(-1, 2):shape(), { 12, 2 })
  t.assertEquals(yl.tensor { 1, 2 }:expand(2, 2):totable(), { { 1, 2 }, { 1, 2 } })
  x:slice(1, 1, 1):fill_(0)
  t.assertEquals(x[1]:sum(), 0)
  t.assertEquals(x[2]:sum(), 222)
  t.assertFalse(x:transpose(1, 2):is_contiguous())
  fails("expected an axis in 1..3, or from the end -1..-3, got 4", x.slice, x, 4, 1)
  fails("permute: expected 3 axes, got 2", x.permute, x, 1, 2)
  fails("has 24 elements", x.reshape, x, 5, 5)
end

-- What is no index is refused; nothing is taken for something that it does not say.
function TestIndexing.testWhatIsNoIndex()
  local x = yl.tensor { { 10, 20, 30, 40 }, { 50, 60, 70, 80 } }
  local function get(key) return x[key] end
  local function set(key, value) x[key] = value end
  for _, f in ipairs { get, set } do
    fails("expected {first, last}, or {} for all of axis 2, got a list of 3 numbers; index_select(2, {...}) picks", f, { 1, { 1, 3, 4 } })
    fails("expected {first, last}, or {} for all of axis 1, got a list of 1 numbers", f, { { 1 } })
    fails("expected a list, got a table with the key last", f, { { 1, 2, last = 3 } })
    fails("expected a list, got a table with the key axis", f, { 1, axis = 2 })
    fails("expected a list without holes, got 2 values in 3 places", f, { 1, nil, 3 })
    fails("expected a whole number as index of axis 1, got 1.5", f, 1.5)
    fails("expected a whole number as index of axis 1, got 2", f, { "2" })
    fails("expected a whole number as index of axis 1, got inf", f, { 1 / 0 })
    fails("expected a whole number as index of axis 1, got true", f, true)
    fails("index 0 is outside axis 1", f, 0)
    fails("index 3 is outside axis 1", f, 3)
    fails("index 9223372036854775807 is outside axis 1", f, math.maxinteger)
    fails("expected at most 2 indices, got 3", f, { 1, 1, 1 })
    t.assertEquals(x:sum(), 360)
  end
  fails("a tensor has no 'no_such_method'", get, "no_such_method")
  for name, ours in pairs { zero_ = "fill_(0)", size = "shape()", dim = "shape()", view = "reshape", t = "transpose()",
    clip = "clamp", norm = "pow(2):sum() ^ 0.5" } do
    fails(("a tensor has no '%s', did you mean '%s'?"):format(name, ours), get, name)
  end
  fails("a tensor has no 'save': known from PyTorch, and not supported", get, "save")
  fails("a tensor has no 'sume', did you mean 'sum'?", get, "sume")
  fails("a tensor has no field 'lr' to set", set, "lr", 1)
  fails("expected a number, a tensor or a table, got a boolean", set, 1, true)
  fails("expected a number, a tensor or a table, got a nil", set, 1)
  fails("expected lists of 2", set, 1, { { 1, 2 }, { 3 } })
end

function TestIndexing.testAxesFromTheEndAndAllOfAnAxis()
  local x = yl.arange(1, 24):reshape(2, 3, 4)
  t.assertTrue(x:sum(-1):equal(x:sum(3)))
  t.assertTrue(x:mean { -1, 1 }:equal(x:mean { 1, 3 }))
  t.assertTrue(x:transpose(-1, 1):equal(x:transpose(3, 1)))
  t.assertTrue(x:permute(-1, 1, 2):equal(x:permute(3, 1, 2)))
  t.assertTrue(x:slice(-1, 2, 3):equal(x:slice(3, 2, 3)))
  t.assertTrue(x[{ {}, 2 }]:equal(x:select(2, 2)))
  t.assertTrue(x[{ {}, {}, { 2, -1 } }]:equal(x:slice(3, 2)))
  fails("axis -1 is named twice", x.sum, x, { 3, -1 })
  fails("expected an axis in 1..3, or from the end -1..-3, got 0", x.sum, x, 0)
  fails("got 1.5", x.sum, x, 1.5)
end

function TestIndexing.testIpairs()
  local x, rows = yl.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } }, {}
  for i, row in ipairs(x) do rows[i] = row:sum() end
  t.assertEquals(rows, { 3, 7, 11 })
  t.assertEquals({ table.unpack(x[2]) }, { 3, 4 })
  fails("index 4 is outside axis 1 of size 3", function() return x[4] end)
end

function TestIndexing.testGather()
  local x = yl.tensor { { 10, 20, 30, 40 }, { 50, 60, 70, 80 } }
  t.assertEquals(x:index_select(2, { 1, 3, 4 }):totable(), { { 10, 30, 40 }, { 50, 70, 80 } })
  t.assertEquals(x:index_select(-1, { -1, 1, 1 }):totable(), { { 40, 10, 10 }, { 80, 50, 50 } })
  t.assertEquals(x:index_select(1, {}):shape(), { 0, 4 })
  t.assertEquals(x:to "u8":index_select(1, { 2 }):dtype(), "u8")
  x:index_select(1, { 1 }):fill_(0) -- a copy
  t.assertEquals(x[1]:sum(), 100)
  fails("index 5 is outside axis 2 of size 4", x.index_select, x, 2, { 1, 5 })
  fails("index_select: expected a list, got 2", x.index_select, x, 2, 2)
  fails("got 1.5", x.index_select, x, 2, { 1.5 })
end

-- One number stands for several: writing each of them is refused, whatever writes.
function TestIndexing.testExpandedIsReadOnly()
  local x = yl.tensor { { 1, 2, 3 } }
  local wide = x:expand(4, 3)
  for _, f in ipairs { function() wide:add_(1) end, function() wide:fill_(0) end, function() wide[2] = 5 end,
    function() wide:copy_(yl.zeros { 4, 3 }) end, function() wide:normal_(1) end, function() wide:neg_() end,
    function() yl.ones { 4, 3 }:mul(2, wide) end, function() yl.ones { 4, 2 }:matmul(yl.ones { 2, 3 }, wide) end } do
    fails("expand repeats elements of this one, which cannot be written each", f)
  end
  t.assertEquals(x:totable(), { { 1, 2, 3 } })
  t.assertEquals(wide:clone():add_(1):sum(), 36)
  x:expand(1, 3):add_(1) -- nothing is repeated
  t.assertEquals(x:totable(), { { 2, 3, 4 } })
end

function TestIndexing.testArange()
  t.assertEquals(yl.arange(1, 5):totable(), { 1, 2, 3, 4, 5 })
  t.assertEquals(yl.arange(5, 1, -2, "i32"):totable(), { 5, 3, 1 })
  t.assertEquals(yl.arange(1, 2, 0.25):count(), 5)
  t.assertEquals(yl.arange(3, 2):count(), 0)
  for _, bad in ipairs { { 5 }, {}, { "1", 5 }, { 1, 5, 0 }, { 1, 5, "2" }, { 1, 5, 1, "f32", 7 } } do
    fails("yl.arange: expected first, last", yl.arange, table.unpack(bad))
  end
  fails("arange: expected numbers", yl.arange, 1, 0 / 0)
  fails("more elements than memory", yl.arange, 1, math.huge)
  fails("got 'f23'", yl.arange, 1, 5, 1, "f23")
  fails("yl.zeros: argument 2, 8, would go unused", yl.zeros, { 2 }, 8)
end

TestArithmetic = {}

function TestArithmetic:testOperators()
  local x, y = yl.tensor { { 1, -2 }, { 3, 4 } }, yl.tensor { 2, 3 }
  local function each(f) return { { f(1, 2), f(-2, 3) }, { f(3, 2), f(4, 3) } } end
  t.assertEquals((x + y):totable(), each(function(a, b) return a + b end))
  t.assertEquals((x - y):totable(), each(function(a, b) return a - b end))
  t.assertEquals((x * y):totable(), each(function(a, b) return a * b end))
  t.assertEquals((x // y):totable(), each(function(a, b) return a // b end))
  t.assertEquals((x % y):totable(), each(function(a, b) return a % b end))
  t.assertEquals((x ^ 2):totable(), { { 1, 4 }, { 9, 16 } })
  t.assertEquals((10 - x):totable(), { { 9, 12 }, { 7, 6 } })
  t.assertEquals((-x):totable(), { { -1, 2 }, { -3, -4 } })
  t.assertEquals((x / 4):totable(), { { 0.25, -0.5 }, { 0.75, 1 } })
  t.assertEquals(x:gt(y):totable(), { { 0, 0 }, { 1, 1 } })
  t.assertEquals(x:maximum(0):totable(), { { 1, 0 }, { 3, 4 } })
  fails("expected a tensor or a number, got a string", function() return x + "1" end)
  fails("do not broadcast", function() return x + yl.ones { 3 } end)
end

function TestArithmetic:testInPlaceReturnsSelf()
  local x = yl.tensor { 1, 2, 3 }
  local same = x:mul_(2):add_(yl.tensor { 1, 1, 1 }):clone():neg_()
  t.assertEquals(x:totable(), { 3, 5, 7 })
  t.assertEquals(same:totable(), { -3, -5, -7 })
  t.assertEquals(rawequal(x:fill_(1), x), true)
  t.assertEquals(x:copy_(yl.tensor { 4 }):totable(), { 4, 4, 4 })
  fails("cannot be spread", x.add_, x, yl.ones { 2, 3 })
end

function TestArithmetic:testFunctions()
  local values = { 0.3, 1.7, 2.5 }
  local x = yl.tensor(values, "f64")
  for name, f in pairs { sqrt = math.sqrt, exp = math.exp, log = math.log, floor = math.floor, ceil = math.ceil } do
    for i, got in ipairs(x[name](x):totable()) do t.assertAlmostEquals(got, f(values[i]), 1e-15) end
  end
  t.assertAlmostEquals(x:sigmoid()[1], 1 / (1 + math.exp(-0.3)), 1e-15)
  t.assertEquals(x:round():totable(), { 0, 2, 2 })
  t.assertEquals(yl.tensor({ -3, 0, 2 }, "i32"):sign():totable(), { -1, 0, 1 })
  t.assertEquals(yl.tensor { 0 / 0, 1 }:isnan():totable(), { 1, 0 })
end

function TestArithmetic:testReductions()
  local x = yl.tensor { { 1, 5, 3 }, { 4, 2, 6 } }
  t.assertEquals(x:sum(), 21)
  t.assertEquals(x:mean(), 3.5)
  t.assertEquals(x:sum(1):totable(), { 5, 7, 9 })
  t.assertEquals(x:max(2):totable(), { 5, 6 })
  t.assertEquals(x:argmax(), 6)
  t.assertEquals(x:argmax(2):totable(), { 2, 3 })
  t.assertEquals(x:argmin(1):totable(), { 1, 2, 1 })
  t.assertEquals(math.type(yl.tensor({ 1, 2 }, "u8"):sum()), "integer")
  fails("expected an axis in 1..2, or from the end -1..-2, got 3", x.sum, x, 3)
end

function TestArithmetic:testMatmul()
  local a, b = yl.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } }, yl.tensor { { 1, 0, 2 }, { 0, 1, 3 } }
  t.assertEquals(a:matmul(b):totable(), { { 1, 2, 8 }, { 3, 4, 18 }, { 5, 6, 28 } })
  t.assertEquals(a:matmul(yl.tensor { 1, 1 }):totable(), { 3, 7, 11 })
  t.assertEquals(yl.tensor { 1, 1, 1 }:matmul(a):totable(), { 9, 12 })
  fails("matmul: expected f32 {m, k} and f32 {k, n}, got f32 {3, 2} and f32 {3, 2}", a.matmul, a, a)
end

function TestArithmetic:testConversion()
  local x = yl.tensor { -1.5, 0.5, 1.5, 300 }
  t.assertEquals(x:to "u8":totable(), { 0, 0, 2, 255 })
  t.assertEquals(x:to "i32":dtype(), "i32")
  t.assertTrue(rawequal(x:to "f32", x))
  t.assertFalse(x:equal(yl.tensor { 1 }))
end

TestTargets = {} -- results written to a given tensor

function TestTargets:testLastArgument()
  local x, y, out = yl.tensor { { 1, -2 }, { 3, 4 } }, yl.tensor { 2, 3 }, yl.zeros { 2, 2 }
  t.assertTrue(rawequal(x:add(y, out), out))
  t.assertEquals(out:totable(), { { 3, 1 }, { 5, 7 } })
  t.assertEquals(x:mul(3, out):totable(), { { 3, -6 }, { 9, 12 } })
  t.assertEquals(x:neg(out):totable(), { { -1, 2 }, { -3, -4 } })
  t.assertEquals(x:gt(0, out):totable(), { { 1, 0 }, { 1, 1 } })
  t.assertEquals(x:add(0.5, yl.zeros { 2, 2, dtype = "i32" }):totable(), { { 2, -2 }, { 4, 4 } }) -- ties to even
  t.assertEquals(x:sum(1, yl.zeros { 2 }):totable(), { 4, 2 })
  t.assertEquals(x:argmax(2, yl.zeros { 2 }):totable(), { 1, 2 })
  t.assertEquals(x:matmul(y, yl.ones { 2 }):totable(), { -4, 18 })
  fails("the result does not fit: expected f32 {2, 2} to write to, got f32 {2}", x.add, x, y, yl.zeros { 2 })
  fails("expected f32 {2, 2} to write to, got f32 {1, 2}", x.exp, x, yl.zeros { 1, 2 })
  fails("matmul: the product does not fit: expected f32 {2} to write to, got f32 {2, 2}", x.matmul, x, y, out)
  fails("expected a tensor, got 3", x.add, x, y, 3)
end

-- A target may be an operand, whole, shifted or turned: it is as if the result had been copied there.
function TestTargets:testOverlap()
  local x = yl.arange(1, 6)
  x:slice(1, 1, 5):add(x:slice(1, 2, 6), x:slice(1, 2, 6))
  t.assertEquals(x:totable(), { 1, 3, 5, 7, 9, 11 })
  local m = yl.tensor { { 1, 2 }, { 3, 4 } }
  m:neg(m:transpose())
  t.assertEquals(m:totable(), { { -1, -3 }, { -2, -4 } })
  local a = yl.tensor { { 1, 2 }, { 3, 4 } }
  a:matmul(a, a)
  t.assertEquals(a:totable(), { { 7, 10 }, { 15, 22 } })
  a:matmul(yl.tensor { { 0, 1 }, { 1, 0 } }, a:transpose())
  t.assertEquals(a:totable(), { { 10, 22 }, { 7, 15 } })
end

function TestTargets:testAddedProducts()
  local x = yl.tensor { { 1, 2 }, { 3, 4 } }
  t.assertTrue(rawequal(x:addmul_(yl.tensor { 10, 20 }, 0.5), x))
  t.assertEquals(x:totable(), { { 6, 12 }, { 8, 14 } })
  t.assertEquals(x:addmul_(x:transpose(), -1):totable(), { { 0, 4 }, { -4, 0 } })
  t.assertEquals(yl.tensor({ 1, 2 }, "i32"):addmul_(2, 3):totable(), { 7, 8 })
  local a, b = yl.randn { 5, 7, seed = 1 }, yl.randn { 7, 3, seed = 2 }
  local sum = yl.ones { 5, 3 }
  t.assertTrue((sum:addmatmul_(a, b) - a:matmul(b) - 1):abs():max() < 1e-5)
  local turned = yl.ones { 3, 5 }
  turned:transpose():addmatmul_(a, b)
  t.assertTrue((turned:transpose() - sum):abs():max() < 1e-5)
  fails("cannot be spread", x.addmul_, x, yl.ones { 3 }, 1)
end

function TestTargets:testWhere()
  local x = yl.tensor { { 1, -2 }, { 0 / 0, 4 } }
  local mask = x:gt(0)
  t.assertEquals(mask:where(x, 0):totable(), { { 1, 0 }, { 0, 4 } })
  t.assertEquals(mask:where(yl.tensor { 10, 20 }, -x):totable()[1], { 10, 2 })
  t.assertEquals(mask:where(7, 8):totable(), { { 7, 8 }, { 8, 7 } })
  t.assertEquals(mask:where(yl.tensor({ 5, 6 }, "u8"), 0):dtype(), "u8")
  t.assertEquals(yl.tensor({ 1, 0 }, "u8"):where(yl.tensor({ 1 << 60 | 1 }, "i64"), 0):totable(), { 1 << 60 | 1, 0 })
  fails("do not broadcast", mask.where, mask, yl.ones { 3 }, 0)
  fails("expected a tensor or a number, got a string", mask.where, mask, "a", 0)
end

function TestArithmetic:testMoreFunctions()
  local x = yl.tensor({ -1.25, 0, 0.5, 3 }, "f64")
  local function check(name, f)
    for i, got in ipairs(x[name](x):totable()) do t.assertAlmostEquals(got, f(x[i]), 1e-14, name) end
    t.assertEquals(x:clone()[name .. "_"](x:clone()):totable(), x[name](x):totable())
  end
  check("sin", math.sin)
  check("cos", math.cos)
  check("expm1", function(v) return math.exp(v) - 1 end)
  t.assertAlmostEquals(yl.tensor({ 0.5 }, "f64"):log1p()[1], math.log(1.5), 1e-15)
  t.assertAlmostEquals(yl.tensor({ 0.5 }, "f64"):erf()[1], 0.5204998778130465, 1e-15) -- Abramowitz and Stegun, table 7.1
end

-- Several axes at once are the same as one after the other, in every layout.
function TestArithmetic:testReductionsOverAxes()
  local x = yl.arange(1, 120):reshape(2, 3, 4, 5)
  for _, view in ipairs { x, x:transpose(1, 4), x:slice(3, 1, 4, 2), x:permute(3, 1, 4, 2) } do
    t.assertTrue(view:sum { 1, 2, 3 }:equal(view:sum(1):sum(1):sum(1)))
    t.assertTrue(view:sum { 3, 1 }:equal(view:sum(3):sum(1)))
    t.assertTrue(view:mean { 2, 3 }:equal(view:mean(3):mean(2)))
    t.assertTrue(view:max { 1, 2, 3, 4 }:item() == view:max())
    t.assertTrue(view:min { 4 }:equal(view:min(4)))
  end
  t.assertEquals(x:sum({ 1, 2, 3, 4 }):item(), 7260)
  t.assertTrue(yl.arange(1, 24, 1, "i32"):reshape(2, 3, 4):sum { 1, 2 }:equal(yl.tensor({ 66, 72, 78, 84 }, "i64")))
  fails("expected an axis in 1..4, or from the end -1..-4, got 5", x.sum, x, { 1, 5 })
  fails("axis 1 is named twice", x.sum, x, { 1, 1 })
  fails("found along one axis", x.argmax, x, { 1, 2 })
  fails("expected an axis to reduce over, got none", x.sum, x, {})
end

-- A sum over a leading axis goes through memory in rows, and is the same number as element by element.
function TestArithmetic:testSumsOverALeadingAxis()
  local x = yl.randn { 300, 70, seed = 4 }
  local sums, turned = x:sum(1), x:transpose():clone():sum(2)
  t.assertTrue(sums:equal(turned))
  t.assertTrue(x:mean(1):equal(x:transpose():clone():mean(2)))
  t.assertTrue(x:slice(2, 1, -1, 3):sum(1):equal(sums:slice(1, 1, -1, 3)))
end

TestText = {}

function TestText:testPrinting()
  t.assertEquals(tostring(yl.tensor { { 1, 2.5 }, { -3, 1e6 } }), "f32 {2, 2}\n      1    2.5\n     -3  1e+06")
  t.assertEquals(tostring(yl.tensor(4)), "f32 {}  4")
  t.assertEquals(tostring(yl.zeros { 0, 3 }), "f32 {0, 3}")
  t.assertEquals(tostring(yl.arange(1, 9, 1, "u8")), "u8 {9}\n  1  2  3  ...  7  8  9")
  t.assertEquals(tostring(yl.tensor({ { { 1 }, { 2 } }, { { 3 }, { 4 } } }, "i32")),
    "i32 {2, 2, 1}\n[1, ., .]\n  1\n  2\n[2, ., .]\n  3\n  4")
  t.assertTrue(#tostring(yl.zeros { 50, 50, 50 }) < 3000)
end

TestEquations = {}

function TestEquations:testSolve()
  for n = 1, 9 do
    for _, dtype in ipairs { "f32", "f64" } do
      local a, x = yl.randn({ n, n, seed = n }), yl.randn({ n, 3, seed = n + 50 })
      local b = a:matmul(x)
      t.assertTrue((a:to(dtype):solve(b:to(dtype)):to "f32" - x):abs():max() < 1e-2, n)
    end
  end
  local a = yl.tensor { { 0, 2 }, { 1, 1 } } -- rows have to be exchanged
  t.assertEquals(a:solve(yl.tensor { { 4 }, { 3 } }):totable(), { { 1 }, { 2 } })
  t.assertEquals(a:transpose():solve(yl.tensor { { 2 }, { 6 } }):totable(), { { 2 }, { 2 } })
  local singular = yl.tensor { { 1, 2 }, { 2, 4 } }
  t.assertErrorMsgContains("solve: the matrix is singular", function() singular:solve(yl.tensor { { 1 }, { 1 } }) end)
  t.assertErrorMsgContains("solve: expected {n, n} and {n, m}", function() a:solve(yl.tensor { 1, 2 }) end)
end

function TestEquations:testSingularValues()
  local a = yl.randn { 7, 12, seed = 3 }
  local _, s = a:svd()
  local alone = a:singular_values()
  t.assertEquals(alone:shape(), { 7 })
  t.assertTrue((alone - s):abs():max() < 1e-5)
  t.assertErrorMsgContains("svd: expected f32 or f64 {m, n}", function() yl.zeros { 3 }:singular_values() end)
end

TestGarbage = {}

function TestGarbage:testCloseAndCollect()
  local x = yl.ones { 3 }
  local view = x[{ { 1, 2 } }]
  x:close()
  fails("is closed", x.sum, x)
  t.assertEquals(view:sum(), 2)
  do local scoped <close> = yl.ones { 2 }; view = scoped end
  fails("is closed", view.sum, view)
end

-- 80 x 16 MB pass through; the collector is told of them, so that the process stays far below their sum.
function TestGarbage:testOffHeapMemoryDrivesTheCollector()
  local function resident()
    local f = io.open "/proc/self/statm"
    if not f then return 0 end
    local pages = f:read "a":match "%d+ (%d+)"
    f:close()
    return tonumber(pages) * 4096
  end
  local before = resident()
  for _ = 1, 80 do yl.ones { 1024, 4096 } end
  t.assertTrue(resident() - before < 500e6)
end

-- Garbage that has grown old (each of these lives on for a while) goes too, whichever way the collector works, and whatever holds memory
-- outside Lua's heap.
function TestGarbage:testOldGarbageGoes()
  for _, mode in ipairs { "generational", "incremental" } do
    local before = collectgarbage(mode)
    for _, make in ipairs { function() return yl.zeros { 256, 1024 } end, function() return yl.core.image.new(640, 512) end } do
      local alive, ring = setmetatable({}, { __mode = "k" }), {}
      for i = 1, 200 do -- of 1 MB each, ten in use
        ring[i % 10] = make()
        alive[ring[i % 10]] = true
      end
      local count = 0
      for _ in pairs(alive) do count = count + 1 end
      t.assertTrue(count < 60, ("%s: %d"):format(mode, count))
    end
    collectgarbage(before)
  end
end

os.exit(t.LuaUnit.run())
