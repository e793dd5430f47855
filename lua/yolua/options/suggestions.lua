-- Suggestions for the words of a wrong call: each function gives ", did you mean '...'?" or what else is known of the word, or ""
-- where nothing is near.
local core = require "yolua.core"
local schema = require "yolua.options.schema"

local suggestions = {}

-- A word that is no key=value: other programs write `--epochs 5`, or `epochs 5`. following: the next word; list: the fields.
function suggestions.word(word, following, list)
  local name = word:match "^%-*([%w_.-]+)$"
  local foreign = name and word:find "^%-" and core.options.foreign("key", name)
  if foreign then return foreign end
  local nearest = name and schema.suggest(list, name)
  if not nearest or not word:find "^%-" and core.options.distance(nearest, name) > 1 then return "" end
  local value = following and not following:find "=" and not following:find "^%-%a" and following or "..."
  return (", did you mean '%s=%s'?"):format(nearest, value)
end

-- Verbs whose option of that name takes several values, where the one that was suggested takes one: " (yolua sensitivity has a sparsity
-- that takes several)". field: of the suggestion; value: what the word was given.
function suggestions.several(word, field, value)
  local many = type(value) == "table" and #value > 1 or type(value) == "string" and value:find ","
  if not many or field[2] ~= "number" and field[2] ~= "int" then return "" end
  local verbs = {}
  for _, verb in ipairs(core.options.modules "lua/yolua/verbs/") do
    for _, other in ipairs(require "yolua.options.fields".get(require("yolua.verbs." .. verb).fields or {})) do
      if other[1] == word and (other[2] == "numbers" or other[2] == "list") then verbs[#verbs + 1] = "yolua " .. verb end
    end
  end
  local who = #verbs > 0 and ("; %s has a %s that takes several"):format(table.concat(verbs, ", "), word) or ""
  return " It takes one number" .. who
end

-- A recipe that is not there: the file beside it whose name is nearest.
function suggestions.recipe(path)
  local folder, names, name = path:match "^(.*/)[^/]*$" or "", {}, path:match "[^/]*$"
  local place = folder == "" and "." or folder
  if core.files.kind(path) or core.files.kind(place) ~= "folder" then return "" end
  for _, file in ipairs(core.files.list(place)) do names[#names + 1] = file:match "^(.*)%.lua$" end
  local near = schema.nearest(name:gsub("%.lua$", ""), names)
  return near and (", did you mean '%s%s.lua'?"):format(folder, near) or ""
end

-- A verb that there is not: another one, or a recipe.
function suggestions.verb(name)
  local names, recipes = core.options.modules "lua/yolua/verbs/", core.options.modules "recipes/"
  names[#names + 1] = "help"
  local near = schema.did_you_mean(name, names, "verb")
  local recipe = near == "" and schema.nearest(name, recipes)
  return recipe and (", did you mean 'recipes/%s.lua'?"):format(recipe) or near
end

return suggestions
