// Package people is what drives hubs in load tests: people with sessions and sockets, who know the public API alone and hold
// what they hear to its promises. They do not use the client of this project: it repeats what fails and comes back by itself, which
// would hide what is looked for here.
package people
