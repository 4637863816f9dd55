-- What every script begins with: its arguments and the names of keys.
--
-- KEYS has the deployment's hash tag, such as "{seghub}", and after it every key whose name is known before (fixedKeys in
-- script.go); KEY, which stands above, finds them by name. What a script learns from those, a session, a job or a node, has a
-- key of its own under the same tag. All of them lie in one slot of a cluster for that. ARGV[1..8] are the same for all scripts:
--   1 now in ms, or 0 for the server's own clock   2 turn in ms      3 grace of a reservation in ms
--   4 how many events a log keeps                  5 calling node    6 its lease
--   7 lease in ms                                  8 session TTL in ms
-- A script's own arguments follow; arg(1) is the first of argc of them. PUBLIC_JOB and PUBLIC_SESSION, the lists of
-- fields as Go reads them, stand above (record.go).
--
-- Numbers become strings through int(), because Lua would write large ones as 1.7e+12.

local call = redis.call
local PREFIX = KEYS[1] .. ':'

local function int(n) return string.format('%.0f', n) end
local function num(s) return tonumber(s) or 0 end

local argc = #ARGV - 8
local function arg(i) return ARGV[8 + i] end

local TURN, GRACE, LOG_LENGTH = num(ARGV[2]), num(ARGV[3]), ARGV[4]
local NODE, GENERATION = ARGV[5], ARGV[6]
local LEASE, OWN_TTL = num(ARGV[7]), num(ARGV[8])

local LINE = KEY.line         -- sorted set: waiting sessions by ticket
local NODES = KEY.nodes       -- sorted set: nodes that hold a lease, by the NOW at which it expires
local FREE = KEY.free         -- sorted set, all scores 0: "node slot" of each open slot without an owner
local RESERVED = KEY.reserved -- sorted set: sessions that hold a slot without work, by since when
local BACKLOG = KEY.backlog   -- sorted set: sessions that hold a slot, by how many jobs they have queued; none with 0
local RESTING = KEY.resting   -- set: "node slot" of each worker that has found nothing to do
local SEEN = KEY.seen         -- sorted set: open sessions by when they last had a socket, a call or work, by NOW
local CLOSING = KEY.closing   -- set: closed sessions whose jobs and files are not all deleted yet

-- Hash: name token created state node slot held ticket idle seq number done failed cancelled, and closer once it is closed.
-- Beside it :queue and :jobs, sorted sets of job ids by number, :running, the set of those that a worker has in hand,
-- :load, a hash of what all these ask for (lib_board.lua), :log, the stream of events, :keys, a hash of the client's keys of
-- submissions to the ids of the jobs that each made, and :left, a hash of these keys to how many of those are not deleted.
local function session_key(sid) return PREFIX .. 'session:' .. sid end
-- Hash: the PUBLIC_JOB fields, calibration once somebody has said one, and number model image width height attempt cancel node deaths
-- died drop key.
local function job_key(sid, jid) return PREFIX .. 'session:' .. sid .. ':job:' .. jid end
-- Stream: the revisions of a job after its first, by their number.
local function revisions_key(sid, jid) return job_key(sid, jid) .. ':revisions' end
-- Sorted set: the ids of the jobs of an image by number.
local function image_key(sid, image) return PREFIX .. 'session:' .. sid .. ':image:' .. image end
-- String: there is to be no such job.
local function void_key(sid, jid) return PREFIX .. 'session:' .. sid .. ':void:' .. jid end
-- Hash: generation process slots open draining models suspect kept, and for each slot i owner:i token:i batch:i.
-- Beside it :hand, a hash of "session job" to slot: what its workers have claimed and not finished.
local function node_key(node) return PREFIX .. 'node:' .. node end

local function hand_key(node) return node_key(node) .. ':hand' end

-- even_when_full lets a script go on while Redis has all the memory that it may have, for what frees some or keeps what is
-- promised. Redis refuses what may take memory only until the script's first write; this is one that changes nothing.
local function even_when_full() call('DEL', KEY.nothing) end

local function split(member)
  local at = string.find(member, ' ', 1, true)
  return string.sub(member, 1, at - 1), string.sub(member, at + 1)
end
