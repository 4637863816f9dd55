// Package inflate decompresses zlib streams (RFC 1950 and 1951), as they lie in PNG files: about three times as fast as
// compress/zlib, with which it agrees on what is well formed. docs/adr/0009 says why it is here.
//
//	io.Reader -> in: up to 64 KiB -> bits -> literal or copy, by tables -> out: 32 KiB behind, what Next has not given ahead
//
// What makes the difference: whole words are taken from in and copied within out, a table tells up to two literals at once, and the
// checksum is summed in lanes of a word. Memory does not depend on the stream, but on what Next is asked for.
package inflate
