-- What the `channels` of a layer written in Lua answers, checked, and counted from 0 as the runtime takes it.
local blame = require("yolua.model.answers").blame

local USES, ZEROS = { each = true, mix = true, whole = true }, { plain = true, sum = true, product = true }
local KEYS = { uniform = true, zero = true, parts = true }
local MOST = 16

-- An output channel is made of the same channel of all inputs that have one.
local function each(inputs, channel)
  local list = {}
  for i, x in ipairs(inputs) do
    if channel <= x.c then list[#list + 1] = { input = i - 1, first = channel - 1, count = 1, use = "each" } end
  end
  return { uniform = true, sources = list }
end

local function source(d, i, item)
  if type(item) ~= "table" then blame(d.channels, "source %d: expected {input, first, last, use}, got a %s", i, type(item)) end
  for k = 1, 3 do
    if math.type(item[k]) ~= "integer" or item[k] < 1 then
      blame(d.channels, "source %d: expected {input, first, last, use} with whole numbers from 1, got %s", i, tostring(item[k]))
    end
  end
  if item[3] < item[2] then blame(d.channels, "source %d: the last channel, %d, comes before the first, %d", i, item[3], item[2]) end
  if not USES[item[4] or "each"] then
    blame(d.channels, "source %d: expected the use each, mix or whole, got '%s'", i, tostring(item[4]))
  end
  return { input = item[1] - 1, first = item[2] - 1, count = item[3] - item[2] + 1, use = item[4] or "each" }
end

-- What output channel `channel` (from 1) of a layer is made of. d: the descriptor.
return function(d, o, inputs, _, channel)
  if d.channels == "each" then return each(inputs, channel) end
  local given = d.channels(o, inputs[1], inputs, channel)
  if type(given) ~= "table" then blame(d.channels, "expected a list of sources {input, first, last, use}, got a %s", type(given)) end
  if #given > MOST then blame(d.channels, "at most %d sources, got %d", MOST, #given) end
  for key in pairs(given) do
    if not KEYS[key] and not (math.type(key) == "integer" and key >= 1 and key <= #given) then
      blame(d.channels, "unknown key '%s'; expected sources, uniform, zero and parts", tostring(key))
    end
  end
  local answer = { parts = given.parts or 1, uniform = given.uniform and true or false, zero = given.zero or "plain", sources = {} }
  if not ZEROS[answer.zero] then blame(d.channels, "zero: expected plain, sum or product, got '%s'", tostring(given.zero)) end
  if math.type(answer.parts) ~= "integer" or answer.parts < 1 then
    blame(d.channels, "parts: expected a whole number from 1, got %s", tostring(given.parts))
  end
  for i, item in ipairs(given) do answer.sources[i] = source(d, i, item) end
  return answer
end
