-- yl.fit_input(o, net, data): the input size that suits the frames, where a recipe's options name none. KITTI's frames are three times as
-- wide as high; a square input spends most of its pixels on stretching them.
local core = require "yolua.core"
local input = require "yolua.model.input"
local options = require "yolua.options.table"

local fit = {}

-- The size {w, h} of about `pixels` pixels with the middle frame's shape, in whole cells of `stride` pixels, at least two a side.
function fit.size(list, pixels, stride)
  local shapes = {}
  for i, frame in ipairs(list.frames) do shapes[i] = frame.width / frame.height end
  table.sort(shapes)
  local shape = shapes[(#shapes + 1) // 2]
  local function cells(side) return math.max(2, math.floor(side / stride + 0.5)) * stride end
  return { cells(math.sqrt(pixels * shape)), cells(math.sqrt(pixels / shape)) }
end

-- Sets imgsz to the training frames' shape at about as many pixels as the cfg's input has. A size that the user or a checkpoint names
-- stays. Returns o.
local function fit_input(o, net, data)
  if rawget(o, "imgsz") or not rawget(o, "cfg") then return o end
  local size = fit.size(data.train, net.w * net.h, input.stride(net))
  if size[1] == net.w and size[2] == net.h or not core.system.attempt(input.check, net, size, o, "imgsz") then return o end
  options.set(o, "imgsz", size, { where = "shape of the frames" })
  return o
end

return setmetatable(fit, { __call = function(_, ...) return fit_input(...) end })
