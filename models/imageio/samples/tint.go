package samples

// IsTint tells whether a palette of 256 colours, in RGB, is one colour from black to bright, in which Fiji, Bio-Formats and the programs of
// confocal microscopes show a channel: its places are then the samples.
func IsTint(palette []byte) bool {
	const rounding = 2
	if len(palette) != 3*256 {
		return false
	}
	brightest := palette[3*255:]
	for i, v := range palette {
		if want := int(brightest[i%3]) * (i / 3) / 255; int(v) < want-rounding || int(v) > want+rounding {
			return false
		}
	}
	return true
}
