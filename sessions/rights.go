package sessions

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// commands are those that a hub gives Redis: what its scripts call, and what it asks for without one.
var commands = func() []any {
	names := []string{"GET", "HGET", "HMGET", "HSCAN", "SET", "SUBSCRIBE", "ZCARD", "ZSCORE"}
	files, err := luaFiles.ReadDir("lua")
	if err != nil {
		panic(err) // the folder is missing from the build
	}
	for _, file := range files {
		for _, call := range calls.FindAllSubmatch(luaFile(strings.TrimSuffix(file.Name(), ".lua")), -1) {
			names = append(names, string(call[1]))
		}
	}
	slices.Sort(names)
	var each []any
	for _, name := range slices.Compact(names) {
		each = append(each, name)
	}
	return each
}()

// calls finds the commands in a script.
var calls = regexp.MustCompile(`call\('([A-Z]+)'`)

// CheckRights makes sure that Redis lets the client's user give all commands of a hub: a script that is refused one has done half of its
// work. A Redis older than 7 does not tell. It fails with ErrRights, or ErrUnavailable.
func CheckRights(ctx context.Context, client redis.UniversalClient) error {
	arguments := append([]any{0, 0, 0, 0, "", 0, 0, 0}, commands...) // what all scripts are told first, this one has no use for
	lacking, err := rightsScript.lua.Run(ctx, client, scriptKeys, arguments...).StringSlice()
	if err != nil {
		return unavailable(ctx, rightsScript.name, err)
	}
	if len(lacking) > 0 {
		return fmt.Errorf("sessions: %w: %s", ErrRights, strings.Join(lacking, ", "))
	}
	return nil
}
