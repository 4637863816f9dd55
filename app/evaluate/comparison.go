package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/score"
)

// contender is one of the two models that are compared.
type contender struct {
	method method
	watch  *stopwatch
}

// stopwatch is a session that tells how long its runs took.
type stopwatch struct {
	gpuexec.Session
	took time.Duration // since it was set to 0
}

// Run runs the session.
func (s *stopwatch) Run(ctx context.Context, in models.Tensor) (models.Tensor, error) {
	began := time.Now()
	defer func() { s.took += time.Since(began) }()
	return s.Session.Run(ctx, in)
}

// comparison is what became of the images: one entry an image in each.
type comparison struct {
	names []string
	dice  []float64    // of the two masks; 1 where both are empty
	took  [2][]float64 // milliseconds in the graph, of parent and variant
}

// try has both models find the objects in the image: in turns first, so that what happens on the machine meanwhile, and
// what the first of two finds in the caches, falls to both.
func (c *comparison) try(ctx context.Context, path string, both [2]contender) error {
	img, err := decode(ctx, path)
	if err != nil {
		return err
	}
	first := len(c.names) % 2
	var found [2]score.Labels
	for _, i := range []int{first, 1 - first} {
		s := both[i]
		s.watch.took = 0
		segmentation, err := s.method.find(ctx, img)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", s.method.name, path, err)
		}
		found[i] = score.LabelsOf(segmentation)
		c.took[i] = append(c.took[i], s.watch.took.Seconds()*1e3)
	}
	c.names = append(c.names, filepath.Base(path))
	c.dice = append(c.dice, score.Compare(found[0], found[1]).Dice())
	return nil
}

// speed is how many times as fast the variant is: the median over the images.
func (c *comparison) speed() float64 {
	ratios := make([]float64, len(c.names))
	for i := range ratios {
		ratios[i] = c.took[0][i] / c.took[1][i]
	}
	return median(ratios)
}

// ascending are the images' indices, the least alike first.
func (c *comparison) ascending() []int {
	order := make([]int, len(c.names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.dice[a], c.dice[b]) })
	return order
}

// write writes the two models, the images on which they differ, and the sums of it all, in Markdown.
func (c *comparison) write(w io.Writer, parent, variant models.Spec, others int) error {
	t := table{w: w, names: max(len("model"), len(parent.ID), len(variant.ID))}
	t.printf("| %-*s | precision |   MB | ms in the graph |\n", t.names, "model")
	t.printf("|-%s-|-----------|-----:|----------------:|\n", dashes(t.names))
	for i, model := range []models.Spec{parent, variant} {
		t.printf("| %-*s | %-9s | %4.1f | %15.1f |\n", t.names, model.ID, model.Precision, float64(model.SizeBytes)/1e6, median(c.took[i]))
	}
	order := c.ascending()
	worst := order[0]
	differing := slices.DeleteFunc(slices.Clone(order), func(i int) bool { return c.dice[i] >= needed })
	width := len("image")
	for _, i := range differing {
		width = max(width, len(c.names[i]))
	}
	if len(differing) > 0 {
		t.printf("\n| %-*s |   Dice |\n|-%s-|-------:|\n", width, "image", dashes(width))
	}
	for _, i := range differing {
		t.printf("| %-*s | %.4f |\n", width, c.names[i], c.dice[i])
	}
	t.printf("\nDice of the two masks: mean %.4f of %d images; worst %.4f, %s; %d below %g.\n",
		mean(c.dice), len(c.names), c.dice[worst], c.names[worst], len(differing), needed)
	if others > 0 {
		t.printf("%d other files in the folder are no images.\n", others)
	}
	t.printf("%s runs %.2f times as fast as %s, the median over the images run in turns, and takes %.0f %% of its space.\n",
		variant.ID, c.speed(), parent.ID, 100*float64(variant.SizeBytes)/float64(parent.SizeBytes))
	return t.err
}
