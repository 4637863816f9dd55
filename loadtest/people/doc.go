// Package people is what drives hubs in load tests: people with sessions and sockets, who know the public API alone and hold
// what they hear to its promises.
package people
