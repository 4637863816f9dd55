-- get: session id -> the session as describe() gives it, or why not.

local sid = arg(1)
return refusal(sid) or describe(sid)
