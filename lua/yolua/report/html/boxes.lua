-- The section of report.html on the sizes of the labelled boxes (boxes.json): a bar for each size of each list.
local document = require "yolua.report.document"
local parts = require "yolua.report.html.parts"

local USES = { train = "training", dev = "dev", pick = "selection" }

local function label(edges, i)
  if i == 1 then return ("below %d"):format(edges[1]) end
  return edges[i] and ("%d to %d"):format(edges[i - 1], edges[i]) or ("from %d"):format(edges[i - 1])
end

local function bars(list, edges)
  local out, sum, most = {}, 0, 1
  for _, n in ipairs(list.counts) do sum, most = sum + n, math.max(most, n) end
  for i, n in ipairs(list.counts) do
    out[i] = ('<div><dt>%s</dt><dd><span style="width:%.1f%%"></span></dd><dd>%d, %.1f %%</dd></div>'):format(label(edges, i),
      100 * n / most, n, sum > 0 and 100 * n / sum or 0)
  end
  return ("<div><h3>%s, %s: %d boxes</h3>\n<dl class=\"bars\">\n%s\n</dl></div>"):format(parts.escape(list.list), USES[list.use] or "", sum,
    table.concat(out, "\n"))
end

-- The section as markup; nil for a run without boxes.
return function(run)
  local known = document(run.dir .. "/boxes.json")
  if not known or type(known.lists) ~= "table" then return nil end
  local out = {}
  for i, list in ipairs(known.lists) do out[i] = bars(list, known.edges) end
  local words = "Side of a square of the box's area, in pixels of the input of %d x %d."
  return ("<p>%s</p>\n<div class=\"pair\">\n%s\n</div>"):format(words:format(known.input[1], known.input[2]), table.concat(out, "\n"))
end
