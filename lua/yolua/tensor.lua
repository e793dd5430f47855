-- Tensors: yl.tensor {{1, 2}, {3, 4}}, yl.zeros {2, 3}, yl.randn {2, 3}. Arithmetic and views are methods (bind/tensor*.c);
-- axes and indices count from 1, -1 is the last; methods that end in _ change their tensor and return it.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local options = require "yolua.options.table"

local tensor = { new = core.tensor.new }

local dtypes = { "f32", "u8", "i32", "i64", "f64", "bf16", "f16" }
local dtype_field = { "dtype", "enum", "f32", "", "element type", choices = dtypes }
local calls = 0 -- streams handed out to calls that name no seed

local seed_field = { "seed", "int", nil, "", "seed; without one each call has its own stream", min = 0 }

local function fail(format, ...) error(("%s: " .. format):format(options.position(), ...), 0) end

-- Refuses arguments that a constructor would not look at. `call`: how it is called.
local function no_more(call, first, ...)
  if select("#", ...) == 0 then return end
  fail("%s: argument %d, %s, would go unused; expected %s", call:match "^[%w._]+", first, callback.shown((...)), call)
end

-- A constructor of sizes and options: returns its check, which gives the options and the sizes. The element type may also be the
-- second argument, as yl.tensor's.
local function declare(who, ...)
  local list, call = { dtype_field, ... }, who .. " { 2, 3"
  for _, field in ipairs(list) do call = call .. (", %s ="):format(field[1]) end
  list.array = true
  local check = options.declare(who, list)
  return function(values, ...)
    if type(values) ~= "table" then fail("%s: expected a table, %s }, got %s", who, call, callback.shown(values)) end
    local dtype = ...
    if type(dtype) == "string" and values.dtype == nil then
      no_more(call .. " }", 3, select(2, ...))
      local all = { dtype = dtype }
      for key, value in pairs(values) do all[key] = value end
      values = all
    else
      no_more(call .. " }", 2, ...)
    end
    local o = check(values)
    return o, { table.unpack(o) }
  end
end

local zeros, ones = declare "yl.zeros", declare "yl.ones"
local full = declare("yl.full", { "value", "number", nil, "", "every element", required = true })
local rand = declare("yl.rand", seed_field, { "low", "number", 0, "", "the least" }, { "high", "number", 1, "", "less than this" })
local randn = declare("yl.randn", seed_field, { "mean", "number", 0, "", "of the distribution" },
  { "deviation", "number", 1, "", "its standard deviation", min = 0 })

-- yl.zeros { 2, 3 [, dtype = "u8"] }
function tensor.zeros(...)
  local o, dims = zeros(...)
  return core.tensor.zeros(dims, o.dtype)
end

-- yl.ones { 2, 3 [, dtype =] }
function tensor.ones(...)
  local o, dims = ones(...)
  return core.tensor.zeros(dims, o.dtype):fill_(1)
end

-- yl.full { 2, 3, value = 7 [, dtype =] }
function tensor.full(...)
  local o, dims = full(...)
  return core.tensor.zeros(dims, o.dtype):fill_(o.value)
end

-- The seed and the stream of a call: a call without a seed gets seed 0 and a stream of its own, so that a program draws the
-- same numbers in every run.
local function stream(o)
  if o.seed then return o.seed, 0 end
  calls = calls + 1
  return 0, calls
end

-- yl.rand { 2, 3 [, low = 0, high = 1, seed =, dtype =] }: uniform in [low, high)
function tensor.rand(...)
  local o, dims = rand(...)
  local seed, number = stream(o)
  return core.tensor.zeros(dims, o.dtype):uniform_(seed, o.low, o.high, number)
end

-- yl.randn { 2, 3 [, mean = 0, deviation = 1, seed =, dtype =] }
function tensor.randn(...)
  local o, dims = randn(...)
  local seed, number = stream(o)
  return core.tensor.zeros(dims, o.dtype):normal_(seed, o.mean, o.deviation, number)
end

-- yl.arange(first, last [, step [, dtype]]): first, first + step, ... up to last, as a for loop counts
function tensor.arange(first, last, step, dtype, ...)
  if type(first) ~= "number" or type(last) ~= "number" or step ~= nil and (type(step) ~= "number" or step == 0) or ... ~= nil then
    error(("%s: yl.arange: expected first, last [, step [, dtype]], numbers with a step other than 0; yl.arange(1, 5) counts to five")
      :format(options.position()), 0)
  end
  return core.tensor.arange(first, last, step, dtype)
end

-- yl.cat({ a, b, ... } [, axis]): tensors side by side along an axis (default: the first)
function tensor.cat(list, axis, ...)
  no_more("yl.cat(tensors, axis)", 3, ...)
  return core.tensor.cat(list, axis or 1)
end

-- yl.stack({ a, b, ... } [, axis]): tensors of one shape along a new axis (default: the first)
function tensor.stack(list, axis, ...)
  no_more("yl.stack(tensors, axis)", 3, ...)
  if type(list) ~= "table" then fail("yl.stack: expected a list of tensors, got %s", callback.shown(list)) end
  local wide = {}
  for i, t in ipairs(list) do
    if type(t) ~= "userdata" then fail("yl.stack: expected tensors, got %s as number %d", callback.shown(t), i) end
    wide[i] = t:unsqueeze(axis or 1)
  end
  return core.tensor.cat(wide, axis or 1)
end

-- yl.tensor.from_bytes(string, { 2, 3 } [, dtype]): the elements as they lie in memory
function tensor.from_bytes(bytes, sizes, dtype, ...)
  no_more("yl.tensor.from_bytes(string, sizes, dtype)", 4, ...)
  return core.tensor.from_bytes(bytes, sizes, dtype)
end

-- The element type may also stand in the table: yl.tensor { 1, 2, dtype = "u8" }. Returns the table without it, and the type.
local function apart(values, dtype)
  if type(values) ~= "table" or dtype ~= nil or values.dtype == nil then return values, dtype end
  local numbers = {}
  for key, value in pairs(values) do
    if key ~= "dtype" then numbers[key] = value end
  end
  return numbers, values.dtype
end

-- yl.tensor({{1, 2}, {3, 4}} [, dtype]), yl.tensor { 1, 2, dtype = "u8" }
return setmetatable(tensor, { __call = function(_, values, dtype, ...)
  no_more("yl.tensor(values, dtype)", 3, ...)
  return core.tensor.new(apart(values, dtype))
end })
