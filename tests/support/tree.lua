-- The files of the checkout, for tests that read the source itself.
local tree = { top = os.getenv "YOLUA_SOURCE" or "." }

-- Paths below the given folders (default: all of ours), relative to the top, sorted. pattern: a Lua pattern, or nil.
function tree.files(pattern, ...)
  local folders = table.concat(select("#", ...) > 0 and { ... } or { "runtime", "lua", "recipes", "datasets", "tests" }, " ")
  local list = {}
  local find <close> = assert(io.popen(("cd '%s' && LC_ALL=C find %s -type f 2>&1 | LC_ALL=C sort"):format(tree.top, folders)))
  for path in find:lines() do
    if path:find(pattern or "") then list[#list + 1] = path end
  end
  assert(#list > 0, "no files found below " .. tree.top)
  return list
end

function tree.read(path)
  local file <close> = assert(io.open(tree.top .. "/" .. path, "rb"))
  return file:read "a"
end

function tree.lines(path)
  local lines = {}
  for line in (tree.read(path):gsub("\n$", "") .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

-- The first arguments of a .def file's lines: L(conv2d) gives conv2d.
function tree.registered(path)
  local names = {}
  for _, line in ipairs(tree.lines(path)) do names[#names + 1] = line:match "^%u%(([%w_]+)" end
  assert(#names > 0, path .. " registers nothing")
  return names
end

-- "path:line: sentence" for every line of `paths` that `find` returns a sentence for.
function tree.faults(paths, find)
  local faults = {}
  for _, path in ipairs(paths) do
    for number, line in ipairs(tree.lines(path)) do
      local sentence = find(line, path)
      if sentence then faults[#faults + 1] = ("%s:%d: %s"):format(path, number, sentence) end
    end
  end
  return faults
end

return tree
