-- Medians, spread and ratios of the samples of a benchmark.
local statistics = {}

-- The sorted copy of a list of numbers.
local function sorted(list)
  local copy = {}
  for i, value in ipairs(list) do copy[i] = value end
  table.sort(copy)
  return copy
end

-- The median of a list; nil of an empty one.
function statistics.median(list)
  local values = sorted(list)
  local middle = #values / 2
  if #values == 0 then return nil end
  if #values % 2 == 1 then return values[math.ceil(middle)] end
  return (values[middle] + values[middle + 1]) / 2
end

-- The least and the greatest.
function statistics.range(list)
  local values = sorted(list)
  return values[1], values[#values]
end

-- One metric of the rounds that did not fail.
function statistics.values(samples, metric)
  local list = {}
  for _, sample in pairs(samples or {}) do
    if sample and sample[metric] then table.insert(list, sample[metric]) end
  end
  return list
end

-- The ratios of two contestants, round by round: what disturbs one round disturbs
-- both.
function statistics.ratios(ours, theirs, metric)
  local list = {}
  for round, sample in pairs(ours or {}) do
    local other = theirs and theirs[round]
    if sample and other and sample[metric] and other[metric] then
      table.insert(list, sample[metric] / other[metric])
    end
  end
  return list
end

return statistics
