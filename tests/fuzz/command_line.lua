-- Words behind `yolua`: random ones, built of verbs, their options, aliases and odd values, and read as the program reads them, but for
-- what a verb would then do. Nothing may crash or hang. A call that is refused ends with status 2 (or 1, where a file that it names is at
-- fault) and one sentence; of one that is taken, each option has a value of its kind and range. LINES says how many calls (1500), SEED
-- which (1), ONLY one of them.
local yl = require "yolua"
local cli = require "yolua.cli"
local core = yl.core
local fields = require "yolua.options.fields"

local COUNT, SEED, ONLY = tonumber(os.getenv "LINES" or 1500), tonumber(os.getenv "SEED" or 1), tonumber(os.getenv "ONLY")
local SLOW <const> = 5 -- seconds of processor time that a call may take
local LONGEST <const> = 4000 -- bytes of a sentence

-- ---- the program without what it does ----------------------------------------------------------------------------------------------

local failure = require "yolua.cli.failure"
local said, options -- what the call said, and the options that its verb got
failure.say = function(sentence) said[#said + 1] = sentence end
core.system.threads, core.system.take_output, core.system.warn = function() end, function() end, function() end

local VERBS = { "anchors", "bench", "calibrate", "compact", "compare", "compress", "decompose", "doctor", "eval", "export", "predict",
  "prune", "report", "sensitivity", "sweep", "train", "val", "version" }
for _, name in ipairs(VERBS) do
  local verb = require("yolua.verbs." .. name)
  verb.run, verb.show, verb.status = function(o) options = o end, nil, nil
end
core.system.write("own.lua", "local yl = require 'yolua'\nlocal o = yl.options { epochs = 3, lr = 0.1, size = 'small' }\n")
core.system.write("fields.yaml", "epochs: 3\nconf: 0.25\n")

-- ---- words -------------------------------------------------------------------------------------------------------------------------

local dice = require "support.dice" (SEED)
local below, pick = dice.below, dice.pick

local values = { "", "0", "1", "-1", "2", "1.5", "nan", "inf", "-inf", "1e999", "1e-999", "0x10", "9223372036854775807",
  "99999999999999999999", "true", "false", "yes", "auto", "none", "all", "a", "a,b", ",", ",,", "1,2", "[1,2]", "[", "{}", "{1,2}",
  "416x128", "0x0", "x", "416x", "adam", "sgd", "kitti", "standard", "poster", "soft", "cuda", "cuda:99", "cpu", "int8", "missing.cfg",
  "missing.safetensors", "own.lua", "fields.yaml", ".", "body", "*", "*.bn", "\n", "a\nb", "\27[2J", "\255", "é", "%s%n", ("x"):rep(3000),
  (","):rep(500), ("["):rep(500), "a=b", "=", "-", "--", "?", "help" }
local stray = { "", "=", "=1", "-x", "--epochs", "--epochs=3", "-h", "epochs", "epochs=3", " =1", "a b=1", "nope=1", "data.=1", ".name=1",
  "data.name.x=1", "optim.lr=1", "data.name=kitti", "resume=missing", "require=own.lua", "config=fields.yaml", "config=missing.yaml",
  "json=true", "\n=1", "\255=1", ("k"):rep(3000) .. "=1", "a.b.c.d.e=1" }

-- Every key that a call of the verb takes, dotted ones and aliases included.
local known = {}
local function keys_of(verb)
  if known[verb] then return known[verb] end
  local list = { "data.root", "data.name", "optim.name", "optim.lr", "augment.name", "augment.mosaic" }
  for _, field in ipairs(fields.get(require("yolua.verbs." .. verb).fields or {})) do
    list[#list + 1] = field[1]
    for _, alias in ipairs(field.aliases or {}) do list[#list + 1] = alias end
  end
  known[verb] = list
  return list
end

local function mutated(word)
  local at, how = below(#word + 1), below(4)
  if how == 0 then return word:sub(1, at) .. word:sub(at + 2) end
  if how == 1 then return word:sub(1, at) .. string.char(1 + below(255)) .. word:sub(at + 1) end
  if how == 2 then return word:sub(1, at) end
  return "--" .. word:gsub("_", "-")
end

local function word_of(verb)
  local kind = below(8)
  if kind == 0 then return pick(stray) end
  local word = pick(keys_of(verb)) .. "=" .. pick(values)
  if kind == 1 then word = mutated(word) end
  return word:find "^require=" and "require=own.lua" or word -- no other file is run
end

local function line()
  local verb = pick(VERBS)
  local kind, words = below(16), {}
  for i = 1, below(6) do words[i] = word_of(verb) end
  if kind == 0 then return { mutated(verb), table.unpack(words) } end
  if kind == 1 then return { "own.lua", table.unpack(words) } end
  if kind == 2 then return { "missing" .. pick { ".lua", "/", "/a.lua", "" }, table.unpack(words) } end
  if kind == 3 then return { pick(stray), table.unpack(words) } end
  return { verb, table.unpack(words) }
end

-- ---- reading -----------------------------------------------------------------------------------------------------------------------

local faults, taken, refused = 0, 0, 0

local function fault(number, words, format, ...)
  faults = faults + 1
  local list = {}
  for i, word in ipairs(words) do list[i] = ("%q"):format(word:sub(1, 100)):gsub("\n", "n") end
  io.stderr:write(("line %d: %s\n  %s\n"):format(number, format:format(...), table.concat(list, " ")))
end

local ours = { "yolua/[%w_/]+%.lua:%d+:", "attempt to", "stack overflow", "traceback", "bad argument", "assertion failed" }

local function check_refused(number, words, status)
  refused = refused + 1
  if #said ~= 1 then return fault(number, words, "%d sentences", #said) end
  local sentence = said[1]
  if status > 2 then fault(number, words, "status %d: %s", status, sentence) end
  if sentence:find "[%c\127]" then fault(number, words, "it is not plain: %q", sentence:sub(1, 300)) end
  if #sentence > LONGEST then fault(number, words, "%d bytes long: %s", #sentence, sentence:sub(1, 300)) end
  for _, pattern in ipairs(ours) do
    if sentence:find(pattern) then fault(number, words, "a fault of the library: %s", sentence:sub(1, 300)) end
  end
end

local of_kind = { int = function(v) return math.type(v) == "integer" end, number = function(v) return math.type(v) and v == v end,
  bool = function(v) return type(v) == "boolean" end, string = function(v) return type(v) == "string" end }

local function check_taken(number, words)
  taken = taken + 1
  if #said > 0 then fault(number, words, "it says '%s', and continues", said[1]) end
  for _, field in ipairs(options and require("yolua.options.table").fields(options) or {}) do
    local key, kind, value = field[1], of_kind[field[2]], rawget(options, field[1])
    if value ~= nil and kind and not kind(value) then fault(number, words, "%s = %s, no %s", key, tostring(value), field[2]) end
    if math.type(value) and (field.min and value < field.min or field.max and value > field.max) then
      fault(number, words, "%s = %s, out of its range", key, value)
    end
  end
end

local function run(number)
  local words, started = line(), os.clock()
  said, options = {}, nil
  local ok, status = pcall(cli.main, table.unpack(words))
  if not ok then return fault(number, words, "it throws: %s", tostring(status)) end
  if status == 0 then check_taken(number, words) else check_refused(number, words, status) end
  if os.clock() - started > SLOW then fault(number, words, "took %.0f s", os.clock() - started) end
end

-- Help and tables go to standard output, which nobody reads here.
local print_here, write_here = print, io.write
print = function() end
rawset(io, "write", function() return io.stdout end)
for number = 1, COUNT do
  dice.state = SEED * 1000003 + number -- each line is one of its own
  if not ONLY or ONLY == number then run(number) end
end
print = print_here
rawset(io, "write", write_here)
print(("%d command lines, seed %d: %d taken, %d refused: %d faults"):format(COUNT, SEED, taken, refused, faults))
os.exit(faults == 0 and taken > 0 and refused > 0 and 0 or 1, true)
