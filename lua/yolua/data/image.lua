-- yl.image "street.png": a picture (PNG or JPEG, by its bytes) as a tensor u8 {1, h, w, 3}, rows from top to bottom, red first. What
-- net:detect and the tensor's methods take. Errors: one sentence that names the file.
local callback = require "yolua.options.callback"
local core = require "yolua.core"

return function(path)
  callback.argument(type(path) == "string", "yl.image", "the path of a picture", path)
  local picture <close> = core.image.load(path)
  return core.tensor.from_bytes(picture:bytes(), { 1, picture:h(), picture:w(), 3 }, "u8")
end
