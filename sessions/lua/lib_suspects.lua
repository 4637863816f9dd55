-- Suspects: jobs whose process died under them. One of all that were in hand was to blame, and the others must not
-- pay for it:
--
--   after a death    it is a batch of its own, its worker has nothing else in hand, and no other suspect is in hand of
--                    the node: no two suspects meet again
--   its last try     the node has nothing else in hand at all: when the process dies once more it is to blame

local function deaths(sid, jid) return num(call('HGET', job_key(sid, jid), 'deaths')) end
local function last_try(sid, jid) return deaths(sid, jid) == MOST_DEATHS - 1 end

local function head(sid) return call('ZRANGE', session_key(sid) .. ':queue', 0, 0)[1] end

-- kept_waiting reports whether slot may claim nothing for now, whoever's it is: its worker has a suspect in hand, or
-- the node is kept clear for a last try. quiet is the first slot whose owner's next job is one, if any.
local function kept_waiting(slot, quiet)
  local suspect = call('HGET', node_key(NODE), 'suspect')
  if suspect then
    local at, member = split(suspect)
    return at == slot or last_try(split(member))
  end
  return quiet and quiet ~= slot
end

-- may_try reports whether slot may claim a suspect that is its owner's next job.
local function may_try(sid, jid, slot)
  if call('HEXISTS', node_key(NODE), 'suspect') == 1 or is_busy(NODE, slot) then return false end
  return call('EXISTS', hand_key(NODE)) == 0 or not last_try(sid, jid)
end
