package budget

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/alecthomas/units"
)

// Level is an amount of memory: so many bytes, or a fraction of all there is.
type Level struct {
	bytes    uint64
	fraction float64 // counts when bytes is 0
}

// Fraction is a Level of a part of all memory, 0..1.
func Fraction(f float64) Level { return Level{fraction: f} }

// Bytes is a Level of so many bytes.
func Bytes(n uint64) Level { return Level{bytes: n} }

// UnmarshalText reads "83%" or an amount such as "20GB" (powers of 1000) or "20GiB" (of 1024).
func (l *Level) UnmarshalText(text []byte) error {
	if number, isPercent := strings.CutSuffix(string(text), "%"); isPercent {
		percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(percent > 0 && percent <= 100) {
			return fmt.Errorf("%q is not a part of the memory: say 1%% to 100%%, or an amount such as 20GB", text)
		}
		*l = Fraction(percent / 100)
		return nil
	}
	amount, err := units.ParseStrictBytes(string(text))
	if err != nil || amount <= 0 {
		return fmt.Errorf("%q is not an amount of memory: say 83%%, 20GB or 20GiB", text)
	}
	*l = Bytes(uint64(amount))
	return nil
}

// String is the level as UnmarshalText reads it.
func (l Level) String() string {
	if l.bytes > 0 {
		return strconv.FormatUint(l.bytes, 10) + "B"
	}
	return strconv.FormatFloat(l.fraction*100, 'f', -1, 64) + "%"
}

// Of is the level in bytes on a device of total bytes.
func (l Level) Of(total uint64) uint64 {
	if l.bytes > 0 {
		return min(l.bytes, total)
	}
	return uint64(l.fraction * float64(total))
}

// Levels are where memory counts as short, High, where the breaker opens, Critical, and where both are over, Low.
type Levels struct{ High, Critical, Low Level }

// DefaultLevels are those of a device that nobody has set any for: 83 % is 20 GB of 24.
func DefaultLevels() Levels {
	return Levels{High: Fraction(0.83), Critical: Fraction(0.90), Low: Fraction(0.80)}
}

// Validate returns an error unless Low <= High <= Critical. Parts and amounts of bytes cannot be compared before the device
// is known: Of tells then.
func (l Levels) Validate() error {
	for _, pair := range [][2]Level{{l.Low, l.High}, {l.High, l.Critical}} {
		low, high := pair[0], pair[1]
		if (low.bytes > 0) == (high.bytes > 0) && (low.bytes > high.bytes || low.fraction > high.fraction) {
			return fmt.Errorf("the levels of memory must rise from low to high to critical, not %s, %s, %s", l.Low, l.High, l.Critical)
		}
	}
	return nil
}
