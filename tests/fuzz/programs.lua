-- Random Lua programs: calls and assignments over everything that is bound (core's functions, the methods of tensors, networks, plans,
-- loaders, batches, images, features, sets, models, trainers), with odd values. Nothing may crash or hang, and every error has to name
-- the line of the program. PROGRAMS says how many (300), SEED which (1); the program that runs lies in last.lua of the working folder.
--
-- Left out: what would reach beyond the working folder or this process, or take its output away (threads, prompt, take_output,
-- process), what only the library itself calls with checked tables (layer.register), and drawing (scene), which is slow.
local yl = require "yolua"
local core = yl.core
local Model = require "yolua.model"

local COUNT, SEED = tonumber(os.getenv "PROGRAMS" or 300), tonumber(os.getenv "SEED" or 1)
local SLOW = 30 -- seconds that a program may take
local left_out = { ["system.threads"] = true, ["system.take_output"] = true, ["system.warn"] = true, ["prompt.open"] = true,
  ["prompt.interactive"] = true, ["layer.register"] = true, ["scene.write"] = true, ["scene.camera"] = true, ["core.machine"] = true,
  ["process.start"] = true, ["process.interrupt"] = true, ["process.rest"] = true, ["system.heed_interrupt"] = true }

-- ---- what the programs work on, made anew for each -----------------------------------------------------------------------------

local picture = "picture.png"

local run_random -- what callbacks do: a statement of the program

yl.layer {
  name = "wild", reads = "x", fields = { { "k", "number", 1, "", "a factor" } },
  parameters = function() return { { "w", "weight", { 2 } } } end,
  forward = function(_, x, y) y:copy_(x) run_random() end,
  backward = function(l, _, _, dy, dx) if dx then dx:copy_(dy) end run_random() if l.gradients.w then l.gradients.w:add_(1) end end,
}

local function make_world()
  local w = {}
  core.image.new(8, 6, ("abc"):rep(48)):save(picture) -- a program may have written over it
  w.net = core.net { h = 6, w = 8, c = 3, seed = 1, layers = { { "conv2d", filters = 4, size = 3, pad = true }, { "wild" },
    { "conv2d", filters = 14, size = 1 }, { "region", classes = 2, num = 2, anchors = { 1, 1, 2, 2 } } } }
  w.model = Model.new { net = w.net, names = { "a", "b" }, path = "here" }
  w.plan, w.infer = w.net:plan { mode = "train", batch = 1 }, w.net:plan { mode = "infer", batch = 1 }
  w.loader = core.loader { samples = { { image = picture, truth = { { 1, 1, 5, 5, 0, 0 } } } }, width = 8, height = 6, workers = 0 }
  w.loader:epoch(1)
  w.batch, w.image, w.layers = w.loader:next(), core.image.load(picture), w.model.layers
  w.set = core.eval_set { classes = { "a" } }
  w.x, w.y = core.tensor.zeros({ 2, 3 }), core.tensor.new({ { 1, 2, 3 }, { 4, 5, 6 } })
  w.bytes, w.weight = core.tensor.zeros({ 6, 8, 3 }, "u8"), w.net:tensor "conv1.weight"
  return w
end

-- ---- programs ------------------------------------------------------------------------------------------------------------------

local state = SEED
local function below(n) -- 0..n-1: splitmix64 (Steele, Lea, Flood 2014)
  state = state + 0x9e3779b97f4a7c15
  local z = state
  z = (z ~ z >> 30) * 0xbf58476d1ce4e5b9
  z = (z ~ z >> 27) * 0x94d049bb133111eb
  return ((z ~ z >> 31) >> 1) % n
end
local function pick(list) return list[below(#list) + 1] end

local objects = { "net", "model", "plan", "infer", "loader", "batch", "image", "layers", "set", "x", "y", "bytes", "weight" }
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
local functions, methods = {}, {}
local keys = { "foo", "weight", "names", "frozen", "lr", "conv1", "w", "k", 1, 0, -1, 1.5, true, "__index", "__gc" }

for name, value in pairs(core) do
  if type(value) == "function" and not left_out["core." .. name] then functions[#functions + 1] = "core." .. name end
  for inner, f in pairs(type(value) == "table" and value or {}) do
    if type(f) == "function" and not left_out[name .. "." .. inner] then functions[#functions + 1] = ("core.%s.%s"):format(name, inner) end
  end
end
for _, name in ipairs { "tensor", "zeros", "ones", "full", "rand", "randn", "arange", "image", "gradcheck" } do
  functions[#functions + 1] = "yl." .. name
end
table.sort(functions)

local function methods_of(value)
  local meta, list = debug.getmetatable(value), {}
  local from = meta and (rawget(meta, "methods") or meta) or {}
  for name, f in pairs(from) do
    if type(f) == "function" and name:sub(1, 2) ~= "__" then list[#list + 1] = name end
  end
  table.sort(list)
  return #list > 0 and list or { "close" }
end

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
  local text, w = program(), make_world()
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
  function run_random()
    local f = #callbacks > 0 and callbacks[below(#callbacks) + 1]
    if not f or depth > 2 then return end
    depth = depth + 1
    pcall(f)
    depth = depth - 1
  end
  local function evil(list) -- a table whose metamethods run a statement
    return setmetatable(list, { __index = function() run_random() end, __len = function() run_random() return 2 end })
  end
  local chunk, message = load(text, "@last.lua", "t")
  if not chunk then return fault(number, text, "%s", message) end
  local given = {}
  for i, name in ipairs(objects) do given[i] = w[name] end
  chunk(core, yl, run_random, evil, report, table.unpack(given))
  run_random = function() end
  if os.clock() - started > SLOW then fault(number, text, "took %.0f s", os.clock() - started) end
end

run_random = function() end
local first = make_world()
for _, name in ipairs(objects) do methods[name] = methods_of(first[name]) end
for number = 1, COUNT do
  state = SEED * 1000003 + number -- each program is one of its own
  run(number)
end
print(("%d programs, seed %d: %d faults"):format(COUNT, SEED, #faults))
os.exit(#faults == 0 and 0 or 1, true)
