-- overdue: -> {sessions to close, closed sessions to sweep}, some of each. One with work is looked at again a TTL later.

even_when_full()
local close = {}
if not amnesty() then
  for _, sid in ipairs(call('ZRANGEBYSCORE', SEEN, '-inf', int(NOW - TTL), 'LIMIT', 0, 100)) do
    if has_work(sid) then call('ZADD', SEEN, int(NOW), sid) else close[#close + 1] = sid end
  end
end
return {close, call('SRANDMEMBER', CLOSING, 100)}
