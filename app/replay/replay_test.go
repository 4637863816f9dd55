package replay

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"seghub/app/config"
	"seghub/app/segment"
	"seghub/client"
	"seghub/gpuexec/ort"
	"seghub/models/imageio"
	"seghub/models/imageio/tiff/tifftest"
	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/models/mask/result"
	"seghub/models/sample"
	"seghub/storage/export"
)

const model = "unet_spherohq"

// TestTheWholeWay uploads an image, splits an object in two, exports all formats, has each of them opened by the programs that it is
// made for, and makes the result again from the label map that was exported.
func TestTheWholeWay(t *testing.T) {
	if _, err := os.Stat(ort.DefaultLibrary()); err != nil {
		t.Skip("left out: ONNX Runtime library is absent; scripts/fetch-onnxruntime gets it")
	}
	inference := config.Inference{Models: "../../models/weights", Device: "cpu"}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	err := segment.WithHub(t.Context(), inference, model, log, func(ctx context.Context, address string) error {
		t.Run("sample", func(t *testing.T) {
			data, err := sample.PNG("nuclei")
			if err != nil {
				t.Fatal(err)
			}
			wholeWay(ctx, t, address, data)
		})
		t.Run("stack", func(t *testing.T) { ofAStack(ctx, t, address) })
		t.Run("real image", func(t *testing.T) {
			data, err := os.ReadFile("../../../shared/data/nuclei_val/images/0114f484a16c152b.png")
			if err != nil {
				t.Skip("left out: real images are absent: ../shared/data")
			}
			wholeWay(ctx, t, address, data)
		})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// ofAStack makes again what was made of one page, and of the brightest of all depths, of which no page has more than half. Either is one job.
func ofAStack(ctx context.Context, t *testing.T, address string) {
	file, err := sample.PNG("nuclei")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	const side, depths = 200, 2
	var pages []tifftest.Page
	for depth := range depths {
		pix := make([]byte, side*side)
		for i := range pix {
			if i%side*depths/side == depth {
				pix[i] = color.GrayModel.Convert(picture.At(i%side, i/side)).(color.Gray).Y
			}
		}
		page := tifftest.Grey(side, side, pix, tifftest.Text(270, fmt.Sprintf("ImageJ=1.53\nimages=%d\nslices=%d\n", depths, depths)))
		page.Offsets, page.Counts = 273, 279
		pages = append(pages, page)
	}
	image := filepath.Join(t.TempDir(), "stack.tif")
	if err := os.WriteFile(image, tifftest.File(binary.LittleEndian, false, pages...), 0o600); err != nil {
		t.Fatal(err)
	}
	hub, err := client.Open(ctx, client.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Disconnect()
	for _, of := range []result.Source{{Projection: "max"}, {Projection: "none"}, {Page: 1}} {
		job, err := segmentAs(ctx, hub, result.Receipt{Model: result.Model{ID: model}, Options: mask.Options{Threshold: 0.5}, Image: of}, image)
		if err != nil {
			t.Fatal(err)
		}
		text, err := hub.Receipt(ctx, job)
		if err != nil {
			t.Fatal(err)
		}
		var o Original
		if err := json.Unmarshal(text, &o.Receipt); err != nil {
			t.Fatal(err)
		}
		outcome, err := Run(ctx, client.Config{URL: address}, o, image)
		if got := o.Receipt.Image; err != nil || !outcome.Same || got.Page != of.Page || (got.Projection == "max") != (of.Projection == "max") {
			t.Errorf("%+v: made of %+v, then %v, %v", of, got, outcome, err)
		}
	}
	if session, err := hub.Session(ctx); err != nil || session.Jobs.Done != 3 {
		t.Errorf("jobs %+v, %v", session.Jobs, err)
	}
}

func wholeWay(ctx context.Context, t *testing.T, address string, data []byte) {
	folder := t.TempDir()
	image := filepath.Join(folder, "=cells.png") // a name that a spreadsheet takes for a formula
	if err := os.WriteFile(image, data, 0o600); err != nil {
		t.Fatal(err)
	}
	hub, err := client.Open(ctx, client.Config{URL: address, Name: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Disconnect()
	job, err := segmentAs(ctx, hub, result.Receipt{Model: result.Model{ID: model}, Options: mask.Options{Threshold: 0.5, MinArea: 20, DetectHoles: true}}, image)
	if err != nil {
		t.Fatal(err)
	}
	before, err := hub.Result(ctx, job)
	if err != nil || len(before.Objects) == 0 {
		t.Fatalf("%d objects, %v", len(before.Objects), err)
	}
	largest := before.Objects[0]
	for _, o := range before.Objects {
		if o.Area > largest.Area {
			largest = o
		}
	}
	x, y, width, height := largest.BBox[0], largest.BBox[1], largest.BBox[2], largest.BBox[3]
	line := fmt.Sprintf(`[{"op":"split","id":%d,"line":[[%g,%d],[%g,%d]]}]`, largest.ID, float64(x)+float64(width)/2, y-2, float64(x)+float64(width)/2, y+height+2)
	revision, err := hub.Edit(ctx, job, before.Revision, json.RawMessage(line))
	if err != nil || revision != before.Revision+1 {
		t.Fatalf("split of object %d: revision %d, %v", largest.ID, revision, err)
	}
	after, err := hub.Result(ctx, job)
	if err != nil || len(after.Objects) <= len(before.Objects) {
		t.Fatalf("%d objects of %d, %v", len(after.Objects), len(before.Objects), err)
	}

	all := filepath.Join(folder, "all.zip")
	if err := download(ctx, hub, all); err != nil {
		t.Fatal(err)
	}
	t.Run("readers", func(t *testing.T) {
		python := os.Getenv("CLIENT_PYTHON")
		if python == "" {
			python = "python3"
		}
		if exec.Command(python, "-c", "import cv2, numpy, openpyxl, pycocotools, roifile, shapely, tifffile").Run() != nil {
			t.Skipf("left out: the readers of exports; %s lacks something of clients/python/requirements-test.txt", python)
		}
		said, err := exec.Command(python, "../../storage/export/testdata/readers.py", all).CombinedOutput()
		t.Logf("%s", said)
		if err != nil {
			t.Error(err)
		}
	})
	if err := unzip(all, folder); err != nil {
		t.Fatal(err)
	}
	t.Run("replay", func(t *testing.T) { replays(ctx, t, address, folder, image) })
}

// replays makes what was exported again: from the label map, and from the receipt that lies in its own folder.
func replays(ctx context.Context, t *testing.T, address, folder, image string) {
	for _, receipt := range []string{"labels/=cells.tif", "receipts/=cells.json"} {
		original, err := ReadOriginal(ctx, filepath.Join(folder, receipt), "")
		if err != nil {
			t.Fatal(err)
		}
		if len(original.Receipt.Edits) != 1 {
			t.Errorf("the receipt has %d edits", len(original.Receipt.Edits))
		}
		outcome, err := Run(ctx, client.Config{URL: address}, original, image)
		if err != nil {
			t.Fatal(err)
		}
		if !outcome.Same || outcome.Pixels == 0 || outcome.Changed || len(outcome.Differences) != 0 {
			t.Errorf("%s: %v", receipt, outcome)
		}
		original.Receipt.Device = "a card that was there then"
		original.Labels.IDs[0]++
		outcome, err = Run(ctx, client.Config{URL: address}, original, image)
		if err != nil {
			t.Fatal(err)
		}
		if said := outcome.String(); outcome.Same || outcome.Labels != 1 || !outcome.Changed || !strings.Contains(said, "device: a card that was there then then, ") {
			t.Errorf("after a change: %v", said)
		}
	}
	replaysAlone(ctx, t, address, filepath.Join(folder, "receipts/=cells.json"), image)
	original, err := ReadOriginal(ctx, filepath.Join(folder, "labels/=cells.tif"), "")
	if err != nil {
		t.Fatal(err)
	}
	other := original
	other.Receipt.Model.SHA256 = "5a"
	other.Receipt.Edits = []result.Edit{{Revision: 2, Operations: []correct.Operation{{Kind: correct.Delete, IDs: []int{1 << 20}}}}}
	outcome, err := Run(ctx, client.Config{URL: address}, other, image)
	if said := outcome.Otherwise(); err == nil || !strings.Contains(said, "model file: 5a then, ") {
		t.Errorf("a correction of an object that another model found: %v, %q", err, said)
	}
	if _, err := Run(ctx, client.Config{URL: address}, original, filepath.Join(folder, "all.zip")); !errors.Is(err, ErrOtherImage) {
		t.Errorf("another image: %v", err)
	}
	if _, err := ReadOriginal(ctx, image, ""); !errors.Is(err, ErrReceipt) {
		t.Errorf("a receipt that is none: %v", err)
	}
}

// replaysAlone makes a result again from a receipt that nothing lies beside, and from one of a hub that wrote no digests.
func replaysAlone(ctx context.Context, t *testing.T, address, receipt, image string) {
	data, err := os.ReadFile(receipt)
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(alone, data, 0o600); err != nil {
		t.Fatal(err)
	}
	original, err := ReadOriginal(ctx, alone, "")
	if err != nil || original.Labels != nil {
		t.Fatalf("a receipt alone: %+v, %v", original.Labels, err)
	}
	for _, c := range []struct {
		labels result.Labels
		want   Outcome
	}{
		{original.Receipt.Labels, Outcome{Compared: true, Same: true}},
		{result.Labels{Form: original.Receipt.Labels.Form, SHA256: "5a"}, Outcome{Compared: true}},
		{result.Labels{Form: 1000, SHA256: "5a"}, Outcome{}},
		{result.Labels{}, Outcome{}},
	} {
		original.Receipt.Labels = c.labels
		if got, err := Run(ctx, client.Config{URL: address}, original, image); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("a receipt whose label map has the digest %+v: %+v, %v", c.labels, got, err)
		}
	}
}

// noSocket is a hub whose proxy says such a thing in the place of one, and which cannot end a session.
func noSocket(t *testing.T, status int) client.Config {
	mux := http.NewServeMux()
	say := func(pattern string, status int, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	say("POST /api/v1/sessions", http.StatusCreated, `{"token":"t"}`)
	say("POST /api/v1/images", http.StatusAccepted, `{"accepted":[{"id":"j","state":"queued"}]}`)
	say("GET /api/v1/ws", status, "")
	say("GET /api/v1/jobs/j", http.StatusOK, `{"id":"j","state":"done"}`)
	say("GET /api/v1/jobs/j/receipt", http.StatusOK, `{"labels":{"form":1,"sha256":"5a"}}`)
	say("DELETE /api/v1/session", http.StatusInternalServerError, "")
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return client.Config{URL: server.URL}
}

func TestAHubThatGivesNoSocketIsAsked(t *testing.T) {
	for _, status := range []int{http.StatusBadGateway, http.StatusBadRequest} {
		hub, err := client.Open(t.Context(), noSocket(t, status))
		if err != nil {
			t.Fatal(err)
		}
		if job, err := segmentAs(t.Context(), hub, result.Receipt{}, "replay_test.go"); job != "j" || err != nil {
			t.Errorf("%d: %q, %v", status, job, err)
		}
		hub.Disconnect()
	}
}

func TestWhatWasFoundStandsHoweverTheHubIsLeft(t *testing.T) {
	image, err := os.ReadFile("replay_test.go")
	if err != nil {
		t.Fatal(err)
	}
	receipt := result.Receipt{Labels: result.Labels{Form: 1, SHA256: "5a"}}
	receipt.Image.SHA256 = fmt.Sprintf("%x", sha256.Sum256(image))
	if got, err := Run(t.Context(), noSocket(t, http.StatusBadGateway), Original{Receipt: receipt}, "replay_test.go"); err != nil || !got.Same {
		t.Errorf("%+v, %v", got, err)
	}
}

func download(ctx context.Context, hub *client.Client, path string) error {
	var data bytes.Buffer
	err := hub.Export(ctx, "all", nil, func() (io.Writer, error) { data.Reset(); return &data, nil })
	if err != nil {
		return err
	}
	return os.WriteFile(path, data.Bytes(), 0o600)
}

func unzip(path, folder string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	return os.CopyFS(folder, archive)
}

// TestNothingElseOfTheFileIsSegmented has the first page of a stack, a page by itself, and the projection of a channel that begins there.
func TestNothingElseOfTheFileIsSegmented(t *testing.T) {
	for want, of := range map[[3]string]result.Source{
		{"1", "0", "none"}: {Channel: "0", Projection: "none"},
		{"8", "1", "max"}:  {Page: 7, Channel: "1", Z: 0, T: 1, Projection: "max"},
		{"1", "", ""}:      {}, // of a hub that did not say it
	} {
		o := optionsOf(t.Context(), result.Receipt{Image: of}, "")
		if got := [3]string{o.Pages, o.Channel, o.Projection}; got != want {
			t.Errorf("of %+v: %q, want %q", of, got, want)
		}
	}
}

// TestChannelThatIsCalledByAnothersNumber has channels of which the second is called 1, as its number is, and one page of samples, whose name is 1.
func TestChannelThatIsCalledByAnothersNumber(t *testing.T) {
	ome := func(names ...string) tifftest.Tag {
		text := fmt.Sprintf(`<OME><Image><Pixels DimensionOrder="XYZCT" SizeZ="1" SizeT="1" SizeC="%d">`, len(names))
		for _, name := range names {
			text += `<Channel Name="` + name + `"/>`
		}
		return tifftest.Text(270, text+fmt.Sprintf(`<TiffData IFD="0" PlaneCount="%d"/></Pixels></Image></OME>`, len(names)))
	}
	grey := func(more ...tifftest.Tag) tifftest.Page { return tifftest.Grey(4, 3, make([]byte, 12), more...) }
	samples := tifftest.Grey(4, 3, make([]byte, 48))
	samples.Tags = append(slices.DeleteFunc(samples.Tags, func(tag tifftest.Tag) bool { return tag.ID == 277 || tag.ID == 258 }),
		tifftest.Shorts(277, 4), tifftest.Shorts(258, 8, 8, 8, 8), ome("1"))
	for name, c := range map[string]struct {
		file []byte
		of   result.Source
		want imageio.Plane
	}{
		"pages":   {tifftest.File(binary.LittleEndian, false, grey(ome("1", "2", "3")), grey(), grey()), result.Source{Page: 1, Channel: "1"}, imageio.Plane{Page: 1}},
		"samples": {tifftest.File(binary.LittleEndian, false, samples), result.Source{Channel: "1"}, imageio.Plane{Sample: 1}},
	} {
		image := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(image, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		o := optionsOf(t.Context(), result.Receipt{Image: c.of}, image)
		file, err := imageio.Open(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), imageio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := file.Planes(imageio.Choice{Pages: o.Pages, Channel: o.Channel}); err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

// TestLabelsOfFarIDs reads what export writes of ids that 16 bits do not hold.
func TestLabelsOfFarIDs(t *testing.T) {
	var file bytes.Buffer
	p := export.Picture{Result: result.Result{Image: result.Image{Width: 3, Height: 2}, Objects: []mask.Object{
		{ID: 70_000, BBox: [4]int{1, 0, 1, 2}, Polygon: []mask.Point{{1, 0}, {2, 0}, {2, 2}, {1, 2}}}}}}
	if err := export.WriteLabels(t.Context(), &file, &p); err != nil {
		t.Fatal(err)
	}
	labels, err := decodeLabels(t.Context(), file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(labels.IDs); got != "[0 70000 0 0 70000 0]" {
		t.Errorf("labels %s", got)
	}
}
