-- What the functions of a layer written in Lua give back, checked: shapes, parameters, sums, and that nothing which they return or
-- assign is lost. Every error begins with the place of the function.
local callback = require "yolua.options.callback"
local sealed = require "yolua.options.sealed"

local answers = {}

local KINDS = { weight = true, bias = true, scale = true, statistic = true }
local INITS = { zero = true, one = true, fan_in = true }
local ROLES = { other = true, factor = true, offset = true, centre = true }
local ENTRIES = { true, true, true, init = true, role = true, per_out = true, per_in = true }
local MOST_PARAMETERS = 8

-- An error about what a function of the layer gave back, with that function's place.
function answers.blame(f, format, ...) error(("%s: %s"):format(callback.place(f), format:format(...)), 0) end

local blame = answers.blame

local SIZES = { n = true, h = true, w = true, c = true }

function answers.shape(d, o, inputs)
  local x = inputs[1]
  local s = d.shape and d.shape(o, x, inputs) or x
  if type(s) ~= "table" then blame(d.shape, "expected the shape {h=, w=, c=}, got a %s", type(s)) end
  for key, size in pairs(s) do
    if not SIZES[key] then blame(d.shape, "the shape has an unknown key '%s'; expected {h=, w=, c=}", tostring(key)) end
    if math.type(size) ~= "integer" or size < 1 then
      blame(d.shape, "the shape's '%s': expected a whole number from 1, got %s", key, tostring(size))
    end
  end
  if s.n and s.n ~= x.n then blame(d.shape, "the shape's 'n' is the input's %d and cannot change, got %d", x.n, s.n) end
  return { h = s.h or x.h, w = s.w or x.w, c = s.c or x.c }
end

local function to_parameter(p, i, bad)
  if type(p) ~= "table" then bad("parameter %d: expected {name, kind, sizes}, got a %s", i, type(p)) end
  local name, kind, sizes, init = p[1], p[2], p[3], p.init
  for key in pairs(p) do
    if not ENTRIES[key] then
      bad("parameter %d: unknown entry '%s'; expected {name, kind, sizes, init=, role=, per_out=, per_in=}", i, tostring(key))
    end
  end
  if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" or #name > 14 then
    bad("parameter %d: expected a name of at most 14 letters, got %s", i, tostring(name))
  end
  if not KINDS[kind] then bad("parameter '%s': expected weight, bias, scale or statistic, got %s", name, tostring(kind)) end
  if type(sizes) ~= "table" or #sizes < 1 or #sizes > 4 then bad("parameter '%s': expected a list of 1 to 4 sizes", name) end
  for d, size in ipairs(sizes) do
    if math.type(size) ~= "integer" or size < 1 then
      bad("parameter '%s': size %d: expected a whole number from 1, got %s", name, d, tostring(size))
    end
  end
  local role = p.role or "other"
  if not ROLES[role] then bad("parameter '%s': role: expected factor, offset, centre or other, got %s", name, tostring(p.role)) end
  local made = { name = name, kind = kind, dims = sizes, role = role, per_out = p.per_out and true, per_in = p.per_in and true }
  if init == nil then init = kind == "weight" and "fan_in" or kind == "scale" and "one" or "zero" end
  if type(init) == "number" and init == init and math.abs(init) < math.huge then
    made.init, made.value = "value", init
    return made
  end
  if not INITS[init] then bad("parameter '%s': init: expected zero, one, fan_in or a number, got %s", name, tostring(init)) end
  made.init = init
  return made
end

function answers.parameters(d, o, inputs)
  local made, known = {}, {}
  local function bad(...) blame(d.parameters, ...) end
  local list = d.parameters(o, inputs[1], inputs)
  if type(list) ~= "table" then bad("expected a list of parameters, got a %s", type(list)) end
  if #list > MOST_PARAMETERS then bad("at most %d parameters, got %d", MOST_PARAMETERS, #list) end
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 or key > #list then
      bad("expected a list of parameters, got an entry '%s' (#%d)", tostring(key), #list)
    end
  end
  for i, p in ipairs(list) do
    made[i] = to_parameter(p, i, bad)
    if known[made[i].name] then bad("two parameters are named '%s'", made[i].name) end
    known[made[i].name] = true
  end
  return made
end

function answers.flops(d, o, inputs, y)
  local operations = d.flops(o, inputs[1], y, inputs)
  if type(operations) ~= "number" or not (operations >= 0 and operations < 2 ^ 62) then
    blame(d.flops, "expected a count of operations, got %s", tostring(operations))
  end
  return operations
end

-- What a loss returns, checked against its parts.
function answers.parts(d, parts)
  if type(parts) ~= "table" then blame(d.loss, "expected the loss to return {part = sum}, got a %s", type(parts)) end
  local known = {}
  for _, name in ipairs(d.parts) do
    known[name] = true
    if type(parts[name]) ~= "number" then
      blame(d.loss, "expected the loss to return {%s = number}, got a %s", name, type(parts[name]))
    end
  end
  for part in pairs(parts) do
    if not known[part] then blame(d.loss, "the loss returned a part '%s' that 'parts' does not list", tostring(part)) end
  end
  return parts
end

-- The parts of a loss that does not write dx: their gradient comes from the operations on y that they were computed by.
function answers.noted_parts(d, l, parts)
  if type(parts) ~= "table" then return answers.parts(d, parts) end
  local numbers, total = {}, nil
  for part, value in pairs(parts) do
    local noted = type(value) == "userdata" and value.requires_grad
    if noted then total = total and total + value or value end
    numbers[part] = type(value) == "userdata" and value:item() or value
  end
  answers.parts(d, numbers)
  if total then total:backward()
  elseif l.y.requires_grad then
    blame(d.loss, "no part was computed from y by operations of tensors; expected that, or the parameter dx and the gradient in it")
  end
  return numbers
end

local IN_PLACE = "write into it, as in %s:copy_(result)"
local WAYS = { y = IN_PLACE:format "y", dy = "it is what backward is given", state = "keep values in it, as in l.state.NAME = value" }

-- What the user's function sees of a call.
function answers.seen(l)
  local function view(key, ways) return l[key] and sealed.view(l[key], "l." .. key, ways) end
  local copy = {}
  for key, value in pairs(l) do copy[key] = value end
  copy.options, copy.parameters = view "options", view("parameters", "a layer's parameters are changed by the optimizer")
  copy.inputs = view "inputs"
  copy.gradients = view("gradients", "write into it, as in l.gradients.NAME:copy_(result)")
  copy.input_gradients = view("input_gradients", "write into it, as in l.input_gradients[1]:copy_(result)")
  copy.truth = view "truth"
  return sealed.view(copy, "l", WAYS)
end

-- A function that writes returns nothing, or what it wrote into (many operations return that).
function answers.returned(f, what, l, targets, ...)
  for i = 1, select("#", ...) do
    local value, known = select(i, ...), false
    for _, target in pairs(targets) do known = known or rawequal(value, target) end
    for _, target in pairs(l.gradients or {}) do known = known or rawequal(value, target) end
    if value ~= nil and not known then
      blame(f, "what it returned is not used; expected the result to be written into %s, as in %s:copy_(result)", what, what)
    end
  end
end

return answers
