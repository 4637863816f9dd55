-- Jobs: what moves one from state to state. Counts, queue, the node's running set and the event change together.

local function running_key(node) return node_key(node) .. ':running' end

-- withdraw cancels a queued job.
local function withdraw(sid, jid)
  call('ZREM', session_key(sid) .. ':queue', jid)
  call('HSET', job_key(sid, jid), 'state', 'cancelled', 'finished', int(NOW))
  count(sid, 'queued', 'cancelled')
  record_job(sid, jid)
end

-- request_cancel asks the node that runs the job to stop it; finish.lua makes it cancelled.
local function request_cancel(sid, jid)
  call('HSET', job_key(sid, jid), 'cancel', '1')
  call('PUBLISH', PREFIX .. 'cancel', jid)
end

-- running_jobs lists the ids of the session's jobs that some node has claimed.
local function running_jobs(sid)
  local found = {}
  for _, node in ipairs(call('SMEMBERS', NODES)) do
    for _, member in ipairs(call('SMEMBERS', running_key(node))) do
      local s, jid = split(member)
      if s == sid then found[#found + 1] = jid end
    end
  end
  return found
end

-- put_back returns a running job to the head of its session's queue: its number is lower than that of any job
-- that has not run yet. One whose cancellation was asked for ends here; a closed session gets nothing back.
-- When its node died, problem is the JSON of what is wrong with a job that has had most attempts by then.
local function put_back(sid, jid, most, problem)
  local key = job_key(sid, jid)
  local j = call('HMGET', key, 'state', 'node', 'number', 'cancel', 'attempt')
  if j[1] ~= 'running' then return end
  call('SREM', running_key(j[2]), sid .. ' ' .. jid)
  if refusal(sid) then
    call('HSET', key, 'state', 'cancelled')
    return
  end
  if j[4] == '1' then
    call('HSET', key, 'state', 'cancelled', 'finished', int(NOW))
    count(sid, 'running', 'cancelled')
  elseif problem and num(j[5]) >= most then
    call('HSET', key, 'state', 'failed', 'stage', '', 'error', problem, 'finished', int(NOW))
    count(sid, 'running', 'failed')
  else
    call('HSET', key, 'state', 'queued', 'started', '', 'stage', '', 'percent', '0')
    call('ZADD', session_key(sid) .. ':queue', j[3], jid)
    count(sid, 'running', 'queued')
  end
  record_job(sid, jid)
  note_work(sid)
  place(sid)
end

-- abandon empties a node that is no more: its running jobs go back to their queues, its owners to the line by
-- their old ticket. keep is how many of its slots live on under a new lease and keep their owners; most
-- and problem are for put_back.
local function abandon(node, keep, most, problem)
  for _, member in ipairs(call('SMEMBERS', running_key(node))) do
    local sid, jid = split(member)
    put_back(sid, jid, most, problem)
  end
  call('DEL', running_key(node))
  local slots = num(call('HGET', node_key(node), 'slots'))
  for slot = keep, slots - 1 do
    local sid = owner(node, slot)
    if sid then stand_by(sid, false) end
  end
  if keep == 0 then
    call('SREM', NODES, node)
    call('DEL', node_key(node))
  end
  wake = true
end
