-- What every script begins with: names of keys, the clock, the event log, and the hints that wake nodes.
--
-- KEYS[1] is the deployment's hash tag, such as "{seghub}". Every other key begins with it, so that all of
-- them lie in one cluster slot and a script may name them itself. ARGV[1..6] are the same for all scripts:
--   1 now in ms, or 0 for the server's own clock   2 turn in ms      3 grace of a reservation in ms
--   4 how many events a log keeps                  5 calling node    6 its generation
-- A script's own arguments follow; arg(1) is the first of them.
--
-- Numbers become strings through int(), because Lua would write large ones as 1.7e+12.

local call = redis.call
local PREFIX = KEYS[1] .. ':'

local function int(n) return string.format('%.0f', n) end
local function arg(i) return ARGV[6 + i] end
local function num(s) return tonumber(s) or 0 end

local NOW = num(ARGV[1])
if NOW == 0 then
  local t = call('TIME')
  NOW = num(t[1]) * 1000 + math.floor(num(t[2]) / 1000)
end
local TURN, GRACE, LOG_LENGTH = num(ARGV[2]), num(ARGV[3]), ARGV[4]
local NODE, GENERATION = ARGV[5], ARGV[6]

local LINE = PREFIX .. 'line'       -- sorted set: waiting sessions by ticket
local NODES = PREFIX .. 'nodes'     -- set: nodes that hold a lease
local SEEN = PREFIX .. 'seen'       -- sorted set: open sessions by when they last had a socket, a call or work
local CLOSING = PREFIX .. 'closing' -- set: closed sessions whose jobs and files are not all deleted yet

-- Hash: name token created state node slot ticket idle seq number queued running done failed cancelled.
-- Beside it :queue and :jobs, sorted sets of job ids by number, :running, the set of those that a worker has in hand,
-- and :log, the stream of events.
local function session_key(sid) return PREFIX .. 'session:' .. sid end
-- Hash: the PUBLIC_JOB fields and number model image width height attempt cancel node deaths died.
local function job_key(sid, jid) return PREFIX .. 'session:' .. sid .. ':job:' .. jid end
-- Hash: generation expires slots draining suspect held, and for each slot i owner:i since:i token:i batch:i.
-- Beside it :hand, a hash of "session job" to slot: what its workers have claimed and not finished.
local function node_key(node) return PREFIX .. 'node:' .. node end

local PUBLIC_JOB = {'id', 'spec', 'state', 'stage', 'percent', 'error', 'created', 'started', 'finished',
  'decode', 'infer', 'postprocess'}
local PUBLIC_SESSION = {'name', 'state', 'slot', 'node', 'queued', 'running', 'done', 'failed', 'cancelled'}

local function split(member)
  local at = string.find(member, ' ', 1, true)
  return string.sub(member, 1, at - 1), string.sub(member, at + 1)
end

-- Hints. They carry no truth: a node that misses one finds out at its next look.
local touched, wake = {}, false

local function publish()
  for sid in pairs(touched) do call('PUBLISH', PREFIX .. 'events', sid) end
  if wake then call('PUBLISH', PREFIX .. 'work', '') end
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

local function snapshot(kind, key, fields)
  local values = call('HMGET', key, unpack(fields))
  local event = {'type', kind}
  for i, field in ipairs(fields) do
    event[#event + 1] = field
    event[#event + 1] = values[i] or ''
  end
  return event
end

local function record_job(sid, jid)
  record(sid, snapshot('job', job_key(sid, jid), PUBLIC_JOB))
end

local function record_session(sid)
  local event = snapshot('session', session_key(sid), PUBLIC_SESSION)
  event[#event + 1] = 'position'
  event[#event + 1] = position(sid)
  record(sid, event)
end

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

-- describe gives the session as Go reads it: PUBLIC_SESSION, then position and seq.
local function describe(sid)
  local s = call('HMGET', session_key(sid), unpack(PUBLIC_SESSION))
  s[#s + 1] = position(sid)
  s[#s + 1] = call('HGET', session_key(sid), 'seq')
  return s
end
