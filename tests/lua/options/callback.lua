-- Values that a user's functions return: taken, or refused in one sentence with the function's place.
local t = require "luaunit"
local yl = require "yolua"
local callback = require "yolua.options.callback"

local function rate() end
local line = debug.getinfo(rate, "S").linedefined
local here = debug.getinfo(1, "S").short_src .. ":" .. line

TestCallback = {}

function TestCallback.testPlaces()
  t.assertEquals(callback.place(rate), here)
  t.assertEquals(callback.place(print), "a function of the Lua library")
end

function TestCallback.testNumbers()
  for _, value in ipairs { 0, 1e-3, 7, 1e300 } do t.assertEquals(callback.number(rate, "the rate", value, nil, 0), value) end
  t.assertEquals(callback.number(rate, "x", -2), -2)
  local function refused(value, got)
    local ok, sentence = pcall(callback.number, rate, "the rate", value, "for step 3", 0)
    t.assertFalse(ok)
    t.assertEquals(sentence, here .. ": the rate: expected a number of at least 0 for step 3, got " .. got)
  end
  refused(nil, "nothing (is a return missing?)")
  refused("fast", "'fast'")
  refused("0.1", "'0.1'")
  refused(-1, "-1")
  refused(0 / 0, "nan")
  refused(-(0 / 0), "nan")
  refused(math.huge, "inf")
  refused({}, "a table")
  refused(true, "true")
  refused(yl.zeros { 1 }, "a tensor")
  t.assertErrorMsgContains("expected a finite number, got -inf", callback.number, rate, "x", -math.huge)
end

function TestCallback.testTexts()
  t.assertEquals(callback.texts(rate, "x", "none"), "none")
  t.assertEquals(callback.texts(rate, "x", { "a", "b" }), { "a", "b" })
  for _, value in ipairs { 1, true, { 1 }, { a = "b" }, { "a", nil, "c" }, print } do
    local ok, sentence = pcall(callback.texts, rate, "the pattern", value, "for epoch 2")
    t.assertFalse(ok, tostring(value))
    t.assertStrContains(sentence, here .. ": the pattern")
  end
end

-- Equal code with equal values: equal; another value or other code: not. What is no plain value does not count.
function TestCallback.testFingerprints()
  local function made(patience, object) return function(x) return x > patience and object end end
  local a = callback.fingerprint(made(1, {}))
  t.assertEquals(callback.fingerprint(made(1, {})), a)
  t.assertNotEquals(callback.fingerprint(made(2, {})), a)
  t.assertNotEquals(callback.fingerprint(made(1.0, {})), a)
  t.assertNotEquals(callback.fingerprint(function(x) return x end), a)
end

os.exit(t.LuaUnit.run())
