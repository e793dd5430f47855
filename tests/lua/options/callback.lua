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
    t.assertEquals(sentence, here .. ": the rate: expected a number of at least 0 for step 3, but this function returned " .. got)
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
  t.assertErrorMsgContains("expected a finite number, but this function returned -inf", callback.number, rate, "x", -math.huge)
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

-- What f throws becomes one sentence with a place: the line that fails, or the first one where Lua has forgotten it.
function TestCallback.testAsking()
  t.assertEquals(callback.ask(function(a, b) return a + b end, "x", "for step 3", 1, 2), 3)
  t.assertNil(callback.ask(function() end, "x", "for step 3"))
  local object = setmetatable({}, { __call = function(_, a) return a end })
  t.assertEquals(callback.ask(object, "x", "for step 3", 7), 7)
  local function refused(f, ahead, sentence)
    local ok, message = pcall(callback.ask, f, "x", "for step 3")
    t.assertFalse(ok)
    local at = debug.getinfo(f, "S")
    t.assertEquals(message, ("%s:%d: %s"):format(at.short_src, at.linedefined + ahead, sentence))
  end
  refused(function() return 1, 2 end, 0, "x: expected one value for step 3, but this function returned 2")
  refused(function()
    local list = {}
    return list.first.second
  end, 2, "attempt to index a nil value (field 'first')")
  refused(function()
    error "no"
  end, 1, "no")
  refused(function()
    error("no", 0)
  end, 1, "no")
  refused(function()
    return callback.argument(false, "f", "x", 1) -- a tail call: Lua has forgotten the line
  end, 0, "f: expected x, got 1")
  local thrown = {}
  local ok, message = pcall(callback.ask, function() error(thrown) end, "x", "for step 3")
  t.assertEquals({ ok, rawequal(message, thrown) }, { false, true })
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
