-- The pieces that report.html is put together from: escaped text, tables, figures, sections, folded parts.
local core = require "yolua.core"

local parts = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

-- Text that means itself inside an element or a quoted attribute.
function parts.escape(text) return (tostring(text):gsub("[&<>\"']", entities)) end

local escape = parts.escape

-- "5.55 G": how the page writes a large number.
function parts.short(n)
  for _, unit in ipairs { { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } } do
    if n >= unit[1] then return ("%.3g %s"):format(n / unit[1], unit[2]) end
  end
  return ("%d"):format(n)
end

-- A number, several with slashes between, or a mark that stands for one.
local function is_number(cell) return cell == "" or cell == "n/a" or cell:find "^[%+%-]?%.?%d[%d.,e+%-/%% x]*[GMk]?$" ~= nil end

-- Which columns hold numbers alone (and at least one).
local function number_columns(body, count)
  local out = {}
  for i = 2, count do
    local some, all = false, true
    for _, line in ipairs(body) do
      local cell = tostring(line[i] or "")
      some, all = some or cell ~= "", all and is_number(cell)
    end
    out[i] = some and all
  end
  return out
end

local function signed(cell) return cell:find "^%+" and " up" or cell:find "^%-%d" and " down" or "" end

local function row(cells, tag, numbers, changes)
  local out = {}
  for i, cell in ipairs(cells) do
    cell = tostring(cell)
    local class = numbers[i] and "n" .. (i == changes and tag == "td" and signed(cell) or "") or nil
    local open = i == 1 and tag == "td" and 'th scope="row"' or tag == "th" and 'th scope="col"' or "td"
    out[i] = ("<%s%s>%s</%s>"):format(open, class and ' class="' .. class .. '"' or "", (escape(cell):gsub("/", "/<wbr>")), open:sub(1, 2))
  end
  return table.concat(out)
end

-- head: texts; body: lists of texts. about: name (what a screen reader calls the box that the table scrolls in), changes (the
-- column of signed differences, coloured by their sign), total (the last line is a sum), tall (long: the box scrolls downwards too).
function parts.table(head, body, about)
  local numbers, rows = number_columns(body, #head), {}
  for i, line in ipairs(body) do
    local class = about.total and i == #body and ' class="total"' or ""
    rows[i] = ("<tr%s>%s</tr>"):format(class, row(line, "td", numbers, about.changes))
  end
  local format = '<div class="scroll%s" role="region" tabindex="0" aria-label="%s"><table><thead><tr>%s</tr></thead><tbody>\n%s\n'
    .. "</tbody></table></div>"
  return format:format(about.tall and " tall" or "", escape(about.name), row(head, "th", numbers), table.concat(rows, "\n"))
end

-- A confusion matrix: a cell's tint is its share of its line.
function parts.heat(head, body, name)
  local rows = {}
  for i, line in ipairs(body) do
    local sum, cells = 0, { ('<th scope="row">%s</th>'):format(escape(line[1])) }
    for k = 2, #line do sum = sum + (tonumber(line[k]) or 0) end
    for k = 2, #line do
      local value = tonumber(line[k]) or 0
      local tint = value > 0 and (' style="--s:%.2f"'):format(value / sum) or ""
      cells[k] = ("<td%s>%s</td>"):format(tint, escape(line[k]))
    end
    rows[i] = "<tr>" .. table.concat(cells) .. "</tr>"
  end
  local heads = {}
  for i, cell in ipairs(head) do heads[i] = ('<th scope="col"%s>%s</th>'):format(i > 1 and ' class="n"' or "", escape(cell)) end
  return ('<div class="scroll" role="region" tabindex="0" aria-label="%s"><table class="heat"><thead><tr>%s</tr></thead><tbody>\n%s\n'
    .. '</tbody></table></div>'):format(escape(name), table.concat(heads), table.concat(rows, "\n"))
end

-- list: {{term, text}, ...}
function parts.facts(list)
  local out = {}
  for i, pair in ipairs(list) do out[i] = ("<div><dt>%s</dt><dd>%s</dd></div>"):format(escape(pair[1]), escape(pair[2])) end
  return '<dl class="facts">\n' .. table.concat(out, "\n") .. "\n</dl>"
end

local function image(bytes, kind, alt, size)
  return ('<img%s src="data:%s;base64,%s" alt="%s">'):format(size or "", kind, core.files.base64(bytes), escape(alt))
end

-- A plot of plots/, as it is.
function parts.plot(path, alt) return "<figure>" .. image(core.system.read(path), "image/svg+xml", alt) .. "</figure>" end

local WIDEST, QUALITY = 960, 76

-- A picture, small enough for a page (at most 960 pixels a side, JPEG). Second value: whether it is over twice as wide as high.
function parts.drawn(whole, alt, caption)
  local small <close> = whole:fit(WIDEST, WIDEST)
  local w, h = small:w(), small:h()
  local text = ('<figure><div class="zoom" tabindex="0">%s</div><figcaption>%s</figcaption></figure>')
    :format(image(small:jpeg(QUALITY), "image/jpeg", alt, (' width="%d" height="%d"'):format(w, h)), escape(caption))
  return text, w > 2 * h
end

-- The same of a file.
function parts.picture(path, alt, caption)
  local whole <close> = core.image.load(path)
  return parts.drawn(whole, alt, caption)
end

-- A part that opens on a click; `text` is markup.
function parts.fold(title, note, text, level)
  local heading = level and ("<h%d>%s</h%d>"):format(level, escape(title), level) or escape(title)
  return ("<details><summary>%s%s</summary>\n%s\n</details>"):format(heading, note and "<small>" .. escape(note) .. "</small>" or "", text)
end

-- Adds a section to the list: { title =, id =, text = }; what follows is markup or nil. One without content is left out.
function parts.section(list, title, ...)
  local content = {}
  for i = 1, select("#", ...) do content[i] = select(i, ...) or "" end
  local text = table.concat(content, "\n")
  if not text:find "%S" then return end
  local id = title:lower():gsub("%W+", "-")
  local format = '<section id="%s" aria-labelledby="%s-title"><h2 id="%s-title">%s</h2>\n%s\n</section>'
  list[#list + 1] = { title = title, id = id, text = format:format(id, id, id, escape(title), text) }
end

function parts.pre(text) return '<pre tabindex="0">' .. escape(text) .. "</pre>" end

return parts
