package bench

import (
	"fmt"
	"io"
	"strings"
)

const mib = 1 << 20

// WriteTable writes the report for people: at most 100 columns, readable as it is.
func (r Report) WriteTable(w io.Writer) error {
	var t strings.Builder
	fmt.Fprintf(&t, "%s; %d rounds of %d images a session, PNG of %dx%d\n\n", r.Device, r.Rounds, r.Images, side, side)
	fmt.Fprintf(&t, "%35s %31s %7s %7s\n", "of", "core-ms", "mask", "mask")
	fmt.Fprintf(&t, "%-14s %5s %-4s %8s %7s %7s %7s %8s %7s %7s %7s %7s\n",
		"model", "users", "path", "images/s", "bare", "p50 ms", "p95 ms", "beside", "p50 ms", "p95 ms", "MiB", "GPU MiB")
	for i, row := range r.Rows {
		if i > 0 && (row.Model != r.Rows[i-1].Model || row.Sessions != r.Rows[i-1].Sessions) {
			t.WriteByte('\n')
		}
		t.WriteString(row.line())
	}
	t.WriteString("\nOne image at a time through the hub: from sending it, and from the end of inference, to its mask\n")
	for _, a := range r.Alone {
		if a.Error != "" {
			fmt.Fprintf(&t, "%-14s failed: %s\n", a.Model, firstLine(a.Error))
			continue
		}
		fmt.Fprintf(&t, "%-14s p50 %6.1f ms  p95 %6.1f ms   mask p50 %5.1f ms  p95 %5.1f ms\n", a.Model, a.P50, a.P95, a.Mask.P50, a.Mask.P95)
	}
	t.WriteString(r.Again.line())
	fmt.Fprintf(&t, "\nThe hub is ready and warm after %.1f s, with %d MiB resident", r.Hub.ReadySeconds, r.Hub.IdleResidentBytes/mib)
	if r.Hub.IdleDeviceBytes > 0 {
		fmt.Fprintf(&t, " and %d MiB of the GPU", r.Hub.IdleDeviceBytes/mib)
	}
	if r.Hub.Sockets > 0 {
		fmt.Fprintf(&t, ".\nOf %d idle sockets, each takes %.0f KiB", r.Hub.Sockets, r.Hub.BytesPerSocket/1024)
	}
	t.WriteString(".\n")
	if r.Hub.Error != "" {
		fmt.Fprintf(&t, "Failed: %s\n", firstLine(r.Hub.Error))
	}
	t.WriteString(r.Exports.lines())
	_, err := io.WriteString(w, t.String())
	return err
}

func (a Again) line() string {
	if a.Error != "" {
		return "Measuring again failed: " + firstLine(a.Error) + "\n"
	}
	return fmt.Sprintf("\nMeasured again, %d times while %d sessions work: p50 %.1f ms  p95 %.1f ms\n", a.Requests, a.Sessions, a.P50, a.P95)
}

func (e Exports) lines() string {
	if e.Error != "" {
		return "Exports failed: " + firstLine(e.Error) + "\n"
	}
	if e.GeoJSONSeconds == 0 {
		return ""
	}
	return fmt.Sprintf("GeoJSON of %d objects is written at %.0f MB/s, a workbook of %d in %.1f s and %d MiB.\n",
		e.GeoJSONObjects, float64(e.GeoJSONBytes)/1e6/e.GeoJSONSeconds, e.XLSXObjects, e.XLSXSeconds, e.XLSXMemory/mib)
}

func (row Row) line() string {
	head := fmt.Sprintf("%-14s %5d %-4s ", row.Model, row.Sessions, row.Path)
	if row.Error != "" {
		return head + "failed: " + firstLine(row.Error) + "\n"
	}
	beside, mask50, mask95, device := "-", "-", "-", "-"
	if row.Path != PathBare {
		beside = fmt.Sprintf("%.1f", row.BesideInference)
	}
	if row.Mask != nil {
		mask50, mask95 = fmt.Sprintf("%.1f", row.Mask.P50), fmt.Sprintf("%.1f", row.Mask.P95)
	}
	if row.DeviceBytes > 0 {
		device = fmt.Sprint(row.DeviceBytes / mib)
	}
	return head + fmt.Sprintf("%8.2f %7.2f %7.1f %7.1f %8s %7s %7s %7d %7s\n",
		row.ImagesPerSecond, row.OfBare, row.P50, row.P95, beside, mask50, mask95, row.ResidentBytes/mib, device)
}

// firstLine is as much of a text's as there is room for.
func firstLine(text string) string {
	const most = 66
	line, _, _ := strings.Cut(text, "\n")
	if runes := []rune(line); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return line
}
