-- How long jobs take: for each model what a straight line of seconds by megapixels is fitted to (rates.go), in a hash, so that a
-- node that has run nothing knows it too. Old jobs fade.

local RATES = KEY.rates
local FADE = 0.97 -- what a job weighs when the next is over

-- learn notes that a job kept a worker busy for so many seconds.
local function learn(sid, jid, seconds)
  local j = call('HMGET', job_key(sid, jid), 'model', 'width', 'height')
  local x, sums, faded = num(j[2]) * num(j[3]) / 1e6, {}, {}
  for sum in string.gmatch(call('HGET', RATES, j[1]) or '', '%S+') do sums[#sums + 1] = num(sum) end
  for i, value in ipairs({1, x, seconds, x * x, x * seconds}) do
    faded[i] = string.format('%.9g', (sums[i] or 0) * FADE + value)
  end
  call('HSET', RATES, j[1], table.concat(faded, ' '))
end
