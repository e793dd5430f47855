-- The standard library in a sandbox: what the kernel cannot see (bytecode, the debug library, what runs outside the count of instructions)
-- is gone, and a file that may not be touched gives a sentence.
local core = require "yolua.core"
require "yolua.options.callback" -- it keeps the whole debug library, as yolua.cli.failure does; others see less of it from then on
local guard = core.sandbox

-- f(path, ...) behind a check of the path; as the io library does, it returns nil and the sentence.
local function behind(check, f)
  return function(path, ...)
    if type(path) == "string" then
      local fine, sentence = check(path)
      if not fine then return nil, sentence end
    end
    return f(path, ...)
  end
end

-- The same for functions that raise what goes wrong, or take a file in place of a path.
local function raising(check, f)
  return function(path, ...)
    if type(path) == "string" then
      local fine, sentence = check(path)
      if not fine then error(sentence, 2) end
    end
    return f(path, ...)
  end
end

local function limit_files(folder)
  local open, rename, names = io.open, os.rename, 0
  local reading, writing = behind(guard.reads, open), behind(guard.writes, open)
  function io.open(path, mode, ...) return (tostring(mode or "r"):find "[wa+]" and writing or reading)(path, mode, ...) end
  io.lines, io.input, io.output = raising(guard.reads, io.lines), raising(guard.reads, io.input), raising(guard.writes, io.output)
  os.remove = behind(guard.writes, os.remove)
  os.rename = behind(guard.writes, function(from, to) return behind(guard.writes, function() return rename(from, to) end)(to) end)
  function os.tmpname()
    names = names + 1
    return ("%s/temporary-%d"):format(folder, names)
  end
end

local function limit_programs()
  local function none(what) return function() error(("sandbox: %s would start another program"):format(what), 2) end end
  local getenv = os.getenv
  os.execute, io.popen = none "os.execute", none "io.popen"
  function os.getenv(name)
    for _, pattern in ipairs { "^TERM$", "^COLORTERM$", "^COLUMNS$", "^LC_", "^LANG$", "^OMP_", "^YOLUA_", "^XDG_CACHE_HOME$" } do
      if tostring(name):find(pattern) then return getenv(name) end
    end
    error(("sandbox: the environment's %s is not for recipes"):format(tostring(name)), 2)
  end
end

local function limit_code()
  local load_text, read = load, core.system.try_read
  function load(chunk, name, mode, ...)
    if mode ~= nil and mode ~= "t" and mode ~= "bt" then error(("sandbox: load of mode '%s': expected 't'"):format(tostring(mode)), 2) end
    return load_text(chunk, name, "t", ...)
  end
  function loadfile(path, _, ...)
    local text, reason = read(path)
    if not text then return nil, reason end
    return load_text(text:gsub("^#[^\n]*", ""), "@" .. path, "t", ...)
  end
  function dofile(path) return assert(loadfile(path))() end
  string.dump, package.loadlib, package.cpath = nil, nil, ""
  package.searchers[3] = function(name) -- 1: package.preload, 2: the library, which is in the program
    local path, tried = package.searchpath(name, package.path)
    if not path then return tried end
    return assert(loadfile(path)), path
  end
  package.searchers[4], package.searchers[5] = nil, nil
end

local function limit_debug()
  local getinfo = debug.getinfo
  debug = { traceback = debug.traceback, getmetatable = debug.getmetatable }
  package.loaded.debug = debug
  function debug.getinfo(at, what) -- no functions, which a recipe could then call
    local info = getinfo(type(at) == "number" and at + 1 or at, what and (what:gsub("[fL]", "")) or "nSlutr")
    return info
  end
end

-- What would run outside the count of instructions: finalizers, message handlers after its end, short coroutines.
local function limit_instructions()
  local set, call, create, wrap = setmetatable, xpcall, coroutine.create, coroutine.wrap
  function setmetatable(object, meta)
    if type(meta) == "table" and rawget(meta, "__gc") ~= nil then error("sandbox: __gc is not for recipes", 2) end
    return set(object, meta)
  end
  function xpcall(f, handler, ...)
    return call(f, function(message)
      if guard.over() then return message end
      return handler(message)
    end, ...)
  end
  function coroutine.create(f)
    guard.charge()
    return create(f)
  end
  function coroutine.wrap(f)
    guard.charge()
    return wrap(f)
  end
end

-- folder: the run's, where temporary files lie too.
return function(folder)
  limit_files(folder)
  limit_programs()
  limit_code()
  limit_debug()
  limit_instructions()
end
