std = "lua54"
max_line_length = 140
ignore = { "212/self" } -- a method need not use its object
files["tests"] = { allow_defined_top = true, ignore = { "131/[Tt]est.*" } } -- LuaUnit collects global tests
files["lua/yolua/sandbox/standard.lua"] = { ignore = { "121", "122" } } -- it changes the standard library
