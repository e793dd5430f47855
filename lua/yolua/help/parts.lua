-- The functions beside yl.prune (yl.prune.cut, yl.prune.kept, ...): those of its parts' files whose comment begins with the call.
local comments = require "yolua.help.comments"

local parts = {}

local PREFIX <const> = "yl.prune."

-- {name = "cut", call = "yl.prune.cut(net, o)", text =}, in the order of their names.
function parts.list()
  local list = {}
  for _, part in ipairs(getmetatable(require "yolua.policies.prune").__parts) do
    for _, f in ipairs(comments.functions(comments.file("lua/yolua/prune/" .. part .. ".lua"))) do
      local call, text = f.text:match "^(yl%.prune%.[%w_]+%b().-): (.*)$"
      if call and call:find(PREFIX .. f.name .. "(", 1, true) == 1 then
        list[#list + 1] = { name = f.name, call = call, text = text, f = require("yolua.prune." .. part)[f.name] }
      end
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

function parts.find(name)
  for _, part in ipairs(parts.list()) do
    if part.name == name then return part end
  end
end

-- The name of that function; nil for other values.
function parts.name_of(value)
  for _, part in ipairs(parts.list()) do
    if part.f == value then return part.name end
  end
end

return parts
