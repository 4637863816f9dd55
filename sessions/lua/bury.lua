-- bury: problem of a job that is given up -> how many nodes were found dead. Their owners and jobs go back to the line and to
-- their queues.

even_when_full()
if amnesty() then return 0 end
local dead = call('ZRANGEBYSCORE', NODES, '-inf', int(NOW), 'LIMIT', 0, 10)
for _, node in ipairs(dead) do bury(node, arg(1)) end
if #dead > 0 then settle() end
publish()
return #dead
