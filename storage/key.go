package storage

import (
	"fmt"
	"regexp"
	"strings"
)

const sessionsFolder = "sessions/"

var (
	wellFormedID  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	wellFormedKey = regexp.MustCompile(
		`^sessions/[A-Za-z0-9_-]{1,128}/(images/[A-Za-z0-9_-]{1,128}|jobs/[A-Za-z0-9_-]{1,128}/(probability\.bands|mask\.png|mask-[0-9]{1,9}\.png|result\.json|labels\.bands|receipt\.json|[A-Z0-9]{1,64}\.(edit|change|result|labels)))$`)
)

// ImageKey is where an image lies as it was uploaded.
func ImageKey(session, image string) string {
	return sessionsFolder + session + "/images/" + image
}

// ProbabilityKey is where a job's probability map lies: the bands of mask.ReadBands.
func ProbabilityKey(session, job string) string { return jobKey(session, job, "probability.bands") }

// MaskKey is where a job's mask lies: a PNG of one channel, 0 or 255.
func MaskKey(session, job string) string { return jobKey(session, job, "mask.png") }

// PieceKey is where the piece of a job's mask lies that begins at a row: as MaskKey, of a large image, before the whole is there.
func PieceKey(session, job string, row int) string {
	return jobKey(session, job, fmt.Sprintf("mask-%d.png", row))
}

// ResultKey is where a job's result lies: the Result of the contract as JSON.
func ResultKey(session, job string) string { return jobKey(session, job, "result.json") }

// LabelsKey is where a job's label map lies: the bands of mask.ReadLabels.
func LabelsKey(session, job string) string { return jobKey(session, job, "labels.bands") }

// ReceiptKey is where it lies what made a job's result, as JSON.
func ReceiptKey(session, job string) string { return jobKey(session, job, "receipt.json") }

// lasts tells whether what lies under a key is to outlast a power cut: what people have brought or drawn, which nobody could make again.
func lasts(key string) bool {
	image, _ := Subject(key)
	return key == identityKey || image != "" || RevisionOf(key) != ""
}

// RevisionKey is where a blob of a later revision of a job lies. Its name is capital letters and digits, and what it is: .edit, .change,
// .result or .labels.
func RevisionKey(session, job, name string) string { return jobKey(session, job, name) }

// RevisionOf is the name in a RevisionKey; empty of another key.
func RevisionOf(key string) string {
	if revision := wellFormedKey.FindStringSubmatch(key); revision != nil && revision[3] != "" {
		return key[strings.LastIndexByte(key, '/')+1:]
	}
	return ""
}

func jobKey(session, job, name string) string {
	return sessionsFolder + session + "/jobs/" + job + "/" + name
}

// Subject tells what the blob under key is of, by its id: an image or a job, or neither.
func Subject(key string) (image, job string) {
	switch parts := strings.Split(key, "/"); {
	case len(parts) == 4 && parts[2] == "images":
		return parts[3], ""
	case len(parts) == 5 && parts[2] == "jobs":
		return "", parts[3]
	}
	return "", ""
}

// checkSize takes an empty blob of a job for none: nothing that is made of one is empty, but a power cut empties files.
func checkSize(key string, size int64) error {
	if _, job := Subject(key); size == 0 && job != "" {
		return fmt.Errorf("%w: its file is empty", ErrNotFound)
	}
	return nil
}

// checkKey keeps ids that come from outside from naming anything but a blob of a session.
func checkKey(key string) error {
	if !wellFormedKey.MatchString(key) {
		return ErrBadKey
	}
	return nil
}
