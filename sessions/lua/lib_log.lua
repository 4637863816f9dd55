-- The event log, and the hints that wake nodes.

-- Hints carry no truth: a node that misses one finds out at its next look. Who has work is told to the one node that it is for.
local touched, woken, posted = {}, {}, false

local function wake(node) woken[node] = true end

local function publish()
  for sid in pairs(touched) do call('PUBLISH', PREFIX .. 'events', sid) end
  for node in pairs(woken) do call('PUBLISH', PREFIX .. 'work:' .. node, '') end
  if posted then call('PUBLISH', PREFIX .. 'line', '') end
end

-- epoch names the run of Redis that the log is read from, and the history of its data. Whenever writes may have been lost, after
-- a restart, a failover or a restore, it is another: then a seq that a client knows may stand for something else. It is the
-- same text for everyone who asks that run; empty where Redis does not tell.
local function epoch()
  local run, history = redis.pcall('INFO', 'server'), redis.pcall('INFO', 'replication')
  if type(run) ~= 'string' or type(history) ~= 'string' then return '' end
  return string.sub(string.match(run, 'run_id:(%x+)') or '', 1, 12) .. string.sub(string.match(history, 'master_replid:(%x+)') or '', 1, 12)
end

-- Place in line, 1 = next; '' when not in it.
local function position(sid)
  local rank = call('ZRANK', LINE, sid)
  return rank and int(rank + 1) or ''
end

-- record appends one event to the session's log; pairs_ are its fields and values.
local function record(sid, pairs_)
  local seq = int(call('HINCRBY', session_key(sid), 'seq', 1))
  call('XADD', session_key(sid) .. ':log', 'MAXLEN', LOG_LENGTH, seq .. '-0', unpack(pairs_))
  touched[sid] = true
end

-- describe gives a session as PUBLIC_SESSION. Its hash has most of that; the rest is counted where it is.
local function describe(sid)
  local key = session_key(sid)
  local values = call('HMGET', key, unpack(PUBLIC_SESSION))
  local seen = call('ZSCORE', SEEN, sid)
  local counted = {
    queued = int(call('ZCARD', key .. ':queue')),
    running = int(call('SCARD', key .. ':running')),
    position = position(sid),
    expires = seen and int(WALL + num(seen) + TTL - NOW) or '',
  }
  for i, field in ipairs(PUBLIC_SESSION) do values[i] = counted[field] or values[i] or '' end
  return values
end

local function snapshot(kind, fields, values)
  local event = {'type', kind}
  for i, field in ipairs(fields) do
    event[#event + 1] = field
    event[#event + 1] = values[i] or ''
  end
  return event
end

-- record_job tells of a job as it is now, and, where its image was deleted, that too: it is the last that is heard of it, but for one that a
-- worker has in hand.
local function record_job(sid, jid)
  local event = snapshot('job', PUBLIC_JOB, call('HMGET', job_key(sid, jid), unpack(PUBLIC_JOB)))
  if call('HGET', job_key(sid, jid), 'drop') then
    event[#event + 1] = 'deleted'
    event[#event + 1] = '1'
  end
  record(sid, event)
end

local function record_session(sid) record(sid, snapshot('session', PUBLIC_SESSION, describe(sid))) end

local function record_mask(sid, jid)
  local j = call('HMGET', job_key(sid, jid), 'image', 'width', 'height')
  record(sid, {'type', 'mask', 'id', jid, 'image', j[1], 'width', j[2], 'height', j[3]})
end

-- refusal says why nothing can be done with a session: 'gone', 'closed', or nil when it is open.
local function refusal(sid)
  local state = call('HGET', session_key(sid), 'state')
  if not state then return 'gone' end
  return state == 'closed' and 'closed' or nil
end
