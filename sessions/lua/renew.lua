-- renew: draining ('1' or '0'), which slots are open, the models that the node has, ID@CONTENT with blanks between them, or '' where it does not say
-- -> {'ok', 1 if a worker of this node may find work} | {'lost'}: others took this node for dead | {'taken'}: another process has the name.
-- Renews the lease, and lets time pass.

even_when_full()
pass()
local draining, open, models = arg(1), arg(2), arg(3)
local key = node_key(NODE)
local n = call('HMGET', key, 'generation', 'slots', 'draining', 'open', 'models')
if n[1] ~= GENERATION then return {n[1] and 'taken' or 'lost'} end
call('ZADD', NODES, int(NOW + LEASE), NODE)
call('HSET', key, 'draining', draining, 'open', open, 'models', models)
if n[3] ~= draining or n[4] ~= open or n[5] ~= models then post_node(NODE) end

local busy = call('ZCARD', LINE) == 0 and call('ZCARD', BACKLOG) > 0
for slot = 0, num(n[2]) - 1 do
  offer(NODE, int(slot))
  local sid = owner(NODE, int(slot))
  busy = busy or (sid and queued(sid) > 0)
end
settle()
publish()
return {'ok', busy and 1 or 0}
