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

// IsLookup tells whether a palette of 256 colours, in RGB, runs through them in small steps, as Fire, Spectrum or HiLo do: in what ImageJ writes it
// is how a picture is shown, and its places are the samples. What ImageJ makes 256 colours of a picture of leaps from each to the next.
func IsLookup(palette []byte) bool {
	const farthest, fewest = 16 * 255, 128 // measured: 1,530 at most, and 2,560 of matplotlib's; of pictures 5,760 at least
	if len(palette) != 3*256 {
		return false
	}
	way, steps := 0, 0
	for i := 3; i < len(palette); i += 3 {
		step := 0
		for c := range 3 {
			d := int(palette[i+c]) - int(palette[i+c-3])
			step += max(d, -d)
		}
		if way += step; step > 0 {
			steps++
		}
	}
	return way <= farthest && steps >= fewest
}
