-- Lists out of data sets' files, in which an object may stand for a list.
local t = require "luaunit"
local lists = require "yolua.data.lists"

TestLists = {}

local function read(value) return lists.read(value, "x.json", "annotations", "annotation") end

function TestLists:testRead()
  t.assertEquals({ read { "a", "b" } }, { { "a", "b" }, { "x.json: annotation 1", "x.json: annotation 2" } })
  t.assertEquals({ read {} }, { {}, {} })
  t.assertEquals({ read { ["10"] = "ten", ["9"] = "nine", b = "B", a = "A" } }, { { "nine", "ten", "A", "B" }, -- by number, then by name
    { "x.json: annotation '9'", "x.json: annotation '10'", "x.json: annotation 'a'", "x.json: annotation 'b'" } })
  t.assertErrorMsgContains("x.json: expected a list 'annotations', got ", read, "none")
  t.assertErrorMsgContains("x.json: expected a list 'annotations', got 7", read, 7)
end

function TestLists:testNumbers()
  local function numbers(value, count) return lists.numbers(value, "x.json: annotation 3", "bbox", count) end
  t.assertEquals(numbers { 1, 2.5 }, { 1, 2.5 })
  t.assertEquals(numbers({ 1, 2, 3, 4 }, 4), { 1, 2, 3, 4 })
  t.assertEquals(numbers {}, {})
  t.assertErrorMsgContains("x.json: annotation 3: expected a bbox of 4 numbers, got 3", numbers, { 1, 2, 3 }, 4)
  t.assertErrorMsgContains("x.json: annotation 3: expected a list 'bbox', got an object", numbers, { x = 1 })
  t.assertErrorMsgContains("x.json: annotation 3: expected a list 'bbox', got ", numbers, "1 2 3 4")
  t.assertErrorMsgContains("x.json: annotation 3: expected numbers in its bbox, got ", numbers, { 1, "2", 3, 4 }, 4)
  t.assertErrorMsgContains("x.json: annotation 3", numbers, { 1, 0 / 0 })
end

os.exit(t.LuaUnit.run())
