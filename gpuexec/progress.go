package gpuexec

// span is the part of a whole job, in percent, that a stage takes.
type span struct{ from, to int }

var spans = map[Stage]span{
	StageDecode:      {0, 20},
	StageInfer:       {20, 80},
	StagePostprocess: {80, 100},
}

// progressOf tells that a job has done so many of total steps in stage.
func progressOf(jobID string, stage Stage, done, total int) Progress {
	s := spans[stage]
	return Progress{
		JobID:   jobID,
		Stage:   stage,
		Done:    done,
		Total:   total,
		Percent: s.from + (s.to-s.from)*done/total,
	}
}
