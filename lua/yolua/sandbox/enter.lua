-- `yolua RECIPE.lua sandbox=true`: a recipe that is not trusted. What it may touch is decided here, from the words of the call, before any
-- of its code runs; core.sandbox and the kernel enforce it below Lua.
local arguments = require "yolua.options.arguments"
local core = require "yolua.core"
local provenance = require "yolua.report.provenance"
local rundir = require "yolua.report.rundir"
local schema = require "yolua.options.schema"
local guard = core.sandbox

-- What the C library, OpenBLAS and Cairo's fonts read.
local SYSTEM = { "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/var/cache/fontconfig", "/proc/cpuinfo",
  "/proc/meminfo", "/sys/devices/system", "/dev/null", "/dev/urandom" }

local function usage(format, ...) error(schema.usage(format:format(...))) end

-- The sandbox's own options among the words of the call; nil where none switches it on.
local function own_options(path, given)
  local list = {}
  for _, argument in ipairs(given) do
    if argument.key:match "^[^.]+" == "sandbox" then list[#list + 1] = argument end
  end
  if #list == 0 then return nil end
  local o = arguments.resolve { who = path, fields = { "sandbox" }, list = list }.sandbox
  if o.on then return o end
  for _, argument in ipairs(list) do
    local limit = argument.key:find "^sandbox%." and argument.key ~= "sandbox.on"
    if limit then usage("command line: '%s' without sandbox=true has no effect", argument.key) end
  end
end

local function refuse_others(given)
  for _, argument in ipairs(given) do
    local key, value = argument.key, argument.value
    if key == "folds" or key == "seeds" or key == "jobs" then
      usage("command line: %s=%s together with sandbox=true: expected one run, it would start others", key, value)
    end
    if key == "device" and value:find "^cuda" then
      usage("command line: device=%s together with sandbox=true: expected the CPU, a GPU's driver cannot be contained", value)
    end
  end
end

-- Every text that the user gave may be a path, or a list of paths.
local function allow_named(value)
  if type(value) == "table" then
    for _, inner in pairs(value) do allow_named(inner) end
  elseif type(value) == "string" then
    guard.allow(value)
    for part in value:gmatch "[^,]+" do guard.allow(part) end
  end
end

local function allow_modules(path)
  local folder = path:match "^(.*)/[^/]*$" or "."
  guard.allow(path)
  for _, name in ipairs(core.files.list(folder)) do
    if name:find "%.lua$" then guard.allow(folder .. "/" .. name) end
  end
end

-- What may be read, and the run's folder, which may be written. Returns the latter.
local function allow(path, given)
  local out, resume, written -- written: in a config file, which the command line overrides
  for _, argument in ipairs(given) do
    if argument.key == "out" then out = argument.value
    elseif argument.key == "resume" then resume = argument.value
    else allow_named(argument.value) end
    if argument.key == "config" then
      local values = core.yaml.decode(core.system.read(argument.value), argument.value)
      allow_named(values)
      written = type(values) == "table" and values.out
    end
  end
  for _, place in ipairs(SYSTEM) do guard.allow(place) end
  if os.getenv "YOLUA_PATH" then guard.allow(os.getenv "YOLUA_PATH") end
  allow_modules(path)
  if resume then rundir.config(resume) else rundir.reserved = rundir.reserve(path:match "([^/]+)%.lua$" or path, out or written or nil) end
  guard.allow(resume or rundir.reserved, true)
  return resume or rundir.reserved
end

-- Enters the sandbox where the call asks for it. given: the words of the call as arguments.parse gives them.
return function(path, given)
  local o = own_options(path, given)
  if not o then return end
  refuse_others(given)
  local revision = provenance.revision() -- git is another program
  function provenance.revision() return revision end
  local folder = allow(path, given)
  require "yolua.sandbox.standard"(folder)
  if not guard.enter(o.memory << 20, o.instructions * 1000000, folder) then
    core.system.warn "sandbox: this kernel has no Landlock (Linux 5.13): only yolua itself contains the recipe"
  end
  arguments.contained = true
end
