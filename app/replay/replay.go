package replay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"seghub/client"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/result"
)

// Original is what is to be made again.
type Original struct {
	Receipt result.Receipt
	Labels  *Labels // nil where there is no label map to compare with
}

// ErrReceipt is why a file is no receipt.
var ErrReceipt = errors.New("no receipt")

// inTIFF begins the line of a label map's description that has its receipt.
const inTIFF = "seghub_receipt="

// ReadOriginal reads a receipt: a label map that carries it, or JSON. Labels is a label map to compare with; empty looks for the one that
// lies where an export of everything puts it.
func ReadOriginal(ctx context.Context, path, labels string) (o Original, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return o, err
	}
	text := data
	if at := bytes.Index(data, []byte(inTIFF)); at >= 0 && !bytes.HasPrefix(data, []byte("{")) {
		text, _, _ = bytes.Cut(data[at+len(inTIFF):], []byte("\n"))
		if labels == "" {
			labels = path
		}
	}
	if err := json.Unmarshal(text, &o.Receipt); err != nil || o.Receipt.Image.SHA256 == "" {
		return o, fmt.Errorf("%w: %s is neither a receipt nor a label map that carries one", ErrReceipt, path)
	}
	if labels == "" {
		labels = beside(path)
	}
	if labels != "" {
		o.Labels, err = readLabels(ctx, labels)
	}
	return o, err
}

// beside is the label map that lies in labels/ next to receipts/; empty when there is none.
func beside(path string) string {
	stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	candidate := filepath.Join(filepath.Dir(path), "..", "labels", stem+".tif")
	if _, err := os.Stat(candidate); err != nil {
		return ""
	}
	return candidate
}

// Outcome is how what was made again compares.
type Outcome struct {
	Compared    bool     // with the receipt's digest, or with a label map
	Same        bool     // every pixel has the label that it had
	Pixels      int      // that were compared one by one; 0 without a label map
	Labels      int      // of them, those that have another label
	Mask        int      // of those, pixels that are object in one and background in the other
	Changed     bool     // the label map that was compared with is not the receipt's
	Differences []string // between what made the two
}

// String says it to people.
func (o Outcome) String() string {
	var words strings.Builder
	switch {
	case !o.Compared:
		words.WriteString("made again; the receipt has no digest, and there is no label map to compare with: say --labels\n")
	case o.Same && o.Pixels == 0:
		words.WriteString("same: the label map has the receipt's digest\n")
	case o.Same:
		fmt.Fprintf(&words, "same: all %d pixels\n", o.Pixels)
	case o.Pixels == 0:
		words.WriteString("differs: the label map has another digest; where the one of then is given as --labels, pixels are counted\n")
	default:
		fmt.Fprintf(&words, "differs: %d of %d pixels have another label, %d of them are object in one and background in the other\n", o.Labels, o.Pixels, o.Mask)
	}
	if o.Changed {
		words.WriteString("the label map that was compared with is not the receipt's: its digest is another\n")
	}
	if o.Compared && !o.Same && len(o.Differences) == 0 {
		words.WriteString("model, runtime, device and options are the same\n")
	}
	return words.String() + o.Otherwise()
}

// Otherwise says to people what made the two differ; nothing where nothing did.
func (o Outcome) Otherwise() string {
	if len(o.Differences) == 0 {
		return ""
	}
	return "made otherwise:\n  " + strings.Join(o.Differences, "\n  ") + "\n"
}

// ErrOtherImage is why an image is not segmented: it is not the one that the receipt is of.
var ErrOtherImage = errors.New("another image")

// Run makes a result again at a hub. Where a correction cannot be made again, the outcome has the differences that may be why.
func Run(ctx context.Context, hub client.Config, o Original, image string) (Outcome, error) {
	if err := isOf(image, o.Receipt.Image.SHA256); err != nil {
		return Outcome{}, err
	}
	session, err := client.Open(ctx, hub)
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := run(ctx, session, o, image)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), parting)
	defer cancel()
	_ = session.Close(ctx) // else it ends by itself: what was found stands
	return outcome, err
}

// parting is how long leaving a hub may take.
const parting = 10 * time.Second

func isOf(image, want string) error {
	file, err := models.OpenFile(image)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		return fmt.Errorf("%w: the SHA-256 of %s is %s; the receipt is of %s", ErrOtherImage, image, got, want)
	}
	return nil
}

func run(ctx context.Context, hub *client.Client, o Original, image string) (Outcome, error) {
	job, err := segmentAs(ctx, hub, o.Receipt, image)
	if err != nil {
		return Outcome{}, err
	}
	edited := edit(ctx, hub, job, o.Receipt.Edits)
	text, err := hub.Receipt(ctx, job)
	if err != nil {
		return Outcome{}, cmp.Or(edited, err)
	}
	var again result.Receipt
	if err := json.Unmarshal(text, &again); err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{Differences: differences(o.Receipt, again)}
	if edited != nil {
		return outcome, edited
	}
	then := o.Receipt.Labels
	if then.SHA256 != "" && then.Form == again.Labels.Form {
		outcome.Compared, outcome.Same = true, then == again.Labels
	}
	if o.Labels == nil {
		return outcome, nil
	}
	labels, err := fetchLabels(ctx, hub, job)
	if err != nil {
		return outcome, err
	}
	outcome.Changed = then.Form == mask.DigestForm && then.SHA256 != o.Labels.digest()
	return outcome, outcome.compare(o.Labels, labels)
}

// segmentAs makes the first revision as a receipt says.
func segmentAs(ctx context.Context, hub *client.Client, r result.Receipt, image string) (job string, err error) {
	sent, err := hub.Upload(ctx, client.Upload{Model: r.Model.ID, Files: []client.File{client.FromDisk(image)}, Options: optionsOf(ctx, r, image)})
	if err != nil {
		return "", err
	}
	job = sent.Accepted[0].ID
	for event, err := range hub.Events(ctx, client.Follow{}) {
		if err != nil {
			return "", err
		}
		told := []client.Job{}
		switch e := event.(type) {
		case client.Snapshot:
			told = e.Jobs
		case client.JobChanged:
			told = append(told, e.Job)
		case client.Disconnected: // connections are tried for ever, a call until the hub has been away for too long
			j, err := hub.Job(ctx, job)
			if err != nil {
				return "", err
			}
			told = append(told, j)
		}
		for _, j := range told {
			switch {
			case j.ID != job || !j.State.Ended():
			case j.State == client.Done:
				return job, nil
			case j.Error != nil:
				return "", j.Error
			default:
				return "", fmt.Errorf("the job was %s", j.State)
			}
		}
	}
	return "", errors.New("the events ended")
}

// optionsOf chooses of the file what the receipt is of, and nothing else. A projection is of all depths, of which it names the first.
func optionsOf(ctx context.Context, r result.Receipt, image string) client.Options {
	options := r.Options
	return client.Options{
		Threshold: options.Threshold, MinArea: &options.MinArea, ExcludeBorder: &options.ExcludeBorder,
		DetectHoles: &options.DetectHoles, SplitTouching: &options.SplitTouching, Diameter: diameter(r.Scale), PixelSize: size(r.Image.PixelSize),
		Pages: strconv.Itoa(r.Image.Page + 1), Channel: channel(ctx, r.Image, image), Projection: r.Image.Projection,
	}
}

// channel is empty where the page is of the channel already. The receipt's number would be taken for a name there, if the file has channels that are
// called 1, 2 and 3.
func channel(ctx context.Context, of result.Source, image string) string {
	data, err := os.Open(image)
	if err != nil {
		return of.Channel
	}
	defer data.Close()
	info, err := data.Stat()
	if err != nil {
		return of.Channel
	}
	file, err := imageio.Open(ctx, data, info.Size(), imageio.Limits{})
	if err != nil || of.Page >= len(file.Pages) || strconv.Itoa(file.Pages[of.Page].Channel) != of.Channel {
		return of.Channel
	}
	return ""
}

// size is 0 where it is not known.
func size(of *float64) float64 {
	if of == nil {
		return 0
	}
	return *of
}

// diameter is what the first making went by, said or found.
func diameter(s *result.Scale) float64 {
	if s == nil {
		return 0
	}
	return size(s.Diameter)
}

func scale(s *result.Scale) string {
	if s == nil {
		return "none"
	}
	return fmt.Sprintf("%.3g times for a diameter of %.3g pixels", s.Factor, size(s.Diameter))
}

// edit makes the revisions after the first.
func edit(ctx context.Context, hub *client.Client, job string, edits []result.Edit) error {
	for _, e := range edits {
		var made int
		var err error
		if e.Options != nil {
			request, failed := json.Marshal(struct {
				Threshold     float64 `json:"threshold"`
				MinArea       int     `json:"min_area"`
				DetectHoles   bool    `json:"detect_holes"`
				ExcludeBorder bool    `json:"exclude_border"`
				SplitTouching bool    `json:"split_touching"`
				Keep          bool    `json:"keep"`
			}{e.Options.Threshold, e.Options.MinArea, e.Options.DetectHoles, e.Options.ExcludeBorder, e.Options.SplitTouching, true})
			if failed != nil {
				return failed
			}
			made, err = hub.Measure(ctx, job, request)
		} else {
			operations, failed := json.Marshal(e.Operations)
			if failed != nil {
				return failed
			}
			made, err = hub.Edit(ctx, job, e.Revision-1, operations)
		}
		if err == nil && made != e.Revision {
			err = fmt.Errorf("it made revision %d", made)
		}
		if err != nil {
			return fmt.Errorf("revision %d cannot be made again: %w", e.Revision, err)
		}
	}
	return nil
}

// differences says in a line each what may make two results differ.
func differences(then, now result.Receipt) (list []string) {
	for _, d := range []struct{ what, then, now string }{
		{"model file", then.Model.SHA256, now.Model.SHA256},
		{"model version", then.Model.Version, now.Model.Version},
		{"precision", then.Model.Precision, now.Model.Precision},
		{"ONNX Runtime", then.Runtime, now.Runtime},
		{"device", then.Device, now.Device},
		{"hub", then.Hub, now.Hub},
		{"scale", scale(then.Scale), scale(now.Scale)},
		{"options", fmt.Sprintf("%+v", then.Options), fmt.Sprintf("%+v", now.Options)},
	} {
		if d.then != d.now {
			list = append(list, fmt.Sprintf("%s: %s then, %s now", d.what, d.then, d.now))
		}
	}
	return list
}
