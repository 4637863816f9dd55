package budget

import "testing"

func TestLevelsAreRead(t *testing.T) {
	for text, want := range map[string]Level{
		"83%": Fraction(0.83), "100%": Fraction(1), "0.5%": Fraction(0.005), "20GB": Bytes(20e9), "20GiB": Bytes(20 << 30), "512MiB": Bytes(512 << 20),
	} {
		var l Level
		if err := l.UnmarshalText([]byte(text)); err != nil || l != want {
			t.Errorf("%s is %+v, %v", text, l, err)
		}
		var again Level
		if err := again.UnmarshalText([]byte(l.String())); err != nil || again != l {
			t.Errorf("%s is written %s, which is %+v, %v", text, l, again, err)
		}
	}
	for _, text := range []string{"", "%", "0%", "101%", "-1%", "NaN%", "lots", "-5GB", "0GB", "0.83"} {
		var l Level
		if err := l.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, l)
		}
	}
}

func TestLevelsRise(t *testing.T) {
	if err := DefaultLevels().Validate(); err != nil {
		t.Error(err)
	}
	for _, l := range []Levels{
		{Low: Fraction(0.9), High: Fraction(0.8), Critical: Fraction(0.95)},
		{Low: Bytes(1), High: Bytes(3), Critical: Bytes(2)},
	} {
		if err := l.Validate(); err == nil {
			t.Errorf("%+v is taken", l)
		}
	}
	if err := (Levels{Low: Bytes(19e9), High: Fraction(0.83), Critical: Bytes(22e9)}).Validate(); err != nil {
		t.Error(err)
	}
	if got := Bytes(30e9).Of(24e9); got != 24e9 {
		t.Errorf("a level above the device is %d bytes of it", got)
	}
}
