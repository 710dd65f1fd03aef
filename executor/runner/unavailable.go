package runner

import (
	"errors"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// maxText is the longest text of a payload that claims are told to leave out.
const maxText = 200

// unavailable makes the failure of a job of which nothing ran one for want of r.
// Other errors stay: that of an ended context says nothing about r.
func unavailable(r store.Resource, err error) error {
	var f *executor.Failure
	if !errors.As(err, &f) {
		return err
	}
	for _, text := range r.Texts {
		if len(text) > maxText {
			r = store.Resource{} // it exists nowhere
			break
		}
	}
	return &executor.Unavailable{Resource: r, Err: f}
}
