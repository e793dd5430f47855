-- What a user assigns has an effect or is refused by name.
local t = require "luaunit"
local sealed = require "yolua.options.sealed"

TestView = {}

function TestView:testReading()
  local inner = { 10, 20, name = "x" }
  local view = sealed.view(inner, "l")
  t.assertEquals({ view[1], view.name, #view }, { 10, "x", 2 })
  local keys = {}
  for key in pairs(view) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  t.assertEquals(keys, { "1", "2", "name" })
  inner.name = "y" -- what the library changes is seen
  t.assertEquals(view.name, "y")
end

function TestView:testRefusals()
  local view = sealed.view({ y = 1 }, "l", { y = "write into it" })
  t.assertErrorMsgContains("sealed.lua:", function() view.y = 2 end) -- the user's own place
  t.assertErrorMsgContains(": l.y cannot be assigned: write into it", function() view.y = 2 end)
  t.assertErrorMsgContains(": l.z cannot be assigned", function() view.z = 2 end)
  t.assertErrorMsgContains(": l[1] cannot be assigned", function() view[1] = 2 end)
  t.assertEquals(view.y, 1)
  local all = sealed.view({}, "l.inputs", "they are the network's")
  t.assertErrorMsgContains(": l.inputs[3] cannot be assigned: they are the network's", function() all[3] = 2 end)
end

TestClass = {}

local Door = { __what = "door", __optional = { note = true }, __ways = { open = "door:push()" }, __settable = {} }
function Door.__settable.width(self, value, refuse)
  if type(value) ~= "number" then refuse("door.width: expected a number, got %s", type(value)) end
  rawset(self, "seen", value)
end
function Door:push() return self.width end
sealed.class(Door)

local function door() return sealed.object({ width = 90, open = false }, Door) end

function TestClass:testReading()
  local d = door()
  t.assertEquals({ d.width, d.open, d:push() }, { 90, false, 90 })
  t.assertNil(d.note) -- may be missing
  t.assertErrorMsgContains(": a door has no 'widht', did you mean 'width'?", function() return d.widht end)
  t.assertErrorMsgContains("sealed.lua:", function() return d.widht end)
  t.assertEquals(Door.__names(d), { "note", "open", "push", "width" })
end

function TestClass:testAssigning()
  local d = door()
  d.width = 80
  t.assertEquals(rawget(d, "seen"), 80)
  t.assertErrorMsgContains(": door.width: expected a number, got string", function() d.width = "wide" end)
  t.assertErrorMsgContains(": door.open cannot be assigned: door:push()", function() d.open = true end)
  t.assertErrorMsgContains(": door.colour cannot be assigned", function() d.colour = "red" end)
  t.assertFalse(d.open)
end

function TestClass:testPairs()
  local seen = {}
  for key, value in pairs(door()) do seen[key] = value end
  t.assertEquals(seen, { width = 90, open = false })
end

os.exit(t.LuaUnit.run())
