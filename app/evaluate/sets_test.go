package evaluate

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestSetsAreThoseOfTraining reads models/training/data.py, where the split is made, and wants every set of its
// VALIDATION here, with the same folder and files, and no other.
func TestSetsAreThoseOfTraining(t *testing.T) {
	text, err := os.ReadFile("../../models/training/data.py")
	if err != nil {
		t.Fatal(err)
	}
	want := validation(t, string(text))
	for _, s := range sets {
		theirs, ok := want[s.name]
		if !ok {
			t.Errorf("training keeps no %s aside", s.name)
			continue
		}
		if s.folder != theirs.folder || !slices.Equal(s.prefixes, theirs.prefixes) {
			t.Errorf("%s is %s %v, in training it is %s %v", s.name, s.folder, s.prefixes, theirs.folder, theirs.prefixes)
		}
		if isPseudo := strings.HasSuffix(s.name, "_pseudo"); isPseudo != (s.truth == "pseudo-labels") {
			t.Errorf("the truth of %s is called %s", s.name, s.truth)
		}
		delete(want, s.name)
	}
	for name := range want {
		t.Errorf("%s is kept aside by training and not scored", name)
	}
}

// validation reads the sets of VALIDATION from the text of data.py.
func validation(t *testing.T, text string) map[string]set {
	_, block, found := strings.Cut(text, "VALIDATION = {\n")
	block, _, closed := strings.Cut(block, "\n}")
	if !found || !closed {
		t.Fatal("data.py has no VALIDATION")
	}
	// "name": Source("title", "licence", "folder"[, prefixes]), with the prefixes as a tuple or by name.
	source := regexp.MustCompile(`(?s)"(\w+)": Source\("[^"]*",\s*"[^"]*",\s*"([^"]*)"(?:,\s*(\w+|\([^)]*\)))?\)`)
	read := map[string]set{}
	for _, m := range source.FindAllStringSubmatch(block, -1) {
		read[m[1]] = set{folder: m[2], prefixes: prefixes(t, text, m[3])}
	}
	if len(read) != strings.Count(block, "Source(") {
		t.Fatalf("not every source of VALIDATION is understood:\n%s", block)
	}
	return read
}

// prefixes reads a tuple of texts, or the name of a tuple of numbered ones.
func prefixes(t *testing.T, text, expression string) []string {
	if expression == "" {
		return nil
	}
	var list []string
	for _, m := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(expression, -1) {
		list = append(list, m[1])
	}
	if len(list) > 0 {
		return list
	}
	numbered := regexp.MustCompile(`(?m)^` + expression + ` = tuple\(f"(\w+)\{number:02d\}" for number in range\((\d+), (\d+)\)\)$`)
	m := numbered.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("data.py says %s in a way that is not understood", expression)
	}
	begin, _ := strconv.Atoi(m[2]) // digits alone
	end, _ := strconv.Atoi(m[3])
	for number := begin; number < end; number++ {
		list = append(list, fmt.Sprintf("%s%02d", m[1], number))
	}
	return list
}

func TestTheRealSetsAreThere(t *testing.T) {
	const data = "../../../shared/data"
	if _, err := os.Stat(data); err != nil {
		t.Skip("left out: real images are absent: ../shared/data")
	}
	for i, count := range []int{65, 8, 1} {
		examples, err := sets[i].examples(data)
		if err != nil {
			t.Fatal(err)
		}
		if len(examples) != count {
			t.Errorf("%s has %d images, want %d", sets[i].name, len(examples), count)
		}
		tallies, err := tallyAll(t.Context(), examples[:1], []method{byOtsu})
		if err != nil {
			t.Fatal(err)
		}
		if dice := tallies[0].scores[0].dice; dice <= 0 || dice >= 1 {
			t.Errorf("%s: Otsu's Dice is %g", examples[0].image, dice)
		}
	}
}
