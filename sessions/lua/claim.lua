-- claim: slot, token, model, limit, sessions with work as limit assumes, borrow ('1' or '0')
--   -> {'batch', session, job...} each job as PUBLIC_JOB and its attempt
--    | {'model', model, sessions with work}: ask again with the limit for these
--    | {'none'} | {'lost'}: this generation holds no lease.
-- The batch boundary: here a turn ends. The same token gives the same batch again, after a lost reply.

local slot, token, model, limit, assumed, borrow = arg(1), arg(2), arg(3), num(arg(4)), num(arg(5)), arg(6) == '1'
local node = node_key(NODE)
if not holds_lease(NODE, GENERATION) then return {'lost'} end

local function batch(sid, ids)
  local reply = {'batch', sid}
  local fields = {unpack(PUBLIC_JOB)}
  fields[#fields + 1] = 'attempt'
  for _, jid in ipairs(ids) do reply[#reply + 1] = call('HMGET', job_key(sid, jid), unpack(fields)) end
  return reply
end

if call('HGET', node, 'token:' .. slot) == token then
  local ids = {}
  for id in string.gmatch(call('HGET', node, 'batch:' .. slot), '%S+') do ids[#ids + 1] = id end
  return batch(table.remove(ids, 1), ids)
end

settle()
local sid = owner(NODE, slot)
if sid and call('ZCARD', LINE) > 0 and has_work(sid) and
  NOW - num(call('HGET', node, 'since:' .. slot)) >= TURN then
  stand_by(sid, true)
  settle()
  sid = owner(NODE, slot)
end

-- Sessions that share this node's workers, and the one with the longest queue.
local active, longest, longest_queue = 0, nil, 0
for i = 0, num(call('HGET', node, 'slots')) - 1 do
  local other = owner(NODE, int(i))
  if other and has_work(other) then
    active = active + 1
    if queued(other) > longest_queue then longest, longest_queue = other, queued(other) end
  end
end

local from
if sid and queued(sid) > 0 then
  from = sid
elseif borrow and longest and call('ZCARD', LINE) == 0 and not (sid and has_work(sid)) then
  from = longest
end
if not from then
  publish()
  return {'none'}
end

local queue = session_key(from) .. ':queue'
local wanted = call('HGET', job_key(from, call('ZRANGE', queue, 0, 0)[1]), 'model')
if wanted ~= model or active ~= assumed then
  publish()
  return {'model', wanted, int(active)}
end
-- The owner's own worker takes the next batch; help is for what lies behind it.
if from ~= sid and longest_queue <= limit then
  publish()
  return {'none'}
end

local ids = {}
for _, jid in ipairs(call('ZRANGE', queue, 0, limit - 1)) do
  local key = job_key(from, jid)
  if call('HGET', key, 'model') ~= model then break end
  ids[#ids + 1] = jid
  call('ZREM', queue, jid)
  call('HSET', key, 'state', 'running', 'started', int(NOW), 'node', NODE)
  call('HINCRBY', key, 'attempt', 1)
  call('SADD', running_key(NODE), from .. ' ' .. jid)
  count(from, 'queued', 'running')
  record_job(from, jid)
end
call('HSET', node, 'token:' .. slot, token, 'batch:' .. slot, from .. ' ' .. table.concat(ids, ' '))
publish()
return batch(from, ids)
