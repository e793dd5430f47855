-- Tensors against an oracle in plain Lua: random shapes, views and operations, compared element by element.
local t = require "luaunit"
local yl = require "yolua"
local core = require "yolua.core"

-- A small generator of its own, so that a failure can be repeated by its seed.
local function generator(seed)
  local x = seed * 2654435761 % 4294967296
  return function(n) -- 1..n
    x = (x * 1664525 + 1013904223) % 4294967296
    return x // 65536 % n + 1
  end
end

-- The oracle's tensor: shape, and a function from a list of indices to the element.
local function oracle(shape, at) return { shape = shape, at = at } end

local function each(shape, visit)
  local index = {}
  local function walk(d)
    if d > #shape then return visit(index) end
    for i = 1, shape[d] do
      index[d] = i
      walk(d + 1)
    end
  end
  walk(1)
end

local function random_pair(random)
  local shape, count = {}, 1
  for d = 1, random(4) do
    shape[d] = random(4)
    count = count * shape[d]
  end
  local values = {}
  for i = 1, count do values[i] = random(41) - 21 end
  local function at(index)
    local n = 0
    for d = 1, #shape do n = n * shape[d] + index[d] - 1 end
    return values[n + 1]
  end
  return yl.tensor(values):reshape(shape), oracle(shape, at)
end

local function compare(x, o, what)
  t.assertEquals(x:shape(), o.shape, what)
  each(o.shape, function(index)
    local expected, got = o.at(index), #o.shape > 0 and x[{ table.unpack(index) }] or x:item()
    if math.abs(got - expected) > 1e-4 * (1 + math.abs(expected)) then
      t.fail(("%s: at {%s} expected %s, got %s"):format(what, table.concat(index, ", "), expected, got))
    end
  end)
end

local function copy(list) return table.move(list, 1, #list, 1, {}) end

local views = {}

function views.select(x, o, random)
  local axis = random(#o.shape)
  local i = random(o.shape[axis])
  local shape = copy(o.shape)
  table.remove(shape, axis)
  return x:select(axis, i), oracle(shape, function(index)
    local full = copy(index)
    table.insert(full, axis, i)
    return o.at(full)
  end)
end

function views.slice(x, o, random)
  local axis = random(#o.shape)
  local first = random(o.shape[axis])
  local step = random(2)
  local last = first + random(o.shape[axis] - first + 1) - 1
  local shape = copy(o.shape)
  shape[axis] = (last - first) // step + 1
  return x:slice(axis, first, last, step), oracle(shape, function(index)
    local full = copy(index)
    full[axis] = first + (index[axis] - 1) * step
    return o.at(full)
  end)
end

function views.transpose(x, o, random)
  local a, b = random(#o.shape), random(#o.shape)
  local shape = copy(o.shape)
  shape[a], shape[b] = shape[b], shape[a]
  return x:transpose(a, b), oracle(shape, function(index)
    local full = copy(index)
    full[a], full[b] = full[b], full[a]
    return o.at(full)
  end)
end

function views.clone(x, o) return x:clone(), o end

local view_names = { "select", "slice", "transpose", "clone" }

local function random_view(x, o, random)
  for _ = 1, random(4) - 1 do
    if #o.shape == 0 then break end
    x, o = views[view_names[random(4)]](x, o, random)
  end
  return x, o
end

TestAgainstOracle = {}

function TestAgainstOracle:testViews()
  for seed = 1, 300 do
    local random = generator(seed)
    local x, o = random_pair(random)
    x, o = random_view(x, o, random)
    compare(x, o, "seed " .. seed)
  end
end

function TestAgainstOracle:testElementwise()
  local functions = {
    add = function(a, b) return a + b end, sub = function(a, b) return a - b end, mul = function(a, b) return a * b end,
    minimum = math.min, maximum = math.max, lt = function(a, b) return a < b and 1 or 0 end,
    ge = function(a, b) return a >= b and 1 or 0 end, eq = function(a, b) return a == b and 1 or 0 end,
  }
  for seed = 1, 120 do
    local random = generator(seed)
    local x, o = random_pair(random)
    x, o = random_view(x, o, random)
    if type(x) == "userdata" then
      local y, p = x:clone():mul_(-1):add_(3), oracle(o.shape, function(index) return 3 - o.at(index) end)
      for name, f in pairs(functions) do
        compare(x[name](x, y), oracle(o.shape, function(index) return f(o.at(index), p.at(index)) end), name .. ", seed " .. seed)
      end
    end
  end
end

-- One operand of size 1 along some axes, or with fewer axes, repeats.
function TestAgainstOracle:testBroadcast()
  for seed = 1, 120 do
    local random = generator(seed)
    local x, o = random_pair(random)
    local small, drop = copy(o.shape), random(#o.shape) - 1
    for _ = 1, drop do table.remove(small, 1) end
    for d = 1, #small do small[d] = random(2) == 1 and 1 or small[d] end
    local count = 1
    for _, n in ipairs(small) do count = count * n end
    local y = yl.arange(1, count):reshape(small)
    compare(x + y, oracle(o.shape, function(index)
      local n = 0
      for d = 1, #small do n = n * small[d] + (small[d] == 1 and 0 or index[d + drop] - 1) end
      return o.at(index) + n + 1
    end), "seed " .. seed)
  end
end

function TestAgainstOracle:testReductions()
  for seed = 1, 120 do
    local random = generator(seed)
    local x, o = random_pair(random)
    x, o = random_view(x, o, random)
    if #o.shape > 0 then
      local axis = random(#o.shape)
      local shape = copy(o.shape)
      table.remove(shape, axis)
      local function along(index, f)
        local full, best = copy(index), nil
        table.insert(full, axis, 1)
        for i = 1, o.shape[axis] do
          full[axis] = i
          best = f(best, o.at(full), i)
        end
        return best
      end
      local sum = function(index) return along(index, function(s, v) return (s or 0) + v end) end
      compare(x:sum(axis), oracle(shape, sum), "sum, seed " .. seed)
      compare(x:mean(axis), oracle(shape, function(index) return sum(index) / o.shape[axis] end), "mean, seed " .. seed)
      compare(x:max(axis), oracle(shape, function(index)
        return along(index, function(m, v) return m and math.max(m, v) or v end)
      end), "max, seed " .. seed)
      compare(x:argmin(axis), oracle(shape, function(index)
        local least
        return along(index, function(place, v, i)
          if least == nil or v < least then
            least = v
            return i
          end
          return place
        end)
      end), "argmin, seed " .. seed)
    end
  end
end

function TestAgainstOracle:testMatmul()
  for seed = 1, 60 do
    local random = generator(seed)
    local m, k, n = random(9), random(9), random(9)
    local a, b = yl.randn { m, k, seed = seed }, yl.randn { k, n, seed = seed + 1000 }
    if random(2) == 1 then a = a:transpose():clone():transpose() end -- the same matrix, stored the other way round
    if random(2) == 1 then b = b:transpose():clone():transpose() end
    compare(a:matmul(b), oracle({ m, n }, function(index)
      local sum = 0
      for i = 1, k do sum = sum + a[{ index[1], i }] * b[{ i, index[2] }] end
      return sum
    end), "seed " .. seed)
  end
end

-- The same bytes in every run and, since sums keep their order, for every number of threads.
function TestAgainstOracle:testSameBits()
  local x = yl.randn { 100, 1000, seed = 5 }
  local threads = core.system.threads()
  local first = x:sum()
  core.system.threads(1)
  t.assertEquals(x:sum(), first)
  core.system.threads(threads)
  t.assertEquals(yl.randn { 100, 1000, seed = 5 }:tobytes(), x:tobytes())
end

TestConstructors = {}

-- The element type is honoured wherever one may write it; any other argument that would go unused is an error with its place.
function TestConstructors.testNoArgumentIsDropped()
  for _, make in ipairs { yl.zeros, yl.ones, yl.rand, yl.randn } do
    t.assertEquals(make({ 2, 3 }, "i32"):dtype(), "i32")
    t.assertEquals(make { 2, 3, dtype = "u8" }:dtype(), "u8")
  end
  t.assertEquals(yl.full({ 2, 3, value = 7 }, "i32"):dtype(), "i32")
  t.assertEquals(yl.full { 2, 3, value = 7, dtype = "u8" }:dtype(), "u8")
  t.assertEquals(yl.tensor({ 1, 2 }, "u8"):dtype(), "u8")
  t.assertEquals(yl.tensor { 1, 2, dtype = "i64" }:dtype(), "i64")
  t.assertEquals(yl.tensor({ { 1 }, { 2 } }):shape(), { 2, 1 })
  t.assertEquals(yl.arange(1, 3, 1, "i32"):dtype(), "i32")
  local function refused(sentence, f, ...)
    local ok, message = pcall(f, ...)
    t.assertFalse(ok, sentence)
    t.assertStrContains(message, sentence)
  end
  refused("tensor.lua", function() yl.zeros({ 2 }, 3) end)
  refused("yl.zeros: argument 2, 3, would go unused; expected yl.zeros { 2, 3, dtype = }", yl.zeros, { 2 }, 3)
  refused("yl.full: argument 2, 7, would go unused; expected yl.full { 2, 3, dtype =, value = }", yl.full, { 2, 3 }, 7)
  refused("yl.ones: argument 3, ", yl.ones, { 2 }, "u8", "u8")
  refused("yl.ones: argument 2, ", yl.ones, { 2, dtype = "u8" }, "i32")
  refused("expected one of f32|u8|i32", yl.zeros, { 2 }, "u9")
  refused("yl.zeros: expected a table, yl.zeros { 2, 3, dtype = }, got 2", yl.zeros, 2, 3)
  refused("yl.arange: expected first, last", yl.arange, 1, 2, 1, "f32", 4)
  refused("yl.tensor: argument 3, ", yl.tensor, { 1 }, "f32", 4)
  refused("got a table with the key dtpye", yl.tensor, { 1, dtpye = "u8" })
  refused("got a table with the key dtype", yl.tensor, { 1, dtype = "u8" }, "i32")
  refused("yl.tensor.from_bytes: argument 4, ", yl.tensor.from_bytes, "ab", { 2 }, "u8", 4)
end

os.exit(t.LuaUnit.run())
