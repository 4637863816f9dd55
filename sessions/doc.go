// Package sessions decides who runs and who waits. It holds the sessions, their jobs and their event
// logs in Redis, gives out the slots, and is the only package that talks to Redis. Each change of
// state is one Lua script that appends the event which tells of it.
//
//	        submit, slot free, nobody waits
//	idle ------------------------------------> active
//	 | \                                      /  |  ^
//	 |  \ submit, else                       /   |  | slot free, head of the line
//	 |   +--------------> waiting <---------+    |  |
//	 |                     |  ^   turn is over, others wait
//	 |                     |  |                  |  |
//	 |                     +--|------------------|--+
//	 +------ no work for RESERVE_GRACE while others wait
//	any -- DELETE, or SESSION_TTL without sockets and work --> closed
package sessions
