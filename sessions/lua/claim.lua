-- claim: slot, token, model, most jobs of it, most pixels of these, borrow ('1' or '0')
--   -> {'batch', session, job...} each job as PUBLIC_JOB and its attempt
--    | {'model', model}: ask again with the limit for this one
--    | {'none'} | {'lost'}: this generation holds no lease.
-- The batch boundary: here a turn ends. The same token gives the same batch again, after a lost reply, but for what has left the worker's hand
-- since: nobody heard of that, so that it went back to its queue, where it may have been cancelled or deleted.

even_when_full()
local slot, token, model, limit, most_pixels, borrow = arg(1), arg(2), arg(3), num(arg(4)), num(arg(5)), arg(6) == '1'
local node = node_key(NODE)
if not holds_lease(NODE, GENERATION) then return {'lost'} end

local function batch(sid, ids)
  local reply = {'batch', sid}
  local fields = {unpack(PUBLIC_JOB)}
  fields[#fields + 1] = 'attempt'
  for _, jid in ipairs(ids) do reply[#reply + 1] = call('HMGET', job_key(sid, jid), unpack(fields)) end
  return reply
end

-- nothing is for this slot now. kept: it is told when a job leaves a hand of the node.
local function nothing(kept)
  if kept then call('HSET', node, 'kept', '1') end
  call('SADD', RESTING, NODE .. ' ' .. slot)
  publish()
  return {'none'}
end

if call('HGET', node, 'token:' .. slot) == token then
  local from, ids = split(call('HGET', node, 'batch:' .. slot))
  local held = {}
  for jid in string.gmatch(ids, '%S+') do
    if call('HGET', hand_key(NODE), from .. ' ' .. jid) == slot then held[#held + 1] = jid end
  end
  if #held > 0 then return batch(from, held) end
end

settle()
local sid = owner(NODE, slot)
if sid and turn_over(sid) then
  end_turn(sid)
  settle()
  sid = owner(NODE, slot)
end

-- next_job is the head of a session's queue. A Redis that throws keys away (another maxmemory-policy than noeviction) may have thrown away a job
-- that stands there: it is nobody's, would be asked for without end, and leaves its queue here.
local function next_job(other)
  while true do
    local jid = head(other)
    if not jid or call('HEXISTS', job_key(other, jid), 'id') == 1 then return jid end
    call('ZREM', session_key(other) .. ':queue', jid)
    call('ZREM', session_key(other) .. ':jobs', jid)
    if not has_work(other) then call('DEL', session_key(other) .. ':load') end
    note_work(other)
  end
end

-- The first worker of this node whose owner's next job is a last try.
local quiet
for i = 0, slots_of(NODE) - 1 do
  local other = owner(NODE, int(i))
  local first = other and next_job(other)
  if first and last_try(other, first) then
    quiet = int(i)
    break
  end
end
if kept_waiting(slot, quiet) then return nothing(true) end

-- Help goes first to a session of this node that has nothing in hand because its worker is still at work for another, then to the one, of
-- any node, that has most to do, first of those whose workers are at work. It never takes a suspect: that is tried by its session's own
-- worker. Nor does it take what this node has no model for.
local function wants_help(other, models)
  local first = next_job(other)
  if not first or deaths(other, first) > 0 then return false end
  local model = call('HGET', job_key(other, first), 'model') or ''
  return models == '' or string.find(' ' .. models, ' ' .. model .. '@', 1, true) ~= nil
end

local function most_to_do()
  local models = call('HGET', node, 'models') or ''
  for i = 0, slots_of(NODE) - 1 do
    local other = owner(NODE, int(i))
    if other and running(other) == 0 and wants_help(other, models) and at_work(other) then return other end
  end
  local most
  for _, other in ipairs(call('ZREVRANGE', BACKLOG, 0, 4)) do
    if wants_help(other, models) then
      if at_work(other) then return other end
      most = most or other
    end
  end
  return most
end

local from
if sid and queued(sid) > 0 then
  from = sid
elseif borrow and call('ZCARD', LINE) == 0 and not (sid and has_work(sid)) then
  from = most_to_do()
end
if not from then return nothing() end

local queue, first = session_key(from) .. ':queue', next_job(from)
if not first then return nothing() end
local suspect = deaths(from, first) > 0
if suspect and not may_try(from, first, slot) then return nothing(true) end
local wanted = call('HGET', job_key(from, first), 'model')
if wanted ~= model then
  publish()
  return {'model', wanted}
end
-- The owner's own worker takes the next batch, unless it is at work already; help is for what lies behind it.
if from ~= sid and queued(from) <= limit and not at_work(from) then return nothing() end

local ids = {}
if suspect then
  ids[1] = first
  call('HSET', node, 'suspect', slot .. ' ' .. from .. ' ' .. first)
else
  local pixels = 0
  for _, jid in ipairs(call('ZRANGE', queue, 0, limit - 1)) do
    local j = call('HMGET', job_key(from, jid), 'model', 'width', 'height')
    pixels = pixels + num(j[2]) * num(j[3])
    if j[1] ~= model or deaths(from, jid) > 0 or (#ids > 0 and pixels > most_pixels) then break end
    ids[#ids + 1] = jid
  end
end
for _, jid in ipairs(ids) do take(from, jid, slot) end
note_work(from)
call('SREM', RESTING, NODE .. ' ' .. slot)
if queued(from) > limit or at_work(from) then call_help() end
call('HSET', node, 'token:' .. slot, token, 'batch:' .. slot, from .. ' ' .. table.concat(ids, ' '))
publish()
return batch(from, ids)
