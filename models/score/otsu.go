package score

import "seghub/models/mask"

// Otsu cuts a grey picture in two at OtsuLevel and returns the side that is likelier the objects, certain of
// every pixel: the side with fewer pixels on the picture's border, since a field of view is centred on what
// it shows; where they have the same, the side with fewer pixels at all. It knows nothing of the truth.
// grey[y*width+x].
func Otsu(width, height int, grey []uint8) mask.Probability {
	level := OtsuLevel(grey)
	border, all := 0, 0 // how many more pixels are bright than dark
	for i, v := range grey {
		x, y, weight := i%width, i/width, -1
		if v > level {
			weight = 1
		}
		all += weight
		if x == 0 || y == 0 || x == width-1 || y == height-1 {
			border += weight
		}
	}
	objectsAreBright := border < 0 || border == 0 && all <= 0
	p := mask.Probability{Width: width, Height: height, Pix: make([]uint8, len(grey))}
	for i, v := range grey {
		if (v > level) == objectsAreBright {
			p.Pix[i] = 255
		}
	}
	return p
}

// OtsuLevel is the greatest value of the dark class when grey is parted so that the variance between the two
// classes is greatest (N. Otsu, A threshold selection method from gray-level histograms, 1979), the least
// such value when several are. It is 255 where there is but one value, which leaves the bright class empty.
func OtsuLevel(grey []uint8) uint8 {
	var histogram [256]int
	sum := 0
	for _, v := range grey {
		histogram[v]++
		sum += int(v)
	}
	best, level := 0.0, 255
	dark, darkSum := 0, 0
	for v, n := range histogram {
		dark += n
		darkSum += n * v
		bright := len(grey) - dark
		if n == 0 || bright == 0 {
			continue
		}
		apart := float64(darkSum)/float64(dark) - float64(sum-darkSum)/float64(bright)
		if between := float64(dark) * float64(bright) * apart * apart; between > best {
			best, level = between, v
		}
	}
	return uint8(level)
}
