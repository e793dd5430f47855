-- Gradients of tensors: every method that a tensor has is either held against central differences in double precision, or known to give
-- constants, or refused by name. A new method without an entry here fails.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local STEP, TOLERANCE = 1e-5, 1e-7

local function fails(sentence, f, ...)
  local ok, e = pcall(f, ...)
  t.assertFalse(ok, sentence)
  t.assertStrContains(tostring(e), sentence)
end

-- Numbers of that shape, at least `low` and at most `high`, in double precision.
local function numbers(shape, low, high, seed)
  local spec = { low = low, high = high, seed = seed, dtype = "f64" }
  for i, size in ipairs(shape) do spec[i] = size end
  return yl.rand(spec)
end

local function weighted(y, seed)
  if type(y) == "number" then y = yl.tensor(y, "f64") end -- what nothing is noted of
  local shape = y:shape()
  return (y * numbers(shape, 0.5, 1.5, seed)):sum()
end

-- d of f's weighted sum by differences, in each element of argument k.
local function differences(f, arguments, k)
  local x, slopes = arguments[k]:reshape(-1), yl.zeros { arguments[k]:count(), dtype = "f64" }
  local function at() return f(table.unpack(arguments)) end
  for i = 1, #x do
    local old = x[i]
    x[i] = old + STEP
    local above = weighted(at(), 77)
    x[i] = old - STEP
    local below = weighted(at(), 77)
    x[i] = old
    slopes[i] = (above - below) / (2 * STEP)
  end
  return slopes:reshape(arguments[k]:shape())
end

local checked = 0

-- f: of tensors; `exact`: the same function where f computes in single precision only.
local function check(name, f, arguments, exact, tolerance)
  local given = {}
  for i, a in ipairs(arguments) do given[i] = exact and a:to "f32" or a end
  local gradients = { yl.grad(function(...) return weighted(f(...), 77) end)(table.unpack(given)) }
  for k, a in ipairs(arguments) do
    local want = differences(exact or f, arguments, k)
    t.assertEquals(gradients[k]:shape(), a:shape(), name)
    t.assertEquals(gradients[k]:dtype(), exact and "f32" or "f64", name)
    local off = (gradients[k] - want):abs():max() / math.max(1, want:abs():max())
    t.assertTrue(off <= (tolerance or TOLERANCE), ("%s: argument %d: off by %g"):format(name, k, off))
    t.assertTrue(want:abs():max() > 0, name .. ": no slope to look at")
    checked = checked + 1
  end
end

local function matrix(seed, low, high) return numbers({ 3, 4 }, low or -2, high or 2, seed) end

-- ---- what is known of each method ---------------------------------------------------------------------------------------

local known = {}

local function case(name, f, arguments, exact, tolerance)
  known[name] = known[name] or {}
  table.insert(known[name], function() check(name, f, arguments, exact, tolerance) end)
end

-- Two operands: of one shape, broadcast either way, numbers, in place, into a target that is part of something.
for name, operator in pairs { add = function(a, b) return a + b end, sub = function(a, b) return a - b end,
  mul = function(a, b) return a * b end, div = function(a, b) return a / b end, mod = function(a, b) return a % b end,
  pow = function(a, b) return a ^ b end, minimum = false, maximum = false } do
  local low = name == "pow" and 0.5 or 0.7
  local a, b, row, column = matrix(1, low, 3), matrix(2, low, 3), numbers({ 4 }, low, 3, 3), numbers({ 3, 1 }, low, 3, 4)
  local function method(x, y, to) return x[name](x, y, to) end
  case(name, method, { a, b })
  case(name, method, { a, row })
  case(name, method, { row, a })
  case(name, method, { column, row })
  case(name, function(x) return method(x, 1.3) end, { a })
  case(name, function(x) return method(x, x) + x end, { a })
  case(name, function(x, y)
    local all = yl.zeros { 2, 3, 4, dtype = "f64" }
    method(x, y, all[2])
    return all * 2 + all[{ { 2 , 2 } }]
  end, { a, row })
  if name == "add" or name == "sub" then
    case(name .. "_", function(x, y) return (x * 1)[name .. "_"](x * 1, y) end, { a, row })
  elseif name == "mul" or name == "div" or name == "mod" then -- what it overwrites is not needed if the second is a constant
    case(name .. "_", function(x) return (x * 1)[name .. "_"](x * 1, row) end, { a })
  else
    known[name .. "_"] = { function()
      fails(("'%s' needs a value that was changed in place by it"):format(name), yl.grad(function(x)
        return (x * 1)[name .. "_"](x * 1, row):sum()
      end), a)
      checked = checked + 1
    end }
  end
  if operator then
    local event = "__" .. name
    case(event, operator, { a, b })
    case(event, function(x) return operator(2.5, x) end, { a })
    case(event, function(x) return operator(x, 2) end, { a })
  end
end

-- In place: those whose gradient is computed from the result, or from nothing.
local RESULT_READ = { neg = true, sqrt = true, exp = true, tanh = true, sigmoid = true, expm1 = true, relu = true }

for name, range in pairs { neg = { -2, 2 }, abs = { 0.1, 2 }, sqrt = { 0.2, 2 }, exp = { -2, 2 }, log = { 0.2, 2 }, tanh = { -2, 2 },
  sigmoid = { -3, 3 }, erf = { -2, 2 }, sin = { -3, 3 }, cos = { -3, 3 }, log1p = { -0.5, 2 }, expm1 = { -2, 2 }, relu = { 0.1, 2 } } do
  local low, high = range[1], range[2]
  local a = matrix(5, low, high)
  local function method(x, to) return x[name](x, to) end
  case(name, method, { a })
  case(name, function(x) return method(x:transpose()) end, { a })
  case(name, function(x)
    local all = yl.ones { 2, 3, 4, dtype = "f64" }
    method(x, all[1])
    return all * 3
  end, { a })
  if RESULT_READ[name] then
    case(name .. "_", function(x) return (x * 1)[name .. "_"](x * 1) end, { a })
  else
    known[name .. "_"] = { function()
      fails(("'%s' needs a value that was changed in place by it"):format(name), yl.grad(function(x)
        return (x * 1)[name .. "_"](x * 1):sum()
      end), a)
      checked = checked + 1
    end }
  end
end
case("abs", function(x) return x:abs() end, { matrix(6, -2, -0.1) })
case("relu", function(x) return x:relu() end, { numbers({ 4 }, 0.1, 1, 1):mul_(yl.tensor { 1, -1, -1, 1 }) })
case("__unm", function(x) return -x end, { matrix(7) })

for _, name in ipairs { "sum", "mean", "min", "max" } do
  local x = numbers({ 2, 3, 4 }, -2, 2, 8)
  case(name, function(a) return a[name](a) end, { x })
  for axis = 1, 3 do case(name, function(a) return a[name](a, axis) end, { x }) end
  case(name, function(a) return a[name](a, { 1, 2 }) end, { x })
  case(name, function(a) return a[name](a, { 1, 3 }) end, { x })
  case(name, function(a) return a[name](a:permute(3, 1, 2), { 2, 3 }) end, { x })
  case(name, function(a)
    local to = yl.zeros { 2, 3, dtype = "f64" }
    a[name](a, 3, to)
    return to * to
  end, { x })
end

local function product(a, b) -- a matrix product in double precision
  local x, y = #a:shape() == 1 and a:unsqueeze(1) or a, #b:shape() == 1 and b:unsqueeze(2) or b
  local z = (x:unsqueeze(3) * y:unsqueeze(1)):sum(2)
  if #a:shape() == 1 then z = z:squeeze(1) end
  return #b:shape() == 1 and z:squeeze(-1) or z
end

local function matmul(a, b) return a:matmul(b) end

for _, shapes in ipairs { { { 3, 4 }, { 4, 2 } }, { { 4 }, { 4, 2 } }, { { 3, 4 }, { 4 } }, { { 4 }, { 4 } } } do
  case("matmul", matmul, { numbers(shapes[1], -1, 1, 9), numbers(shapes[2], -1, 1, 10) }, product, 1e-5)
end
case("matmul", function(a, b) return a:transpose():matmul(b:transpose()) end, { matrix(9), numbers({ 2, 3 }, -1, 1, 10) },
  function(a, b) return product(a:transpose(), b:transpose()) end, 1e-5)
case("matmul", function(a, b)
  local to = yl.zeros { 2, 3, 2 }
  a:matmul(b, to[2])
  return to
end, { matrix(9), numbers({ 4, 2 }, -1, 1, 10) },
  function(a, b) return yl.stack { yl.zeros { 3, 2, dtype = "f64" }, product(a, b) } end, 1e-5)
case("addmatmul_", function(a, b, c) return (c * 2):addmatmul_(a, b) end,
  { matrix(9), numbers({ 4, 2 }, -1, 1, 10), numbers({ 3, 2 }, -1, 1, 11) },
  function(a, b, c) return c * 2 + product(a, b) end, 1e-5)
case("addmul_", function(a, b, c) return (c * 2):addmul_(a, b) end, { matrix(9), numbers({ 4 }, -1, 1, 10), matrix(11) })
case("addmul_", function(a, c) return (c * 2):addmul_(a, 3) end, { matrix(9), matrix(11) })
local well = yl.tensor({ { 3, 1, 0.5 }, { -1, 4, 0.3 }, { 0.2, 0.7, 5 } }, "f64")
case("solve", function(a, b) return a:solve(b) end, { well, numbers({ 3, 2 }, -1, 1, 12) })
case("singular_values", function(a) return a:singular_values() end, { matrix(13) })

local mask = yl.tensor({ { 1, 0, 1, 0 }, { 0, 0, 1, 1 }, { 1, 1, 1, 0 } }, "u8")
case("where", function(a, b) return mask:where(a, b) end, { matrix(14), matrix(15) })
case("where", function(a, b) return mask:where(a, b) end, { matrix(14), numbers({ 4 }, -1, 1, 15) })
case("where", function(a) return mask:where(a, 0) + mask:where(1.5, a) end, { matrix(14) })
case("clamp", function(a) return a:clamp(-0.8, 0.9) end, { matrix(16) })
for axis = 1, 3 do
  local x = numbers({ 2, 3, 4 }, -2, 2, 17)
  case("softmax", function(a) return a:softmax(axis) end, { x })
  case("log_softmax", function(a) return a:log_softmax(axis) end, { x })
end

-- Views, and writing through them.
local x3 = numbers({ 2, 3, 4 }, -2, 2, 18)
case("slice", function(a) return a:slice(3, 1, 4, 2) * 2 + a:slice(3, 2, 3) end, { x3 })
case("select", function(a) return a:select(2, 3) end, { x3 })
case("permute", function(a) return a:permute(3, 1, 2) end, { x3 })
case("transpose", function(a) return a:transpose(1, 3) end, { x3 })
case("reshape", function(a) return a:reshape(6, 4) + a:transpose(1, 3):reshape(6, 4) end, { x3 })
case("expand", function(a) return a:expand(5, 2, 3, 4) end, { x3 })
case("expand", function(a) return a:sum(2):unsqueeze(2):expand(2, 3, 4):reshape(-1) end, { x3 })
case("unsqueeze", function(a) return a:unsqueeze(1):unsqueeze(-1) end, { x3 })
case("squeeze", function(a) return a:unsqueeze(2):squeeze(2) end, { x3 })
case("__index", function(a) return a[2] + a[1][3] + a[{ 1, { 2, 3 } }]:sum() + a[{ {}, 2, 1 }]:sum() + a[1][1][1] end, { x3 })
case("__newindex", function(a, b)
  local y = a * 2
  y[{ 1, { 2, 3 } }] = b
  y[{ 2, 1, 1 }] = 5
  y[2][3] = b[1] * a[1][1]
  return y
end, { x3, numbers({ 2, 4 }, -1, 1, 19) })
case("clone", function(a) return a:transpose(1, 2):clone() end, { x3 })
case("to", function(a) return a:to "f32" end, { x3 }, function(a) return a end, 1e-6)
case("to", function(a) return a:to "f64" end, { x3 }, function(a) return a end, 1e-6)
case("copy_", function(a, b)
  local y = yl.zeros { 2, 2, 3, 4, dtype = "f64" }
  y[1]:copy_(a)
  y[2]:copy_(b)
  y[2][1]:copy_(b * a[1])
  return y
end, { x3, numbers({ 4 }, -1, 1, 20) })
case("fill_", function(a)
  local y = a * a
  y[{ {}, 2 }]:fill_(3)
  return y * y
end, { x3 })
for _, name in ipairs { "uniform_", "normal_" } do
  case(name, function(a)
    local y = a * a
    y[{ {}, 2 }][name](y[{ {}, 2 }], 7)
    return y * y
  end, { x3 })
end
case("index_select", function(a) return a:index_select(3, { 4, 1, 1 }) end, { x3 })
local places = yl.tensor({ { { 1, 3, 2, 1 } }, { { 2, 2, 3, 1 } } }, "i64")
case("gather", function(a) return a:gather(2, places) end, { x3 })
case("gather", function(a) return a:gather(3, places) end, { x3 })
case("cat", function(a, b) return yl.cat({ a, b, a }, 2) end, { x3, numbers({ 2, 1, 4 }, -1, 1, 21) })
case("stack", function(a, b) return yl.stack({ a, b, a * b }, 2) end, { x3, numbers({ 2, 3, 4 }, -1, 1, 22) })

-- Results that are constants to gradients: comparisons, places, and what is the same for all neighbours.
local function constant(name, f)
  known[name] = { function()
    local x = matrix(30)
    x.requires_grad = true
    t.assertFalse(f(x).requires_grad, name)
    checked = checked + 1
  end }
end
for _, name in ipairs { "eq", "ne", "lt", "le", "gt", "ge" } do constant(name, function(x) return x[name](x, 0) end) end
for _, name in ipairs { "argmin", "argmax" } do constant(name, function(x) return x[name](x, 1) end) end
constant("isnan", function(x) return x:isnan() end)
constant("detach", function(x) return x:detach() * 2 end)

-- Zero wherever they have a slope.
for _, name in ipairs { "sign", "floor", "ceil", "round" } do
  known[name] = { function()
    t.assertEquals(yl.grad(function(x) return (x[name](x) + x * 3):sum() end)(matrix(31)):totable(), yl.full { 3, 4, value = 3 }:totable())
    checked = checked + 1
  end }
  known[name .. "_"] = known[name]
end

-- Without a gradient: the walk back says which.
local function refused(name, f, said)
  known[name] = { function()
    fails(("'%s' has no gradient"):format(said or name), yl.grad(function(x) return f(x):sum() end), matrix(32))
    checked = checked + 1
  end }
end
refused("svd", function(x)
  local u = x:svd()
  return u
end)
refused("floordiv", function(x) return x:floordiv(2) end)
refused("__idiv", function(x) return x // 2 end, "floordiv")
refused("floordiv_", function(x) return (x * 1):floordiv_(2) end, "floordiv")

-- What computes nothing.
local NO_OPERATIONS = { "shape", "dtype", "count", "alive", "is_contiguous", "item", "totable", "tobytes", "close", "equal", "backward",
  "requires_grad_", "__len", "__metatable", "__tostring", "__gc", "__close", "__name", "__lt", "__le" }
local NO_FUNCTIONS = { "new", "zeros", "from_bytes", "arange", "is", "pause", "differentiate" }

-- ---- the tests -------------------------------------------------------------------------------------------------------------

TestBackward = {}

function TestBackward.testEveryOperation()
  local names, missing = {}, {}
  for name in pairs(debug.getmetatable(yl.zeros { 1 })) do names[name] = true end
  for name in pairs(core.tensor) do names[name] = true end
  for _, list in ipairs { NO_OPERATIONS, NO_FUNCTIONS } do
    for _, name in ipairs(list) do
      t.assertTrue(names[name] or known[name], name .. " is in a list here, but no method")
      names[name] = nil
    end
  end
  for name in pairs(names) do
    if not known[name] then missing[#missing + 1] = name end
    for _, run in ipairs(known[name] or {}) do run() end
  end
  table.sort(missing)
  t.assertEquals(missing, {}, "methods without an entry in tests/tensor/backward.lua")
  for _, run in ipairs(known.stack) do run() end
  t.assertTrue(checked > 250, checked)
end

function TestBackward.testFieldsAndAccumulation()
  local x = yl.tensor({ 1, 2, 3 }, "f64")
  t.assertEquals({ x.requires_grad, x.is_leaf, x.grad }, { false, true, nil })
  x.requires_grad = true
  local y = (x * x):sum()
  t.assertEquals({ y:shape(), y:item(), y.requires_grad, y.is_leaf, y < 15, y <= 13 }, { {}, 14, true, false, true, false })
  y:backward()
  t.assertEquals(x.grad:totable(), { 2, 4, 6 })
  y:backward() -- what it needs is kept for as long as y; gradients add up
  t.assertEquals(x.grad:totable(), { 4, 8, 12 })
  t.assertEquals(x[{ { 2, 3 } }].grad:totable(), { 8, 12 }) -- a view shares it
  x.grad = nil
  t.assertNil(x.grad)
  x.grad = yl.tensor { 1, 1, 1 };
  (x * 2):backward(yl.tensor { 1, 0, 10 })
  t.assertEquals(x.grad:totable(), { 3, 1, 21 })
  t.assertEquals(x:sum():item(), 6)
  x.requires_grad = false
  t.assertEquals(x:sum(), 6) -- a number again
  t.assertEquals(yl.ones { 2 }:requires_grad_().requires_grad, true)
end

function TestBackward.testNoGrad()
  local x = yl.ones { 3 }:requires_grad_()
  local y, z = yl.no_grad(function(a, b)
    a:sub_(0.5)
    return a * b, a:sum()
  end, x, 4)
  t.assertEquals({ y:totable(), y.requires_grad, z }, { { 2, 2, 2 }, false, 1.5 })
  t.assertTrue((x * 2).requires_grad)
  fails("inner", yl.no_grad, function() error "inner" end)
  t.assertTrue((x * 2).requires_grad, "an error ended it as well")
  fails("yl.no_grad: expected a function, got 3", yl.no_grad, 3)
end

-- A value that the walk needs and that has changed since is an error, never another gradient.
function TestBackward.testInPlace()
  local x = yl.tensor { 1, 2, 3 }
  x.requires_grad = true
  fails("not changed in place", function() x:add_(1) end)
  fails("not changed in place", function() x[1] = 0 end)
  local y = x * 2
  local z = (y * y):sum()
  y:add_(1)
  fails("the gradient of 'mul' needs a value that was changed in place afterwards", function() z:backward() end)
  t.assertNil(x.grad)
  fails("'log' needs a value that was changed in place by it", function() (x * 2):log_():sum():backward() end)
  fails("'mul' needs a value that was changed in place by it", function() (x * 2):mul_(x):sum():backward() end)
  local w = yl.ones { 3 }
  z = (x * w):sum()
  w[2] = 5 -- not tracked itself
  fails("'mul' needs a value", function() z:backward() end)
  y = x * 3 -- a view, changed through what it is a view of
  local first = y[{ { 1, 2 } }]
  y:mul_(10)
  first:sum():backward()
  t.assertEquals(x.grad:totable(), { 30, 30, 0 })
  local d = x:detach()
  fails("a detached tensor was given a value that has a gradient", function() d:copy_(x * 2) end)
end

function TestBackward.testErrors()
  local x = yl.ones { 2, 3 }:requires_grad_()
  fails("this f32 {2} was computed from no tensor that requires a gradient", function() yl.ones { 2 }:backward() end)
  fails("expected a tensor of one element, such as a sum, got f32 {2, 3}", function() (x * 2):backward() end)
  fails("expected a gradient of the sizes of f32 {2, 3}, got f32 {3}", function() (x * 2):backward(yl.ones { 3 }) end)
  fails("gradients of gradients (create_graph) are not computed", function() (x * 2):sum():backward { create_graph = true } end)
  fails("expected a tensor of floats, got i32 {1}", function() yl.tensor({ 1 }, "i32").requires_grad = true end)
  fails("requires_grad: expected true or false, got 1", function() x.requires_grad = 1 end)
  fails("detach() gives its values alone", function() (x * 2).requires_grad = false end)
  fails("grad: this tensor was computed from others", function() return (x * 2).grad end)
  fails("grad: expected a tensor whose requires_grad is set", function() yl.ones { 2 }.grad = yl.ones { 2 } end)
  fails("a tensor has no field 'is_leaf' to set", function() x.is_leaf = true end)
  fails("compare single numbers, got a tensor of 6", function() return x < 2 end)
end

function TestBackward.testGrad()
  local f = function(x, n, w) return (x ^ n * w):sum() end
  local dx, dn, dw = yl.grad(f)(yl.tensor { 2, 3 }, 2, yl.tensor { 1, 10 })
  t.assertEquals({ dx:totable(), dn, dw:totable() }, { { 4, 60 }, nil, { 4, 9 } })
  local unused = select(2, yl.grad(function(x) return x:sum() end)(yl.ones { 2 }, yl.ones { 3 }))
  t.assertEquals(unused:totable(), { 0, 0, 0 })
  fails("expected a function that returns a tensor computed from its arguments, got 7", yl.grad(function() return 7 end), yl.ones { 1 })
  fails("one that does not depend on them", yl.grad(function() return yl.ones { 1 } end), yl.ones { 1 })
  fails("gradients of gradients are not computed", yl.grad(function(x) return yl.grad(function(y) return (y ^ 3):sum() end)(x):sum() end),
    yl.ones { 2 })
  fails("which are not computed", yl.grad(function(x)
    local y = (x ^ 3):sum()
    y:backward()
    return x.grad:sum() + y
  end), yl.ones { 2 })
  local kept = yl.ones { 2 }:requires_grad_()
  fails("gradients of gradients are not computed; detach() it", yl.grad(function(x) return x:sum() end), kept * 2)
  t.assertEquals(yl.grad(function(x) return (x * x):sum() end)(kept):totable(), { 2, 2 }) -- nothing is left behind by the errors
  t.assertNil(kept.grad)
end

-- A history ends with the last tensor that was computed from it, and is not walked by recursion.
function TestBackward.testLongHistories()
  local x = yl.ones { 4 }:requires_grad_()
  local y = x
  for _ = 1, 20000 do y = y * 1.0001 end
  y:sum():backward()
  t.assertAlmostEquals(x.grad[1], 1.0001 ^ 20000, 1e-3)
  y = nil -- luacheck: ignore 311
  collectgarbage()
end

os.exit(t.LuaUnit.run())
