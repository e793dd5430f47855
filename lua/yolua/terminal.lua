-- The terminal as far as text has to know it: how wide it is, and text cut, wrapped and laid out in columns to fit.
local core = require "yolua.core"

local terminal = { fallback = 80 }

-- Columns of the terminal that standard output is; $COLUMNS, else 80 if it is not a terminal. Asked anew each time: windows change.
function terminal.width()
  local said = math.tointeger(tonumber(os.getenv "COLUMNS"))
  return core.files.columns() or said and said > 0 and said or terminal.fallback
end

-- The width of pages to read: lines longer than 100 characters are hard to follow.
function terminal.page_width() return math.min(100, terminal.width()) end

-- How many characters a text has; bytes that are no UTF-8 count one by one.
function terminal.length(text) return utf8.len(text) or #text end

local function first_characters(text, count)
  local stop = utf8.len(text) and utf8.offset(text, count + 1)
  return text:sub(1, (stop or count + 1) - 1)
end

-- The text in at most `width` characters; what is cut off shows as "..".
function terminal.cut(text, width)
  if terminal.length(text) <= width then return text end
  if width <= 2 then return ("."):rep(math.max(0, width)) end
  return first_characters(text, width - 2) .. ".."
end

local function last_characters(text, count)
  local start = utf8.len(text) and (count > 0 and utf8.offset(text, -count) or #text + 1)
  return text:sub(start or -count)
end

-- A name in at most `most` characters (default 120: those that come from files may be as long as they like there). The middle goes, since
-- names that begin alike differ at their ends; ".." stands for it.
function terminal.name(text, most)
  most = most or 120
  if terminal.length(text) <= most then return text end
  local tail = (most - 2) // 2
  return first_characters(text, most - 2 - tail) .. ".." .. last_characters(text, tail)
end

-- The text as lines of at most `width` characters, broken at blanks; the lines after the first begin with `indent` blanks. A word
-- that is longer than a line is broken where the line ends.
function terminal.wrap(text, width, indent)
  width = math.max(4, width)
  local lines, line, margin = {}, "", (" "):rep(math.min(indent or 0, width // 2))
  for word in text:gmatch "%S+" do
    local joined = line:find "%S" and line .. " " .. word or line .. word
    if terminal.length(joined) > width and line:find "%S" then
      lines[#lines + 1], joined = line, margin .. word
    end
    while terminal.length(joined) > width do
      local head = first_characters(joined, width)
      lines[#lines + 1], joined = head, margin .. joined:sub(#head + 1)
    end
    line = joined
  end
  lines[#lines + 1] = line
  return lines
end

local function pad(text, width, right)
  local blanks = (" "):rep(width - terminal.length(text))
  return right and blanks .. text or text .. blanks
end

local function cell_text(cell, column) return column == 1 and terminal.name(tostring(cell)) or tostring(cell) end

-- Rows of cells as lines, in columns two blanks apart; the first has names, as of terminal.name. is_right(i): whether column i ends at one
-- place (default: each begins at one); most: a longer cell does not widen its column.
function terminal.align(rows, is_right, most)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, math.min(most or math.maxinteger, terminal.length(cell_text(cell, i))))
    end
  end
  for l, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do cells[i] = pad(cell_text(cell, i), widths[i], is_right and is_right(i)) end
    lines[l] = table.concat(cells, "  "):gsub("%s+$", "")
  end
  return lines
end

local NARROW <const> = 24 -- names are shortened to so many characters before a column is dropped

-- Widths of the columns, and how wide they are together with names as narrow as they may be; empty columns take no place.
local function measure(columns, rows)
  local widths, sum = {}, -2
  for i, column in ipairs(columns) do
    local filled
    widths[i] = terminal.length(column[1])
    for _, row in ipairs(rows) do
      widths[i] = math.max(widths[i], terminal.length(row[i] or ""))
      filled = filled or (row[i] or "") ~= ""
    end
    if not filled or column.dropped then widths[i] = 0 else sum = sum + (i == 1 and math.min(widths[i], NARROW) or widths[i]) + 2 end
  end
  return widths, sum
end

-- Drops columns of the least weight until the rest fits; the first column stays.
local function fitted(columns, rows, width)
  columns = table.move(columns, 1, #columns, 1, {})
  while true do
    local widths, sum = measure(columns, rows)
    local least
    for i = 2, #columns do
      if widths[i] > 0 and (not least or (columns[i].weight or 0) < (columns[least].weight or 0)) then least = i end
    end
    if sum <= width or not least then return widths, math.min(widths[1], NARROW) + math.max(0, width - sum) end
    columns[least] = { columns[least][1], dropped = true }
  end
end

-- A table as lines that fit: columns = { {head, right = bool, weight = number}, ... }, rows of texts. Where the width does not do,
-- names in the first column are shortened, then the columns of the least weight go, and in the end lines are cut.
function terminal.columns(columns, rows, width)
  width = width or terminal.width()
  local widths, most = fitted(columns, rows, width)
  local kept, lines = {}, { {} }
  for i in ipairs(columns) do
    if widths[i] > 0 then kept[#kept + 1] = i end
  end
  for k, i in ipairs(kept) do lines[1][k] = columns[i][1] end
  for r, row in ipairs(rows) do
    lines[r + 1] = {}
    for k, i in ipairs(kept) do lines[r + 1][k] = i == 1 and terminal.name(row[i] or "", most) or row[i] or "" end
  end
  lines = terminal.align(lines, function(k) return columns[kept[k]].right end)
  for l, line in ipairs(lines) do lines[l] = terminal.cut(line, width) end
  return lines
end

-- ---- text that holds tables ------------------------------------------------------------------------------------------------

-- The cells of an indented line of a table, two blanks or more apart; nil for other lines.
local function cells_of(line)
  if not line:find "^  %S" then return nil end
  local list = {}
  for cell in (line .. "  "):gmatch "%s*(.-)%s%s+" do list[#list + 1] = cell end
  return #list > 1 and list or nil
end

-- Rows become columns.
local function transposed(rows)
  local list = {}
  for i, row in ipairs(rows) do
    for k, cell in ipairs(row) do
      list[k] = list[k] or {}
      list[k][i] = cell
    end
  end
  return list
end

-- Counts say less than what they were counted for.
local function is_count(rows, column)
  for i = 2, #rows do
    if not rows[i][column]:find "^%d+$" then return false end
  end
  return true
end

-- A table of few rows is turned where it is too wide; of others columns go, the last ones first, counts before all others.
local function narrowed(rows, width)
  if #rows <= 4 and #rows < #rows[1] then rows = transposed(rows) end
  local columns = {}
  for i, head in ipairs(rows[1]) do columns[i] = { head, right = i > 1, weight = is_count(rows, i) and -1000 - i or -i } end
  local lines = terminal.columns(columns, table.move(rows, 2, #rows, 1, {}), width - 2)
  for i, line in ipairs(lines) do lines[i] = "  " .. line end
  return lines
end

-- The text in lines of at most `width`: tables in it (indented lines of equally many cells) lose columns or are turned, sentences are
-- broken at blanks.
function terminal.fit(text, width)
  local out, block, source = {}, {}, {}
  local function flush()
    local longest = 0
    for _, line in ipairs(source) do longest = math.max(longest, terminal.length(line)) end
    local lines = longest > width and #block > 1 and narrowed(block, width) or source
    for _, line in ipairs(lines) do out[#out + 1] = terminal.cut(line, width) end
    block, source = {}, {}
  end
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local cells = cells_of(line)
    if not cells or block[1] and #cells ~= #block[1] then flush() end
    if cells then block[#block + 1], source[#source + 1] = cells, line
    else table.move(terminal.wrap(line, width, 2), 1, 1000, #out + 1, out) end
  end
  flush()
  return table.concat(out, "\n")
end

-- Prints a text, fitted where standard output is a terminal.
function terminal.print(text)
  local width = core.files.columns()
  print(width and terminal.fit(text, width) or text)
end

return terminal
