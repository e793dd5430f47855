-- yl.layer{...}: a kind of layer written in Lua. From then on it is used like any other: in core.net and cfg files by its name, in
-- plans, training, checkpoints (which keep its name and options, never its code), help pages. lua/README.md shows examples.
local answers = require "yolua.model.answers"
local channels = require "yolua.model.channels"
local core = require "yolua.core"
local options = require "yolua.options.table"

local layer = { kinds = {} } -- by name: the descriptors as they were given

local fields = {
  { "name", "string", nil, "", "the kind's name, in a cfg [name]" },
  { "help", "string", "", "", "one line for the help page" },
  { "stem", "string", nil, "", "of the layers' names, followed by a number (default: the name)" },
  { "fields", "any", nil, "", "its options: a list of {key, type, default, unit, help, min=, max=, choices=, aliases=}" },
  { "inputs", "numbers", { 1 }, "", "how many inputs it takes, or {least, most}", min = 1, max = 16 },
  { "shape", "function", nil, "", "(o, x, inputs) -> {h=, w=, c=}: the output's size (default: the first input's)" },
  { "parameters", "function", nil, "", "(o, x, inputs) -> list of {name, kind, sizes, init=, role=, per_out=, per_in=}" },
  { "channels", "any", nil, "", "which input channels an output channel is made of, so that pruning can take some away: 'each', or "
    .. "(o, x, inputs, channel) -> {{input, first, last, use}, ..., uniform=, zero=, parts=} (default: all have to stay)" },
  { "width", "string", nil, "", "the option that counts the output's channels" },
  { "flops", "function", nil, "", "(o, x, y, inputs) -> operations per batch" },
  { "reads", "enum", "xy", "", "what backward reads besides dy: less saves memory", choices = { "xy", "x", "y", "none" } },
  { "forward", "function", nil, "", "(l, x, y): writes y" },
  { "backward", "function", nil, "", "(l, x, y, dy, dx): writes dx, adds to l.gradients (default: from the operations of forward)" },
  { "loss", "function", nil, "", "(l, y, truth, dx) -> {part = sum}: makes the layer a loss; one without dx gets it from its operations" },
  { "parts", "list", nil, "", "names of the parts that loss returns" },
  { "random", "bool", false, "", "the output in training depends on l.seed and l.step" },
}
local checked = options.declare("yl.layer", fields)

local MOST_PARTS = 7

local function fail(name, format, ...) error(("%s: yl.layer '%s': %s"):format(options.position(), name, format:format(...)), 0) end

-- ---- options: what core/options.c wants as text is made text --------------------------------------------------------------

local function text_of(value)
  if value == nil or type(value) == "string" then return value end
  if type(value) == "table" then
    local items = {}
    for i, item in ipairs(value) do items[i] = text_of(item) end
    return table.concat(items, ",")
  end
  return math.type(value) == "float" and ("%.17g"):format(value) or tostring(value)
end

local TYPES = { bool = true, int = true, number = true, string = true, enum = true, numbers = true, size = true }
local ENTRIES = { min = true, max = true, choices = true, aliases = true }
local TAKEN = { name = true, inputs = true, section = true, layers = true } -- keys of every layer's own

local function to_fields(name, list)
  if type(list) ~= "table" then fail(name, "'fields': expected a list of fields, got a %s", type(list)) end
  local made, known = {}, {}
  for i, field in ipairs(list) do
    local key, kind = field[1], field[2]
    if type(key) ~= "string" or not key:find "^[%a_][%w_]*$" then fail(name, "field %d: expected a key first, got %s", i, tostring(key)) end
    if TAKEN[key] or known[key] then fail(name, "field '%s': the key is taken", key) end
    if not TYPES[kind] then
      fail(name, "field '%s': expected a type (bool int number string enum numbers size), got %s", key, tostring(kind))
    end
    if kind == "enum" and type(field.choices) ~= "table" then fail(name, "field '%s': an enum needs choices = {...}", key) end
    for entry in pairs(field) do
      if not (math.type(entry) == "integer" and entry >= 1 and entry <= 5) and not ENTRIES[entry] then
        fail(name, "field '%s': unknown entry '%s'; expected {key, type, default, unit, help, min=, max=, choices=, aliases=}", key,
          tostring(entry))
      end
    end
    known[key] = true
    made[i] = { key = key, type = kind, default = text_of(field[3]), unit = field[4] or "", help = field[5] or "", min = field.min,
      max = field.max, choices = field.choices and table.concat(field.choices, "|"),
      aliases = field.aliases and table.concat(field.aliases, " ") }
  end
  return made
end

-- ---- the functions, as bind/layer.c calls them ------------------------------------------------------------------------------

-- Whether a loss writes the gradient itself.
local function takes_dx(loss)
  local facts = loss and debug.getinfo(loss, "u")
  return facts and (facts.nparams >= 4 or facts.isvararg)
end

local function descriptor(d)
  local made = { name = d.name, stem = d.stem or d.name, help = d.help, fields = to_fields(d.name, d.fields or {}), reads = d.reads,
    least = d.inputs[1], most = d.inputs[2] or d.inputs[1], random = d.random, parts = d.parts,
    width = d.width, tape = not d.backward and not takes_dx(d.loss) }
  function made.shape(o, inputs) return answers.shape(d, o, inputs) end
  if d.parameters then function made.parameters(o, inputs) return answers.parameters(d, o, inputs) end end
  if d.flops then function made.flops(o, inputs, y) return answers.flops(d, o, inputs, y) end end
  if d.channels then function made.channels(o, inputs, y, channel) return channels(d, o, inputs, y, channel) end end
  if d.forward then
    function made.forward(l) answers.returned(d.forward, "y", l, { l.y }, d.forward(answers.seen(l), l.inputs[1], l.y)) end
    function made.unwritten()
      answers.blame(d.forward, "nothing was written into y; expected the result there, as in y:copy_(result) or x:sigmoid(y)")
    end
  else function made.forward(l) l.y:copy_(l.inputs[1]) end end -- a loss that compares its input with the truth
  if d.backward then
    function made.backward(l)
      local dx = l.input_gradients
      answers.returned(d.backward, "dx", l, dx, d.backward(answers.seen(l), l.inputs and l.inputs[1], l.y, l.dy, dx[1]))
    end
  end
  if d.loss then
    function made.loss(l)
      if made.tape then return answers.noted_parts(d, l, d.loss(answers.seen(l), l.y, l.truth)) end
      return answers.parts(d, d.loss(answers.seen(l), l.y, l.truth, l.input_gradients[1]))
    end
  end
  return made
end

local function counts(d, key)
  for _, field in ipairs(d.fields or {}) do
    if field[1] == key then return field[2] == "int" end
  end
end

local function check(d, values)
  local name = d.name
  if not name or not name:find "^%a[%w_]*$" or #name > 40 then fail(name or "", "expected name = a word of at most 40 letters") end
  if d.loss then
    if d.backward then fail(name, "a loss gives dx itself: it has no backward") end
    if not d.parts or #d.parts < 1 or #d.parts > MOST_PARTS then fail(name, "a loss needs parts = {1 to %d names}", MOST_PARTS) end
  elseif not d.forward then fail(name, "expected forward, or loss") end
  if not d.backward and values.reads then
    fail(name, "'reads' says what backward reads: without a backward, everything is kept that the gradient needs")
  end
  if d.channels ~= nil and d.channels ~= "each" and type(d.channels) ~= "function" then
    fail(name, "'channels': expected 'each' or a function, got %s", type(d.channels) == "string" and d.channels or type(d.channels))
  end
  if d.width and not counts(d, d.width) then fail(name, "'width': expected the name of a field of type int, got '%s'", d.width) end
  local least, most = d.inputs[1], d.inputs[2] or d.inputs[1]
  if #d.inputs > 2 or least % 1 ~= 0 or most % 1 ~= 0 or least > most then
    fail(name, "'inputs': expected how many, or {least, most}, got {%s}", (table.concat(d.inputs, ", "):gsub("%.0", "")))
  end
end

-- Makes the kind known under its name; one of that name that was made before makes way, networks that have it keep it. Returns the
-- name. Errors: one sentence with the position of the caller.
local function new(values)
  local d = checked(values)
  check(d, values)
  local made = descriptor(d)
  local ok, message = pcall(core.layer.register, made)
  if not ok then fail(d.name, "%s", (message:gsub("^.*layer '[^']*': ", ""))) end
  layer.kinds[d.name] = d
  return d.name
end

-- A hash of the code of the kinds that a structure uses and Lua made; nil if there are none. What a function closes over is not seen.
function layer.code(structure)
  local dumps = {}
  for _, l in ipairs(structure.layers) do
    for _, key in ipairs(layer.kinds[l.kind] and { "shape", "parameters", "channels", "forward", "backward", "loss" } or {}) do
      local f = layer.kinds[l.kind][key]
      if type(f) == "function" then dumps[#dumps + 1] = l.kind .. key .. string.dump(f, true) end
    end
  end
  return #dumps > 0 and core.files.hash_text(table.concat(dumps)) or nil
end

return setmetatable(layer, { __call = function(_, values) return new(values) end })
