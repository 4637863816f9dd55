package segment

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"seghub/client"
)

const (
	uploadsAtOnce = 3
	fetchesAtOnce = 2
	looksAtOnce   = 4 // for jobs that no event tells of, which may be thousands
)

// round is the work of one session. Its state is owned by the goroutine of run; the others hand it what to do.
type round struct {
	task  Task
	hub   *client.Client
	fetch *fetcher

	news    chan func()
	toSend  chan *item  // each is in it once at most
	toFetch chan parcel // likewise

	group   *errgroup.Group // of all other goroutines
	items   []*item
	owners  map[string]*item      // by job
	jobs    map[string]client.Job // as they were told last, also of items that do not know of them yet
	left    int                   // items that have not ended
	taken   bool                  // the hub has taken one
	looking int                   // goroutines that look for jobs
	senders int                   // goroutines that send
	full    chan struct{}         // closed when the session has no room for more
	stalled *stalledError         // why the hub makes no more results; nil where it does
	dropped map[string]bool       // images of which nothing is to be made in this round
	ahead   chan struct{}         // holds one for each item that was sent and has not ended
}

// errFull is why a round ends before its items: the session has no room for those that are left.
var errFull = errors.New("the session has no room left at the hub")

// stalledError is why a round ends before its items: the hub has no room for results, and what ended before is all that there will be.
type stalledError struct {
	error
	ahead int // items that were at the hub, or on their way
}

func (e stalledError) Unwrap() error { return e.error }

func newRound(task Task, hub *client.Client, fetch *fetcher, items []*item) *round {
	r := &round{
		task: task, hub: hub, fetch: fetch,
		news: make(chan func()), toSend: make(chan *item, len(items)), toFetch: make(chan parcel, len(items)),
		items: items, owners: map[string]*item{}, jobs: map[string]client.Job{}, dropped: map[string]bool{}, left: len(items),
		senders: uploadsAtOnce, full: make(chan struct{}), ahead: make(chan struct{}, cmp.Or(task.Ahead, uploadsAtOnce+len(items))),
	}
	for _, it := range items {
		r.toSend <- it
	}
	task.Board.begin(len(items))
	return r
}

// run returns once all items have ended, or with why they cannot.
func (r *round) run(ctx context.Context) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	group, within := errgroup.WithContext(within)
	r.group = group
	for range uploadsAtOnce {
		group.Go(func() error { return r.sendAll(within) })
	}
	for range fetchesAtOnce {
		group.Go(func() error { return r.fetchAll(within) })
	}
	group.Go(func() error { return r.follow(within) })
	for !r.isOver() && within.Err() == nil {
		select {
		case do := <-r.news:
			do()
		case why := <-r.task.Full:
			r.stall(why)
		case <-within.Done():
		}
	}
	cancel()
	if err := group.Wait(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil || r.left == 0 {
		return err
	}
	if r.stalled == nil {
		return errFull
	}
	for image := range r.dropped { // a document of all has nothing of them; what they leave is room for it
		if err := r.hub.DeleteImage(ctx, image); err != nil && !client.HasCode(err, client.CodeNotFound) {
			return err
		}
	}
	return *r.stalled
}

// stall has the round end with what is done. What is not is sent again in another one: as long as this session has its files there is no room.
func (r *round) stall(why error) {
	if r.stalled != nil {
		return
	}
	r.stalled = &stalledError{why, len(r.ahead)}
	r.close()
	for _, it := range r.items {
		r.drop(it)
	}
}

// drop has an item wait for another round that is at the hub and has not settled.
func (r *round) drop(it *item) {
	if !slices.ContainsFunc(it.jobs, func(id string) bool { return r.owners[id] == it }) {
		return
	}
	for _, id := range it.jobs {
		r.dropped[r.jobs[id].ImageID] = true
		delete(r.owners, id)
	}
	it.restart()
	<-r.ahead
}

// close has no more sent.
func (r *round) close() {
	select {
	case <-r.full:
	default:
		close(r.full)
	}
}

// isOver tells whether all items have ended, or those that the session had room for.
func (r *round) isOver() bool {
	return r.left == 0 || r.senders == 0 && !slices.ContainsFunc(r.items, func(it *item) bool { return it.jobs != nil && !it.ended })
}

// tell has run do something.
func (r *round) tell(ctx context.Context, do func()) {
	select {
	case r.news <- do:
	case <-ctx.Done():
	}
}

func (r *round) sendAll(ctx context.Context) error {
	for {
		it := r.next(ctx)
		if it == nil {
			r.tell(ctx, func() { r.senders-- })
			return nil
		}
		if err := r.send(ctx, it); err != nil {
			return quiet(ctx, err)
		}
	}
}

// next is an item to send, once there are few enough ahead of it; nil when no more is to be sent.
func (r *round) next(ctx context.Context) (it *item) {
	select {
	case <-ctx.Done():
		return nil
	case <-r.full:
		return nil
	case r.ahead <- struct{}{}:
	}
	select {
	case <-ctx.Done():
	case <-r.full:
	case it = <-r.toSend:
	}
	return it
}

// send uploads a file. Its error is that of the session; what is wrong with the file is told.
func (r *round) send(ctx context.Context, it *item) error {
	file := client.FromDisk(it.Path)
	file.Name = it.sentAs()
	sent, err := r.hub.Upload(ctx, client.Upload{
		Model: r.task.Model, Options: r.task.Options, Files: []client.File{file},
		Moved: func(bytes int64) { r.task.Board.sending(it, bytes, file.Size) },
	})
	if err != nil && ofSession(err) {
		return err
	}
	r.tell(ctx, func() { r.sent(it, sent.Accepted, err) })
	return nil
}

// ofSession tells whether nothing more can be done in the session: it is gone, or the hub or the model is, or the options are wrong.
func ofSession(err error) bool {
	var p *client.Problem
	return !errors.As(err, &p) && !isHere(err) || client.HasCode(err, client.CodeUnauthorized) || client.HasCode(err, client.CodeUnknownModel) || isOfRequest(err)
}

// isOfRequest tells whether the hub took offence at the options, as none of the files.
func isOfRequest(err error) bool {
	var p *client.Problem
	return errors.As(err, &p) && p.Code == client.CodeBadRequest && len(p.Rejected) == 0
}

// isHere tells whether a file was lost for what ails this machine: it cannot be read, or what was made of it not written.
func isHere(err error) bool {
	var target unwritten
	return client.IsLocal(err) || errors.As(err, &target)
}

// quiet is err, unless it comes of the round's end.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (r *round) fetchAll(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-r.toFetch:
			var err error
			for i, job := range p.jobs {
				if err == nil {
					err = r.fetch.ofJob(ctx, p.stems[i], job, r.task.Alone)
				}
			}
			if err != nil && ofSession(err) {
				return quiet(ctx, err)
			}
			if err != nil && isHere(err) {
				err := r.fetch.isThere()
				if err == nil {
					err = r.fetch.writable()
				}
				if err != nil {
					return quiet(ctx, err) // all others would be made for nothing
				}
			}
			r.tell(ctx, func() { r.end(p.item, errors.Join(p.item.err, err)) })
			if err == nil && len(p.jobs) > 0 && !r.task.makesWhole() {
				// A session has so much room. Where it does not work, the room is missed later, or never.
				_ = r.hub.DeleteImage(ctx, p.jobs[0].ImageID)
			}
		}
	}
}

// parcel is what there is to fetch of an item.
type parcel struct {
	item  *item
	jobs  []client.Job
	stems []string
}

// follow hears of jobs until the round ends.
func (r *round) follow(ctx context.Context) error {
	gone := false // that there is no connection was said
	for event, err := range r.hub.Events(ctx, client.Follow{}) {
		if err != nil {
			return quiet(ctx, err)
		}
		switch e := event.(type) {
		case client.Snapshot:
			r.tell(ctx, func() { r.seen(ctx, e) })
		case client.JobChanged:
			r.tell(ctx, func() { r.heard(e.Job) })
		case client.Progress:
			r.tell(ctx, func() {
				if it := r.owners[e.JobID]; it != nil {
					r.task.Board.running(it, e.Stage, e.Percent)
				}
			})
		case client.SessionChanged:
			r.task.Board.place(e.Session.Position, 0, e.Session.ETASeconds)
		case client.Position:
			r.task.Board.place(&e.Position, e.Waiting, e.ETASeconds)
		case client.Welcome:
			gone = false
		case client.Disconnected: // connections are tried for ever, a look until the hub has been away for too long
			if !gone {
				gone = true
				r.task.Board.Say("There is no connection for events; it is tried again, and the hub asked meanwhile: " + e.Err.Error())
			}
			r.tell(ctx, func() {
				if r.looking == 0 {
					r.ask(ctx)
				}
			})
		}
	}
	return nil
}

// sent takes what became of an upload. What another session has room for is left to that.
func (r *round) sent(it *item, jobs []client.Job, err error) {
	if r.taken && client.HasCode(err, client.CodeQuotaExceeded) {
		r.close()
		return
	}
	if err != nil {
		if r.task.Full != nil && client.HasCode(err, client.CodeQuotaExceeded) {
			err = noRoom(err)
		}
		r.end(it, err)
		return
	}
	r.taken = true
	for _, job := range jobs {
		it.jobs = append(it.jobs, job.ID)
		r.owners[job.ID] = it
		if _, heard := r.jobs[job.ID]; !heard {
			r.jobs[job.ID] = job
		}
	}
	r.task.Board.running(it, string(client.Queued), 0)
	r.settle(it)
	if r.stalled != nil {
		r.drop(it)
	}
}

func (r *round) heard(job client.Job) {
	r.jobs[job.ID] = job
	if it := r.owners[job.ID]; it != nil {
		r.settle(it)
	}
}

// ask asks for all jobs, of which no connection tells.
func (r *round) ask(ctx context.Context) {
	r.looking++
	r.group.Go(func() error {
		defer r.tell(ctx, func() { r.looking-- })
		var all client.Snapshot
		for job, err := range r.hub.Jobs(ctx, "") {
			if err != nil && ofSession(err) {
				return quiet(ctx, err)
			}
			if err != nil {
				return nil // it is asked again
			}
			all.Jobs = append(all.Jobs, job)
		}
		r.tell(ctx, func() {
			all.Jobs = slices.DeleteFunc(all.Jobs, func(job client.Job) bool { return r.jobs[job.ID].State.Ended() }) // an event may have told more
			r.seen(ctx, all)
		})
		return nil
	})
}

// seen takes all that the hub tells of, and looks for the jobs that it should tell of and does not: the files of those that were lost with its
// log are sent again.
func (r *round) seen(ctx context.Context, all client.Snapshot) {
	known := make(map[string]bool, len(all.Jobs))
	for _, job := range all.Jobs {
		known[job.ID] = true
		r.heard(job)
	}
	missing := make(chan owned, len(r.owners))
	for id, it := range r.owners {
		if !known[id] && !r.jobs[id].State.Ended() {
			missing <- owned{id, it}
		}
	}
	close(missing)
	for range min(looksAtOnce, len(missing)) {
		r.looking++
		r.group.Go(func() error {
			defer r.tell(ctx, func() { r.looking-- })
			for m := range missing {
				if err := r.look(ctx, m.item, m.job); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// owned is a job and the item that it was made of.
type owned struct {
	job  string
	item *item
}

// look asks for a job that no snapshot tells of: it may have been made since, be one of very many, or there is no connection for events.
func (r *round) look(ctx context.Context, it *item, id string) error {
	job, err := r.hub.Job(ctx, id)
	if err != nil && ofSession(err) {
		return quiet(ctx, err)
	}
	r.tell(ctx, func() {
		switch {
		case err == nil && r.jobs[id].State.Ended(): // an event has told more
		case err == nil:
			r.heard(job)
		case client.HasCode(err, client.CodeNotFound) && r.owners[id] == it && !it.ended:
			for _, id := range it.jobs {
				delete(r.owners, id)
			}
			it.restart()
			<-r.ahead
			r.toSend <- it
		}
	})
	return nil
}

// settle ends an item whose jobs all have ended, or has what was made of it fetched.
func (r *round) settle(it *item) {
	p := parcel{item: it}
	var failed error
	for _, id := range it.jobs {
		job := r.jobs[id]
		switch {
		case !job.State.Ended():
			return
		case job.State != client.Done:
			failed = why(job)
		default:
			p.jobs, p.stems = append(p.jobs, job), append(p.stems, r.fetch.stems.of(it.File, job))
		}
	}
	for _, id := range it.jobs { // it settles once
		delete(r.owners, id)
	}
	it.err = failed
	r.toFetch <- p
}

func (r *round) end(it *item, err error) {
	it.ended, it.err = true, err
	r.left--
	<-r.ahead
	objects := 0
	for _, id := range it.jobs {
		if count := r.jobs[id].Count; count != nil {
			objects += *count
		}
	}
	r.task.Board.ended(it, objects, err)
	if err == nil && r.task.made != nil {
		r.task.made(it.File)
	}
}
