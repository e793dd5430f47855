-- What a pruning has left in its run directory.
local core = require "yolua.core"
local options = require "yolua.options.table"

local finished = {}

-- The content of rounds.json. who: the call that reads it. Errors: the directory has none.
function finished.rounds(dir, who)
  local path = dir .. "/rounds.json"
  if not core.files.kind(path) then
    error(("%s: %s: %s is not the run of a pruning (rounds.json is missing)"):format(options.position(), who, dir), 0)
  end
  return core.json.decode(core.system.read(path), path)
end

-- The file of the network that is kept under a mark (keep=).
function finished.file(mark) return ("sparsity-%g.safetensors"):format(100 * mark) end

return finished
