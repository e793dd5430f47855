-- Pictures as coloured text: which tensors are pictures, the size of the text, and the colours of its characters.
local t = require "luaunit"
local core = require "yolua.core"
local picture = require "yolua.terminal.picture"
local yl = require "yolua"

TestPicture = {}

function TestPicture.testWhatIsAPicture()
  t.assertEquals({ picture.size(yl.zeros { 1, 8, 20, 3, dtype = "u8" }) }, { 8, 20 })
  t.assertEquals({ picture.size(yl.zeros { 9, 20, 3, dtype = "u8" }) }, { 9, 20 })
  for _, value in ipairs { yl.zeros { 1, 8, 20, 3 }, yl.zeros { 2, 8, 20, 3, dtype = "u8" }, yl.zeros { 8, 20, 4, dtype = "u8" },
    yl.zeros { 3, 8, 3, dtype = "u8" }, "text", 7 } do
    t.assertNil(picture.size(value))
  end
end

-- Left red over blue, right green over white.
function TestPicture.testColours()
  local x = yl.zeros { 16, 16, 3, dtype = "u8" }
  for row = 1, 16 do
    for column = 1, 16 do
      local top, left = row <= 8, column <= 8
      x[{ row, column }] = top and (left and { 255, 0, 0 } or { 0, 255, 0 }) or (left and { 0, 0, 255 } or { 255, 255, 255 })
    end
  end
  t.assertEquals(picture.text(x, 2), "\27[38;2;255;0;0;48;2;0;0;255m▀\27[38;2;0;255;0;48;2;255;255;255m▀\27[0m")
  t.assertEquals(picture.text(x, 1), "\27[38;2;127;127;0;48;2;127;127;255m▀\27[0m")
end

function TestPicture.testSize()
  local function size(h, w, columns)
    local text = picture.text(yl.zeros { h, w, 3, dtype = "u8" }, columns)
    local rows, cells = select(2, text:gsub("\n", "")) + 1, select(2, text:gsub("▀", ""))
    return { rows, cells // rows }
  end
  t.assertEquals(size(250, 828, 80), { 12, 80 })
  t.assertEquals(size(250, 828, 40), { 6, 40 })
  t.assertEquals(size(8, 10, 80), { 4, 10 }) -- no larger than it is
  t.assertEquals(size(2000, 100, 80), { 20, 2 }) -- no taller than 24 lines
end

-- Only a terminal that says so gets colours.
function TestPicture.testPossible()
  if not core.files.is_terminal() then t.assertFalse(picture.possible()) end
end

os.exit(t.LuaUnit.run())
