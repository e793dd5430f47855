-- report.html: one page that opens from disk and needs nothing beside it. Made from the files of a run directory alone, so that the
-- page of an earlier run, or of one that is not done, can be made at any time: config.yaml, metrics.jsonl, results.json, results.md,
-- plots/, detections/, the checkpoint's layers, log.txt.
local core = require "yolua.core"
local curves = require "yolua.report.html.curves"
local document = require "yolua.report.document"
local page = require "yolua.report.html.page"
local parts = require "yolua.report.html.parts"
local plots = require "yolua.report.plots"
local pruning = require "yolua.report.html.pruning"
local rundir = require "yolua.report.rundir"
local tables = require "yolua.report.tables"
local files = core.files

local html = { escape = parts.escape, table = parts.table, sections = require "yolua.report.html.sections" }

-- ---- what the directory holds ----------------------------------------------------------------------------------------------

-- Of a run directory: dir, name, config, made (its provenance), epochs, results and finished, sections (of results.md).
function html.look(dir)
  if files.kind(dir .. "/config.yaml") ~= "file" then
    error(("report: %s is not a run directory (config.yaml is missing)"):format(dir), 0)
  end
  local config = core.yaml.decode(core.system.read(dir .. "/config.yaml"), dir .. "/config.yaml")
  local run = { dir = dir, config = type(config) == "table" and config or {}, results = document(dir .. "/results.json"),
    epochs = rundir.metrics(dir), sections = html.sections(document.text(dir .. "/results.md")) }
  run.made = type(run.config.provenance) == "table" and run.config.provenance or {}
  -- Results that know fewer epochs than there are were left before the run was continued.
  run.finished = run.results ~= nil and (tonumber(run.results.epochs) or 0) >= #run.epochs
  run.name = run.results and run.results.recipe or run.made.name or dir:match "([^/]+)$"
  return run
end

-- ---- results ---------------------------------------------------------------------------------------------------------------

local function is(value) return value ~= nil and value ~= core.null end

local means = { kitti = "mean AP, moderate, 40 recall points", voc = "mean AP, IoU 0.5", coco = "AP, IoU .50:.95",
  poster = "mean precision at score 0.5", top1 = "share of wrong pictures" }

local function change(first, last)
  if type(first) ~= "number" or type(last) ~= "number" or first < 0 or last < 0 then return nil end -- COCO's -1: there is no truth
  return ("%+.3f"):format(last - first)
end

local function fraction(value) return type(value) == "number" and value >= 0 and ("%.3f"):format(value) or "n/a" end

-- The mean of the last stage by each protocol, and how far it is from the first stage's.
local function cards(groups)
  local out = {}
  for i, pair in ipairs(groups) do
    local first, last = pair[2][1], pair[2][#pair[2]]
    local function value(row) return row.map or row.error end
    local diff = #pair[2] > 1 and change(value(first), value(last))
    local note = is(last.stage) and last.stage or ""
    if diff then
      note = ('%s, <span class="%s" style="display:inline">%s</span> from %s'):format(parts.escape(note),
        diff:find "^%+" and "up" or "down", diff, parts.escape(first.stage))
    else note = parts.escape(note) end
    out[i] = ("<li><span>%s: %s</span><b>%s</b><span>%s</span></li>"):format(parts.escape(pair[1]), means[pair[1]] or "mean",
      fraction(value(last)), note)
  end
  return '<ul class="cards">\n' .. table.concat(out, "\n") .. "\n</ul>"
end

-- A protocol's table with a column for each stage, so that it fits a narrow page, and the change from the first to the last.
local function stages(protocol, rows)
  local columns, lines, exact = tables.turned(protocol, rows)
  if #rows > 1 then
    columns[#columns + 1] = "change"
    for i, line in ipairs(lines) do line[#line + 1] = change(exact[i][2], exact[i][#rows + 1]) or "" end
  end
  local caption = tables.caption(protocol, rows)
  return ("<div><h3>%s</h3>\n%s</div>"):format(parts.escape(caption),
    parts.table(columns, lines, { name = caption, changes = #rows > 1 and #columns or nil, tall = #lines > 30 }))
end

local function results(run)
  local rows = run.results and run.results.eval or {}
  if #rows == 0 then return end
  local groups, out = tables.by_protocol(rows), {}
  for i, pair in ipairs(groups) do out[i] = stages(pair[1], pair[2]) end
  return cards(groups) .. '\n<div class="pair">\n' .. table.concat(out, "\n") .. "\n</div>"
end

-- Each stage against the first, as results.md has it.
local function differences(run)
  local out = {}
  for _, s in ipairs(run.sections) do
    if s.head and s.title:find "^Difference by " then
      out[#out + 1] = ("<h3>%s</h3>\n%s"):format(parts.escape(s.title), parts.table(s.head, s.body, { name = s.title }))
    end
  end
  return table.concat(out, "\n")
end

-- The sections of results.md whose titles hold `words`: the last stage's is shown, those before it are folded.
local function by_stage(run, words, make)
  local found, out = {}, {}
  for _, s in ipairs(run.sections) do
    if s.head and s.title:find(words, 1, true) then found[#found + 1] = s end
  end
  if #found == 0 then return end
  local last = found[#found]
  out[1] = ("<h3>%s</h3>\n%s"):format(parts.escape(last.title), make(last))
  for i = 1, #found - 1 do out[#out + 1] = parts.fold(found[i].title, nil, make(found[i])) end
  return table.concat(out, "\n")
end

local function errors(run)
  local confusion = by_stage(run, ": confusion at", function(s) return parts.heat(s.head, s.body, s.title) end)
  local best = by_stage(run, ": best working points", function(s) return parts.table(s.head, s.body, { name = s.title }) end)
  if not confusion and not best then return end
  return ('<div class="pair">\n<div>%s</div>\n<div>%s</div>\n</div>'):format(confusion or "", best or "")
end

-- ---- pictures --------------------------------------------------------------------------------------------------------------

local function caption_of(frame, stem)
  if not frame then return "Frame " .. stem end
  return ("Frame %s: %shits %d, misses %d, false alarms %d"):format(frame.id, frame.loss and ("loss %.1f, "):format(frame.loss) or "",
    frame.hits, frame.misses, frame.false_alarms)
end

-- The pictures of a folder of the run, as its frames.json tells of them.
local function gallery(run, name)
  local folder, out, wide, known = run.dir .. "/" .. name, {}, 0, {}
  for _, frame in ipairs(document(folder .. "/frames.json") or {}) do known[frame.file] = frame end
  for _, file in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    local stem, frame = file:match "^(.*)%.png$", known[file]
    if stem then
      local caption = caption_of(frame, stem)
      local text, is_wide = parts.picture(folder .. "/" .. file, "Detections on the picture of " .. caption:lower(), caption)
      out[#out + 1], wide = text, wide + (is_wide and 1 or 0)
    end
  end
  if #out == 0 then return end
  return ('%s<div class="pictures%s">\n%s\n</div>'):format(page.legend, wide * 2 > #out and " wide" or "", table.concat(out, "\n"))
end

-- The frames with the largest loss, the worst first.
local function worst(run)
  local pictures = gallery(run, "worst")
  if not pictures then return end
  return "<p>The frames of the last evaluation with the largest loss: misses, false alarms, or labels that are wrong.</p>\n" .. pictures
end

-- ---- the page ----------------------------------------------------------------------------------------------------------------

local function assemble(run, list)
  local out, links = { (page.head:gsub("TITLE", function() return parts.escape(run.name) end)) }, {}
  for i, s in ipairs(list) do links[i] = ('<li><a href="#%s">%s</a></li>'):format(s.id, parts.escape(s.title)) end
  out[#out + 1] = require("yolua.report.html.about").header(run)
  out[#out + 1] = '<nav aria-label="Sections"><ul>' .. table.concat(links) .. "</ul></nav>\n<main>"
  for _, s in ipairs(list) do out[#out + 1] = s.text end
  out[#out + 1] = page.foot:gsub("VERSION", (parts.escape(run.made.yolua or core.version):gsub("%%", "%%%%")))
  return table.concat(out, "\n")
end

-- The page of the run in `dir` as text; against: directories of runs to compare it with, or nil. Errors: a folder holds no run, or one that
-- cannot be compared.
function html.page(dir, against)
  local run, list, about = html.look(dir), {}, require "yolua.report.html.about"
  local function add(...) parts.section(list, ...) end
  add("Overview", about.facts(run))
  add("Results", results(run))
  add("Differences", differences(run))
  if against then add("Other runs", require "yolua.report.html.against"(dir, against)) end
  for _, m in ipairs(run.results and run.results.tables or {}) do add(m.title, parts.table(m.head, m.body, { name = m.title })) end
  add("Training", curves.training(run))
  add("Pruning", pruning.section(run))
  add("Sensitivity", pruning.sensitivity(run))
  add("Precision and recall", curves.classes(run))
  add("Errors", errors(run))
  add("Detections", gallery(run, "detections"))
  add("Worst frames", worst(run))
  add("Sizes of boxes", require "yolua.report.html.boxes"(run))
  add("Network", about.network(run))
  add("Timings", about.timings(run))
  add("Configuration", about.configuration(run))
  add("Log", about.log(run))
  return assemble(run, list)
end

-- Draws what a run that did not come to its end has not drawn yet, and writes report.html into `dir`, as a whole (against: see page);
-- returns its path.
function html.write(dir, against)
  local run = html.look(dir)
  if not run.finished then plots.epochs(dir, run.epochs) end
  local path = dir .. "/report.html"
  core.system.write(path, html.page(dir, against))
  return path
end

return html
