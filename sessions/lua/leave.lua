-- leave: ends the node's lease at once, so that others take over. Nothing when the lease is no longer its own.

if call('HGET', node_key(NODE), 'generation') ~= GENERATION then return 0 end
call('HSET', node_key(NODE), 'expires', 0)
abandon(NODE, 0)
settle()
publish()
return 1
