package score

// Overlap is how the foregrounds of two pictures lie over each other, in pixels.
type Overlap struct {
	Found, Truth int // foreground of each
	Both         int // foreground of both
}

// Compare takes every object for foreground. It panics when the pictures differ in size.
func Compare(found, truth Labels) Overlap {
	mustAgree(found, truth)
	var o Overlap
	for i, id := range found.IDs {
		isFound, isTrue := id != 0, truth.IDs[i] != 0
		if isFound {
			o.Found++
		}
		if isTrue {
			o.Truth++
		}
		if isFound && isTrue {
			o.Both++
		}
	}
	return o
}

// Dice is the coefficient of Dice (1945), 2|A and B| / (|A|+|B|): 0 to 1.
func (o Overlap) Dice() float64 { return ratio(2*o.Both, o.Found+o.Truth) }

// IoU is the intersection over the union, the index of Jaccard (1912): 0 to 1.
func (o Overlap) IoU() float64 { return ratio(o.Both, o.Found+o.Truth-o.Both) }

// ratio is part/whole, and 1 where there is nothing to find and nothing was found.
func ratio(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}
