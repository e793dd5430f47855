-- Each bound function (core's and its modules', the methods of what they make) with arguments of wrong number, kind and size. Nothing may
-- crash or hang; an error is one sentence with the place of the call (of C functions), and no fault of the library.
--
-- First each function gets nothing, each odd value alone, and objects of each kind. Then calls are changed, one place at a time, and those
-- are kept that end otherwise than all before: a new sentence (its numbers and names left aside), or none. So calls come deeper with every
-- round; names in sentences become keys of tables. CALLS says how many changed calls a function gets (60), SEED which (1), ONLY a
-- pattern of functions.
local bound = require "support.bound"
local yl = require "yolua"
local core = yl.core

local COUNT, SEED, ONLY = tonumber(os.getenv "CALLS" or 60), tonumber(os.getenv "SEED" or 1), os.getenv "ONLY"
local SLOW <const> = 10 -- seconds that a call may take
local LONGEST <const> = 1500 -- bytes of a sentence

-- What ends or confines this process when it is called well; what opens a port.
for _, name in ipairs { "sandbox.enter", "ranks.end_all", "ranks.finish", "ranks.open", "serve.start" } do bound.left_out[name] = true end

-- ---- values --------------------------------------------------------------------------------------------------------------------

local dice = require "support.dice" (SEED)
local below, pick = dice.below, dice.pick

local atoms = { "nil", "true", "false", "0", "1", "2", "3", "-1", "1.5", "0/0", "1/0", "-1/0", "math.maxinteger", "math.mininteger",
  "2^31", "2^53", "1e300", "''", "'1'", "'conv1'", "'conv1.weight'", "'value'", "'mask'", "'grad'", "'ema'", "'train'", "'f32'", "'u8'",
  "'all'", "'body'", "'*'", "'picture.png'", "'missing'", "'\\0\\255'", "'%s%n'", "'a\\n\\27[2Jb'", "('x'):rep(5000)",
  "'{}'", "'[1, 2'", "('['):rep(5000)",
  "null", "print", "{}", "{ {} }", "{ 1, 2 }", "{ 2, 3 }", "{ 1, 3, 4 }", "{ -1 }", "{ 0/0 }", "{ 1, nil, 3 }", "{ { 1, 2 }, { 3, 4 } }",
  "{ { 1 }, { 2, 3 } }", "{ 'a', 'b' }", "{ { 'a' } }", "{ a = 1 }", "{ { 1, 2, 3, 4, 0, 0 } }", "{ { { .5, .5, .2, .2, 0, 0 } } }",
  "cyclic", "deep", "endless", "liar", "evil", "setmetatable({}, {})", "coroutine.create(print)", "io.stdout", "closed",
  "{ mode = 'train', batch = 1 }", "{ rule = 'adam', lr = 0.1 }", "{ conf = 0 }", "{ width = 8, height = 6 }", "{ [1] = 1, [2^40] = 2 }" }

local function odd_values()
  local odd = { null = core.null, cyclic = {}, deep = {}, evil = nil, math = math, string = string, print = function() end,
    setmetatable = setmetatable, coroutine = coroutine, io = { stdout = io.stdout } }
  odd.cyclic[1], odd.cyclic.a = odd.cyclic, odd.cyclic
  local at = odd.deep
  for _ = 1, 2000 do at[1] = {} at = at[1] end
  odd.endless = setmetatable({}, { __index = function(_, key) return key end })
  odd.liar = setmetatable({ 1, 2 }, { __len = function() return 1 << 61 end })
  odd.evil = setmetatable({ 1, 2 }, { __index = function() error "evil" end, __len = function() error "evil" end })
  odd.closed = core.net { h = 2, w = 2, c = 1, seed = 1, layers = { { "activation" } } }
  if odd.closed.close then odd.closed:close() end
  return odd
end

-- ---- calls ---------------------------------------------------------------------------------------------------------------------

local faults, calls, refused, kinds = 0, 0, 0, 0
local world, odd
local last <close> = io.open("last.lua", "w")

local function fault(text, format, ...)
  faults = faults + 1
  io.stderr:write(("%s: %s\n"):format(text:sub(1, 500), format:format(...)))
end

local ours = { "yolua/[%w_/]+%.lua:%d+:", "attempt to", "stack overflow", "traceback", "bad argument", "assertion failed" }

local function check_sentence(text, message)
  if type(message) ~= "string" then return fault(text, "an error that is a %s", type(message)) end
  local of_lua = text:find "^model:" or text:find "^layers:" -- the program makes one line of what Lua throws (cli/failure.lua)
  local sentence = message:match "^call:1: (.*)$" or of_lua and message
  if message:find("evil", 1, true) or message:find "not enough memory$" then return end
  if not sentence then return fault(text, "an error without its place: %s", message:sub(1, LONGEST)) end
  if sentence:find "\n" and not of_lua then fault(text, "more than one line: %s", sentence:sub(1, LONGEST)) end
  if #sentence > LONGEST and not of_lua then fault(text, "%d bytes long: %s", #sentence, sentence:sub(1, LONGEST)) end
  for _, pattern in ipairs(ours) do
    if sentence:find(pattern) then fault(text, "a fault of the library: %s", sentence:sub(1, LONGEST)) end
  end
  return sentence
end

-- Calls it; returns what tells this end from others: the sentence without what varies, or the kind of the result.
local function call(text)
  local env = setmetatable({}, { __index = function(_, key) return odd[key] or world[key] or key == "core" and core or nil end })
  local chunk = assert(load(("local result = %s return result"):format(text), "=call", "t", env))
  local started = os.clock()
  calls = calls + 1
  last:seek "set"
  last:write(text, "\n\n")
  last:flush() -- what crashes is its first line
  local ok, result = pcall(chunk)
  if os.clock() - started > SLOW then fault(text, "took %.0f s", os.clock() - started) end
  if ok then return "a " .. type(result) end
  refused = refused + 1
  local sentence = check_sentence(text, result)
  return sentence and sentence:gsub("got .*", "got"):gsub("'[^']*'", "''"):gsub("%d+", "0"), sentence
end

local function spell(name, list) return ("%s(%s)"):format(name, table.concat(list, ", ")) end

-- ---- a function ------------------------------------------------------------------------------------------------------------------

local function value(keys)
  local kind = below(8)
  if kind == 0 then return pick(bound.objects) end
  if kind == 1 and #keys > 0 then return ("{ [%q] = %s }"):format(pick(keys), pick(atoms)) end
  if kind == 2 and #keys > 1 then return ("{ [%q] = %s, [%q] = %s }"):format(pick(keys), pick(atoms), pick(keys), pick(atoms)) end
  if kind == 3 and #keys > 0 then return ("%q"):format(pick(keys)) end
  return pick(atoms)
end

-- Adds an entry to a table, or gives another value.
local function changed_value(old, keys)
  local inner = below(3) == 0 and #keys > 0 and old:match "^{(.*)}$"
  if not inner then return value(keys) end
  return ("{ [%q] = %s%s }"):format(pick(keys), value(keys), inner:find "%S" and "," .. inner or "")
end

local function changed(list, keys)
  local out, at = table.move(list, 1, #list, 1, {}), below(#list + 1) + 1
  local how = below(8)
  if how == 0 and #list > 0 then table.remove(out, math.min(at, #list))
  elseif how == 1 or #list == 0 then table.insert(out, at, value(keys))
  elseif how == 2 then for _ = 1, 200 do out[#out + 1] = "1" end
  else out[math.min(at, #list)] = changed_value(out[math.min(at, #list)], keys) end
  return #out <= 210 and out or list
end

local function learn_keys(sentence, keys, known)
  for word in sentence:gmatch "%a[%w_]+" do
    if not known[word] and #keys < 60 and #word < 20 then
      known[word] = true
      keys[#keys + 1] = word
    end
  end
end

local function explore(name)
  local seen, kept, keys, known = {}, { {} }, {}, {}
  world, odd = bound.world(), odd_values()
  local function try(list)
    local ending, sentence = call(spell(name, list))
    if sentence then learn_keys(sentence, keys, known) end
    if not ending or seen[ending] then return end
    seen[ending], kinds = true, kinds + 1
    kept[#kept + 1] = list
  end
  try {}
  for _, atom in ipairs(atoms) do try { atom } end
  for _, object in ipairs(bound.objects) do try { object } try { object, "nil", "{}" } end
  for n = 1, COUNT do
    if n % 20 == 0 then world, odd = bound.world(), odd_values() end -- what calls have closed or changed
    try(changed(kept[math.max(1, #kept - below(math.min(#kept, 12)))], keys))
  end
end

local list, first = bound.functions(), bound.world()
for _, object in ipairs(bound.objects) do
  for _, method in ipairs(bound.methods_of(first[object])) do list[#list + 1] = ("%s:%s"):format(object, method) end
end
local count = 0
for i, name in ipairs(list) do
  dice.state = SEED * 1000003 + i -- each function has calls of its own
  if not ONLY or name:find(ONLY) then
    explore(name)
    count = count + 1
  end
end
print(("%d functions, seed %d: %d calls, %d refused, %d endings: %d faults"):format(count, SEED, calls, refused, kinds, faults))
os.exit(faults == 0 and 0 or 1, true)
