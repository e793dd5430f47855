-- Text that has to fit a terminal: cut, wrapped, laid out in columns.
local t = require "luaunit"
local terminal = require "yolua.terminal"

TestTerminal = {}

function TestTerminal.testWidth()
  local width = terminal.width()
  t.assertTrue(math.type(width) == "integer" and width > 0)
  for said, expected in pairs { ["33"] = 33, ["0"] = 80, ["-5"] = 80, wide = 80, [""] = 80 } do
    local p <close> = io.popen(("COLUMNS=%s '%s' -e 'print(require([[yolua.terminal]]).width())'"):format(said, os.getenv "YOLUA_PROGRAM"))
    t.assertEquals(p:read "a", expected .. "\n")
  end
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
  t.assertEquals(terminal.wrap("abcdef", -3, 9), { "abcd", "  ef" }) -- no narrower than four
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

-- Characters count, not bytes; numbers are cells too; a cell longer than `most` pushes its own line.
function TestTerminal.testAlign()
  local cells = { { "class", "AP" }, { "Stra\u{df}e", 0.5 }, { "x", "100.25", "" } }
  t.assertEquals(terminal.align(cells), { "class   AP", "Stra\u{df}e  0.5", "x       100.25" })
  t.assertEquals(terminal.align(cells, function(i) return i == 2 end), { "class       AP", "Stra\u{df}e     0.5", "x       100.25" })
  t.assertEquals(terminal.align({ { "abcdef", "1" }, { "a", "2" } }, nil, 3), { "abcdef  1", "a    2" })
  t.assertEquals(terminal.align {}, {})
  local name = ("\u{e4}"):rep(100) .. ("\u{f6}"):rep(21) -- names stand in the first column
  t.assertEquals(terminal.align { { name, name } }, { ("\u{e4}"):rep(59) .. ".." .. name:sub(-2 * 59) .. "  " .. name })
  name = ("x"):rep(120)
  t.assertEquals(terminal.align { { name, "1" } }, { name .. "  1" })
end

-- Names that begin alike differ at their ends, so the middle goes; before a column is dropped, the names are made shorter.
function TestTerminal.testNames()
  t.assertEquals(terminal.name("prune_gradual-lr-0.001", 22), "prune_gradual-lr-0.001")
  t.assertEquals(terminal.name("prune_gradual-lr-0.001", 21), "prune_grad..-lr-0.001")
  t.assertEquals(terminal.name("\xff\xfe and some more", 10), "\xff\xfe a..more")
  t.assertEquals({ terminal.name("long", 3), terminal.name("long", 2) }, { "l..", ".." })
  local list = { { "runs/sweep/prune_gradual-lr-0.001", "", "1" }, { "runs/sweep/prune_gradual-lr-0.003", "no", "2" } }
  t.assertEquals(terminal.columns(columns, list, 80)[3], "runs/sweep/prune_gradual-lr-0.003  no       2")
  t.assertEquals(terminal.columns(columns, list, 40)[3], "runs/sweep/pr..dual-lr-0.003  no       2")
  t.assertEquals(terminal.columns(columns, list, 35)[3], "runs/sweep/pru..dual-lr-0.003     2")
end

-- Few rows: the table is turned. Many: columns go, counts first. Sentences break at blanks.
function TestTerminal.testFit()
  local wide = "AP: of all classes\n  stage     mean moderate   Car  Cyclist\n  Original          0.104  0.38        -"
    .. "\n  Coco-FT           0.214  0.60     0.16"
  t.assertEquals(terminal.fit(wide, 80), wide)
  t.assertEquals(terminal.fit(wide, 38), "AP: of all classes\n  stage          Original  Coco-FT\n  mean moderate     0.104    0.214\n"
    .. "  Car                0.38     0.60\n  Cyclist               -     0.16")
  local long = { "voc: mAP 13.5", "  class   n_gt     ap" }
  for i = 1, 6 do long[i + 2] = ("  name %d    %2d  0.%d00"):format(i, i, i) end
  local lines = {}
  for line in terminal.fit(table.concat(long, "\n"), 16):gmatch "[^\n]+" do lines[#lines + 1] = line end
  t.assertEquals({ lines[2], lines[3], lines[8], #lines }, { "  class      ap", "  name 1  0.100", "  name 6  0.600", 8 })
  t.assertEquals(terminal.fit("one two three\n\nfour", 8), "one two\n  three\n\nfour")
end

os.exit(t.LuaUnit.run())
