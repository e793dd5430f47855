-- Random Lua programs: calls and assignments over everything that is bound (core's functions, the methods of tensors, networks, plans,
-- loaders, batches, images, features, sets, models, trainers), with odd values. Nothing may crash or hang, and every error has to name
-- the line of the program. PROGRAMS says how many (300), SEED which (1); the program that runs lies in last.lua of the working folder.
-- support/bound.lua says what is left out.
local yl = require "yolua"
local core = yl.core
local bound = require "support.bound"

local COUNT, SEED = tonumber(os.getenv "PROGRAMS" or 300), tonumber(os.getenv "SEED" or 1)
local SLOW = 30 -- seconds that a program may take
local objects = bound.objects

-- ---- programs ------------------------------------------------------------------------------------------------------------------

local dice = require "support.dice" (SEED)
local below, pick = dice.below, dice.pick

local atoms = { "nil", "true", "false", "0", "1", "2", "3", "7", "-1", "-2", "1.5", "0/0", "1/0", "-1/0", "math.maxinteger",
  "math.mininteger", "2^53", "1e300", "''", "'1'", "'conv1'", "'conv1.weight'", "'wild1'", "'wild1.w'", "'grad'", "'ema'", "'value'",
  "'mask'", "'adam_m'", "'train'", "'infer'", "'body'", "'tail'", "'none'", "'all'", "'*'", "'f32'", "'u8'", "'bf16'", "'i64'", "'sgd'",
  "'kitti'", "'picture.png'", "'out.png'", "'out.weights'", "'out.safetensors'", "'missing'", "'\\0\\255'", "('x'):rep(5000)", "'{}'",
  "'[1, 2'", "core.null", "core", "print", "run", "{}", "{ {} }", "{ 1, 2 }", "{ 2, 1 }", "{ 1, 3, 4 }", "{ -1 }", "{ 1, nil, 3 }",
  "{ { 1, 2 }, { 3, 4 } }", "{ { 1 }, { 2, 3 } }", "{ 'a', 'b' }", "{ a = 1 }", "{ batch = 2 }", "{ mode = 'train' }", "{ 2, 3 }",
  "{ mode = 'train', batch = 1, keep = true }",
  "{ part = 'body' }", "{ rule = 'adam', lr = 0.1 }", "{ conf = 0 }", "{ { 1, 2, 3, 4, 0, 0 } }",
  "{ { { .5, .5, .2, .2, 0, 0 } } }", "evil({})", "evil({ 1, 2 })",
  "setmetatable({ 1, 2 }, { __len = function() return 1 << 61 end })", "setmetatable({}, {})", "coroutine.create(print)", "io.stdout" }
local functions, methods = bound.functions(), {}
local keys = { "foo", "weight", "names", "frozen", "lr", "conv1", "w", "k", 1, 0, -1, 1.5, true, "__index", "__gc" }

for _, name in ipairs { "tensor", "zeros", "ones", "full", "rand", "randn", "arange", "image", "gradcheck" } do
  functions[#functions + 1] = "yl." .. name
end
table.sort(functions)

local function value(depth)
  local kind = below(10)
  if kind < 3 then return pick(objects) end
  if kind == 3 then return "v" .. below(4) + 1 end
  if kind == 4 and depth < 2 then return ("{ %s, %s }"):format(value(depth + 1), value(depth + 1)) end
  return pick(atoms)
end

local function arguments()
  local list = {}
  for i = 1, pick { 0, 1, 1, 2, 2, 3, 4 } do list[i] = value(0) end
  return table.concat(list, ", ")
end

local function key()
  local k = pick(keys)
  return below(4) == 0 and value(0) or type(k) == "string" and ("%q"):format(k) or tostring(k)
end

local function statement()
  local kind, target = below(12), "v" .. below(4) + 1
  local object = pick(objects)
  if kind < 6 then return ("%s = %s:%s(%s)"):format(target, object, pick(methods[object]), arguments()) end
  if kind < 9 then return ("%s = %s(%s)"):format(target, pick(functions), arguments()) end
  if kind == 9 then return ("(%s)[%s] = %s"):format(value(0), key(), value(0)) end
  if kind == 10 then return ("%s = (%s)[%s]"):format(target, value(0), key()) end
  return ("%s = (%s) %s (%s)"):format(target, value(0), pick { "+", "*", "/", "//", "%", "^", "==", "..", "<" }, value(0))
end

local function program()
  local lines = { ("local core, yl, run, evil, report, %s = ... local v1, v2, v3, v4 "):format(table.concat(objects, ", "))
    .. "local _ENV = { math = math, setmetatable = setmetatable, coroutine = coroutine, io = io, print = report.quiet }" }
  for i = 1, 4 + below(10) do
    lines[#lines + 1] = ("report(%d, function() %s end)"):format(i, statement():gsub("^%(", ";("))
  end
  return table.concat(lines, "\n")
end

-- ---- running -------------------------------------------------------------------------------------------------------------------

local faults = {}

local function fault(number, text, format, ...)
  faults[#faults + 1] = ("program %d: %s\n%s"):format(number, format:format(...), text)
  io.stderr:write(faults[#faults], "\n\n")
end

local function run(number)
  local text, w = program(), bound.world()
  local file = io.open("last.lua", "w")
  file:write(text, "\n")
  file:close()
  local depth, callbacks, started = 0, {}, os.clock()
  local report = setmetatable({ quiet = function() end }, { __call = function(_, i, f)
    callbacks[i] = f
    local ok, message = pcall(f)
    if ok then return end
    if type(message) ~= "string" then fault(number, text, "an error that is a %s", type(message))
    elseif message:find "^attempt to perform 'n[%%/]+0'" then return -- of texts: Lua's own library gives no place either
    elseif not message:find "last%.lua:%d+:" then fault(number, text, "line %d: an error without its place: %s", i + 1, message)
    elseif message:find "yolua/lua/yolua/[^:]+:%d+: attempt" then
      fault(number, text, "line %d: a fault of the library: %s", i + 1, message)
    end
  end })
  local function run_random() -- what callbacks do: a statement of the program
    local f = #callbacks > 0 and callbacks[below(#callbacks) + 1]
    if not f or depth > 2 then return end
    depth = depth + 1
    pcall(f)
    depth = depth - 1
  end
  bound.callback = run_random
  local function evil(list) -- a table whose metamethods run a statement
    return setmetatable(list, { __index = function() run_random() end, __len = function() run_random() return 2 end })
  end
  local chunk, message = load(text, "@last.lua", "t")
  if not chunk then return fault(number, text, "%s", message) end
  local given = {}
  for i, name in ipairs(objects) do given[i] = w[name] end
  chunk(core, yl, run_random, evil, report, table.unpack(given))
  bound.callback = function() end
  if os.clock() - started > SLOW then fault(number, text, "took %.0f s", os.clock() - started) end
end

local first = bound.world()
for _, name in ipairs(objects) do methods[name] = bound.methods_of(first[name]) end
for number = 1, COUNT do
  dice.state = SEED * 1000003 + number -- each program is one of its own
  run(number)
end
print(("%d programs, seed %d: %d faults"):format(COUNT, SEED, #faults))
os.exit(#faults == 0 and 0 or 1, true)
