package sessions

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// commands are those that a hub gives Redis: what its scripts call, and what it asks for without one.
var commands = func() []any {
	names := []string{"GET", "HGET", "HSCAN", "SET", "SUBSCRIBE", "ZCARD", "ZSCORE"}
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

// checkRights makes sure that Redis lets this hub's user give all commands: a script that is refused one has done half of its work. A
// Redis older than 7 does not tell. It fails with ErrRights.
func (s *Service) checkRights(ctx context.Context) error {
	reply, err := s.ask(ctx, rightsScript, commands...)
	if err != nil {
		return err
	}
	if lacking := texts(reply); len(lacking) > 0 {
		return fmt.Errorf("sessions: %w: %s", ErrRights, strings.Join(lacking, ", "))
	}
	return nil
}
