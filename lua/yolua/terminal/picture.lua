-- A picture as coloured text, where the terminal shows 24-bit colours: each character is two pixels, one above the other (the upper half
-- block in one colour on another), averaged from what the picture has there.
local core = require "yolua.core"
local terminal = require "yolua.terminal"

local picture = {}

local SAMPLES = 4 -- per side of the area that a pixel stands for

-- Whether the terminal says that it shows such colours and characters.
function picture.possible()
  local colours = os.getenv "COLORTERM"
  local words = os.getenv "LC_ALL" or os.getenv "LC_CTYPE" or os.getenv "LANG" or ""
  return (colours == "truecolor" or colours == "24bit") and words:lower():find "utf%-?8" ~= nil and core.files.is_terminal()
end

-- h, w of a tensor that is a picture: u8 {h, w, 3} or {1, h, w, 3} of at least 8 x 8 pixels; nil for others.
function picture.size(value)
  if not core.tensor.is(value) or value:dtype() ~= "u8" then return nil end
  local dims = value:shape()
  if #dims == 4 and dims[1] == 1 then table.remove(dims, 1) end
  if #dims == 3 and dims[3] == 3 and dims[1] >= 8 and dims[2] >= 8 then return dims[1], dims[2] end
end

-- Mean colour of the area x1..x2, y1..y2 (0-based, the ends are outside) of bytes {h, w, 3}.
local function colour(bytes, w, x1, y1, x2, y2)
  local r, g, b = 0, 0, 0
  for i = 0, SAMPLES - 1 do
    local y = (y1 + (y2 - y1) * (2 * i + 1) / (2 * SAMPLES)) // 1 | 0
    for k = 0, SAMPLES - 1 do
      local x = (x1 + (x2 - x1) * (2 * k + 1) / (2 * SAMPLES)) // 1 | 0
      local r1, g1, b1 = bytes:byte(3 * (y * w + x) + 1, 3 * (y * w + x) + 3)
      r, g, b = r + r1, g + g1, b + b1
    end
  end
  local n = SAMPLES * SAMPLES
  return ("%d;%d;%d"):format(r // n, g // n, b // n)
end

-- The picture in at most `columns` characters a line (default: the terminal's) and 24 lines.
function picture.text(value, columns)
  local h, w = picture.size(value)
  columns = math.min(columns or terminal.width(), w, (48 * w / h) // 1 | 0)
  local bytes, lines = value:tobytes(), {}
  local rows = math.max(1, math.floor(columns * h / w / 2 + 0.5))
  for row = 0, rows - 1 do
    local cells = {}
    for column = 0, columns - 1 do
      local x1, x2 = column * w / columns, (column + 1) * w / columns
      local function half(k) return colour(bytes, w, x1, (2 * row + k) * h / (2 * rows), x2, (2 * row + k + 1) * h / (2 * rows)) end
      cells[column + 1] = ("\27[38;2;%s;48;2;%sm▀"):format(half(0), half(1))
    end
    lines[row + 1] = table.concat(cells) .. "\27[0m"
  end
  return table.concat(lines, "\n")
end

return picture
