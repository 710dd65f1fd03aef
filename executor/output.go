package executor

import "context"

// Output is what a running job prints, from the first byte on. *runner.Capture is one.
type Output interface {
	// From returns what the job has printed from offset on as far as it is there and
	// may be shown, and the offset to go on from; nothing, and the same offset, where
	// there is no more yet. It is called while the job prints, and returns at once. Text
	// may hold any bytes, but no secret that only the Runner knows, nor a part of one
	// whose rest is still to come. What is not kept any more is left out and marked.
	From(offset int64) (text []byte, next int64)
}

// ShowOutput lets people see the output of a job while it runs. A Runner calls it once,
// with the context of its Run or one that was made from it. Nothing is read from out
// unless somebody watches, and nothing after Run has returned. What is shown goes
// through the same cleaning as Report.Output, which should begin with the same text.
// With another context it does nothing.
func ShowOutput(ctx context.Context, out Output) {
	if c, ok := ctx.Value(jobContextKey{}).(*jobContext); ok {
		c.output.Store(&out)
	}
}

// jobContextKey is under which the context of a job finds itself.
type jobContextKey struct{}

func (c *jobContext) Value(key any) any {
	if key == (jobContextKey{}) {
		return c
	}
	return c.Context.Value(key)
}
