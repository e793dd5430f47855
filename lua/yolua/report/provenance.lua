-- What a result was made with: versions, device, threads, source revision. Kept in config.yaml, never in a checkpoint.
local core = require "yolua.core"

local provenance = {}

-- The revision of the repository that holds the present folder, with "-dirty" where files were changed; nil if there is none.
function provenance.revision()
  local pipe = io.popen "git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null"
  if not pipe then return nil end
  local text = pipe:read "l"
  pipe:close()
  return text and text:match "^%x+%-?%a*$" or nil
end

-- {yolua, lua, blas, blas_parallel, device, isa, threads, processors, git}; git is absent outside a repository.
function provenance.look(device)
  local machine = core.machine()
  return {
    yolua = core.version, lua = _VERSION:match "[%d.]+", blas = machine.blas, blas_parallel = machine.blas_parallel,
    device = device or "cpu", isa = machine.isa, threads = machine.threads, processors = machine.processors,
    git = provenance.revision(),
  }
end

return provenance
