-- glob("conv1*.act") -> the Lua pattern of the whole names that it matches: * is any text, ? any one character.
return function(glob)
  return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end
