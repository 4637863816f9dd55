package export

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNamesAreSafeAndUnique(t *testing.T) {
	n := Names{}
	for _, test := range []struct{ filename, want string }{
		{"cells.tif", "cells"},
		{"cells.png", "cells-2"},
		{"CELLS.png", "CELLS-3"},
		{"cells-2.png", "cells-2-2"},
		{"../../etc/passwd", "passwd"},
		{`plate1\A01.tif`, "plate1_A01"}, // a name, as it is shown; what is a path of Windows was cut when it came
		{`plate2\A01.tif`, "plate2_A01"},
		{"/abs/b.tif", "b"},
		{"nul\x00l.tif", "nul_l"},
		{"NUL.tif", "image-NUL"},
		{"con.", "image-con"},
		{"", "image"},
		{"..", "image-2"},
		{".tif", "tif"},
		{"Zelle\u0308n µ 细胞.tif", "Zellën µ 细胞"},
		{"Zell\u00ebn µ 细胞.tif", "Zellën µ 细胞-2"},
		{"a<b>:c?*|\".tif", "a_b__c____"},
		{"bidi\u202egnp.tif", "bidi_gnp"},
		{"bad\xff.tif", "bad_"},
	} {
		if got := n.Of(test.filename, 0, 1); got != test.want {
			t.Errorf("%q became %q, want %q", test.filename, got, test.want)
		}
	}
	if got := n.Of("stack.tif", 11, 20); got != "stack-page-12" {
		t.Errorf("a page became %q", got)
	}
	for _, name := range []string{"细胞 A01", "细胞 A02"} {
		got := n.Of(strings.Repeat("板", 200)+name+".tif", 0, 1)
		if len(got) > maxStem || len(got) < maxStem-9 || !strings.HasSuffix(got, name) || !utf8.ValidString(got) {
			t.Errorf("a long name became %q, of %d bytes", got, len(got))
		}
	}
}

func TestManyOfOneName(t *testing.T) {
	n := Names{}
	n.Take("Array-1500")
	for range 2000 {
		n.Of("array.tif", 0, 1)
	}
	if got := n.Of("Array.tif", 0, 1); got != "Array-2002" {
		t.Errorf("the next is %s", got)
	}
	if allocations := testing.AllocsPerRun(10, func() { n.Of("array.tif", 0, 1) }); allocations > 50 {
		t.Errorf("%v allocations", allocations)
	}
}

func FuzzNames(f *testing.F) {
	f.Add("../a", "..\\b")
	f.Fuzz(func(t *testing.T, a, b string) {
		n := Names{}
		for _, name := range []string{a, b, a} {
			stem := n.Of(name, 0, 1)
			if stem == "" || len(stem) > 255-len(".RoiSet.zip") || strings.ContainsAny(stem, "/\\\x00:") || strings.Trim(stem, ". ") != stem {
				t.Errorf("%q became %q", name, stem)
			}
		}
		if len(n) != 3 {
			t.Errorf("%q and %q share a name: %v", a, b, n)
		}
	})
}
