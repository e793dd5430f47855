-- Compares what two programs detect in the same pictures: yolua same_detections.lua a=A.json b=B.json tolerance=1e-4
-- (the JSON of `yolua predict json=true`; scores are compared as they are, boxes as fractions of the picture). Exit status 1 where
-- they differ, or where nothing was detected.
local yl = require "yolua"
local core = yl.core
local o = yl.options({}, {
  { "a", "string", nil, "", "one program's detections", required = true },
  { "b", "string", nil, "", "the other's", required = true },
  { "tolerance", "number", 1e-4, "", "the largest difference that is accepted", min = 0 },
})

local function read(path) return core.json.decode(core.system.read(path), path) end

local a, b, tolerance = read(o.a), read(o.b), o.tolerance
assert(#a == #b and #a > 0, ("%d and %d pictures"):format(#a, #b))
local count, worst = 0, 0
for i, picture in ipairs(a) do
  local other = b[i]
  assert(#picture.detections == #other.detections,
    ("%s: %d and %d detections"):format(picture.image, #picture.detections, #other.detections))
  for k, d in ipairs(picture.detections) do
    local e = other.detections[k]
    assert(d.class == e.class, ("%s: detection %d: classes %s and %s"):format(picture.image, k, d.class, e.class))
    worst = math.max(worst, math.abs(d.score - e.score))
    for axis = 1, 4 do
      local side = axis % 2 == 1 and picture.width or picture.height
      worst = math.max(worst, math.abs(d.box[axis] - e.box[axis]) / side)
    end
  end
  count = count + #picture.detections
end
assert(count > 0, "nothing was detected")
print(("%d pictures, %d detections, largest difference %.2g (at most %g)"):format(#a, count, worst, tolerance))
assert(worst <= tolerance, "the detections differ")
