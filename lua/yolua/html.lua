-- report.html: one page that opens from disk and needs nothing beside it. Made from the files of a run directory alone, so that an
-- earlier run's page can be made again: the tables of results.md, plots/, detections/, the checkpoint's layers, config.yaml.
local core = require "yolua.core"
local page = require "yolua.html_page"

local html = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

-- Text that means itself inside an element or a quoted attribute.
function html.escape(text) return (tostring(text):gsub("[&<>\"']", entities)) end

local escape = html.escape

local function is_number(cell) return cell:find "^%-?%d" ~= nil or cell == "n/a" end

local function cells_of(list, tag)
  local out = {}
  for i, cell in ipairs(list) do
    local open = i == 1 and tag == "td" and '<th scope="row">' or tag == "th" and '<th scope="col">'
      or is_number(cell) and '<td class="n">' or "<td>"
    out[i] = open .. escape(cell) .. (open:find "^<th" and "</th>" or "</td>")
  end
  return "<tr>" .. table.concat(out) .. "</tr>"
end

-- head: texts; body: lists of texts; name: what a screen reader calls the box that the table scrolls in.
function html.table(head, body, name)
  local rows = {}
  for i, line in ipairs(body) do rows[i] = cells_of(line, "td") end
  return ('<div class="scroll" role="region" tabindex="0" aria-label="%s"><table><thead>%s</thead><tbody>\n%s\n</tbody></table></div>')
    :format(escape(name), cells_of(head, "th"), table.concat(rows, "\n"))
end

local function split_cells(line)
  local cells = {}
  for cell in line:gmatch "|([^|]*)" do cells[#cells + 1] = cell:match "^%s*(.-)%s*$" end
  cells[#cells] = nil -- what stands after the last bar
  return cells
end

-- The headings and tables of results.md: {{title, head, body}, ...}; the first title is the run's name.
function html.sections(markdown)
  local list, section = {}, nil
  for line in markdown:gmatch "[^\n]+" do
    local title = line:match "^#+%s+(.*)"
    if title then
      section = { title = title, body = {} }
      list[#list + 1] = section
    elseif section and line:find "^|" and not line:find "^| ?%-%-%-" then
      if section.head then table.insert(section.body, split_cells(line)) else section.head = split_cells(line) end
    end
  end
  return list
end

local function figure(path, kind, alt)
  return ('<figure><img src="data:%s;base64,%s" alt="%s"><figcaption>%s</figcaption></figure>')
    :format(kind, core.files.base64(core.system.read(path)), escape(alt), escape(alt))
end

local function figures(folder, ending, kind, name)
  local out = {}
  for _, file in ipairs(core.files.kind(folder) == "folder" and core.files.list(folder) or {}) do
    local stem = file:match("^(.*)%." .. ending .. "$")
    if stem then out[#out + 1] = figure(folder .. "/" .. file, kind, name(stem)) end
  end
  return table.concat(out, "\n")
end

local measures = { pr = "Precision over recall: %s", f1 = "F1 over the least score: %s" }

local function plot_name(stem)
  local kind, class = stem:match "^(%w+)%-(.*)"
  if measures[kind] then return measures[kind]:format(class) end
  return stem == "loss" and "Loss per image, training and dev" or stem
end

-- The checkpoint's layers; nil where the run keeps none that can be read.
local function layers(dir)
  for _, name in ipairs { "best.safetensors", "last.safetensors" } do
    local found, model = pcall(function() return require "yolua.load" { model = dir .. "/" .. name } end)
    if found then
      local body = {}
      for i, l in ipairs(model.net:layers()) do
        body[i] = { l.name, l.kind, ("%d x %d x %d"):format(l.shape[2], l.shape[3], l.shape[4]), ("%d"):format(l.params),
          ("%d"):format(l.flops) }
      end
      model:close()
      return html.table({ "layer", "kind", "output h x w x c", "parameters", "FLOPs" }, body, "Layers of the network"), name
    end
  end
end

local function optional(path) return core.system.try_read(path) end

local function timings(dir)
  local known, r = pcall(function() return core.json.decode(core.system.read(dir .. "/results.json")) end)
  if not known or type(r) ~= "table" then return nil end
  local speed, body = type(r.speed) == "table" and r.speed or {}, {}
  for _, row in ipairs { { "whole run, seconds", r.seconds }, { "training, images per second (median)", speed.train_images_per_s },
    { "network, ms per image", speed.infer_ms }, { "threads", speed.threads } } do
    body[#body + 1] = { row[1], type(row[2]) == "number" and ("%.6g"):format(row[2]) or "n/a" }
  end
  return html.table({ "timing", "value" }, body, "Timings")
end

local function add(parts, title, content)
  if content and content ~= "" then parts[#parts + 1] = ("<section><h2>%s</h2>\n%s</section>"):format(escape(title), content) end
end

-- The page of the run in `dir` as text. Errors: results.md cannot be read.
function html.page(dir)
  local parts, name = {}, "run"
  for i, s in ipairs(html.sections(core.system.read(dir .. "/results.md"))) do
    if i == 1 then name = s.title end
    if s.head then add(parts, i == 1 and "Overview" or s.title, html.table(s.head, s.body, s.title)) end
  end
  local plots = figures(dir .. "/plots", "svg", "image/svg+xml", plot_name)
  add(parts, "Curves", plots ~= "" and '<div class="plots">' .. plots .. "</div>")
  local seen = figures(dir .. "/detections", "png", "image/png", function(stem) return "Detections on frame " .. stem end)
  add(parts, "Detections", seen ~= "" and page.legend .. '<div class="pictures">' .. seen .. "</div>")
  add(parts, "Timings", timings(dir))
  local network, file = layers(dir)
  add(parts, "Network" .. (file and " of " .. file or ""), network)
  local config = optional(dir .. "/config.yaml")
  add(parts, "Configuration", config and '<pre tabindex="0">' .. escape(config) .. "</pre>")
  return page.head:gsub("TITLE", function() return escape(name) end) .. table.concat(parts, "\n") .. page.foot
end

-- Writes report.html into `dir`, as a whole; returns its path.
function html.write(dir)
  local path = dir .. "/report.html"
  core.system.write(path, html.page(dir))
  return path
end

return html
