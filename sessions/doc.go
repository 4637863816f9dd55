// Package sessions decides who runs and who waits. It holds the sessions, their jobs and their event
// logs in Redis, gives out the slots, and is the only package that talks to Redis. Each change of
// state is one Lua script (lua/*.lua) that appends the event which tells of it.
//
// # Sessions
//
//	           slot free, nobody waits
//	idle ---------------------------------> active
//	  \                                     ^    |
//	   \  submit, else       head of line  /     | turn over, others wait
//	    +------------------> waiting -----+      |
//	                            ^                |
//	                            +----------------+
//
// Every transition there is; the tests hold the scripts to this table:
//
//	idle    -> active   it connects or submits, a slot is free and nobody waits
//	idle    -> waiting  it submits, else
//	waiting -> active   it is at the head of the line and a slot is free, or reserved without work for a grace
//	waiting -> idle     its whole queue was cancelled, or finished by workers that were taken for dead
//	active  -> waiting  its turn is over while others wait, or its node is gone or its worker down, and it has queued jobs; for a
//	                    moment, when its worker is still at work for another and one of its node is free
//	active  -> idle     no work for a grace while others wait or nobody watches; or as above without queued jobs
//	idle    -> closed   DELETE, or SESSION_TTL without sockets and work
//	waiting -> closed   DELETE
//	active  -> closed   DELETE, or as idle
//
// # Jobs
//
//	queued  -> running    a worker claims it; its attempt counts up
//	queued  -> cancelled  by its user
//	queued  -> done       its worker was taken for dead and finished it before anybody claimed it again;
//	queued  -> failed     likewise
//	running -> done       its result is stored
//	running -> failed     with a problem, which may be that three processes died under it
//	running -> cancelled  its user asked for it, and its worker heard or is gone
//	running -> queued     its worker stopped or died: to the head of the queue
//
// When a process dies, each job that its workers had in hand counts a death, whichever of them was to blame. From then on a
// job is tried alone (lua/lib_suspects.lua), the third time with nothing else in hand of the node, so that only what kills
// its process is given up. A lease that was lost is no death: a process that comes back takes the count back.
//
// # Time
//
// Turns, graces, leases and TTLs are counted in time that somebody lived through (lua/lib_clock.lua): it goes on from
// tick to tick of any node, and stands still while Redis is away or suspended and when its clock steps. After such a gap
// nobody is taken for dead or gone before everyone has had a lease to speak again. The wall clock is only shown.
//
// # Who owns what
//
// A node is a process with slots. A slot is open while its worker is up and warm: only then has it an owner. A node holds one
// lease for all of them in Redis, {generation, expiry}, and renews it each third of its TTL; a slot's owner and a claimed job
// are part of it. Scripts go by Redis's own clock (Config.Now replaces it in tests), so that nodes agree; a node itself stops
// taking work before the lease can have expired by counting from before the renewal was sent. Finishing is a compare-and-set
// on (job, attempt).
//
// # Ten thousand in line, a hundred nodes
//
// No script looks at everybody who waits, or at every node or slot. What is free, what is reserved without work and who has
// most to do are indexes (lua/lib_slots.lua), and admission pops from them. Who waits and who holds what is posted on a board
// (lua/lib_board.lua), whose changes each node follows: it works out places and estimates by itself.
//
// A worker is woken for what it can do, and nobody else is: the node whose slot was given or whose session has more to do, and
// where help is wanted one node with a worker at rest, which wakes the next if it leaves something over.
//
// # What runs in a node
//
// Redis publishes hints: "this session has events", "you may find work". They carry no state. What a hint
// tells is read from Redis, and is looked for now and then without one.
//
//	Submit, Cancel, ... --script--> Redis --hint--> listen --> pump --read log--> listeners
//	                                                       --> followLine --read the board--> mirror --> listeners
//	Next <--claim-- Redis                               --> workers that wait in Next
//	Progress --> flushProgress --script--> Redis --> pump
//
// Each duty that time brings has one goroutine:
//
//	keepLease      renews the lease, and with it lets time pass
//	endTurns       takes slots from those whose turn, grace or worker has ended
//	buryDead       ends the leases of nodes that are silent
//	tellPresences  says who is there
//	sweepClosed    closes who has expired, deletes what is closed
//	cancelClaims   tells the executor of cancellations, and Redis what is in hand and what is not
//	resolveDoubts  asks what became of submissions whose reply was lost
package sessions
