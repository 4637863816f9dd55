package mask

// KeepRows has a Segmenter keep so many rows at most, for tests on small pictures.
func (s *Segmenter) KeepRows(n int) { s.tall = n }

// Kept is how many rows it keeps.
func (s *Segmenter) Kept() int { return len(s.kept) }
