-- The sizes of a list's objects as a network sees them, for clustering anchors.

-- How an image's pixels scale to the input's: {x, y}. Letterbox keeps the aspect.
local function scale(frame, w, h, resize)
  if not frame.width then error(("the size of frame '%s' is not known: it has no image"):format(frame.id), 0) end
  local sx, sy = w / frame.width, h / frame.height
  if resize == "letterbox" then return math.min(sx, sy), math.min(sx, sy) end
  return sx, sy
end

-- list: of a data set; names: a network's classes (nil: the data's own). Returns {w, h} of each object, in pixels of an input w x h.
return function(list, names, w, h, resize)
  local sizes = {}
  for _, frame in ipairs(list.frames) do
    local sx, sy = scale(frame, w, h, resize)
    for _, row in ipairs(list.data:mapped(frame, names)) do
      if not row.ignore then sizes[#sizes + 1] = { (row.box[3] - row.box[1]) * sx, (row.box[4] - row.box[2]) * sy } end
    end
  end
  return sizes
end
