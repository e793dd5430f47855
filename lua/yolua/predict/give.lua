-- How results leave: as text, as JSON lines, or kept for one JSON document. A result is {image or frame, width, height, detections}, or
-- {image or frame, error}.
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"
local tables = require "yolua.report.tables"

local give = {}

-- The labels beside class and box that some detection has (alpha, ...).
local function predicted(detections)
  local list = {}
  for _, a in ipairs(attributes.list) do
    for _, d in ipairs(detections) do
      if d[a.label] and list[#list] ~= a.label then list[#list + 1] = a.label end
    end
  end
  return list
end

local function number(value)
  return value == nil and "-" or math.type(value) == "integer" and tostring(value) or ("%.2f"):format(value)
end

local function lines(result)
  local what = result.image or ("frame %d"):format(result.frame)
  local out, body = { ("%s %dx%d: %d objects"):format(what, result.width, result.height, #result.detections) }, {}
  local head, extra = { "  class", "score", "x1", "y1", "x2", "y2" }, predicted(result.detections)
  for _, label in ipairs(extra) do head[#head + 1] = label end
  for i, d in ipairs(result.detections) do
    body[i] = { "  " .. d.class, ("%.3f"):format(d.score), ("%.1f"):format(d.box[1]), ("%.1f"):format(d.box[2]),
      ("%.1f"):format(d.box[3]), ("%.1f"):format(d.box[4]) }
    for _, label in ipairs(extra) do table.insert(body[i], number(d[label])) end
  end
  if #body > 0 then table.move(tables.align(head, body), 1, #body + 1, 2, out) end
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
