// Package hub holds the live connections: it reads what clients say, writes what their sessions tell,
// fans out to several sockets a session and replays what a client missed. It knows no Redis and no GPU.
//
//	client frames -> reader ----> Sessions.Cancel, watch, pong
//	                    |
//	sessions -deliver-> queue --> writer -> socket
//	                    ^   |
//	keeper, stats ------+   +---> Subscription.Backlog, when the queue does not hold the next event
//
// Who owns what. A socket is two goroutines: the reader, which also takes the socket down, and the
// writer, which runs while there is something to write; Stop waits for both. The queue between them is the only state they share.
// One keeper goroutine
// pings all sockets and cuts those that are silent or do not leave, so that an idle socket needs no timer;
// one stats goroutine asks for the statistics once for all who watch them.
//
// A connection in short:
//
//	upgrade -> welcome -> snapshot (first connect, or gap) | missed events (resume)
//	        -> live messages ... -> close frame -> the peer's close frame, or the keeper's cut
//
// What a client may rely on beyond the contract's words:
//   - A client that offers no subprotocol is served; one that offers others but not seghub.v1 is closed with 4409.
//   - A final mask whose picture cannot be read (its file is gone) comes as a binary frame with its header and
//     no PNG bytes, so that its seq is accounted for.
//   - A peer that breaks the framing itself hears 1002, as RFC 6455 asks; what is framed well but says nothing
//     known (unknown type, invalid JSON, a binary frame, more than 16 KiB) is closed with 4409.
//   - A peer that takes nothing for so long that a frame cannot be finished is cut without a close frame: there
//     is no place left in the stream for one.
package hub
