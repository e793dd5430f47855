-- How results leave: as text, as JSON lines, or kept for one JSON document. A result is {image or frame, width, height, detections}, or
-- {image or frame, error}.
local core = require "yolua.core"
local tables = require "yolua.report.tables"

local give = {}

local function lines(result)
  local what = result.image or ("frame %d"):format(result.frame)
  local out, body = { ("%s %dx%d: %d objects"):format(what, result.width, result.height, #result.detections) }, {}
  for i, d in ipairs(result.detections) do
    body[i] = { "  " .. d.class, ("%.3f"):format(d.score), ("%.1f"):format(d.box[1]), ("%.1f"):format(d.box[2]),
      ("%.1f"):format(d.box[3]), ("%.1f"):format(d.box[4]) }
  end
  if #body > 0 then table.move(tables.align({ "  class", "score", "x1", "y1", "x2", "y2" }, body), 1, #body + 1, 2, out) end
  return out
end

local function write(file, text)
  local written, reason = file:write(text, "\n")
  if written then written, reason = file:flush() end
  if not written then error("cannot write standard output: " .. reason, 0) end
end

-- A function that takes each result as it comes. json: nil, "true" or "lines"; out: the file of take_output; kept: the list of json=true;
-- bar: a progress line to be taken away first. What cannot be read is told at the end, and has no lines of text here.
function give.by(json, out, kept, bar)
  if json == "lines" then return function(result) write(out, core.json.encode(result)) end end
  if json then return function(result) kept[#kept + 1] = result end end
  return function(result)
    if result.error then return end
    if bar then bar:clear() end
    write(io.stdout, table.concat(lines(result), "\n"))
  end
end

return give
