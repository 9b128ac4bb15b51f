-- The corpus of a fuzz target is one text file, an input a line, in hexadecimal.
--   lua5.4 spec/fuzz/corpus.lua unpack FILE DIRECTORY
--   lua5.4 spec/fuzz/corpus.lua pack DIRECTORY FILE     the 250 shortest inputs
local MOST = 250

-- Writes every line of a file as an input of its own.
local function unpack_corpus(file, directory)
  local number = 0
  for line in io.lines(file) do
    number = number + 1
    local out = assert(io.open(("%s/%03d"):format(directory, number), "wb"))
    out:write((line:gsub("%x%x", function(hex)
      return string.char(tonumber(hex, 16))
    end)))
    out:close()
  end
end

-- Writes the inputs of a directory as lines of a file.
local function pack_corpus(directory, file)
  local inputs = {}
  local list = io.popen("find " .. directory .. " -type f")
  for path in list:lines() do
    local input = io.open(path, "rb"):read("*a")
    inputs[#inputs + 1] = input:gsub(".", function(char)
      return ("%02x"):format(char:byte())
    end)
  end
  list:close()
  table.sort(inputs, function(a, b)
    return #a ~= #b and #a < #b or #a == #b and a < b
  end)
  local out = assert(io.open(file, "w"))
  for i = 1, math.min(#inputs, MOST) do out:write(inputs[i], "\n") end
  out:close()
end

if arg[1] == "pack" then pack_corpus(arg[2], arg[3])
else unpack_corpus(arg[2], arg[3]) end
