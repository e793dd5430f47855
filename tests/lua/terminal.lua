-- Text that has to fit a terminal: cut, wrapped, laid out in columns.
local t = require "luaunit"
local terminal = require "yolua.terminal"

TestTerminal = {}

function TestTerminal.testWidth()
  local width = terminal.width()
  t.assertTrue(math.type(width) == "integer" and width > 0)
  local p <close> = io.popen(("COLUMNS=33 '%s' -e 'print(require([[yolua.terminal]]).width())'"):format(os.getenv "YOLUA_PROGRAM"))
  t.assertEquals(p:read "a", "33\n")
end

function TestTerminal.testCut()
  t.assertEquals(terminal.cut("abcdef", 6), "abcdef")
  t.assertEquals(terminal.cut("abcdefg", 6), "abcd..")
  t.assertEquals(terminal.cut("äöüäöüß", 6), "äöüä..")
  t.assertEquals(terminal.cut("abc", 2), "..")
  t.assertEquals(terminal.cut("abc", 0), "")
  t.assertEquals(terminal.cut("\xff\xfe\xfd\xfc", 3), "\xff..")
end

function TestTerminal.testWrap()
  t.assertEquals(terminal.wrap("one two  three four", 9), { "one two", "three", "four" })
  t.assertEquals(terminal.wrap("one two three", 9, 2), { "one two", "  three" })
  t.assertEquals(terminal.wrap("abcdefghij kl", 4), { "abcd", "efgh", "ij", "kl" })
  t.assertEquals(terminal.wrap("a äöüäöü", 4, 1), { "a", " äöü", " äöü" })
  t.assertEquals(terminal.wrap("", 9), { "" })
end

local columns = { { "name", weight = 9 }, { "note", weight = 1 }, { "size", right = true, weight = 5 }, { "empty", weight = 3 } }
local rows = { { "first", "of all", "7" }, { "second", "", "1234" } }

function TestTerminal.testColumns()
  t.assertEquals(terminal.columns(columns, rows, 80), { "name    note    size", "first   of all     7", "second          1234" })
  t.assertEquals(terminal.columns(columns, rows, 20), { "name    note    size", "first   of all     7", "second          1234" })
  t.assertEquals(terminal.columns(columns, rows, 19), { "name    size", "first      7", "second  1234" })
  t.assertEquals(terminal.columns(columns, rows, 11), { "name", "first", "second" })
  t.assertEquals(terminal.columns(columns, rows, 5), { "name", "first", "sec.." })
end

os.exit(t.LuaUnit.run())
