package sessions

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// Create opens a session and gives the token that authorises its owner. Only the token's hash is kept.
func (s *Service) Create(ctx context.Context, name string) (Session, string, error) {
	if s.draining.Load() {
		return Session{}, "", ErrDraining
	}
	id, token := newID(), newToken()
	reply, err := s.ask(ctx, createScript, id, name, hashToken(token), keysVersion, s.config.Storage)
	if err != nil {
		return Session{}, "", err
	}
	return newRecord(sessionFields, reply).session(id), token, nil
}

// Authenticate gives the id of the session that has token. It fails with ErrUnauthorized when none has, and with
// ErrClosed for a while after the session was closed.
func (s *Service) Authenticate(ctx context.Context, token string) (string, error) {
	reply, err := s.ask(ctx, authenticateScript, hashToken(token))
	if errors.Is(err, ErrNotFound) {
		return "", ErrUnauthorized
	}
	if err != nil {
		return "", err
	}
	id := text(reply[0])
	s.callers.add(id)
	return id, nil
}

// Get gives a session as it is now.
func (s *Service) Get(ctx context.Context, id string) (Session, error) {
	reply, err := s.ask(ctx, getScript, id)
	if err != nil {
		return Session{}, err
	}
	session := newRecord(sessionFields, reply).session(id)
	s.addETA(ctx, &session)
	return session, nil
}

// Close ends a session: its queue is cancelled, its running jobs are stopped, its slot goes to the next in line,
// its files are deleted. Closing a closed session gives ErrClosed. With ErrNoRoom its files are gone, which may make room, and
// it is to be closed again.
func (s *Service) Close(ctx context.Context, id string) error {
	end := func() (any, error) {
		reply, _, err := s.insist(ctx, closeScript, id, 0, int64(rememberClosed.Seconds()), newID())
		return reply, err
	}
	reply, err := end()
	if errors.Is(err, ErrNoRoom) && s.config.Files.DeleteSession(ctx, id) == nil {
		reply, err = end() // what was deleted may have lain on the disk that Redis writes to
	}
	if err != nil {
		return err
	}
	if word := text(reply); word != "ok" {
		return refusal(word)
	}
	s.log.Info("session closed", "session", id)
	// Its last running job may still store a result: the sweep deletes again after that.
	if err := s.config.Files.DeleteSession(ctx, id); err != nil {
		s.log.Warn("files of a closed session are not deleted yet", "session", id, "error", err)
		return nil
	}
	if err := s.sweep(ctx, id); err != nil {
		s.log.Warn("a closed session is not swept yet", "session", id, "error", err)
	}
	return nil
}

// newID makes an opaque id of 80 random bits.
func newID() string {
	var b [10]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// newToken makes a secret of 256 random bits.
func newToken() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
